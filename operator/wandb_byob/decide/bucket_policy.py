"""The bucket policy: who reads the bucket for W&B, and whether a policy already lets them.

Policies are compared by meaning, since W&B's page, its Terraform and ours write the same grant under different Sids
and in different shapes. Statements of others are never changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Policy = Mapping[str, Any]
Statement = Mapping[str, Any]

POLICY_ID: Final = "WandBAccess"
STATEMENT_ID: Final = "WandbByobAccess"
"""The Sid of our statement: one that W&B's own samples do not use, so that theirs are kept as foreign."""

OBJECT_ACTIONS: Final = ("s3:GetObject*", "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject")
BUCKET_ACTIONS: Final = (
    "s3:GetEncryptionConfiguration",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:GetBucketCORS",
    "s3:GetBucketLocation",
    "s3:GetBucketVersioning",
)
"""W&B's minimal actions, by what they are about; its sample grants all of them on the bucket and on its objects."""

_ANYTHING: Final = "\0" * 64
_PRINCIPALS: Final = {
    "MultiTenantCloud": "arn:aws:iam::725579432336:role/WandbIntegration",
    "DedicatedCloud": "arn:aws:iam::830241207209:root",
}


def principal(deployment_type: str, identity: str | None) -> str | None:
    """Return the ARN that W&B reads the bucket as; None where it is not known (or is none of AWS')."""
    if deployment_type in _PRINCIPALS:
        return _PRINCIPALS[deployment_type]
    return _principal_of(identity.strip()) if identity and identity.strip().startswith("arn:") else None


def _principal_of(arn: str) -> str:
    # What runs with a role shows itself as a session of it; a policy names the role.
    parts = arn.split(":", 5)
    if len(parts) == 6 and parts[2] == "sts" and parts[5].startswith("assumed-role/"):
        return f"arn:{parts[1]}:iam::{parts[4]}:role/{parts[5].split('/')[1]}"
    return arn


def bucket_arn(bucket: str, region: str) -> str:
    """Return the bucket's ARN in the partition of its region."""
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:s3:::{bucket}"


def statement(arn: str, reader: str) -> Statement:
    """Return the statement that lets the reader do what W&B does."""
    return {
        "Sid": STATEMENT_ID,
        "Effect": "Allow",
        "Principal": {"AWS": reader},
        "Action": [*OBJECT_ACTIONS, *BUCKET_ACTIONS],
        "Resource": [arn, f"{arn}/*"],
    }


def missing_actions(policy: Policy | None, *, arn: str, reader: str) -> tuple[str, ...]:
    """Return the actions that no unconditional statement allows the reader on the bucket."""
    grants = [entry for entry in _statements(policy) if _is_grant(entry, reader)]
    wanted = [(action, f"{arn}/*") for action in OBJECT_ACTIONS] + [(action, arn) for action in BUCKET_ACTIONS]
    return tuple(action for action, resource in wanted if not any(_covers(entry, action, resource) for entry in grants))


def merged(policy: Policy | None, *, arn: str, reader: str) -> Policy:
    """Return the policy with our statement added (or renewed) where it lacks anything; else the very same policy."""
    if policy is not None and not missing_actions(policy, arn=arn, reader=reader):
        return policy
    others = [entry for entry in _statements(policy) if entry.get("Sid") != STATEMENT_ID]
    base = policy or {"Version": "2012-10-17", "Id": POLICY_ID}
    return {**base, "Statement": [*others, statement(arn, reader)]}


def is_public(policy: Policy | None) -> bool:
    """Say whether a statement lets everybody in without a condition."""
    return any(
        entry.get("Effect") == "Allow" and not entry.get("Condition") and "*" in _principals(entry)
        for entry in _statements(policy)
    )


def _statements(policy: Policy | None) -> Sequence[Statement]:
    found = (policy or {}).get("Statement", ())
    listed = [found] if isinstance(found, Mapping) else found if isinstance(found, Sequence) else ()
    return [entry for entry in listed if isinstance(entry, Mapping)]


def _is_grant(entry: Statement, reader: str) -> bool:
    return (
        entry.get("Effect") == "Allow"
        and not entry.get("Condition")
        and bool({"*", _account_or_arn(reader)} & _principals(entry))
    )


def _principals(entry: Statement) -> set[str]:
    who = entry.get("Principal")
    listed = who.get("AWS", ()) if isinstance(who, Mapping) else who or ()
    return {_account_or_arn(name) for name in _listed(listed)}


def _account_or_arn(name: str) -> str:
    """Return the one form of `123456789012` and `arn:aws:iam::123456789012:root`, which mean the same."""
    parts = name.split(":")
    return parts[4] if len(parts) == 6 and parts[5] == "root" else name


def _covers(entry: Statement, action: str, resource: str) -> bool:
    actions = (pattern.lower() for pattern in _listed(entry.get("Action", ())))
    resources = _listed(entry.get("Resource", ()))
    return any(_includes(pattern, action.lower()) for pattern in actions) and any(
        _includes(pattern, resource) for pattern in resources
    )


def _includes(pattern: str, wanted: str) -> bool:
    # What stands for anything in `wanted` is met only by a * in the pattern, so this never claims too much.
    return _matches(wanted.replace("*", _ANYTHING), pattern)


def _matches(text: str, pattern: str) -> bool:
    """Match `*` and `?` in a time that grows with the lengths alone: a regular expression's could be made to take minutes."""
    at = position = resumed = 0
    star = -1
    while at < len(text):
        if position < len(pattern) and pattern[position] in ("?", text[at]) and pattern[position] != "*":
            at, position = at + 1, position + 1
        elif position < len(pattern) and pattern[position] == "*":
            star, resumed, position = position, at, position + 1
        elif star >= 0:
            resumed += 1
            at, position = resumed, star + 1
        else:
            return False
    return not pattern[position:].strip("*")


def _listed(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, Sequence) else ()
