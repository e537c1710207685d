"""The work queue with threads, its backoff and what it tells."""

import threading
import time
from collections import Counter
from random import Random

import pytest

from wandb_byob.runtime.lanes import Lane, Limits
from wandb_byob.runtime.queue import Backoff, WorkQueue


class Quiet:
    """Counts nothing."""

    def added(self, lane: Lane) -> None: ...
    def taken(self, lane: Lane, *, waited: float) -> None: ...
    def finished(self, *, worked: float) -> None: ...
    def retried(self) -> None: ...


def work_queue(*, workers: int = 8, backoff: Backoff | None = None) -> WorkQueue[str]:
    return WorkQueue(limits=Limits.of(workers), metrics=Quiet(), backoff=backoff, random=Random(1))


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [(1, 0.0025, 0.005), (2, 0.005, 0.01), (10, 1.28, 2.56), (17, 150, 300), (1000, 150, 300)],
)
def test_backoff_doubles_from_5_ms_to_5_min_with_jitter(failures: int, least: float, most: float) -> None:
    random = Random(7)
    delays = [Backoff().delay(failures, random) for _ in range(200)]
    assert least <= min(delays) < max(delays) <= most


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


def test_keys_that_hang_keep_no_other_waiting() -> None:
    """More of them than there are workers: the next is taken by a thread that had nothing to do, without being told."""
    queue = work_queue(workers=2)
    hang, taken = threading.Event(), threading.Event()

    def work() -> None:
        while (key := queue.get()) is not None:
            if key == "quick":
                taken.set()
            else:
                hang.wait(10)
            queue.done(key)

    workers = [threading.Thread(target=work) for _ in range(Limits.of(2).total)]
    for thread in workers:
        thread.start()
    for number in range(5):
        queue.add(f"hangs-{number}")
    queue.add("quick")
    assert taken.wait(5)
    hang.set()
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
    queue: WorkQueue[str] = WorkQueue(limits=Limits.of(1), metrics=Quiet(), clock=lambda: now[0])
    now[0] = 1000.0
    assert queue.stuck_seconds() == 0
    queue.add("a")
    now[0] = 1100.0
    assert queue.stuck_seconds() == 100
    queue.get()
    assert queue.stuck_seconds() == 0
