"""Google's service accounts in small: who they are, what they sign with, and whether what came was signed by one of them.

Real are the RSA signatures: of self-signed tokens, and of V4 signed URLs over the canonical request that Google documents. Tokens of
the metadata server are opaque words with an end, as Google's are.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PROJECT: Final = "acme-project"
ADMIN: Final = f"byob@{PROJECT}.iam.gserviceaccount.com"
WANDB: Final = f"wandb@{PROJECT}.iam.gserviceaccount.com"
_ALGORITHM: Final = "GOOG4-RSA-SHA256"
_SCOPES: Final = ("devstorage.full_control", "cloud-platform")


class RefusedError(Exception):
    """What Google refuses: a status, Google's word for it, and for a 403 the permission that lacks."""

    def __init__(self, status: int, reason: str, *, account: str = "", permission: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.account, self.permission = status, reason, account, permission

    @property
    def words(self) -> str:
        """Google's sentence."""
        if not self.permission:
            return self.reason
        return (
            f"{self.account} does not have {self.permission} access to the Google Cloud Storage bucket. "
            f"Permission '{self.permission}' denied on resource (or it may not exist)."
        )


@dataclass(kw_only=True)
class Account:
    """One service account; `everywhere`: its role is the project's, else only buckets that name it let it in. `lacks` it may never."""

    email: str
    everywhere: bool = False
    lacks: set[str] = field(default_factory=set)

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """Its private key: in a key file, or Google's own where there is none."""
        return rsa.generate_private_key(65537, 2048)

    def key_file(self) -> str:
        """A key file as gcloud writes it, with a token_uri that nobody may use."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return json.dumps(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "client_email": self.email,
                "private_key": pem,
                "token_uri": "http://127.0.0.1:1/token",
            }
        )

    def sign(self, text: bytes) -> bytes:
        """Sign as this account."""
        return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Say whether this account signed that."""
        try:
            self.key.public_key().verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def signed_url(self, method: str, endpoint: str, path: str) -> str:
        """A V4 signed URL as W&B's server makes one."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        query = {
            "X-Goog-Algorithm": _ALGORITHM,
            "X-Goog-Credential": f"{self.email}/{stamp[:8]}/auto/storage/goog4_request",
            "X-Goog-Date": stamp,
            "X-Goog-Expires": "3600",
            "X-Goog-SignedHeaders": "host",
            "X-User": "somebody",
        }
        signature = self.sign(_to_sign(method, path, query, host=endpoint.partition("://")[2])).hex()
        return f"{endpoint}{path}?{urlencode(query)}&X-Goog-Signature={signature}"


@dataclass
class Accounts:
    """All service accounts that there are, and the tokens that the metadata server has given."""

    known: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def add(self, email: str, *, everywhere: bool = False, lacks: tuple[str, ...] = ()) -> Account:
        """Make an account."""
        account = Account(email=email, everywhere=everywhere, lacks=set(lacks))
        self.known[email] = account
        return account

    def give_token(self, email: str, *, lifetime: timedelta) -> str:
        """Return a new opaque token of an account."""
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self.tokens[token] = (email, datetime.now(UTC) + lifetime)
        return token

    def bearer(self, header: str) -> Account:
        """Return whose token it is; raises RefusedError."""
        token, refused = header.removeprefix("Bearer "), RefusedError(401, "authError")
        email, ends = self.tokens.get(token, ("", datetime.max.replace(tzinfo=UTC)))
        if not email:
            email, ends = self._self_signed(token, refused)
        if datetime.now(UTC) > ends or email not in self.known:
            raise refused
        return self.known[email]

    def _self_signed(self, token: str, refused: RefusedError) -> tuple[str, datetime]:
        head, _, signature = token.rpartition(".")
        try:
            claims: dict[str, Any] = json.loads(_decoded(head.partition(".")[2]))
            account = self.known[claims["iss"]]
        except (ValueError, KeyError):
            raise refused from None
        if not account.signed(head.encode(), _decoded(signature)) or not claims["scope"].endswith(_SCOPES):
            raise refused
        if datetime.fromtimestamp(claims["iat"], UTC) > datetime.now(UTC) + timedelta(minutes=5):
            raise refused
        return account.email, datetime.fromtimestamp(claims["exp"], UTC)

    def url(self, method: str, path: str, query: Mapping[str, str], *, host: str) -> Account:
        """Return who signed a URL (V4), by Google's rules for the canonical request; raises RefusedError."""
        given = dict(query)
        signature, refused = given.pop("X-Goog-Signature", ""), RefusedError(403, "SignatureDoesNotMatch")
        account = self.known.get(given.get("X-Goog-Credential", "").partition("/")[0])
        if account is None or not account.signed(_to_sign(method, path, given, host=host), bytes.fromhex(signature)):
            raise refused
        began = datetime.strptime(given["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if datetime.now(UTC) > began + timedelta(seconds=int(given["X-Goog-Expires"])):
            raise RefusedError(400, "ExpiredToken")
        return account


def _to_sign(method: str, path: str, query: Mapping[str, str], *, host: str) -> bytes:
    stamp, scope = query.get("X-Goog-Date", ""), query.get("X-Goog-Credential", "").partition("/")[2]
    text = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(query.items()))
    request = f"{method}\n{path}\n{text}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    return f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}".encode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
