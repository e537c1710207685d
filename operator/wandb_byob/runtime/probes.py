"""`/healthz`, `/readyz` and `/metrics`, served from the first moment on, before the Lease is taken.

Health never asks whether the API server is there: a restart would not bring it back. Unhealthy is only what a restart can mend.
"""

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

logger = logging.getLogger(__name__)

STUCK_SECONDS: Final = 600.0
_CLIENT_SECONDS: Final = 5
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Answer:
    """What to send back."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Route = Callable[[Mapping[str, str]], Answer]
"""Makes an answer from the request's headers (names in lower case)."""


def checks(named: Mapping[str, Callable[[], str]], *, note: Callable[[], str] = lambda: "") -> Route:
    """Return a route that runs checks: each returns what is wrong, "" for nothing; any problem makes the answer 503.

    `note` says what is worth knowing and no reason for a 503, "" for nothing.
    """

    def answer(_: Mapping[str, str]) -> Answer:
        found = {name: check() for name, check in named.items()}
        lines = [f"[-]{name}: {problem}" if problem else f"[+]{name} ok" for name, problem in found.items()]
        lines += [f"[!]{said}"] if (said := note()) else []
        status = HTTPStatus.SERVICE_UNAVAILABLE if any(found.values()) else HTTPStatus.OK
        return Answer(status, ("\n".join(lines) + "\n").encode())

    return answer


def metrics(registry: CollectorRegistry) -> Route:
    """Return a route that shows all numbers, in the form that the scraper asks for."""

    def answer(headers: Mapping[str, str]) -> Answer:
        encode, content_type = choose_encoder(headers.get("accept", ""))
        return Answer(HTTPStatus.OK, encode(registry), content_type)

    return answer


class Server:
    """A small HTTP server in threads of its own; port 0 takes a free one (see `port`)."""

    def __init__(self, port: int, routes: Mapping[str, Route]) -> None:
        handler = type("Handler", (_Handler,), {"routes": routes})
        self._server = _HTTPServer(("", port), handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name=f"http-{self.port}", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class _HTTPServer(ThreadingHTTPServer):
    """On all addresses, of IPv6 too where the machine has it: the kubelet probes by the pod's address."""

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that went away or was too slow; Python's own method would print to standard error.
        logger.debug("A request to the probes failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    routes: ClassVar[Mapping[str, Route]] = {}
    timeout = _CLIENT_SECONDS
    server_version = "wandb-byob"
    sys_version = ""

    def do_GET(self) -> None:
        route = self.routes.get(self.path.partition("?")[0])
        answer = Answer(HTTPStatus.NOT_FOUND, b"not found\n") if route is None else self._answer(route)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _answer(self, route: Route) -> Answer:
        try:
            return route({name.lower(): value for name, value in self.headers.items()})
        except Exception:
            logger.exception("A probe failed")
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"failed\n")

    def log_message(self, *_: Any) -> None:
        """Say nothing: probes come every few seconds."""
