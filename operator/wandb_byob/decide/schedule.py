"""When to look again: at a phase that follows from the object's uid, so that nothing needs to be remembered.

Every object has its own offset within an interval; it is looked at at epoch + offset + k · interval. A thousand objects
that were created, or first seen, in the same second are so spread over the interval, and a restart changes nothing.
"""

import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_RESOLUTION: Final = 1_000_000


def duration(text: str) -> timedelta:
    """Read a duration of the API such as `5m` or `1h30m`; raises ValueError for anything else, the empty text included."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError("not a duration such as 90s, 5m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def next_phase(now: datetime, *, uid: str, interval: timedelta) -> datetime:
    """Return the first phase of this object after `now`."""
    offset = interval * (zlib.crc32(uid.encode()) % _RESOLUTION) / _RESOLUTION
    passed = (now - _EPOCH - offset) // interval
    return _EPOCH + offset + interval * (passed + 1)


def backoff(after: timedelta, *, failures: int, limit: timedelta) -> timedelta:
    """Return how long to wait after the n-th failure in a row (n from 1): doubled each time, at most `limit`."""
    return min(after * (1 << min(failures - 1, 16)), max(limit, after))
