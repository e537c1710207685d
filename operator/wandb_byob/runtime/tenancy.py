"""Which namespaces this release works in: a Lease in each (`wandb-byob`) keeps two releases apart.

It is held by the release as a whole, under the name `<namespace>/<release>`, so a successor in the same release takes it over at
once. While another release holds it, nothing is done in that namespace.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from wandb_byob.kube.client import ConflictError, KubeError, NamespaceTerminatingError
from wandb_byob.runtime.leases import LeaseLock, boottime

logger = logging.getLogger(__name__)

NAMESPACE_LEASE: Final = "wandb-byob"
_DURATION: Final = 60.0
# With many namespaces the Leases are held longer, so that renewing them takes one write a second at most.
_SECONDS_PER_NAMESPACE: Final = 3.0
_TICK: Final = 2.0
_LOOK_AGAIN: Final = 5.0
_NEVER: Final = float("-inf")


class NamespaceLeases:
    """The Leases of the namespaces that this release works in; asked by workers, renewed by a thread of its own."""

    def __init__(self, make_lock: Callable[[str], LeaseLock], *, clock: Callable[[], float] = boottime) -> None:
        self._make_lock = make_lock
        self._clock = clock
        self._mutex = threading.Lock()
        self._locks: dict[str, LeaseLock] = {}
        self._tried_at: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self._terminating: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="namespace-leases", daemon=True)

    def start(self, namespaces: Sequence[str]) -> None:
        """Begin to take the Leases of these namespaces, and to keep all that are taken."""
        with self._mutex:
            for namespace in namespaces:
                self._add(namespace)
        self._thread.start()

    def holds(self, namespace: str) -> bool:
        """Say whether this release may work in the namespace; takes its Lease when asked for the first time."""
        with self._mutex:
            self._add(namespace)
            if self._tried_at[namespace] == _NEVER:
                self._renew(namespace)
            return namespace in self._terminating or self._held(namespace)

    def alive(self) -> bool:
        """Say whether the Leases are being renewed (or there are none yet)."""
        return self._thread.is_alive() or not self._locks

    def stop(self, *, release: bool) -> None:
        """Renew no more; `release` lets another release work in these namespaces at once."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        for lock in self._locks.values() if release else ():
            try:
                lock.release()
            except KubeError as error:
                logger.info("A namespace's Lease could not be released and expires by itself: %s", error)

    def step(self) -> None:
        """Renew what is due: after a third of the duration, or soon where a Lease could not be had."""
        for namespace in list(self._locks):
            with self._mutex:
                interval = self._duration() / 3 if self._held(namespace) else _LOOK_AGAIN
                if self._clock() >= self._tried_at[namespace] + interval:
                    self._renew(namespace)

    def _add(self, namespace: str) -> None:
        if namespace not in self._locks:
            self._locks[namespace] = self._make_lock(namespace)
            self._tried_at[namespace] = _NEVER

    def _held(self, namespace: str) -> bool:
        return self._clock() < self._locks[namespace].renewed_at + self._duration()

    def _duration(self) -> float:
        return max(_DURATION, _SECONDS_PER_NAMESPACE * len(self._locks))

    def _renew(self, namespace: str) -> None:
        lock = self._locks[namespace]
        self._tried_at[namespace] = self._clock()
        problem = ""
        try:
            if not lock.hold(self._duration()):
                lock.renewed_at = _NEVER
                problem = f"the release {lock.holder} works there"
            self._terminating.discard(namespace)
        except NamespaceTerminatingError:
            # Nobody can take a Lease there any more, and our finalizers must still go.
            self._terminating.add(namespace)
        except ConflictError:
            return
        except KubeError as error:
            problem = str(error)
        if problem and self._problems.get(namespace) != problem:
            logger.warning("The Lease of namespace %s can't be had: %s", namespace, problem)
        self._problems[namespace] = problem

    def _run(self) -> None:
        self.step()
        while not self._stop.wait(_TICK):
            self.step()
