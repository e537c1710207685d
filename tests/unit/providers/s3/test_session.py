"""Clients: what they send, what they count, when they are fenced, and that the environment has no say.

The store is a small HTTP server that records what it gets; signatures and answers of real stores are the contract tests' matter.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from wandb_byob.model import api
from wandb_byob.model.credentials import AccessKey, AccountKey, Ambient, Credentials
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers.base import Context, Tenant
from wandb_byob.providers.s3.session import Clients

KEYS = AccessKey(access_key_id="AKIATEST", secret_access_key="canary-secret", session_token="canary-token")
OTHER_KEYS = AccessKey(access_key_id="AKIAOTHER", secret_access_key="canary-secret")
REDIRECT = (
    "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>",
    301,
    {"x-amz-bucket-region": "us-west-2", "Location": "http://127.0.0.1:1/"},
)


@dataclass
class Recording(NullRecorder):
    calls: list[tuple[str, str, str]] = field(default_factory=list)

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((provider, operation, result))


@dataclass
class Server:
    """What was asked, as (method, target, headers); `answer` is (body, status, headers)."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answer: tuple[str, int, dict[str, str]] = ("", 200, {})


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.requests.append(
                (self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
            )
            body, status, headers = state.answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        do_GET = do_HEAD = do_PUT = do_DELETE = _reply  # noqa: N815 (the names that BaseHTTPRequestHandler looks for)

        def log_message(self, *_: object) -> None:
            return

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    yield state
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def context_for(
    server: Server | None, *, account: str | None = None, fence: Callable[[], None] = lambda: None
) -> Context:
    endpoint = server.url if server else None
    s3 = api.S3Spec(bucket="acme", region="eu-central-1", account_id=account, endpoint=endpoint)
    return Context(
        spec=api.BucketStoreSpec(provider="S3", credentials=api.Credentials(), s3=s3),
        uid="uid",
        tenant=Tenant(deployment_type="SelfManaged", origins=("https://wandb.example.com",)),
        data=KEYS,
        admin=KEYS,
        paths=(),
        allowed_endpoints=("127.0.0.1",),
        fence=fence,
        recorder=Recording(),
        now=lambda: datetime.now(UTC),
    )


def calls_of(context: Context) -> list[tuple[str, str, str]]:
    assert isinstance(context.recorder, Recording)
    return context.recorder.calls


def test_requests_are_signed_with_the_given_keys_in_path_style(server: Server) -> None:
    with Clients().open(context_for(server), KEYS) as client:
        client.head_bucket(Bucket="acme")
    ((method, target, headers),) = server.requests
    assert (method, target) == ("HEAD", "/acme")
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIATEST/")
    assert "/eu-central-1/s3/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "canary-token"


def test_no_checksum_is_sent_that_older_stores_refuse(server: Server) -> None:
    with Clients().open(context_for(server), KEYS) as client:
        client.put_object(Bucket="acme", Key="a", Body=b"x")
    ((_, _, headers),) = server.requests
    assert not [name for name in headers if name.startswith(("x-amz-checksum", "x-amz-sdk-checksum", "x-amz-trailer"))]
    assert headers.get("content-encoding", "") != "aws-chunked"


def test_each_call_is_counted_for_whom_it_was_made(server: Server) -> None:
    clients, first, second = Clients(), context_for(server), context_for(server)
    with clients.open(first, KEYS) as client:
        client.head_bucket(Bucket="acme")
    server.answer = ("<Error><Code>NoSuchTagSet</Code></Error>", 404, {})
    with clients.open(second, KEYS) as client, pytest.raises(ClientError):
        client.get_bucket_tagging(Bucket="acme")
    assert calls_of(first) == [("S3", "HeadBucket", "ok")]
    assert calls_of(second) == [("S3", "GetBucketTagging", "NoSuchTagSet")]


def test_what_a_store_says_becomes_no_label_of_a_metric_unless_it_looks_like_a_code(server: Server) -> None:
    context = context_for(server)
    server.answer = (f"<Error><Code>{'x' * 5000}</Code></Error>", 418, {})
    with Clients().open(context, KEYS) as client, pytest.raises(ClientError):
        client.get_bucket_tagging(Bucket="acme")
    assert calls_of(context) == [("S3", "GetBucketTagging", "418")]


def test_a_call_without_an_answer_is_counted_too(server: Server) -> None:
    context = context_for(server)
    gone = replace(
        context,
        spec=api.BucketStoreSpec(
            provider="S3",
            credentials=api.Credentials(),
            s3=api.S3Spec(bucket="acme", region="eu-central-1", endpoint="http://127.0.0.1:1"),
        ),
    )
    with Clients().open(gone, KEYS) as client, pytest.raises(Exception, match=r"127\.0\.0\.1:1"):
        client.head_bucket(Bucket="acme")
    assert calls_of(context) == [("S3", "HeadBucket", "Refused")]


def test_only_writes_are_fenced_and_a_lost_lease_keeps_them_from_being_sent(server: Server) -> None:
    def lost() -> None:
        raise RuntimeError("the Lease is lost")

    with Clients().open(context_for(server, fence=lost), KEYS) as client:
        client.head_bucket(Bucket="acme")
        for write in (
            lambda: client.create_bucket(Bucket="acme"),
            lambda: client.put_object(Bucket="acme", Key="a"),
            lambda: client.delete_object(Bucket="acme", Key="a"),
        ):
            with pytest.raises(RuntimeError, match="Lease"):
                write()
    assert [method for method, _, _ in server.requests] == ["HEAD"]


def test_the_expected_owner_goes_with_every_call_where_it_is_known(server: Server) -> None:
    with Clients().open(context_for(server, account="111122223333"), KEYS) as client:
        client.head_bucket(Bucket="acme")
        client.put_object(Bucket="acme", Key="a")
    assert [headers["x-amz-expected-bucket-owner"] for _, _, headers in server.requests] == ["111122223333"] * 2


def test_a_signed_url_has_no_expected_owner_since_wandb_sends_none(server: Server) -> None:
    with Clients().open(context_for(server, account="111122223333"), KEYS) as client:
        url = client.generate_presigned_url("get_object", Params={"Bucket": "acme", "Key": "a"})
    assert "owner" not in url.lower()


def test_the_owner_can_be_left_out_to_find_out_whose_a_bucket_is(server: Server) -> None:
    clients = Clients()
    with clients.open(context_for(server, account="111122223333"), KEYS) as client:
        with clients.any_owner():
            client.head_bucket(Bucket="acme")
        client.head_bucket(Bucket="acme")
    assert ["x-amz-expected-bucket-owner" in headers for _, _, headers in server.requests] == [False, True]


def test_a_redirect_to_another_region_is_an_error_and_not_followed(server: Server) -> None:
    server.answer = REDIRECT
    with Clients().open(context_for(server), KEYS) as client, pytest.raises(ClientError, match="PermanentRedirect"):
        client.get_bucket_tagging(Bucket="acme")
    assert len(server.requests) == 1


def test_nothing_of_the_environment_gets_through(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile strange]\nregion = ap-south-1\nendpoint_url = http://127.0.0.1:1\n"
        "s3 =\n  addressing_style = virtual\n  use_accelerate_endpoint = true\nca_bundle = /nonexistent\n"
    )
    for name, value in {
        "AWS_CONFIG_FILE": str(config),
        "AWS_PROFILE": "strange",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_CA_BUNDLE": "/nonexistent",
        "REQUESTS_CA_BUNDLE": "/nonexistent",
        "AWS_ACCESS_KEY_ID": "AKIAAMBIENT",
        "AWS_SECRET_ACCESS_KEY": "ambient",
        "AWS_REGION": "ap-south-1",
        "AWS_DEFAULT_REGION": "ap-south-1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported",
        "AWS_MAX_ATTEMPTS": "9",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    with Clients().open(context_for(server), KEYS) as client:
        client.put_object(Bucket="acme", Key="a", Body=b"x")
    ((_, target, headers),) = server.requests
    assert target == "/acme/a"
    assert "Credential=AKIATEST/" in headers["authorization"]
    assert "/eu-central-1/s3/" in headers["authorization"]
    assert not [name for name in headers if "checksum" in name]


def test_a_profile_that_is_not_there_does_no_harm(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    with Clients().open(context_for(server), KEYS) as client:
        client.head_bucket(Bucket="acme")
    assert server.requests


def test_the_operators_own_identity_is_never_shown_to_an_endpoint_that_a_user_names(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    with pytest.raises(Stalled) as refused, Clients().open(context_for(server), Ambient()):
        pytest.fail("a client was lent")
    assert refused.value.reason is Reason.OPERATOR_IDENTITY_NOT_ALLOWED
    assert server.requests == []


def test_the_operators_own_identity_signs_for_aws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with Clients().open(context_for(None), Ambient()) as client:
        url = client.generate_presigned_url("get_object", Params={"Bucket": "acme", "Key": "a"})
        assert client.meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"
    assert ".amazonaws.com/a?" in url
    assert "Credential=AKIAAMBIENT" in url


def test_keys_of_another_kind_are_refused_in_words(server: Server) -> None:
    with pytest.raises(Stalled, match="accessKeyID"), Clients().open(context_for(server), AccountKey("canary")):
        pytest.fail("a client was lent")


@pytest.mark.parametrize(
    ("change", "same"), [({}, True), ({"admin": OTHER_KEYS}, False), ({"ca_bundle": None, "uid": "another"}, True)]
)
def test_clients_are_shared_by_route_and_keys(server: Server, change: dict[str, Credentials], same: bool) -> None:
    clients, context = Clients(), context_for(server)
    other = replace(context, **change)  # type: ignore[arg-type]
    assert context.admin is not None
    assert other.admin is not None
    with clients.open(context, context.admin) as first, clients.open(other, other.admin) as second:
        assert (first is second) is same


def test_a_client_outlives_its_scope_for_nobody(server: Server) -> None:
    with Clients().open(context_for(server), KEYS) as client:
        pass
    with pytest.raises(RuntimeError, match="outside"):
        client.head_bucket(Bucket="acme")
    assert server.requests == []


def test_threads_do_not_share_for_whom_they_call(server: Server) -> None:
    clients = Clients()
    contexts = [context_for(server) for _ in range(8)]
    barrier = threading.Barrier(len(contexts))

    def look(context: Context) -> None:
        with clients.open(context, KEYS) as client:
            barrier.wait(timeout=10)
            client.head_bucket(Bucket="acme")

    threads = [threading.Thread(target=look, args=(context,)) for context in contexts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [calls_of(context) for context in contexts] == [[("S3", "HeadBucket", "ok")]] * len(contexts)
