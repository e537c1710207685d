"""What Google's metadata server and IAM Credentials answer, and how long a token is good for."""

import base64
import binascii
import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from wandb_byob.decide.clouds.gcs_bucket import SERVICE_ACCOUNT_SUFFIX
from wandb_byob.decide.clouds.gcs_errors import SIGN_BLOB, GcsError, no_identity

METADATA_ADDRESSES: Final = (ipaddress.ip_address("169.254.169.254"), ipaddress.ip_address("fd20:ce::254"))
"""Where Google has its metadata server, and nothing else is."""
REFRESH: Final = timedelta(minutes=4)
"""So long before its end a token is renewed; the metadata server itself gives a new one five minutes before."""
_LONGEST: Final = 24 * 3600


@dataclass(frozen=True, kw_only=True, repr=False)
class Token:
    """A bearer token of one identity, and when it ends."""

    value: str
    email: str
    ends: datetime

    def __repr__(self) -> str:
        return "Token(<redacted>)"


def token_of(body: bytes, *, email: str, now: datetime) -> Token:
    """Read the metadata server's reply; raises `GcsError` for one that is none, without quoting it."""
    found = _object(body)
    value, seconds = found.get("access_token"), found.get("expires_in")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
        raise no_identity()
    lifetime = seconds if type(seconds) is int and 0 < seconds <= _LONGEST else 0
    return Token(value=value, email=email, ends=now + timedelta(seconds=lifetime))


def is_service_account(email: str) -> bool:
    """Say whether an identity is a service account of Google's, which alone can sign; a federated one (….svc.id.goog) is none."""
    return email.endswith(SERVICE_ACCOUNT_SUFFIX)


def signature_of(body: bytes) -> bytes:
    """Read the reply of signBlob; raises `GcsError` for one that is none."""
    try:
        found = base64.b64decode(str(_object(body).get("signedBlob", "")), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise GcsError(status=502, code="NoSignature", permission="", operation=SIGN_BLOB)
    return found


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
