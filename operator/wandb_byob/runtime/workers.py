"""The threads that reconcile: each takes a key, looks at the object once, and says when to look again."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Final

from wandb_byob.kube.client import ConflictError, ForbiddenError, KubeError, UnavailableError
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.providers import deadline
from wandb_byob.reconcile.base import Reconcile, World
from wandb_byob.runtime.leader import NotLeadingError
from wandb_byob.runtime.metrics import Metrics
from wandb_byob.runtime.queue import WorkQueue

logger = logging.getLogger(__name__)

current_object: Final[ContextVar[ObjectKey | None]] = ContextVar("current_object", default=None)
"""Which object this thread looks at: every log record of the look carries it."""

_SOONEST: Final = 0.05
_NOT_OURS_SECONDS: Final = 5.0


class Workers:
    """`count` threads over one queue. `may_work` says whether this process is in charge of a namespace."""

    def __init__(
        self,
        *,
        queue: WorkQueue[ObjectKey],
        reconcilers: Mapping[Kind, Reconcile],
        world: World,
        metrics: Metrics,
        may_work: Callable[[str], bool],
    ) -> None:
        self._queue = queue
        self._reconcilers = reconcilers
        self._world = world
        self._metrics = metrics
        self._may_work = may_work
        self._threads: list[threading.Thread] = []

    def start(self, count: int) -> None:
        """Start the threads; they end when the queue is closed. As daemons they never keep the process from ending."""
        threads = [threading.Thread(target=self._run, name=f"worker-{n}", daemon=True) for n in range(count)]
        for thread in threads:
            thread.start()
        # Only now: a probe in between must not take those that have yet to begin for dead.
        self._threads = threads

    def alive(self) -> bool:
        """Say whether no thread has died."""
        return all(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while (key := self._queue.get()) is not None:
            token = current_object.set(key)
            try:
                self._look(key)
            finally:
                current_object.reset(token)
                self._queue.done(key)

    def _look(self, key: ObjectKey) -> None:
        started = time.monotonic()
        try:
            result = self._reconcile(key)
        except Exception as error:
            result = self._failed(key, error)
        self._metrics.reconciled(key.kind, result=result, seconds=time.monotonic() - started)

    def _reconcile(self, key: ObjectKey) -> str:
        if not self._may_work(key.namespace):
            self._queue.add_after(key, _NOT_OURS_SECONDS)
            return "not-ours"
        with deadline.limited():
            after = self._reconcilers[key.kind](self._world, key).after
        self._queue.forget(key)
        if after is not None:
            self._queue.add_after(key, max(_SOONEST, after.total_seconds()))
        return "ok"

    def _failed(self, key: ObjectKey, error: Exception) -> str:
        """Log a failure and schedule the next try; the text is redacted where the log is written."""
        seconds = self._queue.retry(key)
        if isinstance(error, NotLeadingError):
            logger.warning("%s: stopped before a write, since the Lease is not held now", key)
            return "not-leading"
        if not isinstance(error, KubeError):
            logger.error("%s: failed, next try in %.1f s", key, seconds, exc_info=error)
            return "error"
        # Two writers meeting is everyday business; the rest an administrator should see.
        level = logging.INFO if isinstance(error, ConflictError) else logging.WARNING
        logger.log(level, "%s: %s Next try in %.1f s", key, error, seconds)
        return _RESULTS.get(type(error), "kube-error")


_RESULTS: Final[Mapping[type[KubeError], str]] = {
    ConflictError: "conflict",
    ForbiddenError: "forbidden",
    UnavailableError: "unavailable",
}
