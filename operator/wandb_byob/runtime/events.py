"""Kubernetes Events (events.k8s.io/v1) about our objects: what `kubectl describe` and `kubectl events` show.

The same event again within ten minutes is counted on the first (`series`), at most once a minute, or at once where the object was
otherwise in between: the newest Event is what it is now. Beyond that an object gets 25 at once and one every five minutes, as
client-go has it. Events are a courtesy: one that can't be written is logged and dropped. Each is in the log, too.
"""

import logging
import queue
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from wandb_byob.kube.client import EVENTS, KubeClient, KubeError, PatchType
from wandb_byob.model import names
from wandb_byob.model.keys import ObjectKey
from wandb_byob.runtime.logs import Redacts

logger = logging.getLogger(__name__)

CONTROLLER: Final = f"{names.GROUP}/operator"
_WINDOW: Final = 600.0
_BETWEEN_COUNTS: Final = 60.0
_BURST: Final = 25.0
_REFILL_SECONDS: Final = 300.0
_REMEMBERED: Final = 1000
_WAITING: Final = 500
_NOTE_LIMIT: Final = 1024

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Occurrence:
    """One transition of one object, as it is shown: redacted and cut to what the API takes."""

    key: ObjectKey
    uid: str
    warning: bool
    reason: str
    note: str


@dataclass(frozen=True)
class Create:
    """Write a new Event under this name."""

    name: str


@dataclass(frozen=True)
class Count:
    """Note on this Event that it has happened so many times."""

    name: str
    count: int


@dataclass(slots=True)
class _Series:
    name: str
    last: float
    written: float
    count: int = 1


@dataclass(slots=True)
class _Tokens:
    left: float = _BURST
    at: float = 0.0


@dataclass
class Correlator:
    """Decides what becomes of an occurrence; remembers a bounded number of recent ones. Times are seconds on any one clock."""

    new_name: Callable[[ObjectKey], str]
    _series: OrderedDict[Occurrence, _Series] = field(default_factory=OrderedDict)
    _tokens: OrderedDict[str, _Tokens] = field(default_factory=OrderedDict)
    _latest: OrderedDict[str, Occurrence] = field(default_factory=OrderedDict)

    def decide(self, occurrence: Occurrence, now: float) -> Create | Count | None:
        """Return what to write, or None where nothing is to be written."""
        series = self._series.get(occurrence)
        back = self._latest.get(occurrence.uid) != occurrence
        _remember(self._latest, occurrence.uid, occurrence)
        if series is not None and now - series.last < _WINDOW:
            series.count += 1
            series.last = now
            soon = now - series.written < _BETWEEN_COUNTS
            if soon and not (back and self._take_token(occurrence.uid, now)):
                return None
            series.written = now
            return Count(series.name, series.count)
        if not self._take_token(occurrence.uid, now):
            return None
        name = self.new_name(occurrence.key)
        _remember(self._series, occurrence, _Series(name, now, now))
        return Create(name)

    def _take_token(self, uid: str, now: float) -> bool:
        tokens = self._tokens.get(uid) or _Tokens(at=now)
        tokens.left = min(_BURST, tokens.left + (now - tokens.at) / _REFILL_SECONDS)
        tokens.at = now
        _remember(self._tokens, uid, tokens)
        if tokens.left < 1:
            return False
        tokens.left -= 1
        return True


def _remember(memory: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)


class EventWriter:
    """Writes Events from a thread of its own (an EventSink): `publish` never blocks and never raises."""

    def __init__(self, kube: KubeClient, keeper: Redacts, *, instance: str) -> None:
        self._kube = kube
        self._keeper = keeper
        self._instance = instance[:128]
        self._correlator = Correlator(new_name=lambda key: f"{key.name[:220]}.{uuid.uuid4().hex[:16]}")
        self._queue: queue.Queue[Occurrence | None] = queue.Queue(maxsize=_WAITING)
        self._thread = threading.Thread(target=self._run, name="event-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Write what waits, for at most so long."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(timeout=seconds)

    def publish(self, key: ObjectKey, *, uid: str, warning: bool, reason: str, message: str) -> None:
        """Tell the user of one transition of the object."""
        note = self._keeper.redact(message)[:_NOTE_LIMIT]
        logger.log(logging.WARNING if warning else logging.INFO, "%s: %s: %s", key, reason, note)
        try:
            self._queue.put_nowait(Occurrence(key, uid, warning, reason, note))
        except queue.Full:
            logger.warning("%s: an Event was dropped, since too many wait to be written", key)

    def _run(self) -> None:
        while (occurrence := self._queue.get()) is not None:
            try:
                self._write(occurrence)
            except KubeError as error:
                logger.warning("%s: an Event could not be written: %s", occurrence.key, error)
            except Exception:
                logger.exception("%s: an Event could not be written", occurrence.key)

    def _write(self, occurrence: Occurrence) -> None:
        decision = self._correlator.decide(occurrence, time.monotonic())
        namespace = occurrence.key.namespace
        if isinstance(decision, Create):
            self._kube.create(
                EVENTS, namespace, event(occurrence, name=decision.name, instance=self._instance, time=_now())
            )
        elif isinstance(decision, Count):
            body = {"series": {"count": decision.count, "lastObservedTime": _now()}}
            self._kube.patch(EVENTS, namespace, decision.name, body, patch_type=PatchType.MERGE)


def event(occurrence: Occurrence, *, name: str, instance: str, time: str) -> dict[str, Any]:
    """Return the Event as the API takes it; `instance` is the pod that reports, `time` an RFC 3339 text with microseconds."""
    key = occurrence.key
    regarding = {"apiVersion": names.API_VERSION, "kind": key.kind.value, "namespace": key.namespace, "name": key.name}
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"name": name, "namespace": key.namespace},
        "regarding": regarding | {"uid": occurrence.uid},
        "type": "Warning" if occurrence.warning else "Normal",
        "reason": occurrence.reason,
        "action": "Reconcile",
        "note": occurrence.note,
        "eventTime": time,
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
