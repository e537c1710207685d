"""Who signs requests to Google, and what: bearer tokens, and V4 signed URLs as W&B's server makes them."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import quote

from wandb_byob.decide.clouds.gcs_key import BITS, SigningKey, invalid, is_rsa, is_usual
from wandb_byob.decide.clouds.gcs_texts import Who
from wandb_byob.decide.connections import http_date
from wandb_byob.providers.probing.raw import LIFETIME

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers

_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.full_control"
_LIFETIME: Final = timedelta(minutes=55)
_TOLERATED: Final = timedelta(minutes=1)


class Signer(Protocol):
    """One service account."""

    @property
    def who(self) -> Who:
        """Whose it is, for messages."""

    @property
    def email(self) -> str:
        """The account's address."""

    def token(self, now: datetime) -> str:
        """Return a bearer token."""

    def renew(self, token: str) -> bool:
        """Say whether another token may be had for one that was refused."""

    def sign(self, text: bytes, now: datetime) -> bytes:
        """Return the RSA signature (SHA-256) of a text."""


@dataclass(frozen=True, kw_only=True)
class KeySigner:
    """Signs with a key file; a token is a JWT of its own, which Google takes: the key never meets another server."""

    key: SigningKey
    who: Who
    _private: "RSAPrivateKey" = field(repr=False)

    @property
    def email(self) -> str:
        """The account's address, as the file has it."""
        return self.key.email

    def token(self, now: datetime) -> str:
        """Return a self-signed token."""
        start = int(now.timestamp())
        claims = {
            "iss": self.key.email,
            "sub": self.key.email,
            "scope": _SCOPE,
            "iat": start,
            "exp": start + int(_LIFETIME.total_seconds()),
        }
        text = ".".join(_base64(json.dumps(each).encode()) for each in ({"alg": "RS256", "typ": "JWT"}, claims))
        return f"{text}.{_base64(self.sign(text.encode(), now))}"

    def renew(self, token: str) -> bool:
        """Say no: another one would be signed with the same key."""
        return False

    def sign(self, text: bytes, now: datetime) -> bytes:
        """Sign with the key."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        return self._private.sign(text, PKCS1v15(), hashes.SHA256())


def key_signer(key: SigningKey, *, named: str) -> KeySigner:
    """Return what signs with this key; raises `Stalled` for one that is no RSA key of a usual size.

    OpenSSL tests the primes of a key that it reads, and all threads wait: whoever writes the Secret could choose for how long. So
    the numbers' sizes are looked at before.
    """
    from cryptography.exceptions import InternalError
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not is_rsa(key.private_key):
        raise invalid(named, 'Its "private_key" is no RSA key.')
    text = key.private_key.encode()
    try:
        unchecked = load_pem_private_key(text, password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(unchecked, RSAPrivateKey) or not _usual(unchecked.private_numbers()):
            raise invalid(named, f'Its "private_key" is no RSA key of {BITS[0]} to {BITS[1]} bits.')
        private = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, InternalError):
        raise invalid(named, 'Its "private_key" cannot be read.') from None
    if not isinstance(private, RSAPrivateKey):
        raise invalid(named, 'Its "private_key" is no RSA key.')
    return KeySigner(key=key, who=Who(account=f"the service account of {named}", secret=named), _private=private)


def _usual(key: "RSAPrivateNumbers") -> bool:
    others = (key.public_numbers.e, key.d, key.dmp1, key.dmq1, key.iqmp)
    return is_usual(key.public_numbers.n, primes=(key.p, key.q), others=others)


@dataclass(kw_only=True)
class Clock:
    """Google's time: ours, until a reply has shown that ours is wrong. (ClockSkew says so; a wrong clock shall break nothing else.)"""

    own: Callable[[], datetime]
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        """Return the time to sign with."""
        return self.own() + self.offset

    def learn(self, date: str | None) -> bool:
        """Take over the time of a reply that has refused a signature; say whether that makes another one worth it."""
        theirs = http_date(date)
        if theirs is None or abs(theirs - self.now()) < _TOLERATED:
            return False
        self.offset = theirs - self.own()
        return True


def signed_url(signer: Signer, method: str, url: tuple[str, str], *, query: Mapping[str, str], now: datetime) -> str:
    """Return a V4 signed URL; `url` is the service's address and the percent-encoded path, `query` is signed with the rest."""
    base, path = url
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/auto/storage/goog4_request"
    parameters = {
        **query,
        "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
        "X-Goog-Credential": f"{signer.email}/{scope}",
        "X-Goog-Date": stamp,
        "X-Goog-Expires": str(LIFETIME),
        "X-Goog-SignedHeaders": "host",
    }
    encoded = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in parameters.items())
    text = "&".join(f"{name}={value}" for name, value in encoded)
    host = base.partition("://")[2]
    request = f"{method}\n{path}\n{text}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    signed = f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    return f"{base}{path}?{text}&X-Goog-Signature={signer.sign(signed.encode(), now).hex()}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
