"""Connections that go only where they may, and replies that end in time.

A read timeout alone lets a server hold a thread for ever, one byte at a time; here a reply has a deadline as a whole, and all
replies of a look together (`deadline`).
"""

import ipaddress
import logging
import math
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from wandb_byob.decide.connections import Fault
from wandb_byob.decide.endpoints import Policy, Refusal, refuse_addresses
from wandb_byob.providers import deadline

# It quotes the URL of a reply whose headers it cannot read, and a URL may be signed.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

Resolver = Callable[..., list[tuple[Any, ...]]]
"""What `socket.getaddrinfo` is."""


class ConnectFailure(Exception):  # noqa: N818 (the transport turns it into its own error)
    """No connection came about; `refusal` where the policy forbids it."""

    def __init__(self, fault: Fault, refusal: Refusal | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.refusal = refusal


class TimedSocket(socket.socket):
    """A socket that reads nothing after its deadline (in `time.monotonic`'s seconds)."""

    deadline = math.inf

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read as a socket does; raises TimeoutError when the time of the whole reply is over."""
        if time.monotonic() > self.deadline:
            raise TimeoutError
        return super().recv_into(*args, **kwargs)


class TimedTLSSocket(ssl.SSLSocket):
    """The same over TLS."""

    deadline = math.inf

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Read as a socket does; raises TimeoutError when the time of the whole reply is over."""
        if time.monotonic() > self.deadline:
            raise TimeoutError
        return super().recv_into(*args, **kwargs)


class Connector:
    """Resolves a name, checks all of its addresses and connects to what was checked."""

    def __init__(self, policy: Policy, *, resolve: Resolver, timeout: float, reply: float) -> None:
        self._policy = policy
        self._resolve = resolve
        self._timeout = timeout
        self.reply = reply
        self.tls = ""

    def connect(self, host: str, port: int) -> TimedSocket:
        """Return a connection; raises `ConnectFailure`."""
        if deadline.is_over():
            raise ConnectFailure(Fault.LOOK_TIMEOUT)
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ConnectFailure(Fault.UNKNOWN_HOST) from None
        addresses = tuple(ipaddress.ip_address(info[4][0].partition("%")[0]) for info in found)
        refusal = refuse_addresses(self._policy, host=host, port=port, addresses=addresses)
        if refusal is not None:
            raise ConnectFailure(Fault.NOT_ALLOWED, refusal)
        return self._first(found)

    def _first(self, found: list[tuple[Any, ...]]) -> TimedSocket:
        """Connect to the first address that answers; all of them together get twice the time of one."""
        last = min(time.monotonic() + 2 * self._timeout, deadline.ends())
        fault = Fault.LOOK_TIMEOUT if deadline.is_over() else Fault.REFUSED
        for family, kind, protocol, _, address in found:
            left = min(self._timeout, last - time.monotonic())
            if left <= 0:
                break
            candidate = TimedSocket(family, kind, protocol)
            try:
                candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                candidate.settimeout(left)
                candidate.connect(address)
            except OSError as error:
                candidate.close()
                fault = Fault.CONNECT_TIMEOUT if isinstance(error, TimeoutError) else Fault.REFUSED
            else:
                return candidate
        raise ConnectFailure(fault)


class _Guarded(HTTPConnection):
    """What urllib3's two connections share here."""

    def __init__(self, *args: Any, connector: Connector, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connector = connector

    def _new_conn(self) -> socket.socket:
        return self._connector.connect(self.host, self.port)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        """Start the time of the reply, and read its head."""
        if isinstance(self.sock, TimedSocket | TimedTLSSocket):
            self.sock.deadline = min(time.monotonic() + self._connector.reply, deadline.ends())
        return super().getresponse()


class _GuardedTLS(_Guarded, HTTPSConnection):
    def connect(self) -> None:
        """Connect, and note what version of TLS came about."""
        super().connect()
        if isinstance(self.sock, ssl.SSLSocket):
            self._connector.tls = self.sock.version() or ""


class GuardedPool(HTTPConnectionPool):
    """Connections without TLS."""

    ConnectionCls = _Guarded


class GuardedTLSPool(HTTPSConnectionPool):
    """Connections with TLS."""

    ConnectionCls = _GuardedTLS
