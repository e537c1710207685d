"""The work queue: its rules against a naive model, and with threads."""

import threading
import time
from collections import Counter
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wandb_byob.runtime.queue import Backoff, Lane, QueueState, WorkQueue

KEYS = st.sampled_from("abcde")


class Quiet:
    """Counts nothing."""

    def added(self, lane: Lane) -> None: ...
    def taken(self, lane: Lane, *, waited: float) -> None: ...
    def finished(self, *, worked: float) -> None: ...
    def retried(self) -> None: ...


def work_queue(*, background_limit: int = 8, backoff: Backoff | None = None) -> WorkQueue[str]:
    return WorkQueue(background_limit=background_limit, metrics=Quiet(), backoff=backoff, random=Random(1))


def takes(state: QueueState[str], now: float = 0.0) -> list[str]:
    """Take until there is nothing more."""
    taken = []
    while (item := state.take(now)) is not None:
        taken.append(item[0])
    return taken


def test_a_key_added_many_times_is_given_out_once() -> None:
    state: QueueState[str] = QueueState(background_limit=9)
    for _ in range(5):
        state.add("a", lane=Lane.EDIT, now=0)
    assert takes(state) == ["a"]


def test_a_key_in_process_is_not_given_out_again_but_returns_when_done() -> None:
    state: QueueState[str] = QueueState(background_limit=9)
    state.add("a", lane=Lane.EDIT, now=0)
    state.take(0)
    state.add("a", lane=Lane.EDIT, now=1)
    assert state.take(1) is None
    assert state.done("a", 2) == 2
    assert state.take(3) == ("a", Lane.EDIT, 2)


def test_edits_come_before_consequences_and_both_before_background() -> None:
    state: QueueState[str] = QueueState(background_limit=9)
    state.add("background", lane=Lane.BACKGROUND, now=0)
    state.add("consequence", lane=Lane.CONSEQUENCE, now=0)
    state.add("edit", lane=Lane.EDIT, now=0)
    assert takes(state) == ["edit", "consequence", "background"]


def test_an_edit_overtakes_the_same_keys_background_look() -> None:
    """The key is promoted, not doubled, and its wait counts from when it first waited."""
    state: QueueState[str] = QueueState(background_limit=0)
    state.add("a", lane=Lane.BACKGROUND, now=0)
    state.add("a", lane=Lane.EDIT, now=3)
    assert state.take(5) == ("a", Lane.EDIT, 5)
    state.done("a", 5)
    assert state.take(5) is None


def test_an_edit_of_a_key_in_process_keeps_its_lane() -> None:
    state: QueueState[str] = QueueState(background_limit=9)
    state.add("a", lane=Lane.BACKGROUND, now=0)
    state.take(0)
    state.add("a", lane=Lane.BACKGROUND, now=0)
    state.add("a", lane=Lane.EDIT, now=0)
    state.done("a", 0)
    assert state.take(0) == ("a", Lane.EDIT, 0)


def test_background_work_never_takes_more_workers_than_its_budget() -> None:
    state: QueueState[str] = QueueState(background_limit=2)
    for key in "abcd":
        state.add(key, lane=Lane.BACKGROUND, now=0)
    assert takes(state) == ["a", "b"]
    state.add("edit", lane=Lane.EDIT, now=0)
    assert takes(state) == ["edit"]
    state.done("a", 1)
    assert takes(state) == ["c"]


def test_background_work_with_the_shorter_period_goes_first() -> None:
    """A rollout that is looked at every 5 s is not kept waiting by verifications that are due every 300 s."""
    state: QueueState[str] = QueueState(background_limit=9)
    for number in range(3):
        state.schedule(f"verify-{number}", due=10 + number, period=300)
    state.schedule("rollout", due=12, period=5)
    assert takes(state, now=20) == ["rollout", "verify-0", "verify-1", "verify-2"]


def test_a_later_schedule_replaces_the_earlier() -> None:
    state: QueueState[str] = QueueState(background_limit=9)
    state.schedule("a", due=5, period=5)
    state.schedule("a", due=50, period=50)
    assert state.next_due() == 50
    assert takes(state, now=10) == []
    assert takes(state, now=50) == ["a"]


def test_a_look_drops_the_schedule_since_its_result_sets_a_new_one() -> None:
    state: QueueState[str] = QueueState(background_limit=9)
    state.schedule("a", due=5, period=5)
    state.add("a", lane=Lane.EDIT, now=1)
    state.take(1)
    state.done("a", 1)
    assert state.next_due() is None


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [(1, 0.0025, 0.005), (2, 0.005, 0.01), (10, 1.28, 2.56), (17, 150, 300), (1000, 150, 300)],
)
def test_backoff_doubles_from_5_ms_to_5_min_with_jitter(failures: int, least: float, most: float) -> None:
    random = Random(7)
    delays = [Backoff().delay(failures, random) for _ in range(200)]
    assert least <= min(delays) < max(delays) <= most


class QueueModel(RuleBasedStateMachine):
    """The rules against a model that knows only: who wants to be looked at, who is in process, who was added meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state: QueueState[str] = QueueState(background_limit=2)
        self.wanted: dict[str, Lane] = {}
        self.running: dict[str, Lane] = {}
        self.dirty: dict[str, Lane] = {}
        self.scheduled: dict[str, float] = {}

    @rule(key=KEYS, lane=st.sampled_from(Lane), period=st.floats(0, 100))
    def add(self, key: str, lane: Lane, period: float) -> None:
        self.state.add(key, lane=lane, now=self.now, period=period)
        into = self.dirty if key in self.running else self.wanted
        into[key] = min(lane, into.get(key, lane))

    @rule(key=KEYS, delay=st.floats(0, 50))
    def schedule(self, key: str, delay: float) -> None:
        self.state.schedule(key, due=self.now + delay, period=delay)
        self.scheduled[key] = self.now + delay

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        for key, due in list(self.scheduled.items()):
            if due <= self.now:
                del self.scheduled[key]
                into = self.dirty if key in self.running else self.wanted
                into.setdefault(key, Lane.BACKGROUND)
        taken = self.state.take(self.now)
        busy = sum(lane is Lane.BACKGROUND for lane in self.running.values())
        allowed = {lane for lane in self.wanted.values() if lane is not Lane.BACKGROUND or busy < 2}
        assert (taken is None) == (not allowed)
        if taken is not None:
            key, lane, _ = taken
            assert key not in self.running
            assert lane is self.wanted.pop(key)
            assert lane is min(allowed)
            self.scheduled.pop(key, None)
            self.running[key] = lane

    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        if self.running:
            key = data.draw(st.sampled_from(sorted(self.running)))
            del self.running[key]
            self.state.done(key, self.now)
            if key in self.dirty:
                self.wanted[key] = self.dirty.pop(key)

    @invariant()
    def shows_what_it_holds(self) -> None:
        shown = self.state.snapshot(self.now)
        assert sum(shown.depth.values()) == len(self.wanted)
        assert shown.running == len(self.running)
        assert shown.delayed == len(self.scheduled)


TestQueueModel = QueueModel.TestCase
TestQueueModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_with_many_threads_no_key_is_ever_out_twice_and_every_add_is_followed_by_a_look() -> None:
    """Producers count what they add; each worker notes the count it saw: the last look at each key must have seen the last."""
    queue = work_queue()
    out: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    doubled: list[str] = []

    def work() -> None:
        while (key := queue.get()) is not None:
            out[key] += 1
            if out[key] > 1:
                doubled.append(key)
            seen[key] = wanted[key]
            time.sleep(0)
            out[key] -= 1
            queue.done(key)

    def produce(keys: str) -> None:
        for number in range(400):
            key = keys[number % len(keys)]
            wanted[key] += 1
            queue.add(key, lane=Lane(number % 3))

    workers = [threading.Thread(target=work) for _ in range(6)]
    producers = [threading.Thread(target=produce, args=(keys,)) for keys in ("abc", "de", "fgh")]
    for thread in (*workers, *producers):
        thread.start()
    for thread in producers:
        thread.join()
    deadline = time.monotonic() + 10
    while seen != wanted and time.monotonic() < deadline:
        time.sleep(0.001)
    queue.close()
    for thread in workers:
        thread.join(timeout=5)
    assert not doubled
    assert seen == wanted


def test_a_delayed_key_is_taken_on_time_although_the_thread_that_waited_for_it_is_busy() -> None:
    """Two workers wait for the same due time; one gets an edit that blocks, the other must still wake for the delayed key."""
    queue = work_queue()
    blocked, taken = threading.Event(), threading.Event()

    def work() -> None:
        while (key := queue.get()) is not None:
            if key == "slow":
                blocked.wait(10)
            else:
                taken.set()
            queue.done(key)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for thread in workers:
        thread.start()
    queue.add_after("later", 0.2)
    queue.add("slow")
    assert taken.wait(2)
    blocked.set()
    queue.close()
    for thread in workers:
        thread.join(timeout=5)


def test_retries_grow_until_the_key_succeeds() -> None:
    queue = work_queue(backoff=Backoff(base=1, most=100))
    first, second = queue.retry("a"), queue.retry("a")
    queue.forget("a")
    assert first <= 1 < second <= 2
    assert queue.retry("a") <= 1
    assert queue.snapshot().delayed == 1


def test_closing_wakes_who_waits_and_draining_waits_for_who_works() -> None:
    queue = work_queue()
    queue.add("a")
    assert queue.get() == "a"
    ended = threading.Event()
    waiter = threading.Thread(target=lambda: (queue.get(), ended.set()))
    waiter.start()
    queue.close()
    assert ended.wait(2)
    assert not queue.drain(0.01)
    queue.done("a")
    assert queue.drain(1)
    waiter.join()


def test_stuck_only_where_keys_wait_and_nothing_moves() -> None:
    now = [0.0]
    queue: WorkQueue[str] = WorkQueue(background_limit=1, metrics=Quiet(), clock=lambda: now[0])
    now[0] = 1000.0
    assert queue.stuck_seconds() == 0
    queue.add("a")
    now[0] = 1100.0
    assert queue.stuck_seconds() == 100
    queue.get()
    assert queue.stuck_seconds() == 0
