"""The bucket for the instance as W&B's own operator has it, v1 and v2: what is written is read again as the same bucket."""

from typing import Any
from urllib.parse import unquote

import pytest

from wandb_byob.decide import bucket_forms
from wandb_byob.decide.addresses import Address
from wandb_byob.decide.bucket_forms import CHART_BUCKET, MARK, OBJECT_STORE
from wandb_byob.decide.storage import Bucket, Unreadable
from wandb_byob.model.errors import Stalled

OURS = "wandb-file-stores-x"
AWS = Bucket(address=Address(scheme="s3", user="ak", password="s/k+=", bucket="acme", prefix="w"), region="eu-1")
AMBIENT = Bucket(address=Address(scheme="s3", bucket="acme"), region="eu-1")
MINIO = Bucket(
    address=Address(
        scheme="s3", user="ak", password="s/k+=", host="h.example:9000", bucket="acme", prefix="w/x", query=(("region", "eu-1"), ("tls", "true"))
    ),
    region="eu-1",
)  # fmt: skip
GCS = Bucket(address=Address(scheme="gs", bucket="acme", prefix="w"))
GCS_KEY = Bucket(address=Address(scheme="gs", user="sa@p.example", password="-----BEGIN\n", bucket="acme"))
AZURE = Bucket(address=Address(scheme="az", password="a/b==", host="acct", bucket="box", prefix="w"))
AZURE_AMBIENT = Bucket(address=Address(scheme="az", host="acct", bucket="box"))
KMS = Bucket(address=AWS.address, region="eu-1", kms_key="arn:aws:kms:eu-1:1:key/k")
NO_KEYS = {"secretName": "", "accessKeyName": "ACCESS_KEY", "secretKeyName": "SECRET_KEY"}
KEYS = {**NO_KEYS, "secretName": OURS}


def wire(form: str, bucket: Bucket) -> tuple[dict[str, Any], dict[str, str]]:
    """What stands in the object, and the keys of our Secret."""
    text = bucket_forms.settings(bucket, form)[form]
    assert text is not None
    return dict(bucket_forms.entry(form, text, secret=OURS)), dict(bucket_forms.data(form, text))


@pytest.mark.parametrize(
    ("bucket", "texts", "secret", "keys"),
    [
        (AWS, ("s3", "acme", "w", "eu-1", ""), KEYS, {"ACCESS_KEY": "ak", "SECRET_KEY": "s%2Fk%2B%3D"}),
        (AMBIENT, ("s3", "acme", "", "eu-1", ""), NO_KEYS, {}),
        (MINIO, ("s3", "h.example:9000", "acme/w/x?region=eu-1&tls=true", "eu-1", ""), KEYS, {"ACCESS_KEY": "ak", "SECRET_KEY": "s%2Fk%2B%3D"}),
        (KMS, ("s3", "acme", "w", "eu-1", "arn:aws:kms:eu-1:1:key/k"), KEYS, {"ACCESS_KEY": "ak", "SECRET_KEY": "s%2Fk%2B%3D"}),
        (GCS, ("gcs", "acme", "w", "", ""), NO_KEYS, {}),
        (AZURE, ("az", "acct/box", "w", "", ""), KEYS, {"ACCESS_KEY": "a/b=="}),
        (AZURE_AMBIENT, ("az", "acct/box", "", "", ""), NO_KEYS, {}),
    ],
    ids=["AWS", "AWS, ambient", "S3-compatible", "KMS", "GCS", "Azure", "Azure, ambient"],
)  # fmt: skip
def test_in_the_values_of_the_chart(
    bucket: Bucket, texts: tuple[str, ...], secret: dict[str, str], keys: dict[str, str]
) -> None:
    """Keys percent-encoded, Azure's raw; each field is written, so that nothing of a lower level is merged in."""
    env, data = wire(CHART_BUCKET, bucket)
    assert tuple(env[key] for key in ("provider", "name", "path", "region", "kmsKey")) == texts
    assert env["secret"] == secret
    assert (env["accessKey"], env["secretKey"]) == ("", "")
    assert data == keys
    again = bucket_forms.from_chart(env, keys=(data.get("ACCESS_KEY", ""), data.get("SECRET_KEY", "")))
    assert again is not None
    assert bucket_forms.dumps(again) == bucket_forms.dumps(bucket), "else it would be rolled out again and again"


@pytest.mark.parametrize(
    ("bucket", "keys"),
    [
        (AWS, {"provider": "s3", "bucket": "acme", "path": "w", "region": "eu-1", "accessKey": "ak", "secretKey": "s/k+="}),
        (AMBIENT, {"provider": "s3", "bucket": "acme", "region": "eu-1"}),
        (
            MINIO,
            {
                "provider": "s3", "endpoint": "h.example", "port": "9000", "bucket": "acme", "path": "w/x", "region": "eu-1", "accessKey": "ak",
                "secretKey": "s/k+=", "tlsEnabled": "true", "forcePathStyle": "true",
            },
        ),
        (GCS, {"provider": "gcs", "bucket": "acme", "path": "w"}),
        (GCS_KEY, {"provider": "gcs", "bucket": "acme", "accessKey": "sa@p.example", "secretKey": "-----BEGIN\n"}),
        (AZURE, {"provider": "azure", "accessKey": "acct", "bucket": "box", "path": "w", "secretKey": "a/b=="}),
        (AZURE_AMBIENT, {"provider": "azure", "accessKey": "acct", "bucket": "box"}),
    ],
    ids=["AWS", "AWS, ambient", "S3-compatible", "GCS", "GCS, key", "Azure", "Azure, ambient"],
)  # fmt: skip
def test_in_the_selectors_of_v2(bucket: Bucket, keys: dict[str, str]) -> None:
    """Everything by reference, raw: W&B's operator encodes it itself; what is not there is not referred to."""
    env, data = wire(OBJECT_STORE, bucket)
    assert data == keys
    assert env == {key: {"name": OURS, "key": key} for key in keys}
    again = bucket_forms.from_selected(data)
    assert again is not None
    assert bucket_forms.dumps(again) == bucket_forms.dumps(bucket)


@pytest.mark.parametrize(
    ("form", "bucket", "words"),
    [(OBJECT_STORE, KMS, "no place for a KMS key"), (CHART_BUCKET, GCS_KEY, "takes no key for a bucket of Cloud Storage")],
)  # fmt: skip
def test_what_a_form_has_no_place_for(form: str, bucket: Bucket, words: str) -> None:
    """The refusal names the field and the remedy."""
    with pytest.raises(Stalled, match=words) as refused:
        bucket_forms.settings(bucket, form)
    assert "the BucketStore" in refused.value.message


def test_the_mark_names_bucket_and_path_without_keys() -> None:
    assert bucket_forms.settings(MINIO, CHART_BUCKET)[MARK] == "s3://h.example:9000/acme/w/x"


@pytest.mark.parametrize("bucket", [AWS, AMBIENT, MINIO, GCS_KEY, AZURE, KMS, Unreadable("s3://***", "torn")])
def test_the_text_in_our_secret_is_the_bucket(bucket: Bucket | Unreadable) -> None:
    assert bucket_forms.dumps(bucket_forms.loads(bucket_forms.dumps(bucket))) == bucket_forms.dumps(bucket)


@pytest.mark.parametrize(
    ("change", "stands"),
    [
        ({}, True),
        ({"azureTenantId": "t"}, True),
        ({"path": "other"}, False),
        ({"accessKey": "inline"}, False),
        ({"secret": {**KEYS, "secretName": "theirs"}}, False),
        ({"secret": {**KEYS, "more": "x"}}, True),
    ],
    ids=[
        "as written",
        "a field of somebody's",
        "another path",
        "an inline key",
        "another Secret",
        "more beside the keys",
    ],
)
def test_what_stands_in_the_chart_as_it_is_wanted(change: dict[str, Any], stands: bool) -> None:
    env, _ = wire(CHART_BUCKET, AWS)
    assert bucket_forms.stands(CHART_BUCKET, {**env, **change}, env) is stands
    assert not bucket_forms.stands(CHART_BUCKET, None, env)


def test_a_selector_that_is_left_from_before_is_no_part_of_it() -> None:
    env, _ = wire(OBJECT_STORE, AMBIENT)
    assert bucket_forms.stands(OBJECT_STORE, env, env)
    assert not bucket_forms.stands(OBJECT_STORE, {**env, "endpoint": {"name": "theirs", "key": "e"}}, env)


def test_keys_that_are_not_known_cannot_be_compared() -> None:
    """The Secret that the chart takes them from is not there, or has none."""
    found = bucket_forms.from_chart({"provider": "s3", "name": "acme"}, keys=None)
    assert isinstance(found, Bucket)
    assert not found.known


def test_the_chart_takes_keys_as_a_part_of_an_address() -> None:
    found = bucket_forms.from_chart({"provider": "s3", "name": "acme"}, keys=("ak", "s%2Fk"))
    assert isinstance(found, Bucket)
    assert found.address.password == unquote("s%2Fk")


@pytest.mark.parametrize(
    ("values", "shown"),
    [({"provider": "ftp", "bucket": "b"}, "a bucket of provider ftp"), ({"provider": "s3"}, None)],
)
def test_v2_that_names_no_bucket(values: dict[str, str], shown: str | None) -> None:
    found = bucket_forms.from_selected(values)
    assert (found.shown if isinstance(found, Unreadable) else found) == (shown or None)
