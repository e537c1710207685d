"""What the specification alone gives, before any call."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from wandb_byob.model import api
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey, Ambient, Credentials
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers.base import Context, Tenant
from wandb_byob.providers.s3 import S3Provider

KEYS = AccessKey(access_key_id="id", secret_access_key="secret")


def validated(
    *,
    allowed: tuple[str, ...] = (),
    data: Credentials | None = KEYS,
    ca_bundle: str | None = None,
    seen_from: Literal["Operator", "Workload"] = "Operator",
    **spec: Any,
) -> dict[CheckName, Check]:
    """The checks by name."""
    context = Context(
        spec=api.BucketStoreSpec(
            credentials=api.Credentials(),
            verification=api.Verification(from_=seen_from),
            **spec,
        ),
        uid="uid",
        tenant=Tenant(deployment_type="SelfManaged", origins=("https://wandb.example.com",)),
        data=data,
        admin=None,
        paths=("",),
        ca_bundle=ca_bundle,
        allowed_endpoints=allowed,
        recorder=NullRecorder(),
        now=lambda: datetime.now(UTC),
    )
    checks = S3Provider().validate(context)
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


def compatible(endpoint: str, *, bucket: str = "bucket", **given: Any) -> dict[CheckName, Check]:
    """The checks of an S3-compatible store."""
    style = given.pop("style", "Auto")
    block = api.S3CompatibleSpec(bucket=bucket, endpoint=endpoint, region="us-east-1", addressing_style=style)
    return validated(provider="S3Compatible", s3_compatible=block, **given)


def failing(checks: dict[CheckName, Check]) -> dict[CheckName, CheckResult]:
    """Those that did not pass."""
    return {name: check.result for name, check in checks.items() if check.result is not CheckResult.PASSED}


def test_good() -> None:
    """An ordinary endpoint passes all four."""
    checks = compatible("https://s3.example.com")
    assert set(checks) == {
        CheckName.BUCKET_NAME,
        CheckName.ENDPOINT_ALLOWED,
        CheckName.PROVIDER_CHOICE,
        CheckName.TRUST,
    }
    assert failing(checks) == {}


def test_aws() -> None:
    """AWS' own endpoint needs no list and is no user's choice."""
    checks = validated(provider="S3", s3=api.S3Spec(bucket="bucket", region="eu-central-1"))
    assert failing(checks) == {}
    assert CheckName.PROVIDER_CHOICE not in checks


@pytest.mark.parametrize(
    "endpoint", ["http://minio:9000", "http://169.254.169.254", "https://user:key@s3.example.com", "nonsense"]
)
def test_not_allowed(endpoint: str) -> None:
    """An endpoint that may not be used fails EndpointAllowed alone."""
    assert failing(compatible(endpoint)) == {CheckName.ENDPOINT_ALLOWED: CheckResult.FAILED}


def test_listed() -> None:
    """On the administrator's list http is allowed, and still warned of."""
    assert failing(compatible("http://minio:9000", allowed=("minio:9000",))) == {CheckName.TRUST: CheckResult.WARNING}


def test_private_authority() -> None:
    """A CA bundle proves nothing for W&B, unless it is W&B's pods that look."""
    warned = {CheckName.TRUST: CheckResult.WARNING}
    assert failing(compatible("https://s3.example.com", ca_bundle="PEM")) == warned
    assert failing(compatible("https://s3.example.com", ca_bundle="PEM", seen_from="Workload")) == {
        CheckName.TRUST: CheckResult.SKIPPED
    }


def test_lota() -> None:
    """CoreWeave's LOTA endpoint is refused."""
    assert failing(compatible("https://cwlota.com")) == {CheckName.PROVIDER_CHOICE: CheckResult.FAILED}


@pytest.mark.parametrize(
    ("spec", "warned"),
    [
        ({"provider": "S3", "s3": api.S3Spec(bucket="a.b", region="eu-central-1"), "data": Ambient()}, True),
        ({"provider": "S3", "s3": api.S3Spec(bucket="a.b", region="eu-central-1")}, False),
    ],
)
def test_dots_in_host_names(spec: dict[str, Any], *, warned: bool) -> None:
    """A dot in the name breaks TLS only where W&B puts the bucket into the host name."""
    checks = validated(**spec)
    assert failing(checks) == ({CheckName.BUCKET_NAME: CheckResult.WARNING} if warned else {})


def test_virtual_hosted() -> None:
    """With addressingStyle Virtual the bucket's name must fit into a host name."""
    assert failing(compatible("https://s3.example.com", bucket="A_b", style="Virtual")) == {
        CheckName.BUCKET_NAME: CheckResult.WARNING
    }
