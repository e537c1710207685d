"""Which watches there must be, which were begun and when: the freshness that the probes report."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from wandb_byob.kube.client import Resource

# A watch is begun anew every 240 s at the latest; a stalled connection adds 70 s, a wait after an error 10 s.
STALE_SECONDS: Final = 600.0


def watch_path(resource: Resource, namespace: str) -> str:
    """Return the API path of a watch; "" is all namespaces."""
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    return f"{root}/namespaces/{namespace}/{resource.plural}" if namespace else f"{root}/{resource.plural}"


class Streams:
    """The expected watches by path, with the time each was last begun and last answered."""

    def __init__(
        self, resources: Iterable[Resource], namespaces: Sequence[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._created = clock()
        kinds = tuple(resources)
        self._paths = {
            namespace: frozenset(watch_path(resource, namespace) for resource in kinds)
            for namespace in namespaces or ("",)
        }
        self._expected = frozenset[str]().union(*self._paths.values())
        self._begun: dict[str, float] = {}
        self._answered: dict[str, float] = {}
        self._refused: set[str] = set()

    def begun(self, path: str) -> None:
        """A request for this path is being sent: the listing that comes before a watch, or the watch itself."""
        with self._lock:
            if path in self._expected:
                self._begun[path] = self._clock()

    def answered(self, path: str) -> None:
        """The API server has answered a watch: the objects were listed before, and changes come from now on."""
        with self._lock:
            self._answered[path] = self._clock()
            self._refused.discard(path)

    def refused(self, path: str) -> None:
        """The API server does not allow a listing or watch: with namespaced permissions that is all one sees of a namespace that is gone."""
        with self._lock:
            self._refused.add(path)

    def missing(self) -> set[str]:
        """Return the namespaces of which nothing may be read, unless that is so of all: then the fault is with us."""
        with self._lock:
            return self._missing()

    def never_begun(self) -> set[str]:
        """Return the paths that were never asked for: kinds that the API server did not serve when it was asked."""
        with self._lock:
            return set(self._expected - self._begun.keys())

    def not_synced(self) -> set[str]:
        """Return the paths that were never answered, apart from those of missing namespaces, which keep nobody else waiting."""
        with self._lock:
            return set(self._expected - self._answered.keys() - self._excused())

    def silent(self) -> set[str]:
        """Return the paths whose last answer is more than ten minutes ago: what changes there is not seen. Not of missing namespaces."""
        now = self._clock()
        with self._lock:
            old = {path for path, answered in self._answered.items() if now - answered > STALE_SECONDS}
            return old - self._excused()

    def stale(self) -> set[str]:
        """Return the paths that nobody has asked for in ten minutes, although the API server may just be away."""
        now = self._clock()
        with self._lock:
            return {path for path in self._expected if now - self._begun.get(path, self._created) > STALE_SECONDS}

    def _missing(self) -> set[str]:
        found = {namespace for namespace, paths in self._paths.items() if paths <= self._refused}
        return found if len(found) < len(self._paths) else set()

    def _excused(self) -> set[str]:
        return {path for namespace in self._missing() for path in self._paths[namespace]}
