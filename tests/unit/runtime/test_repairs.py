"""Deletions that no watch event told of are found by listing, and a failed listing is never taken as absence."""

from collections.abc import Iterator

from unit.runtime.objects import store, team
from unit.runtime.test_wakeups import Recorded, show
from wandb_byob.kube.client import BUCKET_STORES, TEAM_STORAGES, Resource, UnavailableError
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.runtime.lanes import Lane
from wandb_byob.runtime.repairs import Repairs
from wandb_byob.runtime.wakeups import Wakeups

RESOURCES = {Kind.BUCKET_STORE: BUCKET_STORES, Kind.TEAM_STORAGE: TEAM_STORAGES}


def repaired(there: dict[Resource, list[tuple[str, str]] | None]) -> tuple[Recorded, list[ObjectKey]]:
    """Compare with what is there (None: can't be listed), after the store `data` and the team `team` were known."""
    queue, gone = Recorded(), list[ObjectKey]()
    wakeups = Wakeups(queue, on_gone=gone.append)
    wakeups.begin()
    show(wakeups, store(), team())
    queue.added.clear()

    def identities(resource: Resource, namespace: str) -> Iterator[tuple[str, str]]:
        found = there[resource]
        if found is None:
            raise UnavailableError("list: no answer.", status=0)
        yield from found

    Repairs(identities, wakeups, resources=RESOURCES, namespaces=("ns",)).compare()
    return queue, gone


def test_nothing_happens_where_all_is_as_it_is_known() -> None:
    queue, gone = repaired({BUCKET_STORES: [("ns", "data")], TEAM_STORAGES: [("ns", "team")]})
    assert (queue.added, gone) == ([], [])


def test_what_is_no_longer_there_is_forgotten_and_its_neighbours_are_woken() -> None:
    queue, gone = repaired({BUCKET_STORES: [("ns", "data")], TEAM_STORAGES: []})
    assert gone == [ObjectKey(Kind.TEAM_STORAGE, "ns", "team")]
    assert queue.added == [("team", Lane.EDIT), ("data", Lane.CONSEQUENCE)]


def test_what_no_event_told_of_is_looked_at() -> None:
    queue, _ = repaired({BUCKET_STORES: [("ns", "data"), ("ns", "new")], TEAM_STORAGES: [("ns", "team")]})
    assert queue.added == [("new", Lane.EDIT)]


def test_a_listing_that_fails_proves_nothing() -> None:
    queue, gone = repaired({BUCKET_STORES: None, TEAM_STORAGES: None})
    assert (queue.added, gone) == ([], [])
