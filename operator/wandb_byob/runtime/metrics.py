"""What is counted, for Prometheus: names begin with `byob_`, the work queue's are client-go's with that prefix.

What is known per object (checks, last probe) is kept as plain numbers and turned into samples only when asked for: a Prometheus
child per object would cost about a kilobyte each, and 10,000 objects are a goal.
"""

import threading
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.runtime.lanes import Lane, Snapshot

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class QueueCounters:
    """The work queue's own numbers (a QueueMetrics)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._adds = Counter("byob_workqueue_adds", "Keys added to the work queue.", ["lane"], registry=registry)
        self._retries = Counter(
            "byob_workqueue_retries", "Keys that came again because they failed.", registry=registry
        )
        self._waits = Histogram(
            "byob_workqueue_queue_duration_seconds",
            "How long a key waits before it is taken.",
            ["lane"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._works = Histogram(
            "byob_workqueue_work_duration_seconds",
            "How long a key is in process.",
            buckets=_SECONDS,
            registry=registry,
        )

    def added(self, lane: Lane) -> None:
        """Count a key that was added."""
        self._adds.labels(lane.name.lower()).inc()

    def taken(self, lane: Lane, *, waited: float) -> None:
        """Note how long a key has waited."""
        self._waits.labels(lane.name.lower()).observe(waited)

    def finished(self, *, worked: float) -> None:
        """Note how long a key was in process."""
        self._works.observe(worked)

    def retried(self) -> None:
        """Count a retry."""
        self._retries.inc()


class QueueCollector(Collector):
    """The work queue's state at the moment of the scrape."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        """Yield depth, delays and running work."""
        now = self._snapshot()
        depth = GaugeMetricFamily("byob_workqueue_depth", "Keys that wait to be taken.", labels=["lane"])
        for lane, count in now.depth.items():
            depth.add_metric([lane.name.lower()], count)
        yield depth
        for name, text, value in (
            ("delayed", "Keys that are scheduled for later.", now.delayed),
            ("running", "Keys in process.", now.running),
            ("unfinished_work_seconds", "How long all keys in process have been so, together.", now.unfinished_seconds),
            (
                "longest_running_processor_seconds",
                "How long the oldest key in process is.",
                now.longest_running_seconds,
            ),
            ("oldest_waiting_seconds", "How long the oldest waiting key waits.", now.oldest_waiting_seconds),
        ):
            yield GaugeMetricFamily(f"byob_workqueue_{name}", text, value=value)


class Metrics(Collector):
    """All other numbers; the Recorder that reconcilers and providers report to. Nothing here raises or blocks."""

    def __init__(self, registry: CollectorRegistry, *, version: str) -> None:
        self._lock = threading.Lock()
        self._checks: dict[ObjectKey, tuple[tuple[CheckName, CheckResult], ...]] = {}
        self._probed: dict[ObjectKey, float] = {}
        self._calls = Counter(
            "byob_cloud_calls", "Calls to cloud APIs.", ["provider", "operation", "result"], registry=registry
        )
        self._call_seconds = Histogram(
            "byob_cloud_call_duration_seconds",
            "How long a call to a cloud API takes.",
            ["provider", "operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._reconciles = Counter("byob_reconciles", "Looks at objects.", ["kind", "result"], registry=registry)
        self._reconcile_seconds = Histogram(
            "byob_reconcile_duration_seconds", "How long a look takes.", ["kind"], buckets=_SECONDS, registry=registry
        )
        self._rollouts = Counter(
            "byob_rollouts", "Finished rollouts of W&B.", ["namespace", "name", "result"], registry=registry
        )
        self._leader = Gauge("byob_leader", "Whether this process holds the Lease.", registry=registry)
        info = Gauge("byob_build_info", "The operator's version.", ["version"], registry=registry)
        info.labels(version).set(1)
        registry.register(self)

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        """Count one call to a cloud API."""
        self._calls.labels(provider, operation, result).inc()
        self._call_seconds.labels(provider, operation).observe(seconds)

    def checks(self, key: ObjectKey, checks: tuple[Check, ...]) -> None:
        """Take the latest check results of one BucketStore."""
        # Without their texts, which would be the most of what is kept for 10,000 objects.
        with self._lock:
            self._checks[key] = tuple((check.name, check.result) for check in checks)

    def probed(self, key: ObjectKey, *, timestamp: float) -> None:
        """Note when the data path of a BucketStore was probed last."""
        with self._lock:
            self._probed[key] = timestamp

    def rollout(self, key: ObjectKey, *, result: str) -> None:
        """Count one finished rollout of a WandbInstance."""
        self._rollouts.labels(key.namespace, key.name, result).inc()

    def reconciled(self, kind: Kind, *, result: str, seconds: float) -> None:
        """Count one look at an object."""
        self._reconciles.labels(kind.value, result).inc()
        self._reconcile_seconds.labels(kind.value).observe(seconds)

    def leading(self, leads: bool) -> None:
        """Note whether this process holds the Lease."""
        self._leader.set(leads)

    def forget(self, key: ObjectKey) -> None:
        """Drop what is kept for an object that is gone."""
        with self._lock:
            self._checks.pop(key, None)
            self._probed.pop(key, None)

    def collect(self) -> Iterator[Metric]:
        """Yield what is kept per object."""
        with self._lock:
            results = Tally(pair for pairs in self._checks.values() for pair in pairs)
            probed = list(self._probed.items())
        checks = GaugeMetricFamily(
            "byob_checks", "Latest results of checks, over all BucketStores.", labels=["check", "result"]
        )
        for (name, result), count in sorted(results.items()):
            checks.add_metric([name.value, result.value], count)
        yield checks
        last = GaugeMetricFamily(
            "byob_last_probe_timestamp_seconds",
            "When the data path was probed last (Unix time).",
            labels=["namespace", "name"],
        )
        for key, timestamp in probed:
            last.add_metric([key.namespace, key.name], timestamp)
        yield last
