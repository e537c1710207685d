"""How SDKs that send with `requests` reach their cloud: guarded, counted, fenced, and without the environment."""

import gzip
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from wandb_byob.decide.endpoints import Endpoint, Policy, Refusal, parse_allow_list, parse_endpoint
from wandb_byob.model import api
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers.base import Context, Tenant
from wandb_byob.providers.requests_adapter import Calling, GuardedAdapter, Naming, guarded_requests
from wandb_byob.providers.tls import trust
from wandb_byob.providers.transport import MAX_REPLY, GuardedSession, TransportError

_BOMB = gzip.compress(b"x" * 2 * MAX_REPLY, compresslevel=1)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append(self)
        if self.path == "/reset":
            self.connection.close()
            return
        body = {"/huge": b"x" * (MAX_REPLY + 1), "/bomb": _BOMB}.get(self.path, b"{}")
        self.send_response({"/moved": 302, "/denied": 403}.get(self.path, 200))
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/bomb":
            self.send_header("Content-Encoding", "gzip")
        if self.path == "/moved":
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    do_PUT = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that misbehaves by the path that is asked for; `seen` are its requests."""
    found: Any = HTTPServer(("127.0.0.1", 0), _Handler)
    found.seen = []
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


class _Counted(NullRecorder):
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        self.calls.append((provider, operation, result))


class _Lost(Exception):  # noqa: N818
    pass


def _lost() -> None:
    raise _Lost


def _look(**changes: Any) -> Context:
    known: dict[str, Any] = {
        "spec": api.BucketStoreSpec(provider="GCS", credentials=api.Credentials(source="Ambient")),
        "uid": "u",
        "tenant": Tenant(deployment_type="SelfManaged", origins=()),
        "data": None,
        "admin": None,
        "paths": (),
        "recorder": _Counted(),
        "now": lambda: datetime.now(UTC),
    }
    return Context(**{**known, **changes})


def _session(server: Any, calling: Calling, allowed: tuple[str, ...] = ("127.0.0.1",)) -> requests.Session:
    endpoint = parse_endpoint(f"http://127.0.0.1:{server.server_port}", field="--gcs-endpoint")
    assert isinstance(endpoint, Endpoint)
    policy = Policy(endpoint=endpoint, allowed=parse_allow_list(allowed), field="--gcs-endpoint")
    naming = Naming(
        provider="GCS",
        operation=lambda request: f"{request.method} {request.path_url}",
        result=lambda reply: str(reply.status),
    )
    return guarded_requests(GuardedAdapter(GuardedSession(policy, trust=trust(None)), naming=naming, calling=calling))


def _url(server: Any, path: str) -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_counts_each_call_for_whoever_is_calling(server: Any) -> None:
    """A client is shared, and what it does counts for the look that uses it."""
    calling = Calling()
    session, one, other = _session(server, calling), _look(), _look()
    with calling.on_behalf_of(one):
        assert session.get(_url(server, "/a")).json() == {}
        with calling.on_behalf_of(other):
            assert session.head(_url(server, "/denied")).status_code == 403
    assert _calls(one) == [("GCS", "GET /a", "ok")]
    assert _calls(other) == [("GCS", "HEAD /denied", "403")]
    with pytest.raises(RuntimeError, match="outside of a look"):
        session.get(_url(server, "/a"))


def _calls(context: Context) -> list[tuple[str, str, str]]:
    assert isinstance(context.recorder, _Counted)
    return context.recorder.calls


def test_a_write_is_fenced_before_it_is_sent(server: Any) -> None:
    """Whoever has lost the Lease still reads, and writes nothing."""
    calling = Calling()
    session, look = _session(server, calling), _look(fence=_lost)
    with calling.on_behalf_of(look):
        session.get(_url(server, "/a"))
        with pytest.raises(_Lost):
            session.put(_url(server, "/a"), data=b"x")
    assert [request.command for request in server.seen] == ["GET"]


def test_a_forbidden_address_gets_no_packet(server: Any) -> None:
    """An address that is not on the administrator's list is refused before a connection."""
    calling = Calling()
    session, look = _session(server, calling, allowed=()), _look()
    with calling.on_behalf_of(look), pytest.raises(TransportError) as refused:
        session.get(_url(server, "/a"))
    assert isinstance(refused.value.why, Refusal)
    assert server.seen == []
    assert _calls(look) == [("GCS", "GET /a", "error")]


def test_redirects_are_not_followed(server: Any) -> None:
    """`requests` would follow one by itself."""
    calling = Calling()
    with calling.on_behalf_of(_look()):
        reply = _session(server, calling).get(_url(server, "/moved"))
    assert reply.status_code == 302
    assert len(server.seen) == 1


def test_a_compressed_reply_stays_small(server: Any) -> None:
    """None is asked for, and one that comes is not unpacked."""
    calling = Calling()
    with calling.on_behalf_of(_look()):
        reply = _session(server, calling).get(_url(server, "/bomb"))
    assert server.seen[0].headers["Accept-Encoding"] == "identity"
    assert len(reply.content) < MAX_REPLY


def test_a_huge_reply_is_cut_off(server: Any) -> None:
    """No more than 1 MiB is read."""
    calling = Calling()
    with calling.on_behalf_of(_look()), pytest.raises(TransportError, match="more than"):
        _session(server, calling).get(_url(server, "/huge"))


def test_a_reset_is_tried_three_times_and_counted_once(server: Any) -> None:
    """As other SDKs do; then the error is the transport's own."""
    calling, look = Calling(), _look()
    with calling.on_behalf_of(look), pytest.raises(TransportError):
        _session(server, calling).get(_url(server, "/reset"))
    assert len(server.seen) == 3
    assert _calls(look) == [("GCS", "GET /reset", "error")]


def test_reads_no_environment(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy and a CA bundle set for something else change nothing."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    calling = Calling()
    with calling.on_behalf_of(_look()):
        assert _session(server, calling).get(_url(server, "/a")).status_code == 200
