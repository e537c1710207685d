"""When W&B may be restarted: each thing that makes a change wait, and for how long."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from unit.decide.target import BEGIN, POLICY
from wandb_byob.decide.attachments import Pending
from wandb_byob.decide.rollouts.timing import LOOK_AGAIN, hold
from wandb_byob.decide.rollouts.windows import windows
from wandb_byob.model.api import Rollout, RolloutWindow

HOUR = replace(POLICY, minimum_interval=timedelta(hours=1))
NIGHTLY = replace(POLICY, windows=windows(Rollout(windows=(RolloutWindow(schedule="0 2 * * *", duration="1h"),))))
AT_ONCE = replace(POLICY, max_wait=timedelta(0))


def pending(*seconds: float) -> list[Pending]:
    return [Pending(identity=f"i{at}", since=BEGIN + timedelta(seconds=at)) for at in seconds]


def waits(at: float, given: list[Pending], *, policy: Any = POLICY, progressing: bool = False, busy: tuple[str, ...] = (), last: datetime | None = None) -> float | None:  # fmt: skip
    """Seconds to wait, `at` seconds after the beginning; None where it is time."""
    found = hold(given, progressing=progressing, busy=busy, policy=policy, last=last, now=BEGIN + timedelta(seconds=at))
    return None if found is None else found.again.total_seconds()


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (waits(1, pending(0)), 2),
        (waits(3, pending(0)), None),
        (waits(100, pending(0, 99)), 2),
        (waits(10, pending(0), progressing=True), 110),
        (waits(119, pending(0, 118), progressing=True), 2),
        (waits(121, pending(0), progressing=True), None),
        (waits(1, pending(0), policy=AT_ONCE, progressing=True), None),
        (waits(60, pending(0), policy=HOUR, last=BEGIN), 3540),
        (waits(3600, pending(0), policy=HOUR, last=BEGIN), None),
        (waits(60, [], policy=HOUR, last=BEGIN), 3540),
        (waits(10, pending(0), busy=("Deployment/app",)), LOOK_AGAIN.total_seconds()),
        (waits(900, pending(0), busy=("Deployment/app",)), None),
        (waits(0, []), None),
        (waits(10, pending(0), policy=NIGHTLY), 7190),
        (waits(7200, pending(0), policy=NIGHTLY), None),
    ],
    ids=["just come", "settled", "another has just come", "others on their way", "the newest settles first", "long enough", "no waiting asked for", "too soon",
         "interval over", "too soon, whatever it is", "W&B is busy", "W&B is busy for ever", "nothing to wait for", "before the window", "in the window"],
)  # fmt: skip
def test_how_long_a_change_waits(found: float | None, expected: float | None) -> None:
    assert found == expected


def test_what_is_told_does_not_change_while_it_waits() -> None:
    """A time, not a count-down: the status is written once."""
    texts = {
        hold(pending(0), progressing=True, busy=(), policy=POLICY, last=None, now=BEGIN + timedelta(seconds=at)).message  # type: ignore[union-attr]
        for at in (5, 50, 100)
    }
    assert len(texts) == 1
    assert "2026-01-01T00:02:00Z" in texts.pop()
