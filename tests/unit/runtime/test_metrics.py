"""Numbers as Prometheus reads them."""

from prometheus_client import CollectorRegistry

from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.runtime.lanes import Lane, Limits
from wandb_byob.runtime.metrics import Metrics, QueueCollector, QueueCounters
from wandb_byob.runtime.queue import WorkQueue

ONE, TWO = (ObjectKey(Kind.BUCKET_STORE, "ns", name) for name in ("one", "two"))


def check(name: CheckName, result: CheckResult) -> Check:
    return Check(name=name, result=result, message="m")


def made() -> tuple[Metrics, CollectorRegistry]:
    registry = CollectorRegistry()
    return Metrics(registry, version="1.2.3"), registry


def test_checks_are_counted_over_all_stores_by_their_latest_result() -> None:
    metrics, registry = made()
    metrics.checks(ONE, (check(CheckName.CORS, CheckResult.FAILED),))
    metrics.checks(ONE, (check(CheckName.CORS, CheckResult.PASSED), check(CheckName.TLS, CheckResult.WARNING)))
    metrics.checks(TWO, (check(CheckName.CORS, CheckResult.PASSED),))
    assert registry.get_sample_value("byob_checks", {"check": "CORS", "result": "Passed"}) == 2
    assert registry.get_sample_value("byob_checks", {"check": "CORS", "result": "Failed"}) is None
    assert registry.get_sample_value("byob_checks", {"check": "TLS", "result": "Warning"}) == 1


def test_what_is_gone_is_no_longer_counted() -> None:
    metrics, registry = made()
    metrics.checks(ONE, (check(CheckName.CORS, CheckResult.PASSED),))
    metrics.probed(ONE, timestamp=1700000000)
    assert (
        registry.get_sample_value("byob_last_probe_timestamp_seconds", {"namespace": "ns", "name": "one"}) == 1700000000
    )
    metrics.forget(ONE)
    assert registry.get_sample_value("byob_checks", {"check": "CORS", "result": "Passed"}) is None
    assert registry.get_sample_value("byob_last_probe_timestamp_seconds", {"namespace": "ns", "name": "one"}) is None


def test_calls_looks_rollouts_leadership_and_version_are_shown() -> None:
    metrics, registry = made()
    metrics.cloud_call(provider="S3", operation="PutObject", result="ok", seconds=0.1)
    metrics.reconciled(Kind.BUCKET_STORE, result="ok", seconds=0.2)
    metrics.rollout(ONE, result="failed")
    metrics.leading(leads=True)
    value = registry.get_sample_value
    assert value("byob_cloud_calls_total", {"provider": "S3", "operation": "PutObject", "result": "ok"}) == 1
    assert value("byob_cloud_call_duration_seconds_sum", {"provider": "S3", "operation": "PutObject"}) == 0.1
    assert value("byob_reconciles_total", {"kind": "BucketStore", "result": "ok"}) == 1
    assert value("byob_rollouts_total", {"namespace": "ns", "name": "one", "result": "failed"}) == 1
    assert value("byob_leader") == 1
    assert value("byob_build_info", {"version": "1.2.3"}) == 1


def test_the_queue_shows_depth_waits_and_work_like_client_go() -> None:
    now = [0.0]
    registry = CollectorRegistry()
    queue: WorkQueue[str] = WorkQueue(limits=Limits.of(8), metrics=QueueCounters(registry), clock=lambda: now[0])
    registry.register(QueueCollector(queue.snapshot))
    queue.add("a")
    queue.add("b", lane=Lane.BACKGROUND)
    now[0] = 2.0
    queue.get()
    now[0] = 5.0
    value = registry.get_sample_value
    assert value("byob_workqueue_depth", {"lane": "edit"}) == 0
    assert value("byob_workqueue_depth", {"lane": "background"}) == 1
    assert value("byob_workqueue_adds_total", {"lane": "edit"}) == 1
    assert value("byob_workqueue_queue_duration_seconds_sum", {"lane": "edit"}) == 2
    assert value("byob_workqueue_longest_running_processor_seconds") == 3
    assert value("byob_workqueue_oldest_waiting_seconds") == 5
    queue.done("a")
    queue.retry("a")
    assert value("byob_workqueue_work_duration_seconds_sum") == 3
    assert value("byob_workqueue_retries_total") == 1
    assert value("byob_workqueue_delayed") == 1
