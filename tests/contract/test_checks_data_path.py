"""Each check of the data path fails when, and only when, its own fact is broken; said so on real stores."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from contract import probing
from contract.probing import contents, context, failing, new_bucket, one, with_result
from contract.provisioning import access_key, error, policy
from contract.results import Alone, Behaviour
from testbed.proxy import Fault, FaultyProxy
from testbed.stores import Keys, Minio, Store, VersityGW
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey
from wandb_byob.providers.s3 import S3Provider

Proxied = Callable[[Store], FaultyProxy]
EVERYTHING = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:GetBucketVersioning",
)

pytestmark = pytest.mark.behaviour(Behaviour.CHECKS)
CORS_HEADERS = {
    "Access-Control-Allow-Origin": probing.ORIGIN,
    "Access-Control-Expose-Headers": "ETag",
    "Content-Type": "application/octet-stream",
}


def probe(store: Store, bucket: str, **given: Any) -> tuple[Check, ...]:
    """One probe under teams/a."""
    return S3Provider().probe(context(store, bucket, **given))


@pytest.fixture(params=["versitygw", "minio"])
def signing_store(request: pytest.FixtureRequest) -> Store:
    """Each server that checks signatures in turn."""
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("kind", ["secret", "access"])
def test_wrong_keys(signing_store: Store, kind: str) -> None:
    """A wrong secret or an unknown access key fails Credentials alone, whatever it breaks, and the keys are not shown."""
    root = signing_store.keys
    wrong = {
        "secret": AccessKey(access_key_id=root.access_key, secret_access_key="canary-secret"),
        "access": AccessKey(access_key_id="CANARYACCESS", secret_access_key=root.secret_key),
    }[kind]
    checks = probe(signing_store, new_bucket(signing_store), data=wrong)
    assert failing(checks) == {CheckName.CREDENTIALS}
    found = one(checks, CheckName.CREDENTIALS)
    assert "spec.credentials" in found.remedy
    assert not any(secret in f"{checks}" for secret in (*wrong.secrets(), root.secret_key))


@pytest.fixture
def limited(versitygw: VersityGW, minio: Minio) -> Iterator[Callable[[Store, str, tuple[str, ...]], AccessKey]]:
    """`limited(store, bucket, actions)`: keys that may do these actions in the bucket and nothing else."""
    made: list[str] = []

    def make(store: Store, bucket: str, actions: tuple[str, ...]) -> AccessKey:
        if isinstance(store, Minio):
            resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
            keys = store.limited({"Effect": "Allow", "Action": list(actions), "Resource": resources})
            return AccessKey(
                access_key_id=keys.access_key,
                secret_access_key=keys.secret_key,
                session_token=keys.session_token or "",
            )
        name = f"user{len(made)}-{bucket}"
        made.append(name)
        user: Keys = versitygw.create_user(name)
        client = store.client()
        client.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, name, actions))
        client.close()
        return access_key(user)

    yield make
    for name in made:
        versitygw.delete_user(name)


def test_read_only(signing_store: Store, limited: Callable[[Store, str, tuple[str, ...]], AccessKey]) -> None:
    """A user who may only read fails PutObject and DeleteObject; what cannot be tried for want of an object is skipped."""
    bucket = new_bucket(signing_store)
    keys = limited(signing_store, bucket, ("s3:GetObject", "s3:ListBucket"))
    checks = probe(signing_store, bucket, data=keys)
    assert failing(checks) == {CheckName.PUT_OBJECT, CheckName.DELETE_OBJECT}
    assert with_result(checks, CheckResult.SKIPPED) >= {
        CheckName.GET_OBJECT,
        CheckName.SIGNED_PUT,
        CheckName.KEY_ENCODING,
    }


def test_delete_refused_to_everybody(
    signing_store: Store, limited: Callable[[Store, str, tuple[str, ...]], AccessKey]
) -> None:
    """Where nobody here may delete, CleanUp names exactly the keys that are left."""
    bucket = new_bucket(signing_store)
    keys = limited(signing_store, bucket, ("s3:GetObject", "s3:PutObject", "s3:ListBucket"))
    checks = probe(signing_store, bucket, data=keys)
    assert failing(checks) == {CheckName.DELETE_OBJECT, CheckName.CLEAN_UP}
    left = [key for key, _ in contents(signing_store, bucket)]
    assert len(left) == 2
    assert all(repr(key)[1:-1] in one(checks, CheckName.CLEAN_UP).message for key in left)
    assert one(checks, CheckName.CLEAN_UP).result is CheckResult.WARNING


@pytest.mark.at("S3Compatible-minio")
def test_versions_not_deletable(
    minio: Minio, limited: Callable[[Store, str, tuple[str, ...]], AccessKey], alone: Alone
) -> None:
    """With W&B's own minimal rights versions cannot be deleted by ID: CleanUp warns and names each version; nothing fails."""
    bucket = new_bucket(minio, versioning="Enabled")
    keys = limited(minio, bucket, tuple(action for action in EVERYTHING if action != "s3:DeleteObjectVersion"))
    checks = probe(minio, bucket, data=keys)
    found = alone(checks, CheckName.CLEAN_UP)
    left = contents(minio, bucket)
    assert left
    assert all(version in found.message for _, version in left)


def test_admin_cleans_up(minio: Minio, limited: Callable[[Store, str, tuple[str, ...]], AccessKey]) -> None:
    """What W&B's rights do not let us delete, the provisioning credentials delete."""
    bucket = new_bucket(minio, versioning="Enabled")
    keys = limited(minio, bucket, tuple(action for action in EVERYTHING if action != "s3:DeleteObjectVersion"))
    checks = probe(minio, bucket, data=keys, admin=access_key(minio.keys))
    assert failing(checks) == set()
    assert contents(minio, bucket) == []


@pytest.mark.parametrize(
    ("rule", "failed"),
    [
        (None, {CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED}),
        ({"AllowedMethods": ["GET", "HEAD"]}, {CheckName.PREFLIGHT}),
        ({"AllowedHeaders": ["content-type"]}, {CheckName.PREFLIGHT}),
        ({"AllowedOrigins": ["https://elsewhere.example.com"]}, {CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED}),
    ],
    ids=["none", "no PUT", "no content-md5", "other origin"],
)
def test_cors(versitygw: Store, rule: Mapping[str, Any] | None, failed: set[CheckName]) -> None:
    """What a browser is not let do is seen by its effect, at the store's own answers."""
    cors = None if rule is None else {**probing.RULE, **rule}
    checks = probe(versitygw, new_bucket(versitygw, cors=cors))
    assert failing(checks) == failed
    for name in failed:
        assert probing.ORIGIN in one(checks, name).message
        assert "CORS" in one(checks, name).remedy


def test_etag_not_exposed(moto: Store, alone: Alone) -> None:
    """A rule that lets browsers in but does not expose ETag fails ETagExposed alone (versitygw always exposes it)."""
    bucket = new_bucket(moto, cors={**probing.RULE, "ExposeHeaders": ["x-amz-version-id"]})
    alone(probe(moto, bucket), CheckName.ETAG_EXPOSED)


SIGNED = "X-Amz-Signature="
LISTING = b"<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        (Fault(method="PUT", target=SIGNED, status=400, body=error("InvalidArgument")), CheckName.SIGNED_PUT),
        (
            Fault(method="GET", target=SIGNED, status=200, headers=CORS_HEADERS, body=b"login page"),
            CheckName.SIGNED_GET,
        ),
        (
            Fault(method="GET", target=SIGNED, status=200, headers=CORS_HEADERS, body=b"wandb-byob probe"),
            CheckName.OVERWRITE_OBJECT,
        ),
        (Fault(method="GET", target="list-type=2", status=200, body=LISTING), CheckName.LIST_OBJECTS),
        (Fault(method="PUT", status=400, body=error("KMS.DisabledException")), CheckName.ENCRYPTION),
        (Fault(method="PUT", status=403, body=error("RequestTimeTooSkewed")), CheckName.CLOCK_SKEW),
        (Fault(method="PUT", status=301, body=error("PermanentRedirect")), CheckName.REGION),
        (Fault(target=r"^[^?]*%C3%A9", status=403, body=error("SignatureDoesNotMatch")), CheckName.KEY_ENCODING),
        (Fault(method="GET", target=r"^[^?]*%C3%A9", status=404, body=error("NoSuchKey")), CheckName.KEY_ENCODING),
    ],
    ids=lambda value: value.value if isinstance(value, CheckName) else f"{value.method}-{value.status or 'cut'}",
)
def test_one_fault(versitygw: Store, faulty: Proxied, fault: Fault, failed: CheckName, alone: Alone) -> None:
    """A store, or a proxy before it, that breaks one thing fails one check, with a remedy, and nothing is left behind."""
    proxy, bucket = faulty(versitygw), new_bucket(versitygw)
    with proxy.fault(fault):
        checks = probe(versitygw, bucket, endpoint=proxy.endpoint)
    alone(checks, failed)
    assert contents(versitygw, bucket) == []


@pytest.mark.parametrize("versioning", ["", "Enabled"])
@pytest.mark.parametrize("method", ["PUT", "GET", "HEAD", "DELETE"])
def test_lost_replies(versitygw: Store, faulty: Proxied, method: str, versioning: str) -> None:
    """A reply that is lost once, after the store has done what was asked, is no failure, and nothing stays."""
    proxy, bucket = faulty(versitygw), new_bucket(versitygw, versioning=versioning)
    with proxy.fault(Fault(method=method, times=1, reset=True, forward_first=True)):
        checks = probe(versitygw, bucket, endpoint=proxy.endpoint)
    assert failing(checks) == set()
    assert contents(versitygw, bucket) == []


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_all_replies_lost(versitygw: Store, faulty: Proxied, method: str) -> None:
    """Where every reply to a write is lost, what was written all the same is still found and deleted, or named."""
    proxy, bucket = faulty(versitygw), new_bucket(versitygw, versioning="Enabled")
    with proxy.fault(Fault(method=method, reset=True, forward_first=True)):
        checks = probe(versitygw, bucket, endpoint=proxy.endpoint)
    assert with_result(checks, CheckResult.FAILED)
    left = contents(versitygw, bucket)
    assert all(version in one(checks, CheckName.CLEAN_UP).message for _, version in left)


@pytest.mark.behaviour(Behaviour.REGION)
def test_wrong_region(versitygw: Store, alone: Alone) -> None:
    """A region that is not the store's is named as such, not as a wrong key."""
    ctx = context(versitygw, new_bucket(versitygw))
    assert ctx.spec.s3_compatible is not None
    block = msgspec.structs.replace(ctx.spec.s3_compatible, region="eu-west-9")
    checks = S3Provider().probe(replace(ctx, spec=msgspec.structs.replace(ctx.spec, s3_compatible=block)))
    alone(checks, CheckName.REGION)


def test_lost_leadership(versitygw: Store) -> None:
    """A write that the fence forbids is not made."""

    class LostError(Exception):
        pass

    def fence() -> None:
        raise LostError

    bucket = new_bucket(versitygw)
    with pytest.raises(LostError):
        probe(versitygw, bucket, fence=fence)
    assert contents(versitygw, bucket) == []
