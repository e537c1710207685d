"""Tokens and signatures as Google answers them, and as nobody should."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from wandb_byob.decide.clouds.gcs_errors import GcsError
from wandb_byob.decide.clouds.gcs_identity import is_service_account, signature_of, token_of

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def test_a_token_ends_when_it_says() -> None:
    token = token_of(b'{"access_token": "ya29.canary", "expires_in": 3599, "token_type": "Bearer"}', email="a", now=NOW)
    assert (token.value, token.email, token.ends) == ("ya29.canary", "a", NOW + timedelta(seconds=3599))
    assert "canary" not in repr(token)


@pytest.mark.parametrize("seconds", ["3599", -1, 0, 10**9, None, 3.5, True])
def test_a_lifetime_that_is_none_keeps_no_token(seconds: object) -> None:
    body = json.dumps({"access_token": "ya29.x", "expires_in": seconds}).encode()
    assert token_of(body, email="", now=NOW).ends <= NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>canary</html>",
        b"\xff",
        b'{"access_token": ""}',
        b'{"access_token": 7}',
        b'{"access_token": "canary\\r\\nHost: x", "expires_in": 60}',
        b'{"access_token": "canary\\u00e9"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_token(body: bytes) -> None:
    """Nothing of it is quoted, and no line break gets into a header."""
    with pytest.raises(GcsError) as refused:
        token_of(body, email="", now=NOW)
    assert refused.value.code == "NoIdentity"
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("email", "can"),
    [
        ("wandb@acme-project.iam.gserviceaccount.com", True),
        ("123-compute@developer.gserviceaccount.com", True),
        ("acme-project.svc.id.goog", False),
        ("", False),
        ("<html>", False),
    ],
)
def test_who_can_sign(email: str, can: bool) -> None:
    assert is_service_account(email) is can


def test_a_signature() -> None:
    assert signature_of(json.dumps({"signedBlob": base64.b64encode(b"\x00\xff").decode()}).encode()) == b"\x00\xff"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"signedBlob": "???"}', b'{"signedBlob": {}}', b'{"signedBlob": ""}'])
def test_what_is_no_signature(body: bytes) -> None:
    with pytest.raises(GcsError) as refused:
        signature_of(body)
    assert refused.value.status == 502
