"""A proxy to put before an object store: it records every request, and breaks those that a test names.

It passes the request on as it came, Host header included, so that signatures hold. A fault is chosen when a request's head has been read.
"""

import http.client
import re
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from testbed.faults import Fault, Recorded

__all__ = ["Fault", "FaultyProxy", "Recorded", "Response"]

_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_CHUNK = 65536


class FaultyProxy:
    """A proxy on a free port before `127.0.0.1:store_port`, as a context manager. Faults are set and taken away while it runs."""

    def __init__(
        self,
        store_port: int,
        *,
        store_authority: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None,
    ) -> None:
        self._store_port = store_port
        self._store_tls = ssl.create_default_context(cafile=store_authority) if store_authority else None
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, list[int]]] = []
        self._recorded: list[Recorded] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self.tls = certificate is not None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            if versions is not None:
                context.minimum_version, context.maximum_version = versions
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def endpoint(self) -> str:
        """The address to give to the program under test."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def add(self, fault: Fault) -> None:
        """From now on break matching requests; of several faults that match, the one added last counts."""
        with self._lock:
            self._faults.insert(0, (fault, [fault.times if fault.times is not None else -1]))

    def clear(self) -> None:
        """Break nothing any more."""
        with self._lock:
            self._faults.clear()

    @contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        """Break matching requests within the block."""
        self.add(fault)
        try:
            yield
        finally:
            with self._lock:
                self._faults = [each for each in self._faults if each[0] is not fault]

    def requests(self, *, method: str = ".*", target: str = ".*") -> list[Recorded]:
        """The requests until now that match, in the order in which they were answered."""
        with self._lock:
            return [
                each
                for each in self._recorded
                if re.fullmatch(method, each.method) and re.search(target, f"{each.path}?{each.query}")
            ]

    def forget(self) -> None:
        """Empty the list of requests."""
        with self._lock:
            self._recorded.clear()

    def take(self, method: str, target: str) -> Fault | None:
        """The fault for this request, counted; for the handler."""
        with self._lock:
            for fault, left in self._faults:
                if left[0] != 0 and fault.matches(method, target):
                    left[0] -= 1
                    return fault
        return None

    def record(self, request: Recorded) -> None:
        """Note a request; for the handler."""
        with self._lock:
            self._recorded.append(request)

    def stand_in(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Response | None":
        """What is answered in the store's place; nothing here, but a subclass may know what its store does not. For the handler."""
        return None

    def connect(self) -> http.client.HTTPConnection:
        """A connection to the store; for the handler."""
        if self._store_tls:
            return http.client.HTTPSConnection("127.0.0.1", self._store_port, timeout=60, context=self._store_tls)
        return http.client.HTTPConnection("127.0.0.1", self._store_port, timeout=60)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is none of our business."""


@dataclass(frozen=True)
class _Outcome:
    """What the client gets: the status to note (0 for a reset), and how to send it."""

    status: int
    send: Callable[[], None]


@dataclass(frozen=True)
class Response:
    """An answer as it is sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def _handler_for(proxy: FaultyProxy) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def log_message(self, *_: object) -> None:
            """Say nothing on standard error."""

        def handle_any(self) -> None:
            started = time.monotonic()
            fault = proxy.take(self.command, self.path)
            outcome = _outcome(self, proxy, fault)
            parts, headers = urlsplit(self.path), dict(self.headers.items())
            spent = time.monotonic() - started
            faulted = fault is not None
            # Noted before it is sent, so that who has an answer finds the request in the list.
            proxy.record(Recorded(self.command, parts.path, parts.query, headers, outcome.status, faulted, spent))
            outcome.send()

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    return Handler


def _outcome(handler: BaseHTTPRequestHandler, proxy: FaultyProxy, fault: Fault | None) -> _Outcome:
    """Ask the store where that is wanted, and decide what the client gets."""
    body = _read_body(handler)
    if fault is None:
        response = _forward(handler, proxy, body)
        return _Outcome(response.status, lambda: _send(handler, response))
    if fault.delay and proxy.closing.wait(fault.delay):
        return _Outcome(0, lambda: _reset(handler))
    if fault.forward_first or not (fault.status is not None or fault.reset or fault.endless):
        response = _forward(handler, proxy, body)
        kept = [each for each in response.headers if not fault.takes_away(each[0])]
        response = replace(response, headers=[*kept, *fault.headers.items()])
    if fault.reset:
        return _Outcome(0, lambda: _reset(handler))
    if fault.endless:
        return _Outcome(fault.status or 200, lambda: _send_endless(handler, proxy, fault))
    if fault.status is not None:
        response = Response(fault.status, list(fault.headers.items()), fault.body)
    return _Outcome(response.status, lambda: _send(handler, response, truncate_after=fault.truncate_after))


def _read_body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
        chunks = []
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            chunks.append(handler.rfile.read(size))
            handler.rfile.readline()
        while handler.rfile.readline().strip():
            pass
        return b"".join(chunks)
    return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


def _forward(handler: BaseHTTPRequestHandler, proxy: FaultyProxy, body: bytes) -> Response:
    """Send the request to the store with the headers as they came, and read the whole answer."""
    own = proxy.stand_in(handler.command, handler.path, dict(handler.headers.items()), body)
    if own is not None:
        return own
    connection = proxy.connect()
    try:
        connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            if name.lower() not in _HOP_BY_HOP | {"expect", "content-length"}:
                connection.putheader(name, value)
        if body or handler.command in {"PUT", "POST", "PATCH"}:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Response(answer.status, answer.getheaders(), answer.read())
    except OSError as error:
        return Response(502, [], f"the store did not answer: {error}".encode())
    finally:
        connection.close()


def _send(handler: BaseHTTPRequestHandler, response: Response, *, truncate_after: int | None = None) -> None:
    handler.send_response_only(response.status)
    length = len(response.body)
    for name, value in response.headers:
        if name.lower() == "content-length":
            length = int(value)  # That of a HEAD is the object's, with no body to count.
        elif name.lower() not in _HOP_BY_HOP:
            handler.send_header(name, value)
    if response.status not in {204, 304}:
        handler.send_header("Content-Length", str(length))
    if truncate_after is not None:
        handler.close_connection = True
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(response.body[:truncate_after])


def _send_endless(handler: BaseHTTPRequestHandler, proxy: FaultyProxy, fault: Fault) -> None:
    """A body without end, until the client hangs up."""
    handler.close_connection = True
    handler.send_response_only(fault.status or 200)
    for name, value in fault.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    with suppress(OSError):
        while not proxy.closing.is_set():
            handler.wfile.write(b" " * _CHUNK)


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection with a TCP reset instead of an end."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
