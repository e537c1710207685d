"""From watch events to the queue: what a user does comes before everything, a listing after everything, and a standby looks at nothing."""

from typing import Any

import pytest

from unit.runtime.objects import deployment, instance, store, team
from unit.runtime.test_queue import Quiet
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.runtime.lanes import Lane, Limits
from wandb_byob.runtime.queue import WorkQueue
from wandb_byob.runtime.wakeups import Wakeups


class Recorded(WorkQueue[ObjectKey]):
    """The queue, with what was added to it."""

    def __init__(self) -> None:
        super().__init__(limits=Limits.of(8), metrics=Quiet())
        self.added: list[tuple[str, Lane]] = []

    def add(self, key: ObjectKey, *, lane: Lane = Lane.EDIT, period: float = 0.0) -> None:
        self.added.append((key.name, lane))
        super().add(key, lane=lane, period=period)


@pytest.fixture
def queue() -> Recorded:
    return Recorded()


@pytest.fixture
def gone() -> list[ObjectKey]:
    return []


@pytest.fixture
def wakeups(queue: Recorded, gone: list[ObjectKey]) -> Wakeups:
    made = Wakeups(queue, on_gone=gone.append)
    made.begin()
    return made


def show(wakeups: Wakeups, *objects: dict[str, Any], event: str | None = None) -> None:
    for obj in objects:
        wakeups.saw_object(Kind(obj["kind"]), event, obj)


def secret(version: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": "keys", "resourceVersion": version}}


def test_what_a_listing_shows_first_is_looked_at_in_the_background(wakeups: Wakeups, queue: Recorded) -> None:
    show(wakeups, instance(), store(), team())
    assert queue.added == [("wandb", Lane.BACKGROUND), ("data", Lane.BACKGROUND), ("team", Lane.BACKGROUND)]


def test_an_edit_comes_first_and_its_neighbours_next(wakeups: Wakeups, queue: Recorded) -> None:
    show(wakeups, store(), team())
    queue.added.clear()
    show(wakeups, store(generation=2), event="MODIFIED")
    assert queue.added == [("data", Lane.EDIT), ("team", Lane.CONSEQUENCE)]


def test_a_change_that_a_later_listing_shows_is_an_edit(wakeups: Wakeups, queue: Recorded) -> None:
    """The watch was away while somebody edited the object."""
    show(wakeups, team())
    queue.added.clear()
    show(wakeups, team(generation=2))
    assert queue.added == [("team", Lane.EDIT)]


def test_a_changed_secret_is_an_edit_of_who_refers_to_it(wakeups: Wakeups, queue: Recorded) -> None:
    show(wakeups, store(secret="keys"))
    wakeups.saw_secret(None, secret("1"))
    queue.added.clear()
    wakeups.saw_secret("MODIFIED", secret("2"))
    wakeups.saw_secret("DELETED", secret("3"))
    assert queue.added == [("data", Lane.EDIT)] * 2


def test_a_moved_rollout_is_a_consequence(wakeups: Wakeups, queue: Recorded) -> None:
    show(wakeups, instance(target={"workloads": {"names": ["api"]}}))
    wakeups.saw_workload("Deployment", None, deployment())
    queue.added.clear()
    wakeups.saw_workload("Deployment", "MODIFIED", deployment(ready=3))
    assert queue.added == [("wandb", Lane.CONSEQUENCE)]


def test_what_is_deleted_is_looked_at_once_more_and_its_numbers_are_dropped(
    wakeups: Wakeups, queue: Recorded, gone: list[ObjectKey]
) -> None:
    show(wakeups, store(), team())
    queue.added.clear()
    show(wakeups, team(), event="DELETED")
    assert queue.added == [("team", Lane.EDIT), ("data", Lane.CONSEQUENCE)]
    assert gone == [ObjectKey(Kind.TEAM_STORAGE, "ns", "team")]


def test_a_standby_remembers_everything_and_looks_at_nothing_until_it_leads(queue: Recorded) -> None:
    standby = Wakeups(queue, on_gone=lambda _: None)
    show(standby, store(secret="keys"), team())
    show(standby, store(secret="keys", generation=2), event="MODIFIED")
    standby.saw_secret("MODIFIED", secret("2"))
    assert queue.added == []
    standby.begin()
    assert sorted(queue.added) == [("data", Lane.BACKGROUND), ("team", Lane.BACKGROUND)]


def test_known_objects_are_told_by_kind_and_namespace(wakeups: Wakeups) -> None:
    show(wakeups, team(), team("far", namespace="other"), store())
    assert {key.name for key in wakeups.known(Kind.TEAM_STORAGE, "ns")} == {"team"}
    assert {key.name for key in wakeups.known(Kind.TEAM_STORAGE, "")} == {"team", "far"}
