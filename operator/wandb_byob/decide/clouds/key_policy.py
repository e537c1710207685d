"""The policy of a KMS key: its own account manages it, and W&B's principal uses it; whether a policy says so, by meaning.

W&B's page calls the two statements `Internal` and `External`, its Terraform otherwise. Other people's statements are never changed:
a key may serve many buckets, and more than one W&B.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide.clouds.bucket_denials import Denial, denials_of
from wandb_byob.decide.clouds.bucket_policy import (
    Policy,
    Statement,
    account_or_arn,
    covers,
    matches,
    principals,
    statements,
    texts,
)

USE: Final = ("kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*")
"""What W&B's principal needs of the key."""
MANAGE: Final = ("kms:*",)
"""What the key's own account has: without it its IAM policies do not count for the key."""

_OURS: Final = "WandbByobKey"
_VIA: Final = "kms:viaservice"
_CALLER: Final = "kms:calleraccount"


@dataclass(frozen=True, kw_only=True)
class Key:
    """A KMS key by its ARN (of the key itself, not of an alias)."""

    arn: str

    @property
    def account(self) -> str:
        """The account that owns it."""
        return self._parts[4]

    @property
    def region(self) -> str:
        """Where it is."""
        return self._parts[3]

    @property
    def root(self) -> str:
        """The account as a principal."""
        return f"arn:{self._parts[1]}:iam::{self.account}:root"

    @property
    def _parts(self) -> list[str]:
        return (self.arn.split(":", 5) + [""] * 6)[:6]


@dataclass(frozen=True, kw_only=True)
class KeyGrant:
    """What one statement must let a principal do with a key. `sid` is ours alone, so that only we ever renew it."""

    key: Key
    principal: str
    actions: tuple[str, ...]
    sid: str

    def statement(self) -> Statement:
        """Return the statement."""
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Principal": {"AWS": self.principal},
            "Action": list(self.actions),
            "Resource": "*",
        }

    def missing(self, policy: Policy | None) -> tuple[str, ...]:
        """Return the actions that no statement allows the principal, by S3 in the key's region at the least."""
        met = [entry for entry in statements(policy) if self._met_by(entry)]
        return tuple(action for action in self.actions if not any(covers(entry, action, self.key.arn) for entry in met))

    def _met_by(self, entry: Statement) -> bool:
        names = principals(entry)
        hit = account_or_arn(self.principal) in names or "*" in names
        return entry.get("Effect") == "Allow" and hit and self._admits(entry.get("Condition"))

    def _admits(self, condition: Any) -> bool:
        """Say whether a condition lets through what S3 asks for in the principal's name; a stranger's condition is not relied upon."""
        if not condition:
            return True
        if not isinstance(condition, Mapping):
            return False
        known = {_VIA: f"s3.{self.key.region}.amazonaws.com", _CALLER: account_of(self.principal)}
        return all(
            operator in ("StringEquals", "StringLike")
            and isinstance(tests, Mapping)
            and all(_one_of(value, known.get(str(name).lower(), "")) for name, value in tests.items())
            for operator, tests in condition.items()
        )


def _one_of(patterns: Any, wanted: str) -> bool:
    return bool(wanted) and any(matches(wanted, pattern) for pattern in texts(patterns))


def account_of(principal: str) -> str:
    """Return the account of a principal, "" where it has none."""
    parts = principal.split(":")
    return parts[4] if len(parts) > 5 else ""


def grants(key: Key, reader: str) -> tuple[KeyGrant, ...]:
    """Return what the key's policy must hold; `reader` "" where W&B signs with keys of a user that is not known."""
    internal = KeyGrant(key=key, principal=key.root, actions=MANAGE, sid=f"{_OURS}Account")
    return (internal, external(key, reader)) if reader else (internal,)


def external(key: Key, reader: str) -> KeyGrant:
    """Return what lets the reader use the key; its Sid tells readers apart, since a key may serve several."""
    digest = hashlib.sha256(reader.encode()).hexdigest()[:12]
    return KeyGrant(key=key, principal=reader, actions=USE, sid=f"{_OURS}{digest}")


def merged(policy: Policy | None, wanted: tuple[KeyGrant, ...]) -> Policy:
    """Return the policy with a statement added (or renewed) for each grant that it lacks; else the very same policy."""
    found = policy or {"Version": "2012-10-17", "Statement": []}
    for grant in wanted:
        if grant.missing(found):
            others = [entry for entry in statements(found) if entry.get("Sid") != grant.sid]
            found = {**found, "Statement": [*others, grant.statement()]}
    return found


def denied(policy: Policy | None, key: Key, reader: str) -> tuple[Denial, ...]:
    """Return what Deny statements keep from the reader."""
    return denials_of(policy, [(action, key.arn) for action in USE], reader=reader)
