"""Bucket names by each provider's rules, and the same verdict as the CRD's where that has a rule."""

import pytest

from wandb_byob.decide.bucket_names import Provider, check_bucket_name
from wandb_byob.model.checks import CheckResult

LONGEST = "a" * 63


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("S3", "abc"),
        ("S3", "acme-wandb"),
        ("S3", "acme.wandb"),
        ("S3", "1-2"),
        ("S3", LONGEST),
        ("CoreWeave", "acme-wandb"),
        ("CoreWeave", "integration"),
        ("GCS", "acme_wandb-1"),
        ("GCS", "acme.example.com"),
        ("GCS", f"{LONGEST}.{LONGEST}.com"),
        ("Azure", "wandb-files"),
        ("S3Compatible", "Acme_Wandb.1"),
    ],
)
def test_good(provider: Provider, name: str) -> None:
    """Names that the provider takes pass."""
    assert check_bucket_name(provider, name).result is CheckResult.PASSED


@pytest.mark.parametrize(
    ("provider", "name", "why"),
    [
        ("S3", "", "3 to 63"),
        ("S3", "ab", "3 to 63"),
        ("S3", LONGEST + "a", "3 to 63"),
        ("S3", "Acme", "lower-case"),
        ("S3", "acme_wandb", "lower-case"),
        ("S3", "acme/wandb", "lower-case"),
        ("S3", "acme\n", "lower-case"),
        ("S3", "\u0430cme", "lower-case"),  # Cyrillic a
        ("S3", "-acme", "starts and ends"),
        ("S3", "acme-", "starts and ends"),
        ("S3", "acme..wandb", "two dots"),
        ("S3", "192.168.5.4", "IP address"),
        ("S3", "xn--acme", "reserved"),
        ("S3", "sthree-acme", "reserved"),
        ("S3", "amzn-s3-demo-acme", "reserved"),
        ("S3", "acme-s3alias", "reserved"),
        ("S3", "acme--x-s3", "reserved"),
        ("CoreWeave", "acme.wandb", "no dots"),
        ("CoreWeave", "acme_wandb", "no dots or underscores"),
        ("CoreWeave", "cw-acme", "reserved"),
        ("CoreWeave", "vip-acme", "reserved"),
        ("CoreWeave", "int", "reserved"),
        ("CoreWeave", "log-stitcher-ch-1", "reserved"),
        ("GCS", "goog-acme", "reserved"),
        ("GCS", "my-google-bucket", "reserved"),
        ("GCS", "a" * 64, "63"),
        ("GCS", "a" * 64 + ".com", "63"),
        ("Azure", "ab", "3 to 63"),
        ("Azure", "wandb--files", "two hyphens"),
        ("Azure", "wandb.files", "hyphens only"),
        ("S3Compatible", "acme wandb", "letters"),
        ("S3Compatible", "_acme", "starts and ends"),
    ],
)
def test_bad(provider: Provider, name: str, why: str) -> None:
    """Names that it refuses fail with its rule, and the field to change."""
    check = check_bucket_name(provider, name)
    assert check.result is CheckResult.FAILED
    assert why in check.message
    assert "spec." in check.remedy


@pytest.mark.parametrize("name", ["acme.wandb", "Acme", "acme_wandb"])
def test_names_in_host_names(name: str) -> None:
    """What breaks as part of a host name warns, and only where the bucket is addressed so."""
    assert check_bucket_name("S3Compatible", name, virtual=True).result is CheckResult.WARNING
    assert check_bucket_name("S3Compatible", name).result is CheckResult.PASSED


@pytest.mark.parametrize(
    ("provider", "name", "told"),
    [("S3Compatible", "Acme", True), ("S3Compatible", "ac_me", True), ("S3Compatible", "acme", False), ("GCS", "ac_me", False)],
)  # fmt: skip
def test_what_only_some_stores_take_is_said(provider: Provider, name: str, *, told: bool) -> None:
    """It passes, since the store itself decides; and nobody should take that for a promise."""
    found = check_bucket_name(provider, name)
    assert found.result is CheckResult.PASSED
    assert ("Stores differ" in found.message) is told


@pytest.mark.parametrize("name", ["gs://acme", "gcs://acme", "s3://acme/path", "acme/path"])
@pytest.mark.parametrize("provider", ["S3", "CoreWeave", "GCS", "Azure", "S3Compatible"])
def test_more_than_the_name(provider: Provider, name: str) -> None:
    """An address in the place of the name: another name would not help."""
    assert (check_bucket_name(provider, name).remedy or "").startswith("Write the name alone in spec.")
