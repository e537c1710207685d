"""Maintenance windows: the times, given as cron schedules in a time zone, in which W&B may be restarted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from wandb_byob.decide.schedule import duration
from wandb_byob.model.api import Rollout, RolloutWindow
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class Window:
    """A time that returns: it begins whenever `schedule` (five cron fields, in `zone`) comes, and lasts for `duration`."""

    schedule: str
    duration: timedelta
    zone: ZoneInfo

    def open_at(self, now: datetime) -> bool:
        """Say whether `now` lies in the window; its end does not."""
        # The search is for a time before the one given, and a window is open from its first second on.
        begun = next(CronSim(self.schedule, (now + timedelta(minutes=1)).astimezone(self.zone), reverse=True), None)
        if begun is not None and begun.astimezone(UTC) > now:
            begun = next(CronSim(self.schedule, begun, reverse=True), None)
        return begun is not None and now < begun.astimezone(UTC) + self.duration

    def next_start(self, now: datetime) -> datetime:
        """Return when it begins next after `now`, in UTC."""
        return next(CronSim(self.schedule, now.astimezone(self.zone))).astimezone(UTC)


def windows(rollout: Rollout) -> tuple[Window, ...]:
    """Return the windows of `spec.rollout`; raises `Stalled` that names the field with a time that never comes."""
    return tuple(_window(given, f"spec.rollout.windows[{index}]") for index, given in enumerate(rollout.windows))


def _window(given: RolloutWindow, field: str) -> Window:
    try:
        zone = ZoneInfo(given.time_zone)
    except (ValueError, OSError, LookupError):
        raise Stalled(
            Reason.INVALID_SPEC,
            f"{field}.timeZone is no time zone that is known. Write the name of one, such as Europe/Berlin.",
        ) from None
    try:
        next(CronSim(given.schedule, datetime(2000, 1, 1, tzinfo=zone)))
        lasts = duration(given.duration)
    except (CronSimError, StopIteration) as error:
        why = str(error) or "it never comes"
        raise Stalled(
            Reason.INVALID_SPEC,
            f"{field}.schedule does not say when the window begins ({why[0].lower()}{why[1:]}). Write minute, hour, day of "
            "month, month and day of week, such as 0 2 * * *.",
        ) from None
    except ValueError:
        raise Stalled(
            Reason.INVALID_SPEC, f"{field}.duration is not a duration. Write one such as 30m or 2h."
        ) from None
    return Window(schedule=given.schedule, duration=lasts, zone=zone)


def opens(given: Iterable[Window], now: datetime) -> datetime | None:
    """Return when W&B may be restarted next, None where that is now: a window is open, or none is given."""
    asked = tuple(given)
    if not asked or any(window.open_at(now) for window in asked):
        return None
    return min(window.next_start(now) for window in asked)
