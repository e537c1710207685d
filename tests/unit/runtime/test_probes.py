"""The probes' server, asked over HTTP as a kubelet and Prometheus would."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
import urllib3
from prometheus_client import CollectorRegistry, Gauge

from wandb_byob.runtime import probes

PROBLEMS: dict[str, str] = {}


@contextmanager
def server(routes: Mapping[str, probes.Route]) -> Iterator[Callable[..., urllib3.BaseHTTPResponse]]:
    made = probes.Server(0, routes)
    made.start()
    with urllib3.PoolManager(retries=False) as pool:
        yield lambda path, host="127.0.0.1", **headers: pool.request(
            "GET", f"http://{host}:{made.port}{path}", headers=headers
        )
    made.stop()


@pytest.mark.parametrize(
    ("problems", "status", "body"),
    [
        ({"a": "", "b": ""}, 200, b"[+]a ok\n[+]b ok\n"),
        ({"a": "", "b": "a thread has died"}, 503, b"[+]a ok\n[-]b: a thread has died\n"),
    ],
)
def test_checks_say_what_is_wrong(problems: dict[str, str], status: int, body: bytes) -> None:
    named = {name: lambda problem=problem: problem for name, problem in problems.items()}
    with server({"/healthz": probes.checks(named)}) as get:
        answer = get("/healthz?verbose")
    assert (answer.status, answer.data) == (status, body)


def test_a_note_is_told_and_changes_nothing() -> None:
    with server({"/readyz": probes.checks({"a": lambda: ""}, note=lambda: "gone: team-b")}) as get:
        answer = get("/readyz")
    assert (answer.status, answer.data) == (200, b"[+]a ok\n[!]gone: team-b\n")


def test_metrics_come_in_the_form_that_is_asked_for() -> None:
    registry = CollectorRegistry()
    Gauge("up", "Up.", registry=registry).set(1)
    with server({"/metrics": probes.metrics(registry)}) as get:
        plain = get("/metrics")
        openmetrics = get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert b"up 1.0" in plain.data
    assert plain.headers["Content-Type"].startswith("text/plain")
    assert openmetrics.data.endswith(b"# EOF\n")


def test_nothing_else_is_served() -> None:
    with server({}) as get:
        assert get("/").status == 404


def test_a_check_that_fails_is_an_answer_too(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> str:
        raise RuntimeError("secret detail")

    with server({"/healthz": probes.checks({"a": broken})}) as get:
        answer = get("/healthz")
    assert (answer.status, answer.data) == (500, b"failed\n")
    assert "A probe failed" in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_it_listens_on_ipv4_and_ipv6(host: str) -> None:
    if ":" in host and not socket.has_dualstack_ipv6():
        host = "127.0.0.1"
    with server({"/": probes.checks({})}) as get:
        assert get("/", host=host).status == 200


def test_a_silent_client_does_not_keep_others_waiting() -> None:
    made = probes.Server(0, {"/": probes.checks({})})
    made.start()
    with socket.create_connection(("127.0.0.1", made.port)), urllib3.PoolManager(retries=False) as pool:
        assert pool.request("GET", f"http://127.0.0.1:{made.port}/", timeout=2).status == 200
    made.stop()
