"""From an error to what the object's conditions say and when to look again: the one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from wandb_byob.decide.conditions import ConditionType, Progress, Verdict
from wandb_byob.kube.client import ForbiddenError
from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.reasons import Reason

FORBIDDEN_AFTER: Final = timedelta(minutes=1)
"""A missing permission comes by an administrator's hand and wakes nobody."""

_CONDITION_OF: Final[Mapping[Reason, ConditionType]] = {
    Reason.UNREACHABLE: ConditionType.REACHABLE,
    Reason.THROTTLED: ConditionType.REACHABLE,
    Reason.ENDPOINT_NOT_ALLOWED: ConditionType.ACCEPTED,
    Reason.INVALID_SPEC: ConditionType.ACCEPTED,
    Reason.NOT_IMPLEMENTED: ConditionType.ACCEPTED,
    Reason.NOT_AVAILABLE: ConditionType.ACCEPTED,
    Reason.BUCKET_CONFLICT: ConditionType.ACCEPTED,
    Reason.OPERATOR_IDENTITY_NOT_ALLOWED: ConditionType.ACCEPTED,
    Reason.PRINCIPAL_UNKNOWN: ConditionType.ACCEPTED,
    Reason.SECRET_INVALID: ConditionType.ACCEPTED,
}

Explained = DomainError | ForbiddenError
"""The errors that become conditions; other KubeErrors say nothing about the object and are retried by the work queue."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What the condition says that the error is about. `after` None: nothing changes by itself."""

    verdict: Verdict
    progress: Progress
    after: timedelta | None


def condition_of(error: Explained) -> ConditionType:
    """Return the BucketStore's condition that an error of a provider is about, by its reason."""
    if isinstance(error, DomainError):
        return _CONDITION_OF.get(error.reason, ConditionType.CONFIGURED)
    return ConditionType.ACCEPTED


def explain(error: Explained, type_: ConditionType) -> Failure:
    """Return the outcome of an error for the condition `type_`."""
    if isinstance(error, Waiting):
        verdict = Verdict(type=type_, status="False", reason=error.reason, message=error.message)
        return Failure(verdict=verdict, progress=Progress.RECONCILING, after=error.after)
    if isinstance(error, Stalled):
        verdict = Verdict(type=type_, status="False", reason=error.reason, message=error.message)
        return Failure(verdict=verdict, progress=Progress.STALLED, after=None)
    verdict = Verdict(
        type=type_,
        status="False",
        reason=Reason.FORBIDDEN,
        message=f"The operator lacks a permission: {error}. Have its administrator add this namespace to the watched ones "
        "or repair its role.",
    )
    return Failure(verdict=verdict, progress=Progress.STALLED, after=FORBIDDEN_AFTER)
