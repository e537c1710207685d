"""The work queue: keyed and de-duplicating, with three lanes, delays and backoff, as client-go's workqueue has it.

A key in process is never given out a second time: what is added meanwhile marks it dirty, and it returns when it is done.
Lanes, in the order in which they are served: EDIT (somebody changed the object), CONSEQUENCE (something it refers to changed) and
BACKGROUND (re-verification, retries, the first listing). Only the last has a budget of workers, so that an edit always finds
one; in it, what is looked at more often goes first (earliest deadline, that is due time plus period), which starves nobody.
No library for this exists for Python; the nearest lack delays or de-duplication (docs/adr/0005).
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import IntEnum
from heapq import heappop, heappush
from random import Random
from typing import Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)


class Lane(IntEnum):
    """Why a key is in the queue; lower is served first."""

    EDIT = 0
    CONSEQUENCE = 1
    BACKGROUND = 2


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


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The queue at one moment; durations in seconds."""

    depth: dict[Lane, int]
    delayed: int
    running: int
    unfinished_seconds: float
    longest_running_seconds: float
    oldest_waiting_seconds: float


@dataclass(slots=True)
class _Waiting:
    """A key that waits to be taken: since when, in which lane, and (background) until when it should be."""

    lane: Lane
    since: float
    deadline: float


class QueueState(Generic[K]):
    """The queue's rules without threads or clock; times are seconds on any one clock."""

    def __init__(self, *, background_limit: int) -> None:
        self._limit = background_limit
        self._waiting: dict[K, _Waiting] = {}
        # Entries of keys that have left their lane since stay in the heaps until they come up.
        self._lanes: dict[Lane, list[tuple[float, int, K]]] = {lane: [] for lane in Lane}
        self._delays: list[tuple[float, int, K]] = []
        self._scheduled: dict[K, tuple[float, float]] = {}
        self._running: dict[K, tuple[float, Lane]] = {}
        self._dirty: dict[K, _Waiting] = {}
        self._count = 0

    def add(self, key: K, *, lane: Lane, now: float, period: float = 0.0) -> None:
        """Ask for a look at the key now. It keeps its place unless the new lane is served earlier."""
        wanted = _Waiting(lane, now, now + period if lane is Lane.BACKGROUND else now)
        into = self._dirty if key in self._running else self._waiting
        known = into.get(key)
        if known is not None and (known.lane, known.deadline) <= (wanted.lane, wanted.deadline):
            return
        if known is not None:
            wanted.since = known.since
        into[key] = wanted
        if into is self._waiting:
            self._push(key, wanted)

    def schedule(self, key: K, *, due: float, period: float) -> None:
        """Look at the key again, in the background, when it is due; replaces what was scheduled for it before."""
        self._scheduled[key] = (due, period)
        self._count += 1
        heappush(self._delays, (due, self._count, key))

    def take(self, now: float) -> tuple[K, Lane, float] | None:
        """Give out the next key with its lane and the seconds it has waited, or None; its schedule is dropped: this look replaces it."""
        self._promote(now)
        for lane in Lane:
            if lane is Lane.BACKGROUND and self._background_running() >= self._limit:
                return None
            key = self._pop(lane)
            if key is not None:
                waiting = self._waiting.pop(key)
                self._scheduled.pop(key, None)
                self._running[key] = (now, lane)
                return key, lane, now - waiting.since
        return None

    def done(self, key: K, now: float) -> float:
        """Take a key back and return for how many seconds it was out; it waits again if it was added meanwhile."""
        started, _ = self._running.pop(key)
        dirty = self._dirty.pop(key, None)
        if dirty is not None:
            self._waiting[key] = dirty
            self._push(key, dirty)
        return now - started

    def running(self) -> int:
        """Return how many keys are out."""
        return len(self._running)

    def next_due(self) -> float | None:
        """Return when the next delayed key is due, None where there is none."""
        while self._delays and not self._is_current(*self._delays[0]):
            heappop(self._delays)
        return self._delays[0][0] if self._delays else None

    def snapshot(self, now: float) -> Snapshot:
        """Return what to show of the queue."""
        depth = dict.fromkeys(Lane, 0)
        for waiting in self._waiting.values():
            depth[waiting.lane] += 1
        ages = [now - started for started, _ in self._running.values()]
        return Snapshot(
            depth=depth,
            delayed=len(self._scheduled),
            running=len(ages),
            unfinished_seconds=sum(ages),
            longest_running_seconds=max(ages, default=0.0),
            oldest_waiting_seconds=max((now - waiting.since for waiting in self._waiting.values()), default=0.0),
        )

    def _promote(self, now: float) -> None:
        while (due := self.next_due()) is not None and due <= now:
            _, _, key = heappop(self._delays)
            _, period = self._scheduled.pop(key)
            self.add(key, lane=Lane.BACKGROUND, now=now, period=due - now + period)

    def _is_current(self, due: float, _: int, key: K) -> bool:
        scheduled = self._scheduled.get(key)
        return scheduled is not None and scheduled[0] == due

    def _push(self, key: K, waiting: _Waiting) -> None:
        self._count += 1
        heappush(self._lanes[waiting.lane], (waiting.deadline, self._count, key))

    def _pop(self, lane: Lane) -> K | None:
        entries = self._lanes[lane]
        while entries:
            deadline, _, key = heappop(entries)
            waiting = self._waiting.get(key)
            if waiting is not None and (waiting.lane, waiting.deadline) == (lane, deadline):
                return key
        return None

    def _background_running(self) -> int:
        return sum(lane is Lane.BACKGROUND for _, lane in self._running.values())


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
        background_limit: int,
        metrics: QueueMetrics,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        self._state: QueueState[K] = QueueState(background_limit=background_limit)
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
                due = self._state.next_due()
                if taken is not None:
                    self._moved_at = now
                    if due is not None:
                        # This thread waited for the time; another must do so now.
                        self._changed.notify()
                    key, lane, waited = taken
                    self._metrics.taken(lane, waited=waited)
                    return key
                self._changed.wait(None if due is None else max(0.0, due - now))
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
