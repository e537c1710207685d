"""A page served at W&B's address and opened in a real browser: it uses signed URLs and tells what the browser let it do."""

import json
import queue
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from testbed import browser
from testbed.certificates import Authority, KeyPair
from testbed.processes import Process, wait_for

HTML = Path(__file__).with_name("page.html")
TIMEOUT = 60
_CONSOLE_TIMEOUT = 5
_BLOCKED = re.compile(r'CONSOLE\D\d+\)?\] "Access to fetch at .* has been blocked by CORS policy: (.*)", source: ')


@dataclass(frozen=True, kw_only=True)
class Request:
    """One `fetch` of the page."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What the page's JavaScript saw of a `fetch`: `etag` is None where it may not read it, `blocked` is why CORS did not let it see anything."""

    method: str
    status: int
    etag: str | None
    text: str
    error: str
    blocked: str = ""

    @property
    def worked(self) -> bool:
        """Whether the page got the answer to a request that the store has granted."""
        return not self.error and 200 <= self.status < 300


def visit(origin: str, requests: Sequence[Request], *, folder: Path) -> list[Attempt]:
    """Open W&B's page at `origin` (https, no port) in a new browser and have it make these requests, one after the other.

    Raises TestbedError where the page does not end, or where a request failed for another reason than CORS.
    """
    host = urlsplit(origin).hostname or ""
    heard: queue.SimpleQueue[list[Attempt]] = queue.SimpleQueue()
    with _served(requests, heard, pair=Authority(folder / "tls").issue("page", host)) as port:
        opened = browser.open_page(f"{origin}/", folder=folder, hosts={host: port})
        try:
            attempts = _heard(heard, opened)
            return _explained(attempts, opened)
        finally:
            opened.stop()


def _heard(heard: "queue.SimpleQueue[list[Attempt]]", opened: Process) -> list[Attempt]:
    found: list[list[Attempt]] = []

    def arrived() -> bool:
        if not heard.empty():
            found.append(heard.get())
        return bool(found)

    opened.wait_until(arrived, timeout=TIMEOUT, what="the page tells what came of its requests")
    return found[0]


def _explained(attempts: Sequence[Attempt], opened: Process) -> list[Attempt]:
    """Add the browser's own words, which are on its console and which JavaScript does not get."""
    refused = [attempt for attempt in attempts if attempt.error]

    def said() -> list[str] | None:
        found = _BLOCKED.findall(opened.log.read_text(errors="replace"))
        return found if len(found) >= len(refused) else None

    words = iter(
        wait_for(said, timeout=_CONSOLE_TIMEOUT, what="CORS is what blocked each request", detail=opened.tail)
        if refused
        else ()
    )
    return [replace(attempt, blocked=next(words)) if attempt.error else attempt for attempt in attempts]


@contextmanager
def _served(requests: Sequence[Request], heard: "queue.SimpleQueue[list[Attempt]]", *, pair: KeyPair) -> Iterator[int]:
    """Serve the page for the length of the block, on the port of 127.0.0.1 that this gives."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(requests, heard))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.05), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_for(
    requests: Sequence[Request], heard: "queue.SimpleQueue[list[Attempt]]"
) -> Callable[..., BaseHTTPRequestHandler]:
    documents = {
        "/": ("text/html; charset=utf-8", HTML.read_bytes()),
        "/requests": ("application/json", json.dumps([asdict(request) for request in requests]).encode()),
    }

    class Handler(BaseHTTPRequestHandler):
        timeout = 60

        def log_message(self, *_: object) -> None:
            """Say nothing on standard error."""

        def do_GET(self) -> None:
            kind, body = documents.get(self.path, ("text/plain", b""))
            self._answer(200 if self.path in documents else 404, kind, body)

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.put([Attempt(**attempt) for attempt in told])
            self._answer(200, "text/plain", b"")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
