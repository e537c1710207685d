"""The client against a server that misbehaves on demand; against a real one it is tested in tests/cluster/test_runtime.py."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unit.kube.api_server import ApiServer, Reply
from wandb_byob import version
from wandb_byob.kube.authorization import Token, TokenFile
from wandb_byob.kube.client import (
    BUCKET_STORES,
    NAMESPACES,
    SECRETS,
    ConflictError,
    ForbiddenError,
    KubeClient,
    KubeError,
    NamespaceTerminatingError,
    PatchType,
    UnavailableError,
)
from wandb_byob.kube.connection import Connection
from wandb_byob.kube.rest import RestClient

OBJECT = {"metadata": {"name": "x", "uid": "u1"}}
WRITES: dict[str, Callable[[KubeClient], Any]] = {
    "create": lambda kube: kube.create(SECRETS, "ns", {"metadata": {"name": "x"}, "data": {"k": "canary"}}),
    "patch": lambda kube: kube.patch(SECRETS, "ns", "x", {"data": {"k": "canary"}}, patch_type=PatchType.MERGE),
    "delete": lambda kube: kube.delete(SECRETS, "ns", "x", uid="u1"),
}
READS: dict[str, Callable[[KubeClient], Any]] = {
    "get": lambda kube: kube.get(SECRETS, "ns", "x"),
    "list": lambda kube: kube.list(SECRETS, "ns"),
}
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
each_read = pytest.mark.parametrize("read", READS.values(), ids=READS)


def client(server: ApiServer, waits: list[float] | None = None, **connection: Any) -> RestClient:
    sleep = (waits if waits is not None else []).append
    return RestClient(Connection(**({"server": server.url} | connection)), sleep=sleep)


def status(code: int, reason: str, message: str = "", causes: list[dict[str, str]] | None = None) -> Reply:
    return Reply(code, {"kind": "Status", "reason": reason, "message": message, "details": {"causes": causes or []}})


def test_paths_verbs_and_headers_are_the_apis() -> None:
    with ApiServer(Reply(body=OBJECT)) as server:
        kube = client(server, authorization=Token("abc"))
        kube.get(SECRETS, "ns", "a/b")
        kube.get(NAMESPACES, "", "ns")
        kube.patch(BUCKET_STORES, "ns", "x", {"a": 1}, patch_type=PatchType.APPLY, subresource="status")
        kube.patch(BUCKET_STORES, "ns", "x", {}, patch_type=PatchType.STRATEGIC_MERGE)
        kube.create(SECRETS, "ns", {"metadata": {"generateName": "x-"}})
        kube.delete(SECRETS, "ns", "x", uid="u1")
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("GET", "/api/v1/namespaces/ns/secrets/a%2Fb"),
        ("GET", "/api/v1/namespaces/ns"),
        (
            "PATCH",
            "/apis/byob.wandb.com/v1alpha1/namespaces/ns/bucketstores/x/status?fieldManager=wandb-byob&force=true",
        ),
        ("PATCH", "/apis/byob.wandb.com/v1alpha1/namespaces/ns/bucketstores/x?fieldManager=wandb-byob"),
        ("POST", "/api/v1/namespaces/ns/secrets?fieldManager=wandb-byob"),
        ("DELETE", "/api/v1/namespaces/ns/secrets/x"),
    ]
    assert {seen.headers["authorization"] for seen in server.seen} == {"Bearer abc"}
    assert {seen.headers["user-agent"] for seen in server.seen} == {f"wandb-byob/{version()}"}
    assert server.seen[2].headers["content-type"] == "application/apply-patch+yaml"
    assert server.seen[5].body["preconditions"] == {"uid": "u1"}


def test_a_list_is_read_page_by_page_without_a_resource_version() -> None:
    pages = (
        Reply(body={"metadata": {"continue": "token/1"}, "items": [{"metadata": {"name": "a"}}]}),
        Reply(body={"metadata": {"continue": ""}, "items": [{"metadata": {"name": "b"}}]}),
    )
    with ApiServer(*pages) as server:
        found = client(server).list(SECRETS, "ns", labels="a=b", fields="metadata.name=x")
    assert [(item["kind"], item["apiVersion"], item["metadata"]["name"]) for item in found] == [
        ("Secret", "v1", "a"),
        ("Secret", "v1", "b"),
    ]
    first = "/api/v1/namespaces/ns/secrets?limit=500&labelSelector=a%3Db&fieldSelector=metadata.name%3Dx"
    assert [seen.path for seen in server.seen] == [first, f"{first}&continue=token%2F1"]


def test_a_namespace_of_no_name_means_all_of_them() -> None:
    with ApiServer(Reply(body={"metadata": {}, "items": None})) as server:
        assert list(client(server).list(SECRETS, "")) == []
    assert server.seen[0].path == "/api/v1/secrets?limit=500"


def test_identities_are_read_without_contents() -> None:
    page = {"metadata": {}, "items": [{"metadata": {"name": "x", "namespace": "ns"}}]}
    with ApiServer(Reply(body=page)) as server:
        assert list(client(server).identities(SECRETS, "")) == [("ns", "x")]
    assert "PartialObjectMetadataList" in server.seen[0].headers["accept"]


def test_only_get_turns_not_found_into_none() -> None:
    with ApiServer(status(404, "NotFound")) as server:
        kube = client(server)
        assert kube.get(SECRETS, "ns", "x") is None
        kube.delete(SECRETS, "ns", "x", uid="u1")
        with pytest.raises(KubeError) as failed:
            kube.list(SECRETS, "ns")
        assert failed.value.status == 404


@each_read
@pytest.mark.parametrize(
    "reply",
    [
        Reply(0),
        status(429, "TooManyRequests"),
        status(500, "InternalError"),
        status(503, "ServiceUnavailable"),
        Reply(502, b"<html>"),
    ],
)
def test_a_read_is_tried_three_times_and_then_nothing_is_known(read: Callable[[KubeClient], Any], reply: Reply) -> None:
    waits: list[float] = []
    with ApiServer(reply) as server, pytest.raises(UnavailableError):
        read(client(server, waits))
    assert len(server.seen) == 3
    assert waits == [0.2, 1.0]


@each_read
def test_a_read_that_succeeds_at_last_is_as_good_as_any(read: Callable[[KubeClient], Any]) -> None:
    with ApiServer(Reply(0), status(503, "ServiceUnavailable"), Reply(body={"metadata": {}, "items": []})) as server:
        assert read(client(server)) is not None


@each_write
@pytest.mark.parametrize("reply", [Reply(0), status(429, "TooManyRequests"), status(500, "InternalError")])
def test_a_write_is_never_repeated(write: Callable[[KubeClient], Any], reply: Reply) -> None:
    """Its answer may have been lost after it was done: the next reconcile decides anew."""
    with ApiServer(reply) as server, pytest.raises(UnavailableError):
        write(client(server))
    assert len(server.seen) == 1


def test_a_server_that_asks_for_patience_is_given_it_within_bounds() -> None:
    busy = Reply(429, {}, {"Retry-After": "3"})
    very = Reply(429, {}, {"Retry-After": "600"})
    waits: list[float] = []
    with ApiServer(busy, very, Reply(body=OBJECT)) as server:
        client(server, waits).get(SECRETS, "ns", "x")
    assert waits == [3.0, 5.0]


def test_no_server_at_all_is_nothing_known_and_shows_no_address() -> None:
    with ApiServer(Reply()) as server:
        url = server.url
    with pytest.raises(UnavailableError) as failed:
        RestClient(Connection(server=url), sleep=lambda _: None).get(SECRETS, "ns", "x")
    assert failed.value.status == 0
    assert str(failed.value) == "get secrets ns/x: no answer (NewConnectionError)."


@each_write
@pytest.mark.parametrize("reason", ["Conflict", "AlreadyExists"])
def test_409_is_a_conflict(write: Callable[[KubeClient], Any], reason: str) -> None:
    with ApiServer(status(409, reason), Reply(body=OBJECT)) as server, pytest.raises(ConflictError, match=reason):
        write(client(server))


def test_deleting_what_was_replaced_meanwhile_is_no_error() -> None:
    """The object with this uid is gone; the one of the same name is somebody else's."""
    with ApiServer(status(409, "Conflict"), Reply(body={"metadata": {"uid": "other"}})) as server:
        client(server).delete(SECRETS, "ns", "x", uid="u1")
    assert [seen.method for seen in server.seen] == ["DELETE", "GET"]


def test_403_says_what_may_not_be_done_to_what() -> None:
    said = 'secrets "x" is forbidden: User "byob" cannot get resource "secrets" in API group "" in the namespace "ns"'
    with (
        ApiServer(status(403, "Forbidden", said)) as server,
        pytest.raises(ForbiddenError, match="get secrets ns/x: forbidden") as failed,
    ):
        client(server).get(SECRETS, "ns", "x")
    assert 'cannot get resource "secrets"' in str(failed.value)


def test_403_in_a_namespace_that_is_being_deleted_is_told_apart() -> None:
    reply = status(403, "Forbidden", "…", [{"reason": "NamespaceTerminating"}])
    with ApiServer(reply) as server, pytest.raises(NamespaceTerminatingError):
        client(server).create(SECRETS, "ns", {})


@each_write
@pytest.mark.parametrize("code", [400, 409, 413, 415, 422, 500])
def test_no_error_text_repeats_what_was_sent(write: Callable[[KubeClient], Any], code: int) -> None:
    """The API server quotes refused values; they may be credentials."""
    causes = [{"reason": "FieldValueInvalid", "field": "data[k]", "message": 'Invalid value: "canary"'}]
    reply = status(code, "Invalid", 'Secret "x" is invalid: data[k]: Invalid value: "canary"', causes)
    with ApiServer(reply, Reply(body=OBJECT)) as server, pytest.raises(KubeError) as failed:
        write(client(server))
    assert "canary" not in str(failed.value)
    if code == 422:
        assert "data[k] FieldValueInvalid" in str(failed.value)


@pytest.mark.parametrize("call", [*READS.values(), *WRITES.values()], ids=[*READS, *WRITES])
def test_after_401_the_token_is_read_again_and_the_call_repeated_once(
    call: Callable[[KubeClient], Any], tmp_path: Path
) -> None:
    """Also a write: it was not carried out."""
    file = tmp_path / "token"
    file.write_text("old")
    authorization = TokenFile(file)
    assert authorization.header() == "Bearer old"
    file.write_text("new\n")
    with ApiServer(status(401, "Unauthorized"), Reply(body={"metadata": {}, "items": []})) as server:
        call(client(server, authorization=authorization))
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer old", "Bearer new"]


def test_401_for_good_is_nothing_known() -> None:
    with ApiServer(status(401, "Unauthorized")) as server, pytest.raises(UnavailableError):
        client(server).create(SECRETS, "ns", {})
    assert len(server.seen) == 2


def test_a_fence_keeps_writes_from_being_sent_and_lets_reads_pass() -> None:
    def closed() -> None:
        raise RuntimeError("closed")

    with ApiServer(Reply(body=OBJECT)) as server:
        kube = client(server)
        fenced = kube.variant(before_write=closed)
        for write in WRITES.values():
            with pytest.raises(RuntimeError, match="closed"):
                write(fenced)
        assert fenced.get(SECRETS, "ns", "x") == OBJECT
        kube.create(SECRETS, "ns", {})
    assert [seen.method for seen in server.seen] == ["GET", "POST"]


def test_redirects_are_not_followed() -> None:
    """They would carry the token elsewhere."""
    with ApiServer(Reply(302, {}, {"Location": "http://127.0.0.1:1/"})) as server:
        assert client(server).get(SECRETS, "ns", "x") == {}
    assert len(server.seen) == 1
