"""What a process remembers of Google's limits: by project, by bucket, and no longer than it has to."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from wandb_byob.model.errors import Waiting
from wandb_byob.providers.gcs.recent import Recent


class Clock:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Note it."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(clock: Clock) -> Recent:
    return Recent(clock=lambda: clock.now, sleep=clock.sleep)


def test_projects_have_turns_of_their_own(recent: Recent) -> None:
    recent.take_turn("acme", "a")
    recent.take_turn("globex", "b")
    with pytest.raises(Waiting) as waiting:
        recent.take_turn("acme", "c")
    assert waiting.value.after.total_seconds() == 2.5


def test_who_signs_otherwise_has_turns_of_his_own(recent: Recent) -> None:
    """A project is a name that anybody may write."""
    recent.take_turn("acme", "a", signer="stranger")
    recent.take_turn("acme", "b", signer="owner")
    with pytest.raises(Waiting):
        recent.take_turn("acme", "c", signer="owner")


def test_projects_are_forgotten(recent: Recent, clock: Clock) -> None:
    """Names that somebody makes up one after the other take no room for ever."""
    for number in range(1000):
        recent.take_turn(f"project-{number}", "a")
        clock.now += 1
    assert len(recent._projects) <= 61


def test_twenty_threads_get_twenty_turns(recent: Recent) -> None:
    """One goes, and the others are told nineteen different times."""

    def wait_of(bucket: str) -> float:
        try:
            recent.take_turn("acme", bucket)
        except Waiting as waiting:
            return waiting.after.total_seconds()
        return 0

    with ThreadPoolExecutor(20) as threads:
        waits = sorted(threads.map(wait_of, (f"bucket-{number}" for number in range(20))))
    assert waits == [2.5 * number for number in range(20)]


def test_updates_of_one_bucket_are_a_second_apart(recent: Recent, clock: Clock) -> None:
    for bucket in ("a", "b", "a", "a"):
        with recent.updating(bucket):
            clock.now += 0.25
    assert clock.slept == [0.75, 1]
    clock.now += 0.75
    with recent.updating("a"):
        assert clock.slept[2:] == [0.25]


def test_a_refusal_counts_seven_minutes_after_a_grant(recent: Recent, clock: Clock) -> None:
    recent.refused("a", "why")
    recent.granted("a")
    recent.refused("b", "why")
    clock.now += 419
    with pytest.raises(Waiting, match="Until then: why"):
        recent.refused("a", "why")
    clock.now += 2
    recent.refused("a", "why")
