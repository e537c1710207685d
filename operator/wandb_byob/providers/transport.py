"""HTTP to endpoints that users name: every address is checked before it is connected to, replies and time are bounded.

A name is resolved once per connection and the connection goes to the very addresses that were checked, so that a second
DNS answer (rebinding) changes nothing; TLS still verifies the host name. Redirects are never followed, proxies and the
environment (AWS_CA_BUNDLE, SSL_CERT_FILE, HTTPS_PROXY, SSLKEYLOGFILE) never consulted.
"""

import http.client
import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import HTTPClientError
from urllib3 import exceptions as errors

from wandb_byob.decide.connections import Fault, check_of, explain
from wandb_byob.decide.endpoints import Policy, Refusal
from wandb_byob.decide.explanations import Explanation
from wandb_byob.model.reasons import Reason
from wandb_byob.providers import deadline
from wandb_byob.providers.sockets import ConnectFailure, Connector, GuardedPool, GuardedTLSPool, Resolver
from wandb_byob.providers.tls import fault_of_tls

MAX_REPLY: Final = 1024 * 1024
_CONNECT_TIMEOUT: Final = 5.0
_READ_TIMEOUT: Final = 20.0
_REPLY_DEADLINE: Final = 30.0
_IDLE_CONNECTIONS: Final = 16
_CHUNK: Final = 65536
# XML that makes more of itself: with these 1 MiB becomes gigabytes, and the whole process ends.
_GROWS: Final = (b"<!ENTITY", b"<!ATTLIST")
_RETRIED: Final = frozenset({Fault.UNKNOWN_HOST, Fault.REFUSED, Fault.RESET, Fault.TRUNCATED})
_SOON, _LATER = timedelta(minutes=1), timedelta(minutes=5)
_SLOW: Final = frozenset({Fault.CONNECT_TIMEOUT, Fault.TIMEOUT, Fault.LOOK_TIMEOUT})


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
    """Seconds: to connect, between two pieces of a reply, and for the whole of a reply."""

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
        resolve: Resolver | None = None,
    ) -> None:
        self.policy = policy
        self.last_date = ""
        self._manager = urllib3.PoolManager(
            maxsize=_IDLE_CONNECTIONS,
            timeout=urllib3.Timeout(connect=timeouts.connect, read=timeouts.read),
            retries=False,
        )
        self._connector = connector = Connector(
            policy, resolve=resolve or socket.getaddrinfo, timeout=timeouts.connect, reply=timeouts.reply
        )
        pools: dict[str, Any] = {
            "http": partial(GuardedPool, connector=connector),
            "https": partial(GuardedTLSPool, connector=connector, ssl_context=trust),
        }
        self._manager.pool_classes_by_scheme = pools

    @property
    def tls(self) -> str:
        """The version of TLS that the latest connection negotiated, such as `TLSv1.3`; "" before the first and without TLS."""
        return self._connector.tls

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
        """Send one request once and read its whole reply; raises `TransportError`, at once where the look's time is over."""
        if deadline.is_over():
            raise transport_error(Fault.LOOK_TIMEOUT, policy=self.policy)
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
        except ConnectFailure as failure:
            raise transport_error(failure.fault, policy=self.policy, refusal=failure.refusal) from None
        except (errors.HTTPError, OSError) as error:
            raise transport_error(_classify(error), policy=self.policy) from None

    def close(self) -> None:
        """Close the idle connections."""
        self._manager.clear()

    def _read(self, response: urllib3.BaseHTTPResponse) -> Reply:
        body = bytearray()
        try:
            while piece := response.read1(_CHUNK):
                body += piece
                if len(body) > MAX_REPLY:
                    raise transport_error(Fault.TOO_LARGE, policy=self.policy)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        self.last_date = response.headers.get("Date", "")
        told = body.replace(b"\0", b"")  # in UTF-16, too
        if any(mark in told for mark in _GROWS):
            raise transport_error(Fault.TOO_LARGE, policy=self.policy)
        return Reply(status=response.status, headers=response.headers, body=bytes(body))


def transport_error(fault: Fault, *, policy: Policy, refusal: Refusal | None = None) -> TransportError:
    """Return the error for a fault, of the kind that botocore retries where that may help."""
    why = refusal or explain(fault, policy)
    if fault in _RETRIED:
        return RetriedTransportError(fault, why)
    return TransientTransportError(fault, why) if fault in _SLOW else TransportError(fault, why)


def unanswered(error: TransportError) -> Explanation:
    """Return what a request without a usable reply means for the user."""
    refused = error.fault is Fault.NOT_ALLOWED
    passing = isinstance(error, TransientTransportError)
    return Explanation(
        code=error.fault.value,
        check=check_of(error.fault),
        reason=Reason.ENDPOINT_NOT_ALLOWED if refused else Reason.UNREACHABLE,
        message=error.why.message,
        remedy=error.why.remedy,
        after=None if refused else _SOON if passing else _LATER,
    )


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
