"""Finalizers in namespaces that are being deleted, with the API in memory; the race with the Roles is for tests/cluster."""

import threading

import pytest

from testbed.processes import wait_for
from unit.memory_kube import MemoryKube
from unit.resources import bucket_store, team_storage, wandb_instance
from unit.scripted import namespace_object
from wandb_byob.kube.client import BUCKET_STORES, TEAM_STORAGES, ConflictError, ForbiddenError
from wandb_byob.model import names
from wandb_byob.runtime.endings import Endings, let_go

OURS = [names.FINALIZER, "example.com/other"]


def _kube(*, terminating: bool = True) -> MemoryKube:
    return MemoryKube(
        namespace_object("team-a", terminating=terminating),
        namespace_object("team-b"),
        bucket_store(finalizers=OURS),
        team_storage(finalizers=OURS),
        wandb_instance(),
        team_storage("elsewhere", namespace="team-b", finalizers=OURS),
    )


def _finalizers(kube: MemoryKube) -> dict[str, list[str]]:
    stored = {"store": kube.of(BUCKET_STORES, "data"), "team": kube.of(TEAM_STORAGES, "ml")}
    return {name: body["metadata"]["finalizers"] for name, body in stored.items()}


def test_only_ours_go_and_only_where_the_namespace_goes() -> None:
    """Other finalizers are their owners' affair; a namespace that stays keeps its own."""
    kube = _kube()
    Endings(kube, ["team-a", "team-b"], leading=lambda: True).stop(5)
    assert _finalizers(kube) == {"store": ["example.com/other"], "team": ["example.com/other"]}
    assert kube.of(TEAM_STORAGES, "elsewhere", "team-b")["metadata"]["finalizers"] == OURS


def test_at_the_end_of_the_process_it_does_not_matter_who_leads() -> None:
    """It may be the last pod of the namespace."""
    kube = _kube()
    Endings(kube, ["team-a"], leading=lambda: False).stop(5)
    assert _finalizers(kube)["team"] == ["example.com/other"]


def test_a_namespace_that_stays_costs_one_read() -> None:
    """Objects are listed only where it is being deleted."""
    kube = _kube(terminating=False)
    Endings(kube, ["team-a"], leading=lambda: True).stop(5)
    assert kube.reads == ["get namespaces /team-a"]
    assert kube.writes == []


def test_somebody_elses_write_in_between_is_no_obstacle() -> None:
    """The object is read anew."""
    kube = _kube()
    failures = iter([ConflictError("changed", status=409), ConflictError("changed", status=409)])

    def interfere(call: str) -> None:
        if call.startswith("patch teamstorages") and (error := next(failures, None)) is not None:
            raise error

    kube.before = interfere
    let_go(kube, "team-a")
    assert _finalizers(kube)["team"] == ["example.com/other"]


def test_an_object_that_always_changes_is_given_up() -> None:
    """The next look tries again; this one ends."""
    kube = _kube()

    def interfere(call: str) -> None:
        if call.startswith("patch"):
            raise ConflictError("changed", status=409)

    kube.before = interfere
    with pytest.raises(ConflictError):
        let_go(kube, "team-a")


def test_a_namespace_that_may_not_be_read_does_not_stop_the_others() -> None:
    """Its Role may be gone already."""
    kube = _kube()

    def forbid(call: str) -> None:
        if call == "get namespaces /gone":
            raise ForbiddenError("forbidden", status=403)

    kube.before = forbid
    Endings(kube, ["gone", "team-a"], leading=lambda: True).stop(5)
    assert _finalizers(kube)["team"] == ["example.com/other"]


def test_a_namespace_that_is_gone_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """At each transition, with what to do; not every two seconds."""
    kube = _kube(terminating=False)
    endings = Endings(kube, ["team-a", "team-b"], leading=lambda: True)

    def forbid(call: str) -> None:
        if call == "get namespaces /team-b":
            raise ForbiddenError("forbidden", status=403)

    caplog.set_level("INFO", logger="wandb_byob.runtime.endings")
    kube.before = forbid
    for _ in range(3):
        endings.stop(5)
    (told,) = caplog.messages
    assert "team-b" in told
    assert "byob release --namespaces=team-b" in told
    kube.before = lambda _: None
    for _ in range(2):
        endings.stop(5)
    assert caplog.messages[1:] == ["Namespace team-b may be read again"]


def test_it_looks_by_itself_while_it_leads() -> None:
    """Every two seconds; a standby leaves it to the one that leads."""
    kube = _kube()
    leads = threading.Event()
    endings = Endings(kube, ["team-a"], leading=leads.is_set)
    endings.start()
    leads.set()
    wait_for(lambda: _finalizers(kube)["team"] == ["example.com/other"], timeout=10, what="the finalizer is gone")
    endings.stop(0)
