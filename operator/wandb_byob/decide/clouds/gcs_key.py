"""What of a Google service account's key file is used: the name it signs with, its private key and its project.

`token_uri` and the other URLs in the file are never used: whoever writes the Secret could name any host there.
"""

import base64
import json
import re
from dataclasses import dataclass
from typing import Final

from wandb_byob.model.credentials import ServiceAccountKey
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]{1,128}@[A-Za-z0-9.-]{1,128}", re.ASCII)
_PEM: Final = re.compile(r"-----BEGIN (RSA )?PRIVATE KEY-----\s.+-----END (RSA )?PRIVATE KEY-----\s*", re.DOTALL)
_PROJECT: Final = re.compile(r"[a-z0-9.:-]{1,128}", re.ASCII)
_PKCS1: Final = "-----BEGIN RSA PRIVATE KEY-----"
_PKCS8: Final = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----")
# Version 0 and the algorithm rsaEncryption, which stand behind the four bytes of the whole structure's length.
_RSA: Final = bytes.fromhex("020100 300d 0609 2a864886f70d010101")
BITS: Final = (1024, 4096)
"""Of the RSA keys that are used: Google makes them of 2048, and once made them of 1024."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SigningKey:
    """A service account and its private key (PEM); `project` is "" where the file names none."""

    email: str
    private_key: str
    project: str = ""

    def __repr__(self) -> str:
        return "SigningKey(<redacted>)"


def signing_key(credentials: ServiceAccountKey, *, field: str) -> SigningKey:
    """Return what is used of the file; `field` is where the Secret is named. Raises `Stalled` without quoting anything of the file."""
    try:
        found = json.loads(credentials.json)
    except (ValueError, RecursionError):
        raise invalid(field, "It is not JSON.") from None
    if not isinstance(found, dict) or found.get("type") != "service_account":
        raise invalid(field, 'Its "type" is not "service_account".')
    email, private_key, project = (found.get(name) for name in ("client_email", "private_key", "project_id"))
    if not isinstance(email, str) or _EMAIL.fullmatch(email) is None:
        raise invalid(field, 'Its "client_email" is missing or no address.')
    if not isinstance(private_key, str) or _PEM.fullmatch(private_key) is None:
        raise invalid(field, 'Its "private_key" is missing or no private key in PEM form.')
    known = isinstance(project, str) and _PROJECT.fullmatch(project) is not None
    return SigningKey(email=email, private_key=private_key, project=str(project) if known else "")


def is_rsa(pem: str) -> bool:
    """Say whether this is one RSA key by its outer form; to read others to the end could take a processor for hours."""
    text = pem.strip()
    if text.startswith(_PKCS1):
        return text.count("-----BEGIN") == 1
    try:
        der = base64.b64decode("".join(text.removeprefix(_PKCS8[0]).removesuffix(_PKCS8[1]).split()), validate=True)
    except ValueError:
        return False
    return der.startswith(b"\x30\x82") and der[4:].startswith(_RSA)


def is_usual(modulus: int, *, primes: tuple[int, int], others: tuple[int, ...]) -> bool:
    """Say whether the numbers of an RSA key have the sizes that they should have, so that to check and to use it takes no time."""
    bits = modulus.bit_length()
    halves = all(prime.bit_length() <= bits // 2 + 8 for prime in primes)
    return BITS[0] <= bits <= BITS[1] and halves and all(number.bit_length() <= bits for number in others)


def invalid(field: str, wrong: str) -> Stalled:
    """Return the refusal of a file that is no usable key."""
    return Stalled(
        Reason.SECRET_INVALID,
        f"The key serviceAccount.json of the Secret in {field} cannot be used. {wrong} Store there the whole JSON file that "
        "gcloud iam service-accounts keys create wrote.",
    )
