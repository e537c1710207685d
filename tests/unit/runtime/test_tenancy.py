"""Two releases never work in one namespace."""

from datetime import UTC, datetime, timedelta

import pytest

from unit.runtime.lease_server import LeaseServer
from unit.runtime.test_leader import DOWN, START, Clock
from wandb_byob.kube.client import ForbiddenError, NamespaceTerminatingError
from wandb_byob.runtime.leases import LeaseLock
from wandb_byob.runtime.tenancy import NAMESPACE_LEASE, NamespaceLeases


def leases(server: LeaseServer, release: str, clock: Clock) -> NamespaceLeases:
    def lock(namespace: str) -> LeaseLock:
        now = lambda: START + timedelta(seconds=clock.now)  # noqa: E731
        return LeaseLock(server, namespace=namespace, name=NAMESPACE_LEASE, identity=release, clock=clock, now=now)

    return NamespaceLeases(lock, clock=clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


def test_a_second_release_leaves_the_namespace_alone(
    server: LeaseServer, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    assert leases(server, "byob/first", clock).holds("a")
    second = leases(server, "byob/second", clock)
    assert not second.holds("a")
    assert second.holds("b")
    assert "The Lease of namespace a can't be had: the release byob/first works there" in caplog.text


def test_a_successor_in_the_same_release_goes_on_at_once(server: LeaseServer, clock: Clock) -> None:
    assert leases(server, "byob/first", clock).holds("a")
    assert leases(server, "byob/first", clock).holds("a")


def test_a_release_that_is_gone_frees_the_namespace_after_a_minute(server: LeaseServer, clock: Clock) -> None:
    assert leases(server, "byob/first", clock).holds("a")
    second = leases(server, "byob/second", clock)
    for _ in range(12):
        assert not second.holds("a")
        clock.now += 5.1
        second.step()
    assert second.holds("a")


def test_a_release_that_ends_frees_the_namespace_at_once(server: LeaseServer, clock: Clock) -> None:
    first = leases(server, "byob/first", clock)
    first.holds("a")
    first.stop(release=True)
    assert leases(server, "byob/second", clock).holds("a")


def test_a_lease_that_can_not_be_renewed_runs_out(server: LeaseServer, clock: Clock) -> None:
    first = leases(server, "byob/first", clock)
    first.holds("a")
    server.fails = DOWN
    clock.now += 59
    first.step()
    assert first.holds("a")
    clock.now += 2
    assert not first.holds("a")


def test_renewing_costs_a_write_only_when_a_third_of_the_time_is_over(server: LeaseServer, clock: Clock) -> None:
    first = leases(server, "byob/first", clock)
    first.holds("a")
    for _ in range(30):
        clock.now += 2
        first.step()
    assert server.writes == 4


def test_with_many_namespaces_renewals_stay_below_one_write_a_second(server: LeaseServer, clock: Clock) -> None:
    first = leases(server, "byob/first", clock)
    for number in range(200):
        first.holds(f"ns-{number}")
    before = server.writes
    for _ in range(600):
        clock.now += 2
        first.step()
    assert server.writes - before <= 1200
    assert all(first.holds(f"ns-{number}") for number in range(200))


def test_a_namespace_that_is_being_deleted_is_worked_in_to_the_end(server: LeaseServer, clock: Clock) -> None:
    """No Lease can be created there any more, by anybody, and our finalizers have to go."""
    server.refuses_create = NamespaceTerminatingError("create leases: the namespace is being deleted.", status=403)
    assert leases(server, "byob/first", clock).holds("a")


def test_without_the_right_to_leases_a_namespace_is_left_alone(server: LeaseServer, clock: Clock) -> None:
    server.refuses_create = ForbiddenError("create leases: forbidden.", status=403)
    assert not leases(server, "byob/first", clock).holds("a")


def test_the_times_written_are_rfc_3339_with_microseconds(server: LeaseServer, clock: Clock) -> None:
    leases(server, "byob/first", clock).holds("a")
    written = server.leases["a", NAMESPACE_LEASE]["spec"]["renewTime"]
    assert datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) == START + timedelta(seconds=1000)
