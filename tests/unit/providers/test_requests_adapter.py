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
from wandb_byob.providers.requests_adapter import GuardedAdapter, Naming, guarded_requests
from wandb_byob.providers.tls import trust
from wandb_byob.providers.transport import MAX_REPLY, GuardedSession, Reply, TransportError

_BOMB = gzip.compress(b"x" * 2 * MAX_REPLY, compresslevel=1)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append(self)
        if self.path == "/reset":
            self.connection.close()
            return
        body = {"/huge": b"x" * (MAX_REPLY + 1), "/bomb": _BOMB}.get(self.path, b"{}")
        self.send_response({"/moved": 302, "/denied": 403, "/busy": 503}.get(self.path, 200))
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
        "spec": api.BucketStoreSpec(provider="Azure", credentials=api.Credentials(source="Ambient")),
        "uid": "u",
        "tenant": Tenant(deployment_type="SelfManaged", origins=()),
        "data": None,
        "admin": None,
        "paths": (),
        "recorder": _Counted(),
        "now": lambda: datetime.now(UTC),
    }
    return Context(**{**known, **changes})


class _Refused(Exception):  # noqa: N818
    pass


def _refused(reply: Reply, operation: str) -> Exception:
    return _Refused(operation, reply.status)


def _session(server: Any, look: Context, allowed: tuple[str, ...] = ("127.0.0.1",)) -> requests.Session:
    endpoint = parse_endpoint(f"http://127.0.0.1:{server.server_port}", field="--azure-endpoint")
    assert isinstance(endpoint, Endpoint)
    policy = Policy(endpoint=endpoint, allowed=parse_allow_list(allowed), field="--azure-endpoint")
    naming = Naming(
        provider="Azure",
        operation=lambda request: f"{request.method} {request.path_url}",
        code=lambda reply: str(reply.status),
        refusal=_refused,
    )
    return guarded_requests(GuardedAdapter(GuardedSession(policy, trust=trust(None)), naming=naming, context=look))


def _url(server: Any, path: str) -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_counts_each_call(server: Any) -> None:
    """Also one that the cloud refuses, by the cloud's word."""
    look = _look()
    session = _session(server, look)
    assert session.get(_url(server, "/a")).json() == {}
    with pytest.raises(_Refused):
        session.head(_url(server, "/denied"))
    assert _calls(look) == [("Azure", "GET /a", "ok"), ("Azure", "HEAD /denied", "403")]


def _calls(context: Context) -> list[tuple[str, str, str]]:
    assert isinstance(context.recorder, _Counted)
    return context.recorder.calls


def test_a_write_is_fenced_before_it_is_sent(server: Any) -> None:
    """Whoever has lost the Lease still reads, and writes nothing."""
    session = _session(server, _look(fence=_lost))
    session.get(_url(server, "/a"))
    with pytest.raises(_Lost):
        session.put(_url(server, "/a"), data=b"x")
    assert [request.command for request in server.seen] == ["GET"]


def test_a_forbidden_address_gets_no_packet(server: Any) -> None:
    """An address that is not on the administrator's list is refused before a connection."""
    look = _look()
    with pytest.raises(TransportError) as refused:
        _session(server, look, allowed=()).get(_url(server, "/a"))
    assert isinstance(refused.value.why, Refusal)
    assert server.seen == []
    assert _calls(look) == [("Azure", "GET /a", "error")]


@pytest.mark.parametrize(("path", "status"), [("/moved", 302), ("/denied", 403)])
def test_no_sdk_sees_an_error_reply(server: Any, path: str, status: int) -> None:
    """An SDK would follow a redirect by itself, and quote an error's body."""
    with pytest.raises(_Refused) as refused:
        _session(server, _look()).get(_url(server, path))
    assert refused.value.args == (f"GET {path}", status)
    assert len(server.seen) == 1


def test_a_compressed_reply_stays_small(server: Any) -> None:
    """None is asked for, and one that comes is not unpacked."""
    reply = _session(server, _look()).get(_url(server, "/bomb"))
    assert server.seen[0].headers["Accept-Encoding"] == "identity"
    assert len(reply.content) < MAX_REPLY


def test_a_huge_reply_is_cut_off(server: Any) -> None:
    """No more than 1 MiB is read."""
    with pytest.raises(TransportError, match="more than"):
        _session(server, _look()).get(_url(server, "/huge"))


@pytest.mark.parametrize(("path", "error", "result"), [("/reset", TransportError, "error"), ("/busy", _Refused, "503")])
def test_what_may_pass_is_tried_three_times_and_counted_once(
    server: Any, path: str, error: type[Exception], result: str
) -> None:
    """As other SDKs do; then the error is the transport's own, or the cloud's."""
    look = _look()
    with pytest.raises(error):
        _session(server, look).get(_url(server, path))
    assert len(server.seen) == 3
    assert _calls(look) == [("Azure", f"GET {path}", result)]


def test_reads_no_environment(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy and a CA bundle set for something else change nothing."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert _session(server, _look()).get(_url(server, "/a")).status_code == 200
