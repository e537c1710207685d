"""From what was seen to what is looked at: watch events go in, keys go into the work queue."""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.runtime.index import Index, Wake
from wandb_byob.runtime.lanes import Lane
from wandb_byob.runtime.queue import WorkQueue
from wandb_byob.runtime.references import SecretName

# All objects are to be looked at within this time after a start: it orders the background lane.
_FIRST_LOOK_SECONDS: Final = 60.0


class Wakeups:
    """Keeps the index, and fills the queue once `begin` was called: a standby remembers everything and looks at nothing."""

    def __init__(self, queue: WorkQueue[ObjectKey], *, on_gone: Callable[[ObjectKey], None]) -> None:
        self._queue = queue
        self._on_gone = on_gone
        self._index = Index()
        self._lock = threading.Lock()
        self._begun = False

    def begin(self) -> None:
        """Ask for a look at everything that is known, and from now on at what changes."""
        with self._lock:
            self._begun = True
            known = self._index.objects()
        self._first_look(known)

    def known(self, kind: Kind, namespace: str) -> set[ObjectKey]:
        """Return the known objects of a kind in a namespace ("" is all)."""
        with self._lock:
            known = self._index.objects()
        return {key for key in known if key.kind is kind and namespace in {"", key.namespace}}

    def saw_object(self, kind: Kind, event: str | None, obj: Mapping[str, Any]) -> None:
        """Take an event of one of our kinds; `event` is None for what a listing showed."""
        key = ObjectKey(kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        if event == "DELETED":
            self.gone(key)
            return
        with self._lock:
            wake = self._index.observe(key, obj)
            begun = self._begun
        if not begun:
            return
        if event is None and wake.new:
            self._first_look([key])
        else:
            self._wake(key, wake)

    def saw_secret(self, event: str | None, obj: Mapping[str, Any]) -> None:
        """Take an event of a Secret; only its name and version are kept."""
        metadata = obj["metadata"]
        name = SecretName(metadata["namespace"], metadata["name"])
        version = None if event == "DELETED" else metadata["resourceVersion"]
        with self._lock:
            concerned = self._index.secret(name, version, listed=event is None)
            begun = self._begun
        # Somebody edited it: whoever refers to it is looked at like an edit of its own.
        for key in concerned if begun else ():
            self._queue.add(key, lane=Lane.EDIT)

    def saw_workload(self, kind: str, event: str | None, obj: Mapping[str, Any]) -> None:
        """Take an event of a Deployment or StatefulSet."""
        with self._lock:
            concerned = self._index.workload(kind, obj, event=event)
            begun = self._begun
        for key in concerned if begun else ():
            self._queue.add(key, lane=Lane.CONSEQUENCE)

    def gone(self, key: ObjectKey) -> None:
        """Take note that an object is no longer there."""
        with self._lock:
            wake = self._index.forget(key)
            begun = self._begun
        self._on_gone(key)
        if begun:
            self._wake(key, wake)

    def missed(self, keys: Iterable[ObjectKey]) -> None:
        """Look at objects that exist although no event told so."""
        for key in keys if self._begun else ():
            self._queue.add(key, lane=Lane.EDIT)

    def _wake(self, key: ObjectKey, wake: Wake) -> None:
        if wake.itself:
            self._queue.add(key, lane=Lane.EDIT)
        for other in wake.others:
            self._queue.add(other, lane=Lane.CONSEQUENCE)

    def _first_look(self, keys: Iterable[ObjectKey]) -> None:
        for key in keys:
            self._queue.add(key, lane=Lane.BACKGROUND, period=_FIRST_LOOK_SECONDS)
