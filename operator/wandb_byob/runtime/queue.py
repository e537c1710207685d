"""The work queue: keyed and de-duplicating, with three lanes, delays and backoff, as client-go's workqueue has it.

A key in process is never given out a second time: what is added meanwhile marks it dirty, and it returns when it is done. Which
key comes next is told by `runtime.lanes`. No library for this exists for Python; the nearest lack delays or de-duplication
(docs/adr/0005).
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from random import Random
from typing import Generic, Protocol

from wandb_byob.runtime.lanes import K, Lane, Limits, QueueState, Snapshot


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Exponential, in seconds, with jitter: between half and all of `base` x 2^failures, at most `most`."""

    base: float = 0.005
    most: float = 300.0

    def delay(self, failures: int, random: Random) -> float:
        """Return the wait after so many failures in a row (1 or more)."""
        # Past 2^40 the limit holds anyway, and the float must not overflow.
        full = min(self.most, self.base * 2.0 ** min(failures - 1, 40))
        return full * (0.5 + random.random() / 2)


class QueueMetrics(Protocol):
    """What the queue tells whoever counts; must be quick and never raise."""

    def added(self, lane: Lane) -> None:
        """Count a key that was added, whether or not it waited already."""

    def taken(self, lane: Lane, *, waited: float) -> None:
        """Note how long a key has waited."""

    def finished(self, *, worked: float) -> None:
        """Note how long a key was in process."""

    def retried(self) -> None:
        """Count a key that comes again because it failed."""


class WorkQueue(Generic[K]):
    """The queue for threads: `get` blocks, everything else returns at once."""

    def __init__(
        self,
        *,
        limits: Limits,
        metrics: QueueMetrics,
        group: Callable[[K], Hashable] = lambda key: key,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        self._state: QueueState[K] = QueueState(limits=limits, group=group)
        self._metrics = metrics
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._random = random or Random()  # noqa: S311 (spreads load, guards nothing)
        self._failures: dict[K, int] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._moved_at = clock()

    def add(self, key: K, *, lane: Lane = Lane.EDIT, period: float = 0.0) -> None:
        """Ask for a look at the key now; `period` orders the background lane: seconds within which it should be looked at."""
        with self._changed:
            self._state.add(key, lane=lane, now=self._clock(), period=period)
            self._changed.notify()
        self._metrics.added(lane)

    def add_after(self, key: K, seconds: float) -> None:
        """Look at the key again after this time, in the background; replaces what was scheduled for it before."""
        with self._changed:
            self._state.schedule(key, due=self._clock() + seconds, period=seconds)
            self._changed.notify()

    def retry(self, key: K) -> float:
        """Look at the key again after its backoff, which grows with each call until `forget`; return the seconds."""
        with self._changed:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            seconds = self._backoff.delay(failures, self._random)
            self._state.schedule(key, due=self._clock() + seconds, period=seconds)
            self._changed.notify()
        self._metrics.retried()
        return seconds

    def forget(self, key: K) -> None:
        """The key has succeeded: its next failure starts the backoff anew."""
        with self._changed:
            self._failures.pop(key, None)

    def get(self) -> K | None:
        """Wait for the next key; None when the queue is closed. Each key is given back with `done`."""
        with self._changed:
            while not self._closed:
                now = self._clock()
                taken = self._state.take(now)
                change = self._state.next_change(now)
                if taken is not None:
                    self._moved_at = now
                    if change is not None:
                        # This thread waited for the time; another must do so now.
                        self._changed.notify()
                    key, lane, waited = taken
                    self._metrics.taken(lane, waited=waited)
                    return key
                self._changed.wait(None if change is None else max(0.0, change - now))
            return None

    def done(self, key: K) -> None:
        """Give a key back."""
        with self._changed:
            self._moved_at = self._clock()
            worked = self._state.done(key, self._moved_at)
            self._changed.notify_all()
        self._metrics.finished(worked=worked)

    def close(self) -> None:
        """Give out nothing any more; threads that wait return from `get`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until no key is in process any more, at most so long; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._state.running(), timeout=seconds)

    def snapshot(self) -> Snapshot:
        """Return what to show of the queue."""
        with self._changed:
            return self._state.snapshot(self._clock())

    def stuck_seconds(self) -> float:
        """Return for how long nothing was taken or given back although keys wait; 0 where all is well."""
        with self._changed:
            now = self._clock()
            waiting = self._state.snapshot(now).oldest_waiting_seconds
            return min(waiting, now - self._moved_at)
