"""How long one look may go on calling stores, all calls together.

A reply has its own deadline (`sockets`), but a look makes dozens of calls: a store that takes half a minute for each would hold a
worker for as long as it likes. Threads that set no limit, such as the command line's, have none.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

LOOK_SECONDS: Final = 120.0
"""What a look at one object gets: many times what a healthy store needs."""
PATH_SECONDS: Final = 5.0
"""What it gets besides for each path that is proved, of which a bucket may have hundreds."""

_ends: Final[ContextVar[float]] = ContextVar("look_ends", default=math.inf)


@contextmanager
def limited(seconds: float = LOOK_SECONDS) -> Iterator[None]:
    """Let this thread's calls of stores end after so many seconds altogether."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def allow_paths(count: int) -> None:
    """Give the present look the time to prove so many paths."""
    _ends.set(_ends.get() + count * PATH_SECONDS)


def ends() -> float:
    """Return when this thread's look is over, in `time.monotonic`'s seconds; infinity where nothing limits it."""
    return _ends.get()


def is_over() -> bool:
    """Say whether the look's time is over."""
    return time.monotonic() >= _ends.get()
