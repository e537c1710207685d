"""What a service account's key signs: tokens that need no token server, and V4 signed URLs as W&B's server makes them."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from wandb_byob.decide.gcs_key import SigningKey, invalid
from wandb_byob.providers.probing.raw import LIFETIME

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.full_control"
_LIFETIME: Final = timedelta(minutes=55)


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs as one service account; `named` is the field of the specification that names its Secret."""

    key: SigningKey
    named: str
    now: datetime
    _private: "RSAPrivateKey" = field(repr=False)

    @cached_property
    def token(self) -> str:
        """A self-signed JWT, which Google takes as a bearer token: the key never meets another server."""
        start = int(self.now.timestamp())
        claims = {
            "iss": self.key.email,
            "sub": self.key.email,
            "scope": _SCOPE,
            "iat": start,
            "exp": start + int(_LIFETIME.total_seconds()),
        }
        parts = (_base64(json.dumps(each).encode()) for each in ({"alg": "RS256", "typ": "JWT"}, claims))
        text = ".".join(parts)
        return f"{text}.{_base64(self._sign(text.encode()))}"

    def url(self, method: str, base: str, path: str, *, query: Mapping[str, str], at: datetime) -> str:
        """Return a V4 signed URL; `path` is percent-encoded already, `query` is signed with the rest."""
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/auto/storage/goog4_request"
        parameters = {
            **query,
            "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
            "X-Goog-Credential": f"{self.key.email}/{scope}",
            "X-Goog-Date": stamp,
            "X-Goog-Expires": str(LIFETIME),
            "X-Goog-SignedHeaders": "host",
        }
        encoded = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in parameters.items())
        text = "&".join(f"{name}={value}" for name, value in encoded)
        host = base.partition("://")[2]
        request = f"{method}\n{path}\n{text}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        signed = f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        return f"{base}{path}?{text}&X-Goog-Signature={self._sign(signed.encode()).hex()}"

    def _sign(self, text: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return self._private.sign(text, PKCS1v15(), hashes.SHA256())


def signer(key: SigningKey, *, named: str, now: datetime) -> Signer:
    """Return what signs with this key; raises `Stalled` for one that is no RSA key."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key.private_key.encode(), password=None)
    except (ValueError, TypeError):
        raise invalid(named, 'Its "private_key" cannot be read.') from None
    if not isinstance(private, RSAPrivateKey):
        raise invalid(named, 'Its "private_key" is no RSA key.')
    return Signer(key=key, named=named, now=now, _private=private)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
