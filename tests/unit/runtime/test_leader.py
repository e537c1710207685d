"""Leases and leadership: never two writers, whatever happens to clocks, calls and processes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.runtime.lease_server import LeaseServer
from wandb_byob.kube.client import UnavailableError
from wandb_byob.runtime.leader import DURATION, RENEW_DEADLINE, Election, NotLeadingError
from wandb_byob.runtime.leases import LeaseLock, Observed, may_take, observe

START = datetime(2026, 1, 1, tzinfo=UTC)
DOWN = UnavailableError("get leases: no answer.", status=0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Process:
    """One contender, driven step by step; `lost` holds who it lost the Lease to."""

    def __init__(self, server: LeaseServer, name: str, clock: Clock) -> None:
        self.clock = clock
        self.lost: list[str] = []
        self.started = 0
        lock = LeaseLock(
            server,
            namespace="ns",
            name="l",
            identity=name,
            clock=clock,
            now=lambda: START + timedelta(seconds=clock.now),
        )
        self.election = Election(lock, on_started=self._start, on_lost=self.lost.append, clock=clock)

    def _start(self) -> None:
        self.started += 1

    def may_write(self) -> bool:
        try:
            self.election.fence()
        except NotLeadingError:
            return False
        return not self.lost


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


def lease(holder: str | None, renewed: str = "t1", duration: int = 15) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": duration}}


@pytest.mark.parametrize(
    ("holder", "age", "allowed"),
    [("", 0, True), ("me", 0, True), ("other", 0, False), ("other", 14.9, False), ("other", 15, True)],
)
def test_a_lease_is_taken_when_free_ours_or_silent_for_its_duration(holder: str, age: float, allowed: bool) -> None:
    assert may_take(Observed(holder, "t1", 15, at=100), identity="me", now=100 + age) is allowed


def test_silence_counts_from_when_the_last_renewal_was_seen() -> None:
    """Not from the time that the holder wrote, whose clock may be wrong by a day."""
    first = observe(lease("other", "t1"), before=None, now=100)
    assert observe(lease("other", "t1"), before=first, now=110).at == 100
    assert observe(lease("other", "t2"), before=first, now=110).at == 110
    assert observe(lease("third", "t1"), before=first, now=110).at == 110


def test_the_first_takes_it_and_the_second_waits(server: LeaseServer, clock: Clock) -> None:
    one, two = Process(server, "one", clock), Process(server, "two", clock)
    one.election.step()
    two.election.step()
    assert (one.started, two.started) == (1, 0)
    assert one.may_write()
    assert not two.may_write()
    assert server.leases["ns", "l"]["spec"]["holderIdentity"] == "one"


def test_after_a_crash_the_second_takes_over_when_the_lease_has_run_out(server: LeaseServer, clock: Clock) -> None:
    one, two = Process(server, "one", clock), Process(server, "two", clock)
    one.election.step()
    two.election.step()
    clock.now += DURATION - 0.1
    two.election.step()
    assert two.started == 0
    clock.now += 0.2
    two.election.step()
    assert two.started == 1
    assert server.leases["ns", "l"]["spec"]["leaseTransitions"] == 1


def test_after_a_release_the_second_takes_over_at_its_next_step(server: LeaseServer, clock: Clock) -> None:
    one, two = Process(server, "one", clock), Process(server, "two", clock)
    one.election.step()
    two.election.step()
    one.election._thread = _Ended()  # the loop is not started in this test
    one.election.stop(release=True)
    assert not one.may_write()
    two.election.step()
    assert two.started == 1


class _Ended:
    def join(self, timeout: float) -> None: ...


def test_nothing_is_released_that_somebody_else_holds(server: LeaseServer, clock: Clock) -> None:
    one, two = Process(server, "one", clock), Process(server, "two", clock)
    one.election.step()
    two.election.step()
    clock.now += DURATION + 1
    two.election.step()
    one.election._lock.release()
    assert server.leases["ns", "l"]["spec"]["holderIdentity"] == "two"


def test_an_api_server_that_is_away_stops_writes_but_not_the_process(server: LeaseServer, clock: Clock) -> None:
    """Nobody else could take the Lease meanwhile: when it answers again, the leader goes on."""
    one = Process(server, "one", clock)
    one.election.step()
    server.fails = DOWN
    for _ in range(150):
        clock.now += 2
        one.election.step()
    assert not one.may_write()
    assert not one.lost
    server.fails = None
    one.election.step()
    assert one.may_write()
    assert one.started == 1


def test_a_leader_that_was_stopped_for_long_ends_when_somebody_else_took_over(
    server: LeaseServer, clock: Clock
) -> None:
    """SIGSTOP for 30 s: on waking it may not write before it has looked, and then it learns that it is no longer the leader."""
    one, two = Process(server, "one", clock), Process(server, "two", clock)
    one.election.step()
    two.election.step()
    clock.now += 30
    two.election.step()
    assert two.started == 1
    assert not one.may_write()
    one.election.step()
    assert one.lost == ["two"]
    assert server.leases["ns", "l"]["spec"]["holderIdentity"] == "two"


def test_a_leader_does_not_take_back_what_was_held_by_another_even_when_it_is_free_again(
    server: LeaseServer, clock: Clock
) -> None:
    one, two = Process(server, "one", clock), Process(server, "two", clock)
    one.election.step()
    two.election.step()
    clock.now += 30
    two.election.step()
    two.election._lock.release()
    one.election.step()
    assert one.lost == ["nobody"]


def test_the_fence_closes_five_seconds_before_another_may_take_the_lease(server: LeaseServer, clock: Clock) -> None:
    one = Process(server, "one", clock)
    one.election.step()
    clock.now += RENEW_DEADLINE - 0.01
    assert one.may_write()
    clock.now += 0.02
    assert not one.may_write()
    assert RENEW_DEADLINE + 5 <= DURATION


@given(
    st.lists(st.tuples(st.sampled_from(["step-0", "step-1", "step-2", "down", "up"]), st.floats(0, 20)), max_size=60)
)
def test_no_two_may_ever_write_at_once(events: list[tuple[str, float]]) -> None:
    """Three processes on one (monotonic) time, steps in any order, pauses of any length, an API server that comes and goes."""
    server, clock = LeaseServer(), Clock()
    processes = [Process(server, f"p{number}", clock) for number in range(3)]
    for event, pause in events:
        clock.now += pause
        if event in {"down", "up"}:
            server.fails = DOWN if event == "down" else None
        else:
            process = processes[int(event[-1])]
            if not process.lost:
                process.election.step()
        assert sum(process.may_write() for process in processes) <= 1
