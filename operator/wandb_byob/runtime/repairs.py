"""Find deletions that no event told of: after a 410 the watch begins anew with a listing, which can't show what is gone."""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Final

from wandb_byob.kube.client import KubeError, Resource
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.runtime.wakeups import Wakeups

logger = logging.getLogger(__name__)

_INTERVAL: Final = 600.0

Identities = Callable[[Resource, str], Iterator[tuple[str, str]]]
"""Lists namespace and name of all objects of a resource in a namespace ("" is all); raises KubeError."""


class Repairs:
    """Compares what is known with what is there, every ten minutes or so, in a thread of its own."""

    def __init__(
        self, identities: Identities, wakeups: Wakeups, *, resources: Mapping[Kind, Resource], namespaces: Sequence[str]
    ) -> None:
        self._identities = identities
        self._wakeups = wakeups
        self._resources = resources
        self._namespaces = tuple(namespaces) or ("",)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="repairs", daemon=True)

    def start(self) -> None:
        """Begin; the first comparison is made after an interval."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more comparisons."""
        self._stop.set()

    def compare(self) -> None:
        """Compare once; a listing that fails is left for the next time, and never taken as absence."""
        for kind, resource in self._resources.items():
            for namespace in self._namespaces:
                try:
                    self._compare(kind, resource, namespace)
                except KubeError as error:
                    logger.info("Not compared with what is there: %s", error)

    def _compare(self, kind: Kind, resource: Resource, namespace: str) -> None:
        # In this order: what is created between the two is looked at once too often, never taken as gone.
        known = self._wakeups.known(kind, namespace)
        there = {ObjectKey(kind, where, name) for where, name in self._identities(resource, namespace)}
        for key in known - there:
            self._wakeups.gone(key)
        self._wakeups.missed(there - known)

    def _run(self) -> None:
        random = Random()  # noqa: S311 (spreads load, guards nothing)
        while not self._stop.wait(_INTERVAL * (0.8 + 0.4 * random.random())):
            self.compare()
