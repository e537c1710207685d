"""One look at a BucketStore as the operator makes it, in Observe: what it refers to, the bucket's configuration, the data path.

The same core as the operator's (reconcile.inputs, providers); nothing is decided here but what is looked at and how an error
reads in a table. Nothing is changed in the bucket: only the data path's probe writes objects, and deletes them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from wandb_byob.cli.sources import needs_listing
from wandb_byob.decide import stores
from wandb_byob.decide.bucket_owner import not_adopted
from wandb_byob.decide.buckets import bucket_name
from wandb_byob.decide.clouds.bucket_checks import OR_LET_THE_OPERATOR
from wandb_byob.decide.vantage import THIS_MACHINE, Vantage, worded
from wandb_byob.kube import gather
from wandb_byob.kube.client import KubeError
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore
from wandb_byob.model.checks import OF_A_PATH, Check, CheckName, CheckResult
from wandb_byob.model.errors import DomainError
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Change, Context, Provisioned
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.inputs import Inputs, gather_inputs

Prober = Callable[[World, BucketStore, Inputs, Context], tuple[Check, ...]]
"""Tries the data path under `context.paths`: from here, or from another place."""

_FINAL: Final = frozenset(
    {Reason.UNREACHABLE, Reason.THROTTLED, Reason.BUCKET_NOT_FOUND, Reason.ENDPOINT_NOT_ALLOWED, Reason.INVALID_SPEC}
)
"""Reasons after which the data path would only say the same again."""
_CHECK_OF: Final = {
    Reason.UNREACHABLE: CheckName.ENDPOINT_REACHABLE.value,
    Reason.THROTTLED: CheckName.ENDPOINT_REACHABLE.value,
    Reason.BUCKET_NOT_FOUND: CheckName.BUCKET_EXISTS.value,
    Reason.ENDPOINT_NOT_ALLOWED: CheckName.ENDPOINT_ALLOWED.value,
}
_CATALOGUE: Final = tuple(name.value for name in CheckName)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to look at. `data_path` None: as the BucketStore says; `paths` are declared in addition to its own.

    `listed`: the endpoints that an operator allows are known, so that there is nothing to say about its list.
    `uids`: see `sources.Source`. `workload`: the data path is tried from W&B's pods, by a prober that does so.
    """

    data_path: bool | None = None
    paths: tuple[str, ...] = ()
    listed: bool = False
    uids: bool = True
    workload: bool = False
    vantage: Vantage = THIS_MACHINE


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row: a check of the catalogue, or the reason for which nothing more could be looked at."""

    name: str
    result: CheckResult
    message: str
    remedy: str = ""
    path: str = ""

    @property
    def under(self) -> str | None:
        """Return where in the bucket was looked, None for a row about the bucket as a whole."""
        return (self.path or "the bucket's root") if self.path or self.name in OF_A_PATH else None


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What came of a look. `hindrance` is why there is no verdict ("": there is one); `planned` are the changes that the operator
    would make, if `refusal` did not keep it from them; `untried` says why the data path was not tried.
    """

    store: BucketStore
    identity: str = ""
    findings: tuple[Finding, ...] = ()
    planned: tuple[Change, ...] = ()
    refusal: str = ""
    hindrance: str = ""
    untried: str = ""

    @property
    def failed(self) -> bool:
        """Say whether a check failed."""
        return any(finding.result is CheckResult.FAILED for finding in self.findings)


def from_here(_: World, store: BucketStore, inputs: Inputs, context: Context) -> tuple[Check, ...]:
    """Try the data path from this process."""
    return inputs.provider.probe(context)


def examine(world: World, store: BucketStore, options: Options, *, prober: Prober = from_here) -> Examination:
    """Look at one BucketStore; every failure is part of the result."""
    looked = observed(store, options)
    try:
        inputs = gather_inputs(world, looked)
        paths = _paths(world, looked, inputs, options)
        return _redacted(world, _look(world, store, inputs, paths, options, prober), options)
    except DomainError as error:
        if error.check is not None or error.reason is Reason.NOT_AVAILABLE:
            return _redacted(world, Examination(store=store, findings=(_of_error(error),)), options)
        return _redacted(
            world, Examination(store=store, hindrance=error.message + _from_files(error, options)), options
        )
    except KubeError as error:
        return Examination(store=store, hindrance=str(error))


def _from_files(error: DomainError, options: Options) -> str:
    missing = error.reason is Reason.SECRET_NOT_FOUND and not options.uids
    return " Give its manifest with another -f, or have it read from the cluster by --with-cluster." if missing else ""


def observed(store: BucketStore, options: Options) -> BucketStore:
    """Return the BucketStore as one that is only looked at, from here."""
    spec = store.spec
    wanted = stores.wants_data_path(spec) if options.data_path is None else options.data_path
    place: Literal["Operator", "Workload"] = "Workload" if options.workload else "Operator"
    verification = msgspec.structs.replace(spec.verification, data_path=wanted, from_=place)
    looked = msgspec.structs.replace(spec, management_policy="Observe", verification=verification)
    return msgspec.structs.replace(store, spec=looked)


def _paths(world: World, store: BucketStore, inputs: Inputs, options: Options) -> tuple[str, ...]:
    if inputs.unproved is not None:
        return ()
    users = gather.users_of(world.kube, world.config, store)
    declared = stores.declared_paths(store, inputs.identity, users, storage=inputs.storage, own=inputs.own)
    return tuple(sorted({*declared, *options.paths}))


def _look(
    world: World, store: BucketStore, inputs: Inputs, paths: tuple[str, ...], options: Options, prober: Prober
) -> Examination:
    context = replace(inputs.context, paths=paths)
    findings, found = list(map(_finding, inputs.static)), None
    try:
        found = inputs.provider.provision(context)
        findings += map(_finding, found.checks)
        exists, stop = found.facts is not None, False
    except DomainError as error:
        findings.append(_of_error(error))
        exists, stop = True, error.reason in _FINAL or context.admin in (None, context.data)
    untried = _untried(inputs, paths, exists=exists and not stop)
    if not untried:
        try:
            findings += map(_finding, prober(world, store, inputs, context))
        except DomainError as error:
            findings.append(_of_error(error))
    return Examination(
        store=store,
        identity=inputs.identity,
        findings=_in_order(findings),
        planned=_planned(store, found),
        refusal=_refusal(store, found),
        untried=untried,
    )


def _planned(store: BucketStore, found: Provisioned | None) -> tuple[Change, ...]:
    """Return what the operator would change, or would list in `status.plan` where it only observes."""
    told = store.spec.management_policy == "Observe" or _managed(store)
    return found.planned if found is not None and told else ()


def _refusal(store: BucketStore, found: Provisioned | None) -> str:
    """Return why the operator would change nothing: a bucket that was there before is not configured without its owner's word."""
    unmarked = found is not None and found.facts is not None and any(c.name == CheckName.OWNER for c in found.planned)
    if unmarked and store.spec.adoption_policy == "Refuse" and _managed(store):
        return not_adopted(bucket_name(store)).message
    return ""


def _managed(store: BucketStore) -> bool:
    given = store.spec.provisioning
    return store.spec.management_policy == "Manage" and given is not None and given.source != "None"


def _untried(inputs: Inputs, paths: Sequence[str], *, exists: bool) -> str:
    if inputs.unproved is not None:
        return inputs.unproved.message
    if not exists:
        return "The data path was not tried, since the checks before it failed."
    if not paths:
        return (
            "The data path was not tried: no TeamStorage declares a path, and spec.probePath is not set. Say where small objects may "
            "be written and deleted with --path."
        )
    return ""


def _finding(check: Check) -> Finding:
    return Finding(
        name=check.name.value, result=check.result, message=check.message, remedy=check.remedy, path=check.path
    )


def _of_error(error: DomainError) -> Finding:
    """Return the row of an error: the check that it means where there is one, else its reason.

    Raises one that says nothing of the bucket: without credentials nobody can look, at whatever moment a provider finds that out.
    """
    if error.check is not None:
        return _finding(error.check)
    if error.reason is Reason.SECRET_INVALID:
        raise error
    check = _CHECK_OF.get(error.reason)
    return Finding(name=check or error.reason.value, result=CheckResult.FAILED, message=error.message)


def _in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return one row for each check and path, those of the bucket first, in the catalogue's order; a failure is never covered."""
    kept: dict[tuple[str, str], Finding] = {}
    for each in findings:
        before = kept.get((each.path, each.name))
        if before is None or before.result is not CheckResult.FAILED:
            kept[each.path, each.name] = each
    last = len(_CATALOGUE)
    place = {name: number for number, name in enumerate(_CATALOGUE)}
    return tuple(
        sorted(kept.values(), key=lambda each: (each.under is not None, each.path, place.get(each.name, last)))
    )


def _redacted(world: World, examination: Examination, options: Options) -> Examination:
    """Return the examination in words that hold from here, and without any secret value."""
    store = examination.store

    def text(given: str) -> str:
        return world.secrets.redact(worded(given, options.vantage))

    adjusted = (_adjusted(store, each, options) for each in examination.findings)
    findings = tuple(replace(each, message=text(each.message), remedy=text(each.remedy)) for each in adjusted)
    return replace(
        examination, findings=findings, hindrance=text(examination.hindrance), untried=text(examination.untried)
    )


def _adjusted(store: BucketStore, finding: Finding, options: Options) -> Finding:
    """Return a row as it is meant for a BucketStore that is not (yet) what it would be in Observe."""
    if _managed(store) and finding.result is not CheckResult.PASSED:
        remedy = finding.remedy.replace(OR_LET_THE_OPERATOR, " Or apply this BucketStore: the operator then does it.")
        if finding.name == CheckName.BUCKET_EXISTS and "managementPolicy" in remedy:
            remedy = "Apply this BucketStore: the operator then creates the bucket. Or create it by hand."
        finding = replace(finding, remedy=remedy)
    if finding.name == CheckName.OWNER and not options.uids and finding.result is CheckResult.WARNING:
        message = (
            f"The bucket's tag {names.OWNER_TAG} names a BucketStore; whether it is this one, a manifest cannot tell."
        )
        return replace(finding, result=CheckResult.SKIPPED, message=message, remedy="")
    refusal = needs_listing(store) if finding.name == CheckName.ENDPOINT_ALLOWED and not options.listed else None
    if refusal is not None and finding.result is CheckResult.PASSED:
        return replace(finding, result=CheckResult.WARNING, message=refusal.message, remedy=refusal.remedy)
    return finding
