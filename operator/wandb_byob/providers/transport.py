"""HTTP to endpoints that users name: every address is checked before it is connected to, replies and time are bounded.

A name is resolved once per connection and the connection goes to the very addresses that were checked, so that a second
DNS answer (rebinding) changes nothing; TLS still verifies the host name. Redirects are never followed, proxies and the
environment (AWS_CA_BUNDLE, SSL_CERT_FILE, HTTPS_PROXY, SSLKEYLOGFILE) never consulted.
"""

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import HTTPClientError
from urllib3 import exceptions as errors
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from wandb_byob.decide.connections import Fault, explain
from wandb_byob.decide.endpoints import Policy, Refusal, refuse_addresses
from wandb_byob.providers.tls import fault_of_tls

MAX_REPLY: Final = 1024 * 1024
_CONNECT_TIMEOUT: Final = 5.0
_READ_TIMEOUT: Final = 20.0
_REPLY_DEADLINE: Final = 30.0
_IDLE_CONNECTIONS: Final = 4
_CHUNK: Final = 65536
_RETRIED: Final = frozenset({Fault.UNKNOWN_HOST, Fault.REFUSED, Fault.RESET, Fault.TRUNCATED})
_SLOW: Final = frozenset({Fault.CONNECT_TIMEOUT, Fault.TIMEOUT})

Resolver = Callable[..., list[tuple[Any, ...]]]
"""What `socket.getaddrinfo` is."""


class TransportError(Exception):
    """A request that got no usable reply; `why` is written for the user."""

    def __init__(self, fault: Fault, why: Refusal) -> None:
        Exception.__init__(self, why.message)
        self.fault = fault
        self.why = why

    def __str__(self) -> str:
        return self.why.message


class TransientTransportError(TransportError):
    """One that may go away by itself. A timeout is not tried again at once: a hung store must not hold a worker for long."""


class RetriedTransportError(TransientTransportError, HTTPClientError):
    """One that may go away at once: botocore retries it as its own kind."""

    def __init__(self, fault: Fault, why: Refusal) -> None:
        HTTPClientError.__init__(self, error=why.message)
        TransportError.__init__(self, fault, why)


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, between two pieces of a reply, and for the whole body of a reply."""

    connect: float = _CONNECT_TIMEOUT
    read: float = _READ_TIMEOUT
    reply: float = _REPLY_DEADLINE


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole reply of at most 1 MiB; header names are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class GuardedSession:
    """The one way to one endpoint, for boto3 clients and for raw requests; safe to use from many threads.

    `last_date` is the `Date` header of the latest reply, by which the store's clock is judged.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        trust: ssl.SSLContext,
        timeouts: Timeouts = Timeouts(),
        resolve: Resolver = socket.getaddrinfo,
    ) -> None:
        self.policy = policy
        self.last_date = ""
        self._timeouts = timeouts
        self._manager = urllib3.PoolManager(
            maxsize=_IDLE_CONNECTIONS,
            timeout=urllib3.Timeout(connect=timeouts.connect, read=timeouts.read),
            retries=False,
        )
        connect = _Connector(policy, resolve=resolve)
        pools: dict[str, Any] = {
            "http": partial(_HTTPPool, connector=connect),
            "https": partial(_HTTPSPool, connector=connect, ssl_context=trust),
        }
        self._manager.pool_classes_by_scheme = pools

    def attach(self, client: Any) -> None:
        """Send all requests of a boto3 client through this session instead of botocore's own."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_last(f"before-send.{service}", self.send, unique_id="wandb-byob-transport")

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Send a request that botocore has prepared and signed; raises `TransportError`."""
        reply = self.request(request.method, request.url, headers=dict(request.headers), body=request.body)
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(reply.body),
            headers=reply.headers,
            status=reply.status,
            preload_content=False,
            decode_content=False,
            enforce_content_length=False,  # the answer to HEAD has a length and no body; others were read whole
        )
        headers: Any = raw.headers  # only ever read like a mapping
        return AWSResponse(request.url, reply.status, headers, raw)

    def request(self, method: str, url: str, *, headers: Mapping[str, Any] | None = None, body: Any = None) -> Reply:
        """Send one request once and read its whole reply; raises `TransportError`."""
        parts = urlsplit(url)
        pool = self._manager.connection_from_host(parts.hostname, port=parts.port, scheme=parts.scheme)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            response = pool.urlopen(
                method,
                target,
                body=body,
                headers={"User-Agent": "wandb-byob", **(headers or {})},
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            return self._read(response)
        except (errors.HTTPError, OSError) as error:
            raise self._fault(_classify(error)) from None

    def close(self) -> None:
        """Close the idle connections."""
        self._manager.clear()

    def _read(self, response: urllib3.BaseHTTPResponse) -> Reply:
        deadline = time.monotonic() + self._timeouts.reply
        body = bytearray()
        try:
            while piece := response.read1(_CHUNK):
                body += piece
                if len(body) > MAX_REPLY:
                    raise self._fault(Fault.TOO_LARGE)
                if time.monotonic() > deadline:
                    raise self._fault(Fault.TIMEOUT)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        self.last_date = response.headers.get("Date", "")
        return Reply(status=response.status, headers=response.headers, body=bytes(body))

    def _fault(self, fault: Fault) -> TransportError:
        return transport_error(fault, policy=self.policy)


def transport_error(fault: Fault, *, policy: Policy) -> TransportError:
    """Return the error for a fault, of the kind that botocore retries where that may help."""
    why = explain(fault, endpoint=policy.endpoint, field=policy.field)
    if fault in _RETRIED:
        return RetriedTransportError(fault, why)
    return TransientTransportError(fault, why) if fault in _SLOW else TransportError(fault, why)


def _classify(error: BaseException) -> Fault:
    """Return what went wrong, from urllib3's exception or the one that it wraps."""
    inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    if isinstance(error, ssl.SSLError):
        return fault_of_tls(error)
    if isinstance(error, errors.SSLError) and inner is not None:
        return _classify(inner)
    if isinstance(error, errors.TimeoutError | TimeoutError):
        return Fault.TIMEOUT
    if isinstance(error, errors.IncompleteRead | http.client.IncompleteRead):
        return Fault.TRUNCATED
    if isinstance(error, ConnectionError | http.client.RemoteDisconnected):
        return Fault.RESET
    if isinstance(error, errors.ProtocolError) and inner is not None:
        return _classify(inner)
    return Fault.NOT_HTTP


class _Connector:
    """Resolves, checks and connects."""

    def __init__(self, policy: Policy, *, resolve: Resolver) -> None:
        self._policy = policy
        self._resolve = resolve

    def connect(self, host: str, port: int, *, timeout: float) -> socket.socket:
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise transport_error(Fault.UNKNOWN_HOST, policy=self._policy) from None
        addresses = tuple(ipaddress.ip_address(info[4][0].partition("%")[0]) for info in found)
        refusal = refuse_addresses(self._policy, host=host, port=port, addresses=addresses)
        if refusal is not None:
            raise TransportError(Fault.NOT_ALLOWED, refusal)
        return self._first(found, timeout=timeout)

    def _first(self, found: list[tuple[Any, ...]], *, timeout: float) -> socket.socket:
        """Connect to the first address that answers; all of them together get twice the time of one."""
        deadline = time.monotonic() + 2 * timeout
        fault = Fault.REFUSED
        for family, kind, protocol, _, address in found:
            left = min(timeout, deadline - time.monotonic())
            if left <= 0:
                break
            candidate = socket.socket(family, kind, protocol)
            try:
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                candidate.settimeout(left)
                candidate.connect(address)
            except OSError as error:
                candidate.close()
                fault = Fault.CONNECT_TIMEOUT if isinstance(error, TimeoutError) else Fault.REFUSED
            else:
                return candidate
        raise transport_error(fault, policy=self._policy)


class _HTTPConnection(HTTPConnection):
    def __init__(self, *args: Any, connector: _Connector, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connector = connector

    def _new_conn(self) -> socket.socket:
        return self._connector.connect(self.host, self.port, timeout=float(self.timeout or _CONNECT_TIMEOUT))


class _HTTPSConnection(HTTPSConnection):
    def __init__(self, *args: Any, connector: _Connector, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connector = connector

    def _new_conn(self) -> socket.socket:
        return self._connector.connect(self.host, self.port, timeout=float(self.timeout or _CONNECT_TIMEOUT))


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection
