"""From the contents of a Secret to credentials: which keys are read, and what must not be in them.

A message names the Secret, the key and the remedy, never the value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wandb_byob.model.api import SecretKeys
from wandb_byob.model.credentials import AccessKey, AccountKey, Credentials, ServiceAccountKey
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

_ACCESS_KEY_ID: Final = ("accessKeyID", "AWS_ACCESS_KEY_ID")
_SECRET_ACCESS_KEY: Final = ("secretAccessKey", "AWS_SECRET_ACCESS_KEY")
_SESSION_TOKEN: Final = ("sessionToken", "AWS_SESSION_TOKEN")
_SERVICE_ACCOUNT: Final = ("serviceAccount.json",)
_ACCOUNT_KEY: Final = ("accountKey",)
# Longer ones exist nowhere, and a few would fill the variable, which all buckets of a W&B share.
_LONGEST_KEY: Final = 1024
# MinIO's least, and no store's keys are shorter. A shorter "secret" would hide nothing, and blot words out of others' messages.
_SHORTEST_SECRET: Final = 8
_SHORTEST_NAME: Final = 3
_LONGEST_TEXT: Final = 16 * 1024

USUAL_KEYS: Final = SecretKeys()


@dataclass(frozen=True, kw_only=True, repr=False)
class SecretData:
    """The contents of the Secret that `field_name` of the specification names, with the user's own names of keys."""

    name: str
    field_name: str
    data: Mapping[str, bytes]
    keys: SecretKeys


def credentials(secret: SecretData, provider: str, *, provisioning: bool) -> Credentials:
    """Return the credentials, an access key where the provider has no form of its own; raises `Stalled` (SecretInvalid).

    Only provisioning may have a session token: W&B can't renew one.
    """
    if provider == "GCS":
        return ServiceAccountKey(_text(secret, secret.keys.service_account_json, _SERVICE_ACCOUNT))
    if provider == "Azure":
        return AccountKey(_word(secret, secret.keys.account_key, _ACCOUNT_KEY))
    return AccessKey(
        access_key_id=_word(secret, secret.keys.access_key_id, _ACCESS_KEY_ID, shortest=_SHORTEST_NAME),
        secret_access_key=_word(secret, secret.keys.secret_access_key, _SECRET_ACCESS_KEY),
        session_token=_session_token(secret) if provisioning else _no_session_token(secret),
    )


def _session_token(secret: SecretData) -> str:
    if secret.keys.session_token is None and not any(name in secret.data for name in _SESSION_TOKEN):
        return ""
    return _word(secret, secret.keys.session_token, _SESSION_TOKEN, longest=_LONGEST_TEXT)


def _no_session_token(secret: SecretData) -> str:
    found = next((name for name in _SESSION_TOKEN if secret.data.get(name)), None)
    if found is not None:
        raise _invalid(
            secret,
            f"Key {found} says that the credentials are temporary, and W&B cannot renew them.",
            f"Use an access key that does not expire, and remove {found}.",
        )
    return ""


def _word(
    secret: SecretData,
    own: str | None,
    usual: tuple[str, ...],
    *,
    shortest: int = _SHORTEST_SECRET,
    longest: int = _LONGEST_KEY,
) -> str:
    """Return a value without white space or control characters: what is pasted with a line break fails later, and obscurely."""
    name = _key(secret, own, usual)
    value = _utf8(secret, name, longest=longest)
    if value != value.strip():
        raise _invalid(
            secret,
            f"The value of key {name} begins or ends with white space or a line break.",
            "Store it without: kubectl create secret with --from-literal, or echo -n.",
        )
    if any(character.isspace() or ord(character) < 0x20 or ord(character) == 0x7F for character in value):
        raise _invalid(secret, f"The value of key {name} holds white space or control characters.", "Store it anew.")
    if len(value) < shortest:
        raise _invalid(
            secret,
            f"The value of key {name} has less than {shortest} characters, as no key has.",
            "Store the whole key there.",
        )
    return value


def _text(secret: SecretData, own: str | None, usual: tuple[str, ...]) -> str:
    return _utf8(secret, _key(secret, own, usual), longest=_LONGEST_TEXT)


def _key(secret: SecretData, own: str | None, usual: tuple[str, ...]) -> str:
    names = (own,) if own is not None else usual
    name = next((name for name in names if name in secret.data), None)
    if name is None:
        raise _invalid(
            secret,
            f"It has no key {' or '.join(names)}.",
            f"Add it, or say in {secret.field_name}.keys how the key is called.",
        )
    if not secret.data[name]:
        raise _invalid(secret, f"Key {name} is empty.", "Store the value there.")
    return name


def _utf8(secret: SecretData, name: str, *, longest: int) -> str:
    if len(secret.data[name]) > longest:
        raise _invalid(
            secret, f"The value of key {name} is too long for one.", "Store the key itself there, and nothing else."
        )
    try:
        return secret.data[name].decode()
    except UnicodeDecodeError:
        raise _invalid(
            secret,
            f"The value of key {name} is not UTF-8 text.",
            "Store it as plain text, encoded in base64 only once.",
        ) from None


def _invalid(secret: SecretData, wrong: str, remedy: str) -> Stalled:
    return Stalled(
        Reason.SECRET_INVALID, f"Secret {secret.name} ({secret.field_name}) cannot be used. {wrong} {remedy}"
    )
