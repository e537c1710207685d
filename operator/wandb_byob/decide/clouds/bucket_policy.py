"""The bucket policy: who reads the bucket for W&B, and whether a policy already lets them.

Policies are compared by meaning, since W&B's page, its Terraform and ours write the same grant under different Sids
and in different shapes. Statements of others are never changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

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

EVERYTHING: Final = "s3:*"
_ORG_KEY: Final = "wandb:OrgID"
_CW_STATIC: Final = "arn:aws:iam::wandb:static/"
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


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What one statement must let a principal do: what W&B needs, or `everything`.

    `kind` is the key below Principal: AWS, or CW for CoreWeave's. `org_id`: the W&B organization (condition `wandb:OrgID`) that alone
    may use W&B's principal, which all of W&B's customers share. `sids`: what the statement is called; the last is ours alone.
    """

    principal: str
    kind: Literal["AWS", "CW"] = "AWS"
    sids: tuple[str, ...] = (STATEMENT_ID,)
    org_id: str = ""
    everything: bool = False

    def statement(self, arn: str, sid: str) -> Statement:
        """Return the statement."""
        condition = {"Condition": {"StringLike": {_ORG_KEY: [self.org_id]}}} if self.org_id else {}
        return {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {self.kind: self.principal},
            "Action": [EVERYTHING] if self.everything else [*OBJECT_ACTIONS, *BUCKET_ACTIONS],
            "Resource": [arn, f"{arn}/*"],
            **condition,
        }

    def missing(self, policy: Policy | None, arn: str) -> tuple[str, ...]:
        """Return the actions that no statement allows the principal on the bucket for this organization."""
        grants = [entry for entry in statements(policy) if self.met_by(entry)]
        objects, bucket = ((EVERYTHING,), (EVERYTHING,)) if self.everything else (OBJECT_ACTIONS, BUCKET_ACTIONS)
        wanted = [(action, f"{arn}/*") for action in objects] + [(action, arn) for action in bucket]
        lacking = (
            action for action, resource in wanted if not any(covers(entry, action, resource) for entry in grants)
        )
        return tuple(dict.fromkeys(lacking))

    def open_to_others(self, policy: Policy | None, arn: str) -> bool:
        """Say whether a statement lets the principal in for organizations other than this one, whoever they are."""
        if not self.org_id:
            return False
        stranger = replace(self, org_id=_ANYTHING)
        entries = (entry for entry in statements(policy) if entry.get("Condition"))
        unguarded = any(
            replace(self, org_id="").met_by(entry) and covers(entry, "s3:GetObject", f"{arn}/*")
            for entry in statements(policy)
        )
        return unguarded or any(stranger.met_by(entry) for entry in entries)

    def met_by(self, entry: Statement) -> bool:
        """Say whether a statement allows the principal something, for this organization."""
        names = principals(entry, self.kind)
        return (
            entry.get("Effect") == "Allow"
            and bool({"*", account_or_arn(self.principal)} & names)
            and _admits(entry.get("Condition"), self.org_id)
        )


def coreweave_grants(deployment_type: str, org_id: str, *, direct_access: str | None) -> tuple[Grant, ...]:
    """Return what CoreWeave's policy needs: W&B's principal for one organization, and the users of one's own, where asked."""
    public = "-public" if deployment_type == "MultiTenantCloud" else ""
    wandb = Grant(
        kind="CW",
        principal=f"{_CW_STATIC}wandb-integration{public}",
        sids=("AllowWandbUser", STATEMENT_ID),
        org_id=org_id,
    )
    if direct_access is None:
        return (wandb,)
    own = Grant(
        kind="CW",
        principal=f"arn:aws:iam::{direct_access}:*",
        sids=("AllowUsersInOrg", "WandbByobDirectAccess"),
        everything=True,
    )
    return (wandb, own)


def statement(arn: str, reader: str) -> Statement:
    """Return the statement that lets the reader do what W&B does."""
    return Grant(principal=reader).statement(arn, STATEMENT_ID)


def missing_actions(policy: Policy | None, *, arn: str, reader: str) -> tuple[str, ...]:
    """Return the actions that no unconditional statement allows the reader on the bucket."""
    return Grant(principal=reader).missing(policy, arn)


def merged(policy: Policy | None, *, arn: str, reader: str) -> Policy:
    """Return the policy with our statement added (or renewed) where it lacks anything; else the very same policy."""
    return merged_grants(policy, arn=arn, grants=(Grant(principal=reader),)) or {}


def merged_grants(policy: Policy | None, *, arn: str, grants: Sequence[Grant]) -> Policy | None:
    """Return the policy with a statement added for each grant that it lacks, and doubled principals repaired; else the very same policy."""
    found = repaired(policy)
    for grant in grants:
        if found is None or grant.missing(found, arn):
            found = _with(found, grant, arn)
    return found


def _with(policy: Policy | None, grant: Grant, arn: str) -> Policy:
    listed = statements(policy)
    sid = grant.sids[-1] if any(entry.get("Sid") == grant.sids[0] for entry in listed) else grant.sids[0]
    others = [entry for entry in listed if entry.get("Sid") != grant.sids[-1]]
    base = policy or {"Version": "2012-10-17", "Id": POLICY_ID}
    return {**base, "Statement": [*others, grant.statement(arn, sid)]}


def doubled(policy: Policy | None) -> tuple[str, ...]:
    """Return the principals that begin twice with CoreWeave's prefix: W&B's page, copied to the letter, makes them so."""
    names = (name for entry in statements(policy) for name in principals(entry, "CW"))
    return tuple(sorted({name for name in names if name.startswith(_CW_STATIC * 2)}))


def repaired(policy: Policy | None) -> Policy | None:
    """Return the policy with such principals made right; the very same one where there are none."""
    if policy is None or not doubled(policy):
        return policy
    return {**policy, "Statement": [_repaired(entry) for entry in statements(policy)]}


def _repaired(entry: Statement) -> Statement:
    who = entry.get("Principal")
    if not isinstance(who, Mapping) or "CW" not in who:
        return entry
    names = [_once(name) for name in texts(who["CW"])]
    return {**entry, "Principal": {**who, "CW": names[0] if isinstance(who["CW"], str) else names}}


def _once(name: str) -> str:
    while name.startswith(_CW_STATIC * 2):
        name = name.removeprefix(_CW_STATIC)
    return name


def _admits(condition: Any, org_id: str) -> bool:
    """Say whether a condition lets requests for an organization through: none at all where there is no organization."""
    if not org_id:
        return not condition
    if not isinstance(condition, Mapping) or len(condition) != 1:
        return False
    ((operator, tests),) = condition.items()
    if not isinstance(tests, Mapping) or [str(key).lower() for key in tests] != [_ORG_KEY.lower()]:
        return False
    values = texts(next(iter(tests.values())))
    if operator in ("StringLike", "ForAnyValue:StringLike"):
        return any(matches(org_id, value) for value in values)
    return operator in ("StringEquals", "ForAnyValue:StringEquals") and org_id in values


def is_public(policy: Policy | None) -> bool:
    """Say whether a statement lets everybody in without a condition."""
    return any(
        entry.get("Effect") == "Allow" and not entry.get("Condition") and "*" in principals(entry)
        for entry in statements(policy)
    )


def statements(policy: Policy | None) -> Sequence[Statement]:
    """Return the statements of a policy."""
    found = (policy or {}).get("Statement", ())
    listed = [found] if isinstance(found, Mapping) else found if isinstance(found, Sequence) else ()
    return [entry for entry in listed if isinstance(entry, Mapping)]


def principals(entry: Statement, kind: str = "AWS") -> set[str]:
    """Return whom a statement is about, of one kind; `*` is everybody."""
    who = entry.get("Principal")
    if who == "*":
        return {"*"}
    listed = who.get(kind, ()) if isinstance(who, Mapping) else ()
    return {account_or_arn(name) for name in texts(listed)}


def account_or_arn(name: str) -> str:
    """Return the one form of `123456789012` and `arn:aws:iam::123456789012:root`, which mean the same."""
    parts = name.split(":")
    return parts[4] if len(parts) == 6 and parts[5] == "root" else name


def covers(entry: Statement, action: str, resource: str) -> bool:
    """Say whether a statement is about all that an action (which may end with *) stands for, on a resource."""
    actions = (pattern.lower() for pattern in texts(entry.get("Action", ())))
    resources = texts(entry.get("Resource", ()))
    return any(_includes(pattern, action.lower()) for pattern in actions) and any(
        _includes(pattern, resource) for pattern in resources
    )


def _includes(pattern: str, wanted: str) -> bool:
    # What stands for anything in `wanted` is met only by a * in the pattern, so this never claims too much.
    return matches(wanted.replace("*", _ANYTHING), pattern)


def matches(text: str, pattern: str) -> bool:
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


def texts(value: Any) -> tuple[str, ...]:
    """Return one text or a list of texts as texts, as policies write either."""
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, Sequence) else ()
