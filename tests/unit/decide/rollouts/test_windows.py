"""Maintenance windows: when W&B may be restarted, in the administrator's own time zone."""

from datetime import UTC, datetime, timedelta

import pytest

from wandb_byob.decide.rollouts.windows import opens, windows
from wandb_byob.model.api import Rollout, RolloutWindow
from wandb_byob.model.errors import Stalled


def rollout(*given: tuple[str, str, str]) -> Rollout:
    return Rollout(windows=tuple(RolloutWindow(schedule=s, duration=d, time_zone=z) for s, d, z in given))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NIGHT = ("0 2 * * *", "2h", "Etc/UTC")
BERLIN = ("30 2 * * *", "1h", "Europe/Berlin")
SUNDAY = ("0 22 * * SUN", "6h", "Etc/UTC")


@pytest.mark.parametrize(
    ("given", "now", "expected"),
    [
        ((), "2026-11-23T12:00", None),
        ((NIGHT,), "2026-11-23T02:00:00", None),
        ((NIGHT,), "2026-11-23T03:59:59", None),
        ((NIGHT,), "2026-11-23T04:00:00", "2026-11-24T02:00"),
        ((NIGHT,), "2026-11-23T01:59:59", "2026-11-23T02:00"),
        ((NIGHT,), "2026-11-23T01:59:59.999", "2026-11-23T02:00"),
        ((NIGHT, SUNDAY), "2026-11-22T23:00", None),
        ((NIGHT, SUNDAY), "2026-11-23T05:00", "2026-11-24T02:00"),
        ((SUNDAY,), "2026-11-23T03:59", None),
        ((SUNDAY,), "2026-11-23T04:00", "2026-11-29T22:00"),
        ((BERLIN,), "2026-11-23T01:30", None),
        ((BERLIN,), "2026-06-23T00:30", None),
        ((BERLIN,), "2026-06-23T01:30", "2026-06-24T00:30"),
        # The night in which 02:30 does not exist in Berlin: the window comes at 03:00 summer time.
        ((BERLIN,), "2026-03-29T00:59", "2026-03-29T01:00"),
    ],
)
def test_when_w_and_b_may_be_restarted(given: tuple[tuple[str, str, str], ...], now: str, expected: str | None) -> None:
    """None: now. Else the first second of the next window, whatever the clocks of its zone do."""
    assert opens(windows(rollout(*given)), at(now)) == (None if expected is None else at(expected))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("99 2 * * *", "2h", "Etc/UTC"), r"windows\[0\].schedule does not say when .* \(bad minute\)"),
        (("0 0 30 2 *", "2h", "Etc/UTC"), r"windows\[0\].schedule does not say when"),
        (("0 2 * * *", "2h", "Europe/Atlantis"), r"windows\[0\].timeZone is no time zone"),
        (("0 2 * * *", "2h", "../../etc/passwd"), r"windows\[0\].timeZone is no time zone"),
        (("0 2 * * *", "long", "Etc/UTC"), r"windows\[0\].duration is not a duration"),
    ],
)
def test_a_window_that_never_comes_is_refused(given: tuple[str, str, str], said: str) -> None:
    with pytest.raises(Stalled, match=said):
        windows(rollout(given))


def test_a_window_is_open_for_as_long_as_it_lasts() -> None:
    """Minute by minute over two days: open for two hours of each."""
    (night,) = windows(rollout(NIGHT))
    begin = at("2026-11-23T00:00")
    assert sum(night.open_at(begin + timedelta(minutes=minute)) for minute in range(2880)) == 240
