"""The end of a look: what is held back, and which transitions are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from unit.memory_kube import MemoryKube
from unit.resources import condition, team_storage
from unit.scripted import Stage
from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict
from wandb_byob.kube.client import TEAM_STORAGES
from wandb_byob.model.api import ObjectMeta, TeamStorageStatus
from wandb_byob.model.credentials import AccessKey
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.finish import finish, hold_back

KEY = ObjectKey(Kind.TEAM_STORAGE, "team-a", "ml")
CREATED = datetime(2026, 11, 22, 10, tzinfo=UTC)
META = ObjectMeta(name="ml", creation_timestamp=CREATED)


def _outcome(reason: Reason, progress: Progress = Progress.RECONCILING) -> Outcome:
    verdict = Verdict(type=ConditionType.BUCKET_READY, status="False", reason=reason, message="")
    return Outcome(verdicts=(verdict,), progress=progress)


@pytest.mark.parametrize(
    ("outcome", "age", "left"),
    [
        (_outcome(Reason.WAITING_FOR_BUCKET), 1, 9),
        (_outcome(Reason.ROLLOUT_IN_PROGRESS), 9, 1),
        (_outcome(Reason.WAITING_FOR_BUCKET), 10, None),
        (_outcome(Reason.WAITING_FOR_BUCKET), -1, None),
        (_outcome(Reason.UNREACHABLE), 1, None),
        (_outcome(Reason.CHECKS_FAILED, Progress.STALLED), 1, None),
        (_outcome(Reason.BUCKET_STORE_NOT_FOUND, Progress.STALLED), 1, 2),
        (_outcome(Reason.BUCKET_STORE_NOT_FOUND, Progress.STALLED), 3, None),
        (_outcome(Reason.NOT_GRANTED, Progress.STALLED), 2, 1),
        (Outcome(verdicts=(), progress=Progress.RECONCILING), 1, 9),
        (Outcome(verdicts=(), progress=Progress.SETTLED), 1, None),
    ],
)
def test_hold_back(outcome: Outcome, age: int, left: int | None) -> None:
    """Only "on the way" (ten seconds) and "not there" (three), and only for what was just made."""
    now = CREATED + timedelta(seconds=age)
    expected = None if left is None else timedelta(seconds=left)
    assert hold_back(outcome, META, first=True, now=now) == expected
    assert hold_back(outcome, META, first=False, now=now) is None, "an object that has a status"


def _status(**conditions: str) -> TeamStorageStatus:
    given = [
        condition(type_, status, reason="Why", message=f"Because of canary-{type_}.")
        for type_, status in conditions.items()
    ]
    return msgspec.convert({"conditions": given}, TeamStorageStatus)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"Ready": "True", "Stalled": "False"}, ("Ready", False)),
        ({}, {"Ready": "False", "Stalled": "False"}, ("Ready", True)),
        ({}, {"Ready": "False", "Stalled": "True"}, ("Stalled", True)),
        ({"Ready": "True"}, {"Ready": "False", "Stalled": "False"}, ("Ready", True)),
        ({"Ready": "True", "Stalled": "False"}, {"Ready": "False", "Stalled": "True"}, ("Stalled", True)),
        ({"Ready": "False", "Stalled": "True"}, {"Ready": "False", "Stalled": "True", "Accepted": "True"}, None),
        ({"Ready": "False", "Stalled": "True"}, {"Ready": "False", "Stalled": "False"}, None),
        ({"Ready": "False", "Stalled": "True"}, {"Ready": "True", "Stalled": "False"}, ("Ready", False)),
        ({"Ready": "True", "Stalled": "False"}, {"Ready": "True", "Stalled": "False"}, None),
    ],
)
def test_transitions_of_ready_and_stalled_are_told_once(before: Any, after: Any, told: tuple[str, bool] | None) -> None:
    """One event for one transition, and none for anything else."""
    body = team_storage()
    stage = Stage(kube=MemoryKube(body))
    finish(stage.world, KEY, TEAM_STORAGES, body, before=_status(**before), after=_status(**after))
    expected = [] if told is None else [(str(KEY), told[1], "Why", f"Because of canary-{told[0]}.")]
    assert stage.told.events == expected


@pytest.mark.parametrize(
    ("reason", "warning"), [("RolloutInProgress", False), ("WaitingForBuckets", False), ("Unreachable", True)]
)
def test_what_is_on_its_way_is_no_warning(reason: str, warning: bool) -> None:
    """A W&B that is rolled out for a new team is not Ready for a moment, which needs nobody's attention."""
    body = team_storage()
    stage = Stage(kube=MemoryKube(body))
    given = [condition("Ready", "False", reason=reason), condition("Reconciling", reason=reason)]
    after = msgspec.convert({"conditions": given}, TeamStorageStatus)
    finish(stage.world, KEY, TEAM_STORAGES, body, before=_status(Ready="True"), after=after)
    assert [(told[1], told[2]) for told in stage.told.events] == [(warning, reason)]


def test_what_has_just_been_made_and_is_on_its_way_is_no_news() -> None:
    """The first thing that is told of it is what came of it, or what keeps it."""
    body = team_storage()
    stage = Stage(kube=MemoryKube(body))
    given = [
        condition("Ready", "False", reason="WaitingForBucket"),
        condition("Reconciling", reason="WaitingForBucket"),
    ]
    finish(
        stage.world,
        KEY,
        TEAM_STORAGES,
        body,
        before=_status(),
        after=msgspec.convert({"conditions": given}, TeamStorageStatus),
    )
    assert stage.told.events == []


def test_nothing_is_told_where_nothing_was_written() -> None:
    """An event without a change would be noise."""
    status = _status(Ready="True")
    body = team_storage(status=msgspec.to_builtins(status))
    stage = Stage(kube=MemoryKube(body))
    finish(stage.world, KEY, TEAM_STORAGES, body, before=_status(), after=status)
    assert stage.told.events == []
    assert stage.kube.writes == []


def test_messages_are_redacted_in_status_and_event() -> None:
    """By value, whoever put it there."""
    body = team_storage()
    stage = Stage(kube=MemoryKube(body))
    stage.keeper.learn(AccessKey(access_key_id="canary-Ready", secret_access_key="canary-x"))
    finish(stage.world, KEY, TEAM_STORAGES, body, before=_status(), after=_status(Ready="True"))
    assert "canary" not in str(stage.kube.of(TEAM_STORAGES, "ml")["status"])
    assert "canary" not in str(stage.told.events)
