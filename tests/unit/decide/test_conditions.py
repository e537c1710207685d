"""From verdicts to conditions."""

from datetime import UTC, datetime

import pytest

from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict, blocking, conditions, is_true, kept
from wandb_byob.model.api import Condition
from wandb_byob.model.reasons import Reason

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
BEFORE = datetime(2026, 11, 22, 11, tzinfo=UTC)
GOOD = Verdict(type=ConditionType.ACCEPTED, status="True", reason=Reason.ACCEPTED, message="Fine.")
BAD = Verdict(type=ConditionType.REACHABLE, status="False", reason=Reason.UNREACHABLE, message="It does not answer.")
OPEN = Verdict(
    type=ConditionType.DATA_PATH_VERIFIED,
    status="Unknown",
    reason=Reason.NOT_PROVABLE_FROM_HERE,
    message="",
    gates=False,
)
HELD = Verdict(type=ConditionType.READY, status="False", reason=Reason.DELETION_BLOCKED, message="It is needed.")


def _conditions(outcome: Outcome, previous: tuple[Condition, ...] = ()) -> dict[str, Condition]:
    found = conditions(outcome, previous=previous, generation=3, now=NOW, ready_message="All is well.")
    return {condition.type: condition for condition in found}


@pytest.mark.parametrize(
    ("outcome", "ready", "reason", "stalled", "reconciling"),
    [
        (Outcome(verdicts=(GOOD,), progress=Progress.SETTLED), "True", "Ready", "False", "False"),
        (Outcome(verdicts=(GOOD, OPEN), progress=Progress.SETTLED), "True", "Ready", "False", "False"),
        (Outcome(verdicts=(GOOD, BAD), progress=Progress.STALLED), "False", "Unreachable", "True", "False"),
        (Outcome(verdicts=(GOOD, BAD), progress=Progress.RECONCILING), "False", "Unreachable", "False", "True"),
        (Outcome(verdicts=(GOOD,), progress=Progress.RECONCILING), "False", "Progressing", "False", "True"),
        (
            Outcome(verdicts=(GOOD, BAD), progress=Progress.STALLED, held=HELD),
            "False",
            "DeletionBlocked",
            "True",
            "False",
        ),
    ],
)
def test_ready_stalled_and_reconciling(
    outcome: Outcome, ready: str, reason: str, stalled: str, reconciling: str
) -> None:
    """Ready is explained by the first thing that holds it back; Stalled and Reconciling are never both True."""
    found = _conditions(outcome)
    assert (found["Ready"].status, found["Ready"].reason) == (ready, reason)
    assert (found["Stalled"].status, found["Reconciling"].status) == (stalled, reconciling)
    assert all(condition.observed_generation == 3 for condition in found.values())


def test_the_time_moves_only_with_the_status() -> None:
    """A new message is no transition; times have whole seconds."""
    old = Condition(type="Accepted", status="True", last_transition_time=BEFORE, reason="X", message="Before.")
    found = _conditions(Outcome(verdicts=(GOOD, BAD), progress=Progress.STALLED), (old,))
    assert found["Accepted"].last_transition_time == BEFORE
    assert found["Accepted"].message == "Fine."
    assert found["Reachable"].last_transition_time == NOW.replace(microsecond=0)


def test_what_blocks() -> None:
    """What holds a deletion comes first; an Unknown that does not gate is passed over."""
    assert blocking(Outcome(verdicts=(GOOD, OPEN), progress=Progress.SETTLED)) is None
    assert blocking(Outcome(verdicts=(OPEN, BAD), progress=Progress.STALLED)) is BAD
    assert blocking(Outcome(verdicts=(BAD,), progress=Progress.STALLED, held=HELD)) is HELD


def test_kept_gives_back_what_was_said_apart_from_what_is_computed() -> None:
    """For a look that only adds why an object is held; a reason of another version reads as progressing."""
    previous = tuple(_conditions(Outcome(verdicts=(GOOD, BAD), progress=Progress.STALLED)).values())
    assert kept(previous) == (GOOD, BAD)
    other = Condition(type="Accepted", status="True", last_transition_time=BEFORE, reason="FromTheFuture", message="")
    assert kept((other,))[0].reason is Reason.PROGRESSING


def test_is_true_asks_for_the_generation_where_one_is_given() -> None:
    """A condition about an older specification says nothing of the present one."""
    found = tuple(_conditions(Outcome(verdicts=(GOOD,), progress=Progress.SETTLED)).values())
    assert is_true(found, ConditionType.ACCEPTED)
    assert is_true(found, ConditionType.ACCEPTED, generation=3)
    assert not is_true(found, ConditionType.ACCEPTED, generation=4)
    assert not is_true(found, ConditionType.REACHABLE)
    assert not is_true(None, ConditionType.READY)
