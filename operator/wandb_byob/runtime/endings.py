"""Namespaces that are being deleted: our finalizers are taken off before the permission to do so is gone.

When a namespace is deleted, its Roles go with all else, in no particular order, and without them nobody of ours can take a
finalizer off: the namespace would never end. Kubernetes' namespace controller begins five seconds after the deletion was asked
for (namespaceDeletionGracePeriod), and with the pods. Who comes later, because no operator ran in those seconds, can do nothing:
the right to change RBAC objects, by which a Role could be kept, is not ours to have. So each namespace is looked at every two seconds, and once more when this
process itself is told to end (it may run in that namespace).
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from wandb_byob.kube import apply
from wandb_byob.kube.client import (
    BUCKET_STORES,
    TEAM_STORAGES,
    WANDB_INSTANCES,
    ForbiddenError,
    KubeClient,
    KubeError,
)
from wandb_byob.kube.gather import terminating

logger = logging.getLogger(__name__)

_TICK: Final = 2.0
# Many namespaces are looked at a little more rarely, but soon enough before the five seconds are over.
_LONGEST_TICK: Final = 3.0
_READS_PER_SECOND: Final = 10.0


class Endings:
    """Looks at the watched namespaces in a thread of its own; `leading` says whether this process may write at rest.

    Without a list of namespaces (all are watched) there is nothing to do: the permissions are then cluster-wide and stay.
    """

    def __init__(self, kube: KubeClient, namespaces: Sequence[str], *, leading: Callable[[], bool]) -> None:
        self._kube = kube
        self._namespaces = tuple(namespaces)
        self._leading = leading
        self._unread: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="endings", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Look a last time, for at most so long: after it nobody may be left to take finalizers off."""
        self._stop.set()
        deadline = time.monotonic() + seconds
        for namespace in self._namespaces:
            if time.monotonic() < deadline:
                self._look(namespace)

    def _run(self) -> None:
        pause = min(max(_TICK, len(self._namespaces) / _READS_PER_SECOND), _LONGEST_TICK)
        while not self._stop.wait(pause):
            for namespace in self._namespaces if self._leading() else ():
                self._look(namespace)

    def _look(self, namespace: str) -> None:
        try:
            if terminating(self._kube, namespace):
                let_go(self._kube, namespace)
        except ForbiddenError as error:
            self._say_once(namespace, error)
        except KubeError as error:
            logger.info("Namespace %s could not be looked at: %s", namespace, error)
        else:
            if namespace in self._unread:
                self._unread.remove(namespace)
                logger.info("Namespace %s may be read again", namespace)

    def _say_once(self, namespace: str, error: ForbiddenError) -> None:
        if namespace in self._unread:
            return
        self._unread.add(namespace)
        logger.warning(
            "Namespace %s may not be read any more: it was deleted, or the operator's Role there. If it stays Terminating, let go of its "
            "objects as an administrator: byob release --namespaces=%s; if it is gone, take it off the watched namespaces (%s)",
            namespace,
            namespace,
            error,
        )


def let_go(kube: KubeClient, namespace: str) -> None:
    """Take our finalizers off all objects of a namespace that is being deleted; raises KubeError."""
    for resource in (TEAM_STORAGES, BUCKET_STORES, WANDB_INSTANCES):
        for body in kube.list(resource, namespace):
            if apply.let_go(kube, resource, body):
                name = body["metadata"]["name"]
                logger.info("%s %s is let go, since its namespace is being deleted", resource.kind, name)
