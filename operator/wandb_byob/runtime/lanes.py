"""The rules of the work queue, without threads or clock: which key is given out next, and which has to wait.

Lanes, in the order in which they are served: EDIT (somebody changed the object), CONSEQUENCE (something it refers to changed) and
BACKGROUND (re-verification, retries, the first listing). Only the last has a budget, so that an edit always finds a worker; in
it, what is looked at more often goes first (earliest deadline, that is due time plus period), which starves nobody.

A key that is out for long waits for somebody else: a store that does not answer, or drips. Such keys give their place to others,
up to a limit. Of this a group (a namespace) gets one place more only while it has fewer than are free: n groups that take all they
can get have one of n + 1 parts each, and one part stays free for others (the dynamic threshold by which switches share buffers).
Edits and consequences of a group that has many keys in the queue go behind those of one that has few.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import IntEnum
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

LONG: Final = 1.0
"""Seconds after which a key that is out counts as waiting for somebody else."""
_TURN: Final = 0.5
"""By how many seconds each key that a group has in the queue puts its next edit or consequence behind those of others."""


class Lane(IntEnum):
    """Why a key is in the queue; lower is served first."""

    EDIT = 0
    CONSEQUENCE = 1
    BACKGROUND = 2


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many keys may be out at once: `active` that are worked at, `background` of these from that lane, `total` with those that wait.

    The background lane gets at most three quarters of `total`.
    """

    active: int
    background: int
    total: int

    @classmethod
    def of(cls, workers: int) -> "Limits":
        """Return the limits for so many workers: two are kept free of background work, and eight times as many keys may wait."""
        return cls(active=workers, background=max(1, workers - 2), total=8 * workers)

    def places(self, lane: "Lane") -> int:
        """Return how many keys of this lane may be out at most."""
        return max(1, self.total * 3 // 4) if lane is Lane.BACKGROUND else self.total


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


@dataclass(slots=True)
class _Out:
    """A key in process: since when, and from which lane."""

    since: float
    lane: Lane


class QueueState(Generic[K]):
    """The queue's rules; times are seconds on any one clock. `group` tells whose a key is."""

    def __init__(self, *, limits: Limits, group: Callable[[K], Hashable] = lambda key: key) -> None:
        self._limits = limits
        self._group = group
        self._waiting: dict[K, _Waiting] = {}
        # Entries of keys that have left their lane since stay in the heaps until they come up.
        self._lanes: dict[Lane, list[tuple[float, int, K]]] = {lane: [] for lane in Lane}
        # What had to give way to other groups, by group and lane, until that has room again.
        self._parked: dict[tuple[Hashable, Lane], list[tuple[float, int, K]]] = {}
        self._delays: list[tuple[float, int, K]] = []
        self._scheduled: dict[K, tuple[float, float]] = {}
        self._running: dict[K, _Out] = {}
        self._groups: Counter[Hashable] = Counter()
        self._queued: Counter[Hashable] = Counter()
        self._dirty: dict[K, _Waiting] = {}
        self._count = 0

    def add(self, key: K, *, lane: Lane, now: float, period: float = 0.0) -> None:
        """Ask for a look at the key now. It keeps its place unless the new lane is served earlier."""
        wanted = _Waiting(lane, now, now + (period if lane is Lane.BACKGROUND else self._turn(key)))
        into = self._dirty if key in self._running else self._waiting
        known = into.get(key)
        if known is not None and (known.lane, known.deadline) <= (wanted.lane, wanted.deadline):
            return
        if known is not None:
            wanted.since = known.since
        elif into is self._waiting:
            self._queued[self._group(key)] += 1
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
        if len(self._running) >= self._limits.total or self._active(now) >= self._limits.active:
            return None
        for lane in Lane:
            if lane is Lane.BACKGROUND and self._background_is_full(now):
                return None
            key = self._pop(lane)
            if key is not None:
                waiting = self._waiting.pop(key)
                self._scheduled.pop(key, None)
                self._running[key] = _Out(now, lane)
                self._went_out(self._group(key))
                return key, lane, now - waiting.since
        return None

    def done(self, key: K, now: float) -> float:
        """Take a key back and return for how many seconds it was out; it waits again if it was added meanwhile."""
        out = self._running.pop(key)
        dirty = self._dirty.pop(key, None)
        if dirty is not None:
            self._waiting[key] = dirty
            self._queued[self._group(key)] += 1
            self._push(key, dirty)
        self._came_back(self._group(key))
        return now - out.since

    def running(self) -> int:
        """Return how many keys are out."""
        return len(self._running)

    def next_due(self) -> float | None:
        """Return when the next delayed key is due, None where there is none."""
        while self._delays and not self._is_current(*self._delays[0]):
            heappop(self._delays)
        return self._delays[0][0] if self._delays else None

    def next_change(self, now: float) -> float | None:
        """Return when the passing of time alone may let a key be taken: one is due, or one that is out gives up its place."""
        due = self.next_due()
        long = (out.since + LONG for out in self._running.values() if out.since + LONG > now) if self._waiting else ()
        return min((time for time in (due, *long) if time is not None), default=None)

    def snapshot(self, now: float) -> Snapshot:
        """Return what to show of the queue."""
        depth = dict.fromkeys(Lane, 0)
        for waiting in self._waiting.values():
            depth[waiting.lane] += 1
        ages = [now - out.since for out in self._running.values()]
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
            deadline, count, key = heappop(entries)
            if not self._waits(key, lane, deadline):
                continue
            group = self._group(key)
            if self._has_room(group, lane):
                return key
            heappush(self._parked.setdefault((group, lane), []), (deadline, count, key))
        return None

    def _turn(self, key: K) -> float:
        group = self._group(key)
        return _TURN * (self._queued[group] + self._groups[group])

    def _has_room(self, group: Hashable, lane: Lane) -> bool:
        """Say whether a group may have one more key of this lane out: it has fewer out, of all lanes, than are free for this one."""
        same = (
            sum(out.lane is lane for out in self._running.values()) if lane is Lane.BACKGROUND else len(self._running)
        )
        return self._groups[group] < self._limits.places(lane) - same

    def _went_out(self, group: Hashable) -> None:
        self._queued[group] -= 1
        if not self._queued[group]:
            del self._queued[group]
        self._groups[group] += 1
        for lane in Lane:
            self._unpark(group, lane)

    def _came_back(self, group: Hashable) -> None:
        """Take note that a key of this group is back: its place may be anybody's."""
        self._groups[group] -= 1
        if not self._groups[group]:
            del self._groups[group]
        for waiting, lane in tuple(self._parked):
            self._unpark(waiting, lane)

    def _unpark(self, group: Hashable, lane: Lane) -> None:
        """Let the next parked key of a group come up where the group has room; each that goes out brings up the one after it."""
        parked = self._parked.get((group, lane), [])
        while parked and self._has_room(group, lane):
            deadline, count, key = heappop(parked)
            if self._waits(key, lane, deadline):
                heappush(self._lanes[lane], (deadline, count, key))
                break
        if not parked:
            self._parked.pop((group, lane), None)

    def _waits(self, key: K, lane: Lane, deadline: float) -> bool:
        waiting = self._waiting.get(key)
        return waiting is not None and (waiting.lane, waiting.deadline) == (lane, deadline)

    def _active(self, now: float) -> int:
        return sum(now - out.since < LONG for out in self._running.values())

    def _background_is_full(self, now: float) -> bool:
        since = [out.since for out in self._running.values() if out.lane is Lane.BACKGROUND]
        active = sum(now - each < LONG for each in since)
        return active >= self._limits.background or len(since) >= self._limits.places(Lane.BACKGROUND)
