"""The process: puts everything together, and takes it apart again in the right order."""

import importlib
import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry

from wandb_byob import version
from wandb_byob.kube.connection import Connection
from wandb_byob.kube.rest import RestClient
from wandb_byob.model.config import CloudEndpoints, Config
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.redaction import Redactor
from wandb_byob.providers.base import Provider
from wandb_byob.reconcile.base import Reconcile, World
from wandb_byob.runtime import logs, probes
from wandb_byob.runtime.endings import Endings
from wandb_byob.runtime.events import EventWriter
from wandb_byob.runtime.lanes import Limits
from wandb_byob.runtime.leader import Election
from wandb_byob.runtime.leases import LeaseLock
from wandb_byob.runtime.metrics import Metrics, QueueCollector, QueueCounters
from wandb_byob.runtime.queue import WorkQueue
from wandb_byob.runtime.repairs import Repairs
from wandb_byob.runtime.streams import Streams
from wandb_byob.runtime.tenancy import NAMESPACE_LEASE, NamespaceLeases
from wandb_byob.runtime.wakeups import Wakeups
from wandb_byob.runtime.watching import OURS, WATCHED, Watcher
from wandb_byob.runtime.workers import Workers

logger = logging.getLogger(__name__)

# SIGKILL comes 30 s after SIGTERM by Kubernetes' default: all of this together stays below 25.
_DRAIN_SECONDS: Final = 12.0
_RELEASE_SECONDS: Final = 5.0
_EVENTS_SECONDS: Final = 2.0
_WATCHER_SECONDS: Final = 4.0
_ENDINGS_SECONDS: Final = 3.0
_LEASE_READ_SECONDS: Final = 5.0
_POOL_EXTRA: Final = 8


class Operator:
    """One process of the operator. `reconcilers` and `providers` are what is built, unless given."""

    def __init__(
        self,
        config: Config,
        connection: Connection,
        *,
        pod: str = "",
        reconcilers: Mapping[Kind, Reconcile] | None = None,
        providers: Mapping[str, Provider] | None = None,
    ) -> None:
        self._config = config
        self._stop = threading.Event()
        self._keeper = Redactor()
        logs.set_up(self._keeper, form=config.log_format, level=config.log_level)
        pod = pod or socket.gethostname()
        registry = CollectorRegistry()
        self._metrics = Metrics(registry, version=version())
        self._limits = Limits.of(config.workers)
        self._queue: WorkQueue[ObjectKey] = WorkQueue(
            limits=self._limits, metrics=QueueCounters(registry), group=lambda key: key.namespace
        )
        registry.register(QueueCollector(self._queue.snapshot))

        kube = RestClient(connection, pool_size=self._limits.total + _POOL_EXTRA)
        self._elect(kube, pod)
        self._watch(kube, connection)
        self._events = EventWriter(kube, self._keeper, instance=pod)
        self._workers = Workers(
            queue=self._queue,
            reconcilers=_reconcilers() if reconcilers is None else reconcilers,
            world=self._world(kube, _providers(config.cloud_endpoints) if providers is None else providers),
            metrics=self._metrics,
            may_work=self._tenancy.holds,
        )
        self._servers = (
            probes.Server(config.probe_port, {"/healthz": self._health(), "/readyz": self._readiness()}),
            probes.Server(config.metrics_port, {"/metrics": probes.metrics(registry)}),
        )

    def _elect(self, kube: RestClient, pod: str) -> None:
        """Make what decides whether this process may write."""
        config = self._config
        self._lease_client = kube.variant(read_seconds=_LEASE_READ_SECONDS)
        self._election = Election(
            self._lock(config.release_namespace, f"{config.release_name}-leader", f"{pod}_{uuid.uuid4()}"),
            on_started=self._lead,
            on_lost=self._lost,
        )
        release = f"{config.release_namespace}/{config.release_name}"
        self._tenancy = NamespaceLeases(lambda namespace: self._lock(namespace, NAMESPACE_LEASE, release))
        # Not fenced: a process that is told to end together with its namespace may be the last that can write.
        self._endings = Endings(self._lease_client, config.namespaces, leading=lambda: self._election.leading)

    def _watch(self, kube: RestClient, connection: Connection) -> None:
        """Make what fills the queue."""
        namespaces = self._config.namespaces
        self._wakeups = Wakeups(self._queue, on_gone=self._metrics.forget)
        self._streams = Streams(WATCHED, namespaces)
        self._watcher = Watcher(connection, namespaces=namespaces, wakeups=self._wakeups, streams=self._streams)
        self._repairs = Repairs(kube.identities, self._wakeups, resources=OURS, namespaces=namespaces)

    def _world(self, kube: RestClient, providers: Mapping[str, Provider]) -> World:
        return World(
            kube=kube.variant(before_write=self._election.fence),
            providers=providers,
            config=self._config,
            recorder=self._metrics,
            events=self._events,
            secrets=self._keeper,
            fence=self._election.fence,
            now=lambda: datetime.now(UTC),
        )

    def run(self) -> int:
        """Run until SIGTERM or SIGINT, then end in order; return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        for server in self._servers:
            server.start()
        logger.info("wandb-byob %s starts", version(), extra={"namespaces": list(self._config.namespaces) or "all"})
        self._events.start()
        self._watcher.start()
        self._repairs.start()
        self._election.start()
        self._endings.start()
        self._stop.wait()
        self._shut_down()
        return 0

    def _shut_down(self) -> None:
        started = time.monotonic()
        logger.info("Asked to end: no new work is begun")
        self._queue.close()
        self._watcher.stop()
        self._repairs.stop()
        # What calls the API server goes on beside this thread, since it may get no answer.
        ending = _beside(self._endings.stop, _ENDINGS_SECONDS)
        drained = self._queue.drain(_DRAIN_SECONDS)
        ending.join(max(0.0, started + _ENDINGS_SECONDS - time.monotonic()))
        if not drained:
            logger.warning("Work is still going on: the Lease is left to expire, so that nobody else writes meanwhile")
        _beside(self._release, drained).join(_RELEASE_SECONDS)
        self._events.stop(_EVENTS_SECONDS)
        self._watcher.join(_WATCHER_SECONDS)
        for server in self._servers:
            server.stop()
        logger.info("Ended after %.1f s", time.monotonic() - started)

    def _release(self, drained: bool) -> None:
        # First the namespaces: who takes over the release needs them.
        self._tenancy.stop(release=drained)
        self._election.stop(release=drained)

    def _lead(self) -> None:
        logger.info("This process holds the Lease and begins to work")
        self._metrics.leading(leads=True)
        self._tenancy.start(self._config.namespaces)
        self._wakeups.begin()
        self._workers.start(self._limits.total)

    def _lost(self, holder: str) -> None:
        logger.error("Somebody else holds the Lease (%s): this process ends at once", holder)
        logging.shutdown()
        # No orderly end: nothing may be written any more, and the pod starts again as a standby.
        os._exit(1)

    def _lock(self, namespace: str, name: str, identity: str) -> LeaseLock:
        return LeaseLock(
            self._lease_client, namespace=namespace, name=name, identity=identity, now=lambda: datetime.now(UTC)
        )

    def _health(self) -> probes.Route:
        return probes.checks(
            {
                "watcher": lambda: "" if self._watcher.alive() else "its event loop does not run",
                "watches": lambda: _listed("not begun for ten minutes", self._streams.stale()),
                "workers": lambda: "" if self._workers.alive() else "a thread has died",
                "queue": self._stuck,
                "leader-election": lambda: (
                    "" if self._election.alive() and self._tenancy.alive() else "a thread has died"
                ),
            }
        )

    def _readiness(self) -> probes.Route:
        return probes.checks(
            {
                "watches": lambda: (
                    _listed("not yet listed", self._streams.not_synced())
                    or _listed("not answered for ten minutes", self._streams.silent())
                )
            },
            note=lambda: _listed("namespaces that may not be read, or are gone", self._streams.missing()),
        )

    def _stuck(self) -> str:
        seconds = self._queue.stuck_seconds()
        return f"nothing was taken for {seconds:.0f} s" if seconds > probes.STUCK_SECONDS else ""


def _beside(function: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def _listed(problem: str, named: set[str]) -> str:
    return f"{problem}: {', '.join(sorted(named))}" if named else ""


def _reconcilers() -> Mapping[Kind, Reconcile]:
    modules = {kind: importlib.import_module(f"wandb_byob.reconcile.{kind.value.lower()}") for kind in Kind}
    # BucketStores' remembers when each bucket is due, and so is made for each process.
    stores: Reconcile = modules[Kind.BUCKET_STORE].reconciler()
    return {kind: module.reconcile for kind, module in modules.items() if kind is not Kind.BUCKET_STORE} | {
        Kind.BUCKET_STORE: stores
    }


def _providers(endpoints: CloudEndpoints) -> Mapping[str, Provider]:
    found: Mapping[str, Provider] = importlib.import_module("wandb_byob.providers.registry").providers(endpoints)
    return found
