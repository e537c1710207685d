"""From what was seen of a bucket to the conditions of its BucketStore."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wandb_byob.decide import teams
from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict
from wandb_byob.decide.probing import probes
from wandb_byob.decide.verification import explain, first_failed, of_bucket, of_path, written
from wandb_byob.model import api
from wandb_byob.model.api import BucketStatus, BucketStore, BucketStoreSpec, HandOver, PlannedChange, TeamStorage
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.reasons import Reason

_REACHABILITY: Final = frozenset(
    {CheckName.ENDPOINT_REACHABLE, CheckName.TLS, CheckName.CLOCK_SKEW, CheckName.CREDENTIALS}
)
_OF_THE_DATA_PATH: Final = frozenset(
    {CheckName.SIGNING, CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED, CheckName.WORKLOAD_PROBE}
)
_CATALOGUE: Final = tuple(CheckName)
ANSWERS: Final = "The store answers, as seen from the operator."
# The CRD's limit for status.checks.
_MOST_CHECKS: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of a bucket: from this look, or kept in the status from an earlier one.

    `bucket` stays once it is known (it locks what names the bucket); `exists` says whether it is there now.
    """

    bucket: BucketStatus | None = None
    exists: bool = True
    checks: tuple[api.Check, ...] = ()
    plan: tuple[PlannedChange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataPath:
    """What is to be proved: the declared paths, or why nothing is (`unproved`); and from where.

    `pending` says what is under way where a result is still to come.
    """

    paths: tuple[str, ...]
    unproved: Verdict | None = None
    seen_from: str = "the operator"
    pending: str = ""


def declared_paths(
    store: BucketStore,
    identity: str,
    users: Sequence[TeamStorage],
    *,
    storage: str | None,
    own: Sequence[teams.Own] = (),
) -> tuple[str, ...]:
    """Return the paths under which probe objects may be written: `probePath`, those of the teams that stand, and the instance's own.

    `storage` is the latter (None: its files are to lie elsewhere), `own` are the claims that keep teams away.
    """
    claims = [teams.Claim(identity=identity, path=team.spec.path or "", team=team) for team in users]
    lost = teams.conflicts(claims, own)
    paths = {claim.path for claim in claims if claim.team.metadata.uid not in lost}
    paths |= {store.spec.probe_path} if store.spec.probe_path else set()
    paths |= {storage} if storage is not None else set()
    return tuple(sorted(paths))


def wants_data_path(spec: BucketStoreSpec) -> bool:
    """Say whether the data path is to be proved: by default it is, but not in Observe, which changes nothing."""
    given = spec.verification.data_path
    return spec.management_policy == "Manage" if given is None else given


def not_requested() -> Verdict:
    """Return DataPathVerified where `verification.dataPath` is false; it holds nothing back."""
    return _unproved(
        Reason.DATA_PATH_NOT_REQUESTED, "The data path was not tried, since verification.dataPath is false."
    )


def not_provable(why: str) -> Verdict:
    """Return DataPathVerified where nobody here can sign as W&B does; it holds nothing back."""
    return _unproved(Reason.NOT_PROVABLE_FROM_HERE, f"The data path cannot be proved from here: {why}")


def _unproved(reason: Reason, message: str, *, type_: ConditionType = ConditionType.DATA_PATH_VERIFIED) -> Verdict:
    return Verdict(type=type_, status="Unknown", reason=reason, message=message, gates=False)


def _unseen(seen: Seen, type_: ConditionType, message: str) -> Verdict | None:
    """Return the condition of a bucket that nobody here can sign requests to: what was not seen is not claimed."""
    asked = not any(check.name == CheckName.BUCKET_EXISTS and check.result == "Skipped" for check in seen.checks)
    return None if asked else _unproved(Reason.NOT_PROVABLE_FROM_HERE, message, type_=type_)


def outcome(spec: BucketStoreSpec, accepted: Verdict, seen: Seen, *, data_path: DataPath) -> Outcome:
    """Return the conditions after a look that met no error: a failed check is Stalled, since only an edit helps."""
    verdicts = (accepted, _reachable(seen), _configured(spec, seen), _data_path(seen, data_path))
    bad = [verdict for verdict in verdicts if verdict.gates and verdict.status != "True"]
    if bad and all(verdict.reason is Reason.PROBING_FROM_WORKLOAD for verdict in bad):
        return Outcome(verdicts=verdicts, progress=Progress.RECONCILING)
    return Outcome(verdicts=verdicts, progress=Progress.STALLED if bad else Progress.SETTLED)


def unsound(checks: Iterable[api.Check]) -> bool:
    """Say whether something is wrong with the bucket as such, before its data path is tried."""
    return first_failed(check for check in of_bucket(checks) if check.name not in _OF_THE_DATA_PATH) is not None


def _reachable(seen: Seen) -> Verdict:
    type_ = ConditionType.REACHABLE
    failed = first_failed(check for check in of_bucket(seen.checks) if check.name in _REACHABILITY)
    if failed is not None:
        return Verdict(type=type_, status="False", reason=Reason.UNREACHABLE, message=explain(failed))
    answers = Verdict(type=type_, status="True", reason=Reason.REACHABLE, message=ANSWERS)
    return _unseen(seen, type_, "The store was not asked, since nobody here can sign requests to it.") or answers


def _configured(spec: BucketStoreSpec, seen: Seen) -> Verdict:
    type_ = ConditionType.CONFIGURED
    elsewhere = _REACHABILITY | _OF_THE_DATA_PATH
    failed = first_failed(check for check in of_bucket(seen.checks) if check.name not in elsewhere)
    if failed is not None:
        return Verdict(type=type_, status="False", reason=Reason.CHECKS_FAILED, message=explain(failed))
    if not seen.exists:
        message = "The bucket does not exist. Create it, or give spec.provisioning keys that may create it."
        if seen.bucket is not None:
            message = "The bucket was there and is gone. Restore it; a new empty one in its place would hide the loss."
        return Verdict(type=type_, status="False", reason=Reason.BUCKET_NOT_FOUND, message=message)
    unseen = _unseen(seen, type_, "The bucket was not looked at, since nobody here can sign requests to it.")
    if unseen is not None:
        return unseen
    if spec.management_policy == "Observe":
        return Verdict(type=type_, status="True", reason=Reason.OBSERVED, message=_observed(len(seen.plan)))
    if spec.provisioning is None or spec.provisioning.source == "None":
        message = "Nothing was configured (spec.provisioning gives no keys); what is there suits W&B."
        return Verdict(type=type_, status="True", reason=Reason.OBSERVED, message=message)
    return Verdict(type=type_, status="True", reason=Reason.CONFIGURED, message="The bucket is configured as asked.")


def _observed(changes: int) -> str:
    if not changes:
        return "Nothing was changed (managementPolicy Observe), and nothing needs to be."
    return (
        f"Nothing was changed (managementPolicy Observe); status.plan lists {changes} "
        f"{'change' if changes == 1 else 'changes'} that Manage would make."
    )


def _data_path(seen: Seen, data_path: DataPath) -> Verdict:
    type_ = ConditionType.DATA_PATH_VERIFIED
    if data_path.unproved is not None:
        return data_path.unproved
    if not data_path.paths:
        return _unproved(
            Reason.NO_PATH_DECLARED,
            "Nothing may be written yet: no TeamStorage and no WandbInstance declares a path, and probePath is not set.",
        )
    whole = [check for check in of_bucket(seen.checks) if check.name in _OF_THE_DATA_PATH]
    own = [check for path in data_path.paths for check in of_path(seen.checks, path)]
    failed = first_failed((*whole, *own))
    if failed is not None:
        return Verdict(type=type_, status="False", reason=Reason.CHECKS_FAILED, message=explain(failed))
    untried = any(not of_path(seen.checks, path) for path in data_path.paths)
    if untried and data_path.pending:
        return Verdict(type=type_, status="Unknown", reason=Reason.PROBING_FROM_WORKLOAD, message=data_path.pending)
    missing = next((path for path in data_path.paths if not written(seen.checks, path)), None)
    if missing is not None:
        message = f"Writing under {missing or 'the root'} could not be tried; status.checks says why."
        return Verdict(type=type_, status="False", reason=Reason.CHECKS_FAILED, message=message)
    where = "its root" if data_path.paths == ("",) else ", ".join(path or "its root" for path in data_path.paths[:5])
    more = f" and {len(data_path.paths) - 5} more" if len(data_path.paths) > 5 else ""
    message = f"Writing, reading and deleting works under {where}{more}, as tried from {data_path.seen_from}."
    return Verdict(type=type_, status="True", reason=Reason.VERIFIED, message=message)


def ready_message(identity: str, seen: Seen, *, data_path: DataPath, hand_over: HandOver | None = None) -> str:
    """Return what Ready=True says: also what could not be proved, which checks warn, and whom W&B's side waits for."""
    told = f" {hand_over.recipient} must be told of it: see status.handOver." if hand_over is not None else ""
    noted = f"{_warnings(seen.checks)}{told}"
    verdict = _data_path(seen, data_path)
    if verdict.status == "True":
        return f"{identity} is verified.{noted}"
    return f"All that can be checked of {identity} passed. {verdict.message}{noted}"


def _warnings(checks: Iterable[api.Check]) -> str:
    warning = list(dict.fromkeys(check.name for check in checks if check.result == "Warning"))
    if not warning:
        return ""
    *others, last = warning
    who = f"Checks {', '.join(others)} and {last} warn" if others else f"Check {last} warns"
    return f" {who}: see status.checks."


def skipped(type_: ConditionType, cause: Verdict) -> Verdict:
    """Return what a condition says that was not looked at, because an earlier one does not hold."""
    message = f"Not looked at, since {cause.type.value} is {cause.status}."
    return Verdict(type=type_, status="Unknown", reason=cause.reason, message=message)


def to_status(checks: Iterable[Check], *, paths: Sequence[str]) -> tuple[api.Check, ...]:
    """Return checks as the status lists them: those of the bucket, then those of each declared path, always in the same order."""
    given = tuple(_wire(check) for check in sorted(checks, key=lambda check: _CATALOGUE.index(check.name)))
    listed = (*of_bucket(given), *(check for path in paths for check in of_path(given, path)))
    return listed if len(listed) <= _MOST_CHECKS else _shortened(listed)


def from_status(checks: Iterable[api.Check]) -> tuple[Check, ...]:
    """Return the checks that a status holds; names of another version are left out."""
    known = set(CheckName)
    return tuple(
        Check(
            name=CheckName(check.name),
            result=CheckResult(check.result),
            message=check.message,
            remedy=check.remedy or "",
            path=check.path,
        )
        for check in checks
        if check.name in known
    )


def updated(kept: Sequence[Check], fresh: Sequence[Check], *, paths: Sequence[str]) -> tuple[Check, ...]:
    """Return the kept checks, without those that were made anew (by name, or for the paths that were looked at), and the fresh."""
    names = {check.name for check in of_bucket(fresh)}
    bucket = [check for check in of_bucket(kept) if check.name not in names]
    elsewhere = [check for path in sorted({check.path for check in kept} - set(paths)) for check in of_path(kept, path)]
    return probes.merged(bucket, elsewhere, fresh)


def _wire(check: Check) -> api.Check:
    return api.Check(
        name=check.name.value,
        result=check.result.value,
        message=check.message,
        remedy=check.remedy or None,
        path=check.path,
    )


def _shortened(checks: Sequence[api.Check]) -> tuple[api.Check, ...]:
    """Keep what went wrong, and of what went well only that something could be written."""
    telling = [
        check
        for check in checks
        if not check.path or check.result in ("Failed", "Warning") or check.name == CheckName.PUT_OBJECT
    ]
    return tuple(telling[:_MOST_CHECKS])
