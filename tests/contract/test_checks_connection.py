"""The connection as the whole provider sees it: forbidden endpoints, the store's clock, addressing, encryption, what is counted."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from contract import probing
from contract.probing import contents, context, failing, new_bucket, one, with_result
from contract.provisioning import access_key
from contract.results import Alone, Behaviour
from testbed import stores
from testbed.stores import Store, VersityGW
from wandb_byob.model import api
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import DomainError, Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers.base import Context
from wandb_byob.providers.s3 import S3Provider

pytestmark = pytest.mark.behaviour(Behaviour.CHECKS)


class Counted(NullRecorder):
    """The calls that were counted."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        """Note the call."""
        assert seconds >= 0
        self.calls.append((provider, operation, result))


@pytest.mark.parametrize("call", [S3Provider.probe, S3Provider.provision, S3Provider.exists])
def test_no_packet_to_a_forbidden_endpoint(versitygw: Store, call: Callable[[S3Provider, Context], Any]) -> None:
    """An endpoint that is not on the list is refused before a connection, whatever is asked of the provider."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(Stalled) as raised:
            call(S3Provider(), context(versitygw, "bucket", endpoint=url, allowed=()))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert raised.value.reason is Reason.ENDPOINT_NOT_ALLOWED
    assert "allowedEndpoints" in str(raised.value)
    assert versitygw.keys.secret_key not in str(raised.value)


def test_dns_that_leads_inside(versitygw: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public name whose DNS answer is a metadata address gives `EndpointNotAllowed`, not a request."""
    resolve_to(monkeypatch, "rebound.example.com", "169.254.169.254")
    ctx = context(versitygw, "bucket", endpoint="https://rebound.example.com")
    with pytest.raises(DomainError) as raised:
        S3Provider().provision(ctx)
    assert raised.value.reason is Reason.ENDPOINT_NOT_ALLOWED
    assert failing(S3Provider().probe(ctx)) == {CheckName.ENDPOINT_ALLOWED}


def resolve_to(monkeypatch: pytest.MonkeyPatch, suffix: str, address: str) -> None:
    """Let DNS know names that end so; the machine's own DNS cannot be taught them."""
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return real(address if str(host).endswith(suffix) else host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    ("skew", "result"),
    [
        (timedelta(), CheckResult.PASSED),
        (timedelta(minutes=5), CheckResult.WARNING),
        (timedelta(minutes=-5), CheckResult.WARNING),
        (timedelta(days=1), CheckResult.FAILED),
        (timedelta(days=-1), CheckResult.FAILED),
    ],
)
def test_clock(versitygw: Store, skew: timedelta, result: CheckResult) -> None:
    """The store's clock is judged by its replies, without a call of its own, and a wrong one fails ClockSkew alone."""
    bucket = new_bucket(versitygw)
    ctx = context(versitygw, bucket, now=lambda: datetime.now(UTC) + skew)
    provider = S3Provider()
    checks = (*provider.provision(ctx).checks, *provider.probe(ctx))
    assert one(checks, CheckName.CLOCK_SKEW).result is result
    assert with_result(checks, CheckResult.FAILED) == (
        {CheckName.CLOCK_SKEW} if result is CheckResult.FAILED else set()
    )
    assert contents(versitygw, bucket) == []


@pytest.fixture(scope="module")
def virtual_hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VersityGW]:
    """Versitygw that takes the bucket from the host name."""
    store = stores.start_versitygw(tmp_path_factory.mktemp("virtual"), virtual_domain="store.example.com")
    yield store
    store.stop()


def test_virtual_hosted(virtual_hosted: VersityGW, monkeypatch: pytest.MonkeyPatch) -> None:
    """With addressingStyle Virtual every call, signed URLs and preflights included, has the bucket in the host name."""
    resolve_to(monkeypatch, ".store.example.com", "127.0.0.1")
    client = virtual_hosted.client()
    client.create_bucket(Bucket="virtual")
    rules: Any = {"CORSRules": [probing.RULE]}
    client.put_bucket_cors(Bucket="virtual", CORSConfiguration=rules)
    client.close()
    endpoint = f"http://store.example.com:{virtual_hosted.port}"
    ctx = context(virtual_hosted, "virtual", endpoint=endpoint, allowed=("store.example.com",))
    assert ctx.spec.s3_compatible is not None
    block = msgspec.structs.replace(ctx.spec.s3_compatible, addressing_style="Virtual")
    checks = S3Provider().probe(replace(ctx, spec=msgspec.structs.replace(ctx.spec, s3_compatible=block)))
    assert failing(checks) == set()
    assert contents(virtual_hosted, "virtual") == []


def s3(store: Store, bucket: str, **block: Any) -> Context:
    """A look at a bucket as one of AWS, with a store in AWS' place."""
    ctx = context(store, bucket)
    s3_block = api.S3Spec(bucket=bucket, region=store.region, endpoint=store.endpoint, **block)
    spec = msgspec.structs.replace(ctx.spec, provider="S3", s3=s3_block, s3_compatible=None)
    return replace(ctx, spec=spec)


@pytest.mark.at("S3-moto")
def test_encryption_by_its_effect(moto: Store, alone: Alone) -> None:
    """With a KMS key of one's own the objects must really be encrypted with it; another key fails Encryption alone."""
    bucket, client = new_bucket(moto), moto.client()
    arn = f"arn:aws:kms:{moto.region}:123456789012:key/11111111-2222-3333-4444-555555555555"
    default: Any = {
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}}]
    }
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=default)
    client.close()
    checks = S3Provider().probe(s3(moto, bucket, kms_key_arn=arn))
    assert failing(checks) == set()
    assert "aws:kms" in one(checks, CheckName.PUT_OBJECT).message
    other = S3Provider().probe(s3(moto, bucket, kms_key_arn=arn.replace("1111", "9999", 1)))
    alone(other, CheckName.ENCRYPTION)


def test_versions_by_their_effect(moto: Store) -> None:
    """That a bucket keeps versions shows in what is said of the object that was written."""
    checks = S3Provider().probe(s3(moto, new_bucket(moto, versioning="Enabled")))
    assert "given a version" in one(checks, CheckName.PUT_OBJECT).message


def test_every_call_is_counted(versitygw: Store) -> None:
    """Each call of a probe is counted once, by operation, those with signed URLs too."""
    counted = Counted()
    S3Provider().probe(replace(context(versitygw, new_bucket(versitygw)), recorder=counted))
    assert sorted(operation for _, operation, _ in counted.calls) == sorted(
        ["PutObject", "PutObject", "GetObject", "HeadObject", "ListObjectsV2", "DeleteObject", "GetBucketVersioning"]
        + 3 * ["Preflight"]
    )
    assert {(provider, result) for provider, _, result in counted.calls} == {("S3Compatible", "ok")}


def test_refusals_are_counted_by_code(versitygw: Store) -> None:
    """What the store refused is counted with its word."""
    counted, wrong = Counted(), replace(access_key(versitygw.keys), access_key_id="CANARY")
    S3Provider().probe(replace(context(versitygw, new_bucket(versitygw), data=wrong), recorder=counted))
    assert ("S3Compatible", "PutObject", "InvalidAccessKeyId") in counted.calls


def test_no_identity(versitygw: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where W&B's identity is to be this process' own and it has none, that is said; nothing of the SDK comes out."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    ctx = s3(versitygw, "bucket")
    assert ctx.spec.s3 is not None
    spec = msgspec.structs.replace(ctx.spec, s3=msgspec.structs.replace(ctx.spec.s3, endpoint=None))
    with pytest.raises(DomainError) as raised:
        S3Provider().probe(replace(ctx, spec=spec, data=Ambient()))
    assert "identity" in str(raised.value)
