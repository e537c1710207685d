"""What becomes of a look: when the next one is, what is counted, and what is logged."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from unit.runtime.test_queue import Quiet
from wandb_byob.kube.client import ConflictError, ForbiddenError, KubeError, UnavailableError
from wandb_byob.model.config import Config
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.model.redaction import Redactor
from wandb_byob.providers import deadline
from wandb_byob.reconcile.base import Result, World
from wandb_byob.runtime.lanes import Limits
from wandb_byob.runtime.leader import NotLeadingError
from wandb_byob.runtime.metrics import Metrics
from wandb_byob.runtime.queue import Backoff, WorkQueue
from wandb_byob.runtime.workers import Workers, current_object

KEY = ObjectKey(Kind.BUCKET_STORE, "ns", "data")
ANY: Any = None
WORLD = World(
    kube=ANY,
    providers={},
    config=Config(release_namespace="ns", namespaces=("ns",)),
    recorder=NullRecorder(),
    events=ANY,
    secrets=Redactor(),
    fence=lambda: None,
    now=lambda: datetime.now(UTC),
)


class Setting:
    """Two workers over a queue whose backoff is short."""

    def __init__(self, look: Callable[[World, ObjectKey], Result], *, may_work: bool = True) -> None:
        self.registry = CollectorRegistry()
        self.queue: WorkQueue[ObjectKey] = WorkQueue(
            limits=Limits.of(4), metrics=Quiet(), backoff=Backoff(base=0.001, most=0.002)
        )
        self.workers = Workers(
            queue=self.queue,
            reconcilers=dict.fromkeys(Kind, look),
            world=WORLD,
            metrics=Metrics(self.registry, version="0"),
            may_work=lambda namespace: may_work,
        )

    def count(self, result: str) -> float:
        labels = {"kind": "BucketStore", "result": result}
        return self.registry.get_sample_value("byob_reconciles_total", labels) or 0

    def wait(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline, "not within 5 s"
            time.sleep(0.001)


@contextmanager
def running(setting: Setting) -> Iterator[Setting]:
    setting.workers.start(2)
    setting.queue.add(KEY)
    yield setting
    setting.queue.close()
    setting.wait(lambda: not any(thread.is_alive() for thread in setting.workers._threads))


def test_a_look_has_two_minutes_for_its_calls_of_stores() -> None:
    """Each look anew, and nothing of that is left when it is over."""
    left: list[float] = []

    def look(_: World, __: ObjectKey) -> Result:
        left.append(deadline.ends() - time.monotonic())
        return Result(after=timedelta(hours=1))

    with running(Setting(look)) as setting:
        setting.wait(lambda: left)
    assert 119 < left[0] <= 120
    assert deadline.ends() == math.inf


def test_a_look_gets_the_world_and_the_key_and_its_result_says_when_the_next_is() -> None:
    seen: list[tuple[World, ObjectKey, ObjectKey | None]] = []

    def look(world: World, key: ObjectKey) -> Result:
        seen.append((world, key, current_object.get()))
        return Result(after=timedelta(hours=1))

    with running(Setting(look)) as setting:
        setting.wait(lambda: setting.count("ok"))
        assert setting.queue.snapshot().delayed == 1
    assert seen == [(WORLD, KEY, KEY)]


def test_a_result_without_a_time_waits_for_a_change() -> None:
    with running(Setting(lambda world, key: Result())) as setting:
        setting.wait(lambda: setting.count("ok"))
        assert setting.queue.snapshot().delayed == 0


def test_a_result_of_no_time_does_not_spin() -> None:
    with running(Setting(lambda world, key: Result(after=timedelta()))) as setting:
        time.sleep(0.2)
        assert setting.count("ok") <= 5


@pytest.mark.parametrize(
    ("error", "result", "said"),
    [
        (
            ConflictError("patch secrets ns/x: Conflict.", status=409),
            "conflict",
            "patch secrets ns/x: Conflict. Next try in",
        ),
        (
            ForbiddenError("patch secrets ns/x: forbidden.", status=403),
            "forbidden",
            "patch secrets ns/x: forbidden. Next try in",
        ),
        (UnavailableError("get secrets ns/x: no answer.", status=0), "unavailable", "no answer. Next try in"),
        (KubeError("patch: 422.", status=422), "kube-error", "patch: 422. Next try in"),
        (ZeroDivisionError("bug"), "error", "ZeroDivisionError: bug"),
        (NotLeadingError("no"), "not-leading", "stopped before a write"),
    ],
)
def test_a_failure_is_counted_logged_with_the_object_and_tried_again(
    error: Exception, result: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [error, error]

    def look(world: World, key: ObjectKey) -> Result:
        if failures:
            raise failures.pop()
        return Result()

    caplog.set_level("INFO")
    with running(Setting(look)) as setting:
        setting.wait(lambda: setting.count("ok"))
        assert setting.count(result) == 2
    assert "BucketStore/ns/data" in caplog.text
    assert said in caplog.text


def test_threads_survive_whatever_a_reconciler_raises() -> None:
    def look(world: World, key: ObjectKey) -> Result:
        raise RuntimeError("always")

    with running(Setting(look)) as setting:
        setting.wait(lambda: setting.count("error") > 20)
        assert setting.workers.alive()


def test_a_namespace_that_is_another_releases_is_left_alone() -> None:
    looked: list[ObjectKey] = []

    def look(world: World, key: ObjectKey) -> Result:
        looked.append(key)
        return Result()

    with running(Setting(look, may_work=False)) as setting:
        setting.wait(lambda: setting.count("not-ours"))
        assert setting.queue.snapshot().delayed == 1
    assert looked == []


def test_health_tells_of_a_dead_thread() -> None:
    setting = Setting(cast(Any, None))
    setting.workers.start(1)
    assert setting.workers.alive()
    setting.queue.close()
    setting.wait(lambda: not setting.workers.alive())
