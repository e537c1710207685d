"""Whether a bucket is verified, for all its declared paths and for one team's: the one place that says so.

Verified means that no check has failed; a warning or a skipped check does not count against it. A data path that nobody
here can prove, or that the user does not want proved, is Unknown and holds nothing back: what can be checked passed.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

from wandb_byob.decide.annotations import paused
from wandb_byob.decide.conditions import ConditionStatus, ConditionType, Progress, Verdict, is_true
from wandb_byob.model import checks as model_checks
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, Check, Condition
from wandb_byob.model.checks import OF_A_PATH, CheckName
from wandb_byob.model.reasons import Reason

CheckT = TypeVar("CheckT", Check, model_checks.Check)

UNPROVED: Final = frozenset({Reason.NOT_PROVABLE_FROM_HERE, Reason.DATA_PATH_NOT_REQUESTED})
"""Reasons for which a condition is Unknown for good, and holds nothing back."""

_BEFORE_THE_DATA_PATH: Final = (ConditionType.ACCEPTED, ConditionType.REACHABLE, ConditionType.CONFIGURED)


def of_path(checks: Iterable[CheckT], path: str) -> tuple[CheckT, ...]:
    """Return the checks that were made under one declared path ("" is the bucket's root)."""
    return tuple(check for check in checks if check.path == path and (path or check.name in OF_A_PATH))


def of_bucket(checks: Iterable[CheckT]) -> tuple[CheckT, ...]:
    """Return the checks of the bucket as a whole."""
    return tuple(check for check in checks if not check.path and check.name not in OF_A_PATH)


def written(checks: Iterable[Check], path: str) -> bool:
    """Say whether something was written under this path."""
    return any(check.name == CheckName.PUT_OBJECT and check.result == "Passed" for check in of_path(checks, path))


def proved(checks: Iterable[Check], path: str) -> bool:
    """Say whether the data path works under this path: something was written there, and nothing failed, there or for the bucket."""
    given = tuple(checks)
    return written(given, path) and first_failed((*of_bucket(given), *of_path(given, path))) is None


def explain(check: Check | model_checks.Check) -> str:
    """Return a failed check as a user reads it in a condition: its name, what is wrong and what to do."""
    place = f" under {check.path}" if check.path else ""
    return f"Check {check.name}{place}: {check.message}" + (f" {check.remedy}" if check.remedy else "")


def first_failed(checks: Iterable[Check]) -> Check | None:
    """Return the first check that failed."""
    return next((check for check in checks if check.result == "Failed"), None)


def bucket_ready(store: BucketStore, *, path: str, user: str) -> tuple[Verdict, Progress]:
    """Return whether the bucket is verified for a team of namespace `user` under its path, as its condition BucketReady says.

    Only where this is True may the bucket's address enter W&B's configuration. Another team's broken path does not count.
    A user in another namespace is told the reason, not the words of the BucketStore's own conditions.
    """
    current = {condition.type: condition for condition in store.status.conditions}
    if not current or (store.status.observed_generation or 0) < store.metadata.generation:
        return _waiting(store, "has not been checked yet.")
    for type_ in _BEFORE_THE_DATA_PATH:
        condition = current.get(type_.value)
        if not _holds(condition):
            return _not_ready(store, condition, user)
    data_path = current.get(ConditionType.DATA_PATH_VERIFIED.value)
    if data_path is not None and _unproved(data_path):
        return _verdict(
            "True", Reason.VERIFIED, f"All that can be checked passed. {data_path.message}"
        ), Progress.SETTLED
    return _own_path(store, path)


def sound(store: BucketStore) -> bool:
    """Say whether the last look found nothing against the bucket as such, so that its data path can be tried."""
    told = {condition.type: condition for condition in store.status.conditions}
    return all(_holds(told.get(type_.value)) for type_ in _BEFORE_THE_DATA_PATH)


def _holds(condition: Condition | None) -> bool:
    return condition is not None and (condition.status == "True" or _unproved(condition))


def _unproved(condition: Condition) -> bool:
    return condition.status == "Unknown" and condition.reason in UNPROVED


def _own_path(store: BucketStore, path: str) -> tuple[Verdict, Progress]:
    checks = store.status.checks
    if proved(checks, path):
        return _verdict("True", Reason.VERIFIED, "The bucket works as W&B and a browser use it."), Progress.SETTLED
    failed = first_failed((*of_bucket(checks), *of_path(checks, path)))
    if failed is not None:
        return _verdict("False", Reason.CHECKS_FAILED, explain(failed)), Progress.STALLED
    return _waiting(store, f"has not been checked under {path or 'its root'} yet.")


def _not_ready(store: BucketStore, condition: Condition | None, user: str) -> tuple[Verdict, Progress]:
    if condition is None:
        return _waiting(store, "has not been checked yet.")
    stalled = is_true(store.status.conditions, ConditionType.STALLED)
    reason = next((known for known in Reason if known == condition.reason), Reason.CHECKS_FAILED)
    if store.metadata.namespace == user:
        message = f"BucketStore {store.metadata.name}: {condition.message}"
    else:
        message = f"The bucket is not usable at present ({reason.value}). Ask the owner of the BucketStore."
    return _verdict("False", reason, message), Progress.STALLED if stalled else Progress.RECONCILING


def _waiting(store: BucketStore, why: str) -> tuple[Verdict, Progress]:
    message = f"BucketStore {store.metadata.name} {why}"
    if paused(store.metadata):
        told = f"{message} It is paused: remove its annotation {names.PAUSED}."
        return _verdict("False", Reason.PAUSED, told), Progress.STALLED
    return _verdict("False", Reason.WAITING_FOR_BUCKET, message), Progress.RECONCILING


def _verdict(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    return Verdict(type=ConditionType.BUCKET_READY, status=status, reason=reason, message=message)
