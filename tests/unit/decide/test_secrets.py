"""From a Secret to credentials, and what is said where it will not do."""

from typing import Any

import msgspec
import pytest

from wandb_byob.decide import secrets
from wandb_byob.decide.secrets import SecretData
from wandb_byob.model.api import SecretKeys
from wandb_byob.model.credentials import AccessKey, AccountKey, Credentials, ServiceAccountKey
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

GOOD = {"accessKeyID": b"AKIA", "secretAccessKey": b"s3cr3t/+="}


def _secret(data: dict[str, bytes], **keys: str) -> SecretData:
    return SecretData(
        name="keys", field_name="spec.credentials.secretRef", data=data, keys=msgspec.convert(keys, SecretKeys)
    )


@pytest.mark.parametrize(
    ("provider", "data", "keys", "expected"),
    [
        ("S3", GOOD, {}, AccessKey(access_key_id="AKIA", secret_access_key="s3cr3t/+=")),
        (
            "S3Compatible",
            {"AWS_ACCESS_KEY_ID": b"min", "AWS_SECRET_ACCESS_KEY": b"minio123"},
            {},
            AccessKey(access_key_id="min", secret_access_key="minio123"),
        ),
        (
            "CoreWeave",
            {"user": b"user", "pass": b"password"} | GOOD,
            {"accessKeyID": "user", "secretAccessKey": "pass"},
            AccessKey(access_key_id="user", secret_access_key="password"),
        ),
        ("GCS", {"serviceAccount.json": b'{"a": 1}\n'}, {}, ServiceAccountKey('{"a": 1}\n')),
        ("Azure", {"accountKey": b"abcdef=="}, {}, AccountKey("abcdef==")),
        ("Azure", {"k": b"abcdef=="}, {"accountKey": "k"}, AccountKey("abcdef==")),
    ],
)
def test_credentials(provider: str, data: dict[str, bytes], keys: dict[str, str], expected: Credentials) -> None:
    """The usual keys, those of AWS, or the user's own; a key file may end with a line break."""
    assert secrets.credentials(_secret(data, **keys), provider, provisioning=False) == expected


@pytest.mark.parametrize("name", ["sessionToken", "AWS_SESSION_TOKEN"])
def test_a_session_token_is_for_provisioning_only(name: str) -> None:
    """Temporary credentials would end inside W&B's configuration."""
    data = {**GOOD, name: b"token" * 800}
    admin = secrets.credentials(_secret(data), "S3", provisioning=True)
    assert isinstance(admin, AccessKey)
    assert admin.session_token == "token" * 800
    with pytest.raises(Stalled, match="temporary") as caught:
        secrets.credentials(_secret(data), "S3", provisioning=False)
    assert name in caught.value.message


CANARY = "CANARY7f3a"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "no key accessKeyID or AWS_ACCESS_KEY_ID"),
        ({"accessKeyID": b"AKIA"}, "no key secretAccessKey"),
        (GOOD | {"secretAccessKey": b""}, "Key secretAccessKey is empty"),
        (GOOD | {"secretAccessKey": b"\xff\xfe" + CANARY.encode()}, "not UTF-8"),
        (GOOD | {"secretAccessKey": f"{CANARY}\n".encode()}, "line break"),
        (GOOD | {"accessKeyID": f" {CANARY}".encode()}, "white space"),
        (GOOD | {"accessKeyID": f"{CANARY}\0x".encode()}, "control characters"),
        (GOOD | {"secretAccessKey": f"{CANARY}\r\nx".encode()}, "control characters"),
        (GOOD | {"secretAccessKey": CANARY.encode() * 200}, "too long"),
        (GOOD | {"secretAccessKey": CANARY[:7].encode()}, "secretAccessKey has less than 8 characters"),
        (GOOD | {"accessKeyID": b"xy"}, "accessKeyID has less than 3 characters"),
    ],
)
def test_what_will_not_do_is_named_but_never_shown(data: dict[str, bytes], words: str) -> None:
    """The message names Secret, field and key, and holds nothing of the value."""
    with pytest.raises(Stalled) as caught:
        secrets.credentials(_secret(data), "S3", provisioning=False)
    assert caught.value.reason is Reason.SECRET_INVALID
    for part in (words, "Secret keys", "spec.credentials.secretRef"):
        assert part in caught.value.message
    assert CANARY not in caught.value.message


def test_an_own_name_for_a_key_is_not_replaced_by_the_usual_one() -> None:
    """Who names a key means that key: a typing error must not silently take another."""
    with pytest.raises(Stalled, match="no key user"):
        secrets.credentials(_secret(GOOD, accessKeyID="user"), "S3", provisioning=False)


@pytest.mark.parametrize("thing", [_secret(GOOD), AccessKey(access_key_id="AKIA", secret_access_key="s3cr3t/+=")])
def test_nothing_shows_the_values(thing: Any) -> None:
    """A repr in a traceback or log would be a leak."""
    assert "s3cr3t" not in repr(thing)
