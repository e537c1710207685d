"""The choice of provider, and what TLS proves for whom."""

import pytest

from wandb_byob.decide.choices import check_provider_choice, check_trust
from wandb_byob.decide.endpoints import Endpoint
from wandb_byob.model.checks import CheckResult


@pytest.mark.parametrize(
    ("host", "result", "provider"),
    [
        ("minio.example.com", CheckResult.PASSED, ""),
        ("s3.eu-central-1.amazonaws.com", CheckResult.WARNING, "S3"),
        ("s3.cn-north-1.amazonaws.com.cn", CheckResult.WARNING, "S3"),
        ("bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com", CheckResult.WARNING, "S3"),
        ("cwobject.com", CheckResult.WARNING, "CoreWeave"),
        ("bucket.cwobject.com", CheckResult.WARNING, "CoreWeave"),
        ("object.ord1.coreweave.com", CheckResult.WARNING, "CoreWeave"),
        ("cwlota.com", CheckResult.FAILED, "CoreWeave"),
        ("bucket.cwlota.com", CheckResult.FAILED, "CoreWeave"),
        ("notcwobject.com", CheckResult.PASSED, ""),
        ("amazonaws.com.evil.example", CheckResult.PASSED, ""),
    ],
)
def test_provider_choice(host: str, result: CheckResult, provider: str) -> None:
    """A cloud with a provider of its own is pointed to; CoreWeave's LOTA, which W&B does not support, is refused."""
    check = check_provider_choice(Endpoint(scheme="https", host=host, port=443))
    assert check.result is result
    assert (f"spec.provider to {provider} with" in check.remedy) is bool(provider)


@pytest.mark.parametrize(
    ("private_authority", "from_workload", "tls", "result"),
    [
        (False, False, True, CheckResult.PASSED),
        (True, False, True, CheckResult.WARNING),
        (True, True, True, CheckResult.SKIPPED),
        (False, False, False, CheckResult.WARNING),
        (True, True, False, CheckResult.WARNING),
    ],
)
def test_trust(*, private_authority: bool, from_workload: bool, tls: bool, result: CheckResult) -> None:
    """A private authority is proved for W&B only from W&B's own pods; without TLS nothing is."""
    check = check_trust(private_authority=private_authority, from_workload=from_workload, tls=tls)
    assert check.result is result
    assert bool(check.remedy) is (result is CheckResult.WARNING)
