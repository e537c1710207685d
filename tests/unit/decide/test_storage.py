"""The bucket for the instance in W&B's variables: what is written is read again, and what means the same is told."""

from dataclasses import replace
from typing import Any

import pytest

from unit.resources import as_store, bucket_store
from wandb_byob.decide import storage
from wandb_byob.decide.storage import Bucket, Unreadable

S3 = {"provider": "S3", "s3": {"bucket": "acme", "region": "eu-central-1"}}
KMS = "arn:aws:kms:eu-central-1:111122223333:key/k"
MINIO = {
    "provider": "S3Compatible",
    "s3": None,
    "s3Compatible": {"bucket": "acme", "endpoint": "https://h.example", "region": "eu-1"},
}


def of(spec: dict[str, Any], address: str, path: str = "") -> Bucket:
    return storage.of_store(as_store(bucket_store(spec=spec)).spec, address, path=path)


@pytest.mark.parametrize(
    ("spec", "address", "path", "values", "place"),
    [
        (S3, "s3://acme", "", {"BUCKET": "s3://acme", "AWS_REGION": "eu-central-1", "AWS_S3_KMS_ID": None}, "acme"),
        (
            {"provider": "S3", "s3": {"bucket": "acme", "region": "eu-central-1", "kmsKeyARN": KMS}},
            "s3://ak:s%2Fk@s3.eu-central-1.amazonaws.com/acme?region=eu-central-1&tls=true",
            "w/files",
            {"BUCKET": "s3://ak:s%2Fk@acme/w/files", "AWS_REGION": "eu-central-1", "AWS_S3_KMS_ID": KMS},
            "acme/w/files",
        ),
        (
            {"provider": "S3", "s3": {"bucket": "acme", "region": "eu-central-1", "endpoint": "https://b.vpce-1.s3.eu-central-1.vpce.amazonaws.com"}},
            "s3://ak:sk@b.vpce-1.s3.eu-central-1.vpce.amazonaws.com/acme?region=eu-central-1&tls=true",
            "",
            {
                "BUCKET": "s3://ak:sk@b.vpce-1.s3.eu-central-1.vpce.amazonaws.com:443/acme?region=eu-central-1&tls=true",
                "AWS_REGION": "eu-central-1",
                "AWS_S3_KMS_ID": None,
            },
            "acme",
        ),
        (
            MINIO,
            "s3://ak:sk@h.example/acme?region=eu-1&tls=true",
            "w",
            {"BUCKET": "s3://ak:sk@h.example:443/acme/w?region=eu-1&tls=true", "AWS_REGION": "eu-1", "AWS_S3_KMS_ID": None},
            "acme/w",
        ),
        (
            MINIO,
            "s3://ak:sk@[2001:db8::1]/acme?region=eu-1&tls=false",
            "",
            {"BUCKET": "s3://ak:sk@[2001:db8::1]:80/acme?region=eu-1&tls=false", "AWS_REGION": "eu-1", "AWS_S3_KMS_ID": None},
            "acme",
        ),
        ({"provider": "GCS", "s3": None, "gcs": {"bucket": "acme"}}, "gs://acme", "w", {"BUCKET": "gs://acme/w"}, "acme/w"),
        (
            {"provider": "GCS", "s3": None, "gcs": {"bucket": "acme"}},
            "gs://sa%40p.example:PEM%0A@acme",
            "",
            {"BUCKET": "gs://sa%40p.example:PEM%0A@acme"},
            "acme",
        ),
        (
            {"provider": "Azure", "s3": None, "azure": {"storageAccount": "acct", "container": "box"}},
            "az://:a%2Fb%3D%3D@acct/box",
            "w",
            {"BUCKET": "az://acct/box/w", "AZURE_STORAGE_KEY": "a/b=="},
            "acct/box/w",
        ),
        (
            {"provider": "Azure", "s3": None, "azure": {"storageAccount": "acct", "container": "box"}},
            "az://acct/box",
            "",
            {"BUCKET": "az://acct/box", "AZURE_STORAGE_KEY": None},
            "acct/box",
        ),
    ],
    ids=["AWS, ambient", "AWS, keys, KMS, path", "AWS, VPC endpoint", "S3-compatible", "IPv6 over http", "GCS, ambient", "GCS, key", "Azure, key", "Azure, ambient"],
)  # fmt: skip
def test_each_provider_in_variables(
    spec: dict[str, Any], address: str, path: str, values: dict[str, str | None], place: str
) -> None:
    """As W&B's chart writes them; Azure's key is raw, and beside the address. Read again, they are the same bucket."""
    bucket = of(spec, address, path)
    written = dict(storage.to_variables(bucket))
    aliases = {written.pop("GORILLA_FILE_STORE"), written.pop("GORILLA_STORAGE_BUCKET")}
    assert written == values
    assert aliases == {values["BUCKET"]}
    assert bucket.place == place
    again = storage.from_variables(storage.to_variables(bucket))
    assert isinstance(again, Bucket)
    assert storage.same(again, bucket)
    assert (again.identity, again.path) == (bucket.identity, bucket.path)
    for kept in ("s/k", "s%2Fk", "PEM", "a/b==", "a%2Fb"):
        assert kept not in repr(bucket)


@pytest.mark.parametrize(
    ("given", "identity", "path"),
    [
        ({"BUCKET": "s3://acme/w"}, "s3://amazonaws.com/acme", "w"),
        ({"BUCKET": "s3://acme", "AWS_REGION": "cn-north-1"}, "s3://amazonaws.com.cn/acme", ""),
        ({"BUCKET": "s3://my.acme.bucket/w"}, "s3://amazonaws.com/my.acme.bucket", "w"),
        ({"BUCKET": "s3://ak:sk@s3.eu-central-1.amazonaws.com/acme"}, "s3://amazonaws.com/acme", ""),
        ({"BUCKET": "s3:///acme/w"}, "s3://amazonaws.com/acme", "w"),
        ({"BUCKET": " acme "}, "s3://amazonaws.com/acme", ""),
        ({"BUCKET": "s3://ak:sk@minio:9000/acme"}, "s3://minio:9000/acme", ""),
        ({"BUCKET": "s3://ak:sk@minio.example/acme?tls=true"}, "s3://minio.example/acme", ""),
        ({"BUCKET": "cw://ak:sk@acme/w"}, "cw://cwobject.com/acme", "w"),
        ({"BUCKET": "cw://ak:sk@cwobject.com/acme?tls=true"}, "cw://cwobject.com/acme", ""),
        ({"GORILLA_FILE_STORE": "gs://acme/w/"}, "gs://acme", "w"),
        ({"BUCKET": "az://acct/box/w"}, "az://acct/box", "w"),
        ({"BUCKET": "s3://$(AK):$(SK)@acme"}, "s3://amazonaws.com/acme", ""),
    ],
)
def test_what_others_have_written(given: dict[str, str], identity: str, path: str) -> None:
    found = storage.from_variables(given)
    assert isinstance(found, Bucket)
    assert (found.identity, found.path) == (identity, path)


@pytest.mark.parametrize("given", [{}, {"BUCKET": ""}, {"BUCKET": None}, {"AWS_REGION": "eu-1"}])
def test_no_bucket(given: dict[str, str | None]) -> None:
    assert storage.from_variables(given) is None


@pytest.mark.parametrize(
    ("given", "shown", "why"),
    [
        ({"BUCKET": "file:///vol/secret"}, "***", "begins with none of s3://"),
        ({"BUCKET": "s3://ak:s/k@acme"}, "s3://***:***@acme", ""),
        ({"BUCKET": "s3://a/k:sk@acme"}, "s3://***:***@acme", "percent-encode the keys"),
        ({"BUCKET": "gcs://acme"}, "gcs://acme", "write gs://"),
        ({"BUCKET": "s3://a", "GORILLA_FILE_STORE": "s3://ak:sk@b"}, "s3://a and s3://***:***@b", "different buckets"),
    ],
    ids=[
        "no scheme of W&B's",
        "an unescaped secret",
        "an unescaped key",
        "a scheme that W&B refuses",
        "two that differ",
    ],
)
def test_what_means_no_bucket(given: dict[str, str], shown: str, why: str) -> None:
    """It is something, no key of it is shown, and what is wrong is said with what to do."""
    found = storage.from_variables(given)
    assert isinstance(found, Unreadable)
    assert found.shown == shown
    assert why in found.why
    for key in ("k@", "sk", "ak:"):
        assert key not in found.why


@pytest.mark.parametrize(
    "given",
    [
        {"BUCKET": "s3://ak:sk@$(BUCKET_NAME)/w"},
        {"BUCKET": "s3://ak:sk@acme", "AWS_REGION": "$(BUCKET_NAME)"},
        {"BUCKET": "s3://ak:sk@acme", "AWS_S3_KMS_ID": "$(BUCKET_NAME)"},
    ],
)
def test_what_kubernetes_could_not_fill_in_is_no_bucket(given: dict[str, str]) -> None:
    """Its keys may be unknown; which bucket it is must not be."""
    found = storage.from_variables(given)
    assert isinstance(found, Unreadable)
    assert "$(BUCKET_NAME)" in found.why
    assert "sk" not in found.shown


def test_a_key_that_only_looks_expanded_is_known() -> None:
    """Percent-encoded it is what Kubernetes leaves alone: a new one must not pass for the old one."""
    found = storage.from_variables({"BUCKET": "s3://ak:%24%28x%29@acme"})
    assert isinstance(found, Bucket)
    assert found.known
    assert found.address.password == "$(x)"


def test_a_bucket_of_coreweave_without_keys() -> None:
    """For teams all of these are the one entry cw://; for the instance it is a bucket as any other."""
    spec = {"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "acme"}, "credentials": {"source": "Ambient"}}
    wanted, found = of(spec, "cw://", "w"), storage.from_variables({"BUCKET": "cw://acme/w"})
    assert isinstance(found, Bucket)
    assert storage.same(found, wanted)
    assert wanted.place == "acme/w"


WANTED = of(MINIO, "s3://ak:sk@h.example/acme?region=eu-1&tls=true", "w")


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({"BUCKET": "s3://ak:sk@h.example:443/acme/w/?tls=true"}, True),
        ({"BUCKET": "s3://ak:sk@H.example:443/acme/w?tls=true&forcePathStyle=true", "AWS_REGION": "eu-1"}, True),
        ({"BUCKET": "s3://$(AK):$(SK)@h.example:443/acme/w?tls=true"}, True),
        ({"BUCKET": "s3://ak:other@h.example:443/acme/w?tls=true"}, False),
        ({"BUCKET": "s3://ak:sk@h.example:443/acme/w"}, False),
        ({"BUCKET": "s3://ak:sk@h.example:443/acme/w?tls=true", "AWS_REGION": "eu-2"}, False),
        ({"BUCKET": "s3://ak:sk@h.example:443/acme/w?tls=true", "AWS_S3_KMS_ID": "k"}, False),
        ({"BUCKET": "s3://ak:sk@h.example:443/acme?tls=true"}, False),
    ],
    ids=["no region stated", "W&B's default stated", "keys from elsewhere", "another key", "http", "another region", "another KMS key", "another path"],
)  # fmt: skip
def test_what_is_the_same_to_wandb(given: dict[str, str], same: bool) -> None:
    found = storage.from_variables(given)
    assert isinstance(found, Bucket)
    assert storage.same(found, WANTED) is same


def test_an_aws_bucket_with_and_without_its_host_is_one() -> None:
    found = storage.from_variables(
        {"BUCKET": "s3://ak:sk@s3.eu-central-1.amazonaws.com/acme", "AWS_REGION": "eu-central-1"}
    )
    wanted = of(S3, "s3://ak:sk@s3.eu-central-1.amazonaws.com/acme?region=eu-central-1&tls=true")
    assert isinstance(found, Bucket)
    assert storage.same(found, wanted)
    assert not storage.same(found, replace(wanted, kms_key=KMS))
