"""Phases, durations and waits."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_byob.decide import schedule

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 1.5 * MINUTE), ("5m", 5 * MINUTE), ("1h30m", 90 * MINUTE), ("24h", 1440 * MINUTE), ("0s", 0 * MINUTE)],
)
def test_duration(text: str, expected: timedelta) -> None:
    """Hours, minutes and seconds in this order."""
    assert schedule.duration(text) == expected


@pytest.mark.parametrize("text", ["", "5", "m", "-1m", "NaN", "1e999", "5 minutes", "1d", "1m1h", "1.5h", "５m5"])
def test_no_duration(text: str) -> None:
    """Everything else is refused, not guessed."""
    with pytest.raises(ValueError, match="duration"):
        schedule.duration(text)


@given(
    uid=st.uuids().map(str),
    seconds=st.integers(30, 86400),
    now=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_phase_follows_within_one_interval_and_the_next_one_interval_later(
    uid: str, seconds: int, now: datetime
) -> None:
    """It is never now (so that a look at its phase asks for the next one), and depends on nothing but uid and interval."""
    interval = timedelta(seconds=seconds)
    phase = schedule.next_phase(now, uid=uid, interval=interval)
    assert now < phase <= now + interval
    assert schedule.next_phase(phase, uid=uid, interval=interval) == phase + interval
    assert schedule.next_phase(phase - timedelta(microseconds=1), uid=uid, interval=interval) == phase


def test_objects_are_spread_over_the_interval() -> None:
    """Of a thousand objects seen in the same second, no tenth of the interval gets more than twice its share."""
    interval = 5 * MINUTE
    tenths = [0] * 10
    for number in range(1000):
        phase = schedule.next_phase(NOW, uid=f"6f6f5d1e-0000-4000-8000-{number:012d}", interval=interval)
        tenths[min(int((phase - NOW) / interval * 10), 9)] += 1
    assert max(tenths) < 200
    assert min(tenths) > 50


@pytest.mark.parametrize(("failures", "expected"), [(1, 30), (2, 60), (3, 120), (4, 240), (5, 300), (1000, 300)])
def test_waits_grow_to_the_limit(failures: int, expected: int) -> None:
    """Doubled each time, at most the interval."""
    wait = schedule.backoff(timedelta(seconds=30), failures=failures, limit=5 * MINUTE)
    assert wait.total_seconds() == expected


def test_a_wait_that_is_longer_than_the_limit_is_kept() -> None:
    """A store that asks for ten minutes gets them, also with an interval of five."""
    assert schedule.backoff(10 * MINUTE, failures=1, limit=5 * MINUTE) == 10 * MINUTE
