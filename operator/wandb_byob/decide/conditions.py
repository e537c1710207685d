"""From outcomes to conditions: the one place that computes Ready, Stalled and Reconciling.

The meaning of Stalled and Reconciling is kstatus': Stalled waits for an edit, Reconciling is on the way by itself; both
are absent-or-False when settled, and never True together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from wandb_byob.model.api import Condition
from wandb_byob.model.reasons import Reason

ConditionStatus = Literal["True", "False", "Unknown"]


class ConditionType(StrEnum):
    """Every condition type of the three kinds."""

    ACCEPTED = "Accepted"
    REACHABLE = "Reachable"
    CONFIGURED = "Configured"
    DATA_PATH_VERIFIED = "DataPathVerified"
    BUCKET_READY = "BucketReady"
    ROLLED_OUT = "RolledOut"
    STORAGE_CONFIGURED = "StorageConfigured"
    TEAM_CREATED = "TeamCreated"
    READY = "Ready"
    STALLED = "Stalled"
    RECONCILING = "Reconciling"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one condition shall say, without its times. `gates` False: an Unknown here does not keep Ready from being True."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str
    gates: bool = True


class Progress(StrEnum):
    """Whether anything will change by itself."""

    SETTLED = "Settled"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All verdicts of one look, in the order in which a user should read them; the first that is not True explains Ready.

    `held` explains Ready before all of them: why an object that is being deleted is still there.
    """

    verdicts: tuple[Verdict, ...]
    progress: Progress
    held: Verdict | None = None


def conditions(
    outcome: Outcome, *, previous: Sequence[Condition], generation: int, now: datetime, ready_message: str
) -> tuple[Condition, ...]:
    """Return the full list of conditions; lastTransitionTime moves only where the status does."""
    ready = _ready(outcome, ready_message)
    flags = tuple(
        _flag(type_, on=outcome.progress is state, explanation=ready)
        for type_, state in (
            (ConditionType.STALLED, Progress.STALLED),
            (ConditionType.RECONCILING, Progress.RECONCILING),
        )
    )
    return tuple(_timed((*outcome.verdicts, ready, *flags), previous=previous, generation=generation, now=now))


def blocking(outcome: Outcome) -> Verdict | None:
    """Return what keeps the object from being Ready, None where nothing does."""
    gating = (verdict for verdict in outcome.verdicts if verdict.gates and verdict.status != "True")
    return outcome.held or next(gating, None)


def _ready(outcome: Outcome, ready_message: str) -> Verdict:
    cause = blocking(outcome)
    if cause is not None:
        return Verdict(type=ConditionType.READY, status="False", reason=cause.reason, message=cause.message)
    if outcome.progress is not Progress.SETTLED:
        message = "Work is still going on."
        return Verdict(type=ConditionType.READY, status="False", reason=Reason.PROGRESSING, message=message)
    return Verdict(type=ConditionType.READY, status="True", reason=Reason.READY, message=ready_message)


def _flag(type_: ConditionType, *, on: bool, explanation: Verdict) -> Verdict:
    if on:
        return Verdict(type=type_, status="True", reason=explanation.reason, message=explanation.message)
    return Verdict(type=type_, status="False", reason=Reason.SETTLED, message="")


def _timed(
    verdicts: Iterable[Verdict], *, previous: Sequence[Condition], generation: int, now: datetime
) -> Iterable[Condition]:
    before = {condition.type: condition for condition in previous}
    stamp = now.replace(microsecond=0)  # Kubernetes' times have whole seconds
    for verdict in verdicts:
        old = before.get(verdict.type.value)
        kept = old is not None and old.status == verdict.status
        yield Condition(
            type=verdict.type.value,
            status=verdict.status,
            reason=verdict.reason.value,
            message=verdict.message,
            observed_generation=generation,
            last_transition_time=old.last_transition_time if old is not None and kept else stamp,
        )


def kept(previous: Sequence[Condition]) -> tuple[Verdict, ...]:
    """Return what earlier conditions said, apart from the three that are computed: for a look that only adds why it holds."""
    computed = (ConditionType.READY, ConditionType.STALLED, ConditionType.RECONCILING)
    types = {type_.value: type_ for type_ in ConditionType if type_ not in computed}
    reasons = {reason.value: reason for reason in Reason}
    return tuple(
        Verdict(
            type=types[condition.type],
            status=condition.status,
            reason=reasons.get(condition.reason, Reason.PROGRESSING),
            message=condition.message,
        )
        for condition in previous
        if condition.type in types
    )


def is_true(given: Sequence[Condition] | None, type_: ConditionType, *, generation: int | None = None) -> bool:
    """Say whether a condition is True (and, where a generation is given, was made for it)."""
    return any(
        condition.type == type_.value
        and condition.status == "True"
        and (generation is None or (condition.observed_generation or 0) >= generation)
        for condition in given or ()
    )
