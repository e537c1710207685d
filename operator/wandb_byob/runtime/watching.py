"""The watches: Kopf lists and streams, and each event goes to the wake-ups; handlers decide nothing.

Kopf runs in a thread with an event loop of its own, and is started anew when it fails (a watch ERROR or a vanished CRD ends it).
It gets our own HTTP session: the token is the file's at every request, and each watch request is noted, which is how `/healthz` and
`/readyz` know whether all kinds are being watched. Secrets are filtered by the server (`settings.watching.label_selectors`; a
handler's own `labels=` filter would still send all of them here).
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from random import Random
from typing import Any, Final

import aiohttp
import kopf

from wandb_byob.kube import client
from wandb_byob.kube.client import Resource
from wandb_byob.kube.connection import Connection
from wandb_byob.model import names
from wandb_byob.model.keys import Kind
from wandb_byob.runtime.streams import Streams
from wandb_byob.runtime.wakeups import Wakeups

logger = logging.getLogger(__name__)

OURS: Final[Mapping[Kind, Resource]] = {
    Kind.WANDB_INSTANCE: client.WANDB_INSTANCES,
    Kind.BUCKET_STORE: client.BUCKET_STORES,
    Kind.TEAM_STORAGE: client.TEAM_STORAGES,
}
WATCHED: Final = (*OURS.values(), client.DEPLOYMENTS, client.STATEFUL_SETS, client.SECRETS)

_PAGE: Final = 500
# A watch ends and begins anew after this time, so that "when was it last begun" tells whether it is alive.
_WATCH_SECONDS: Final = 240
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 10.0
_DISCOVERY_SECONDS: Final = 15.0
_HEARTBEAT_SECONDS: Final = 1.0
_SILENCE_SECONDS: Final = 90.0


class _EndlessBackoffs:
    """Waits between tries of a request, doubling to 10 s, with jitter, without end: Kopf's default gives up after 54 s and ends the process."""

    def __iter__(self) -> Iterator[float]:
        random = Random()  # noqa: S311 (spreads load, guards nothing)
        wait = _FIRST_WAIT
        while True:
            yield wait * (0.5 + random.random() / 2)
            wait = min(wait * 2, _LONGEST_WAIT)


def settings() -> kopf.OperatorSettings:
    """Return Kopf's settings: it watches, without end, and does nothing else."""
    made = kopf.OperatorSettings()
    made.networking.error_backoffs = _EndlessBackoffs()
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 5
    made.watching.inactivity_timeout = 70
    made.watching.server_timeout = _WATCH_SECONDS
    made.watching.chunk_size = _PAGE
    made.watching.label_selectors["", "v1", "secrets"] = names.WATCH
    made.posting.enabled = False
    made.posting.loggers = False
    # The CRDs and namespaces of the cluster are not ours to look at, by the rights that the chart gives.
    made.scanning.disabled = True
    # A limit can deadlock the first listing (kopf#1243); handlers only put keys into a queue, so none is needed.
    made.queueing.worker_limit = None
    made.peering.standalone = True
    made.process.ultimate_exiting_timeout = None
    return made


def _tells_news(record: logging.LogRecord) -> bool:
    """Drop what Kopf says at each try of a refused request, several times a second for a namespace that is gone: `Endings` says it once."""
    return "APIForbiddenError" not in record.getMessage()


class Watcher:
    """Kopf in a thread. `namespaces` empty watches all of them."""

    def __init__(
        self, connection: Connection, *, namespaces: Sequence[str], wakeups: Wakeups, streams: Streams
    ) -> None:
        self._connection = connection
        self._namespaces = tuple(namespaces)
        self._wakeups = wakeups
        self._streams = streams
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_kopf: asyncio.Event | None = None
        self._heartbeat = time.monotonic()
        self._signed_in_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def alive(self) -> bool:
        """Say whether the thread runs and its event loop is not blocked."""
        return self._thread.is_alive() and time.monotonic() - self._heartbeat < _SILENCE_SECONDS

    def stop(self) -> None:
        """Ask to end; returns at once."""
        self._stopping.set()
        if self._loop is not None and self._stop_kopf is not None:
            try:
                self._loop.call_soon_threadsafe(self._stop_kopf.set)
            except RuntimeError:
                # The loop has just ended by itself.
                return

    def join(self, seconds: float) -> None:
        """Wait for the end, at most so long."""
        self._thread.join(timeout=seconds)

    def _run(self) -> None:
        # "OS signals are ignored": the main thread takes them, and Kopf is told to end by a flag.
        logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
        logging.getLogger("kopf._cogs.clients.watching").addFilter(_tells_news)
        waits = iter(_EndlessBackoffs())
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                asyncio.run(self._watch())
            except Exception:
                logger.exception("Watching failed and is started anew")
            if time.monotonic() - started > _DISCOVERY_SECONDS:
                waits = iter(_EndlessBackoffs())
            self._heartbeat = time.monotonic()
            self._stopping.wait(next(waits))

    async def _watch(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_kopf = asyncio.Event()
        if self._stopping.is_set():
            return
        monitor = asyncio.create_task(self._monitor(self._stop_kopf))
        scope: dict[str, Any] = {"namespaces": self._namespaces} if self._namespaces else {"clusterwide": True}
        try:
            await kopf.operator(
                registry=self._registry(), settings=settings(), standalone=True, stop_flag=self._stop_kopf, **scope
            )
        finally:
            monitor.cancel()

    async def _monitor(self, stop: asyncio.Event) -> None:
        """Show that the loop lives; end it where a kind is not served, since only a new start discovers kinds."""
        started = time.monotonic()
        while True:
            self._heartbeat = now = time.monotonic()
            if now - started > _DISCOVERY_SECONDS and (missing := self._streams.never_begun()):
                logger.warning("Not served by the API server, looking again: %s", ", ".join(sorted(missing)))
                stop.set()
                return
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry, id="sign-in", errors=kopf.ErrorsMode.TEMPORARY, backoff=5)(self._sign_in)
        for kind, resource in OURS.items():
            self._on_event(registry, resource, partial(self._wakeups.saw_object, kind))
        for resource in (client.DEPLOYMENTS, client.STATEFUL_SETS):
            self._on_event(registry, resource, partial(self._wakeups.saw_workload, resource.kind))
        self._on_event(registry, client.SECRETS, self._wakeups.saw_secret)
        return registry

    def _on_event(
        self,
        registry: kopf.OperatorRegistry,
        resource: Resource,
        take: Callable[[str | None, Mapping[str, Any]], None],
    ) -> None:
        async def handler(event: kopf.RawEvent, **_: Any) -> None:
            take(event["type"], event["object"])

        kopf.on.event(resource.group, resource.version, resource.plural, registry=registry, id=resource.plural)(handler)

    async def _sign_in(self, **_: Any) -> kopf.AiohttpSession:
        """Give Kopf a session; called again when the API server answers 401, then slowly: each session counts as new to Kopf."""
        now = time.monotonic()
        if now - self._signed_in_at < _LONGEST_WAIT:
            await asyncio.sleep(_FIRST_WAIT * 5)
        self._signed_in_at = time.monotonic()
        connector = aiohttp.TCPConnector(limit=0, ssl=self._connection.ssl_context())
        session = aiohttp.ClientSession(connector=connector, middlewares=(self._sign,), proxy=self._connection.proxy)
        return kopf.AiohttpSession(server=self._connection.server, aiohttp_session=session)

    async def _sign(self, request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        authorization = self._connection.authorization
        # In a thread: it may read a file or run a program.
        if header := await asyncio.to_thread(authorization.header):
            request.headers["Authorization"] = header
        if self._connection.server_name:
            request.server_hostname = self._connection.server_name
        self._streams.begun(request.url.path)
        response = await send(request)
        if response.status == HTTPStatus.UNAUTHORIZED:
            authorization.invalidate()
        elif response.status == HTTPStatus.FORBIDDEN:
            self._streams.refused(request.url.path)
        elif response.ok and request.url.query.get("watch") == "true":
            self._streams.answered(request.url.path)
        return response
