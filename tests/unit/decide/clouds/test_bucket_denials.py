"""Deny statements of others in a bucket policy: those that keep W&B out are told, and those that never do are left in peace."""

from typing import Any

import pytest

from wandb_byob.decide.clouds import bucket_policy
from wandb_byob.decide.clouds.bucket_denials import denials

ARN = "arn:aws:s3:::acme"
ROLE = "arn:aws:iam::111122223333:role/wandb"
COREWEAVE = "arn:aws:iam::wandb:static/wandb-integration"
BOTH = [ARN, f"{ARN}/*"]


def deny(**changes: Any) -> dict[str, Any]:
    """A statement that denies everybody everything, unless said otherwise."""
    whole = {"Sid": "Lock", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": BOTH, **changes}
    return {key: value for key, value in whole.items() if value is not None}


def found(*statements: dict[str, Any], reader: str = ROLE) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """What is denied, each with the keys of its condition."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return [(each.actions, each.under) for each in denials(policy, arn=ARN, reader=reader)]


# What W&B's own Terraform writes, and what security teams write beside it.
SECURE = deny(Condition={"Bool": {"aws:SecureTransport": "false"}})
HARMLESS = {
    "without TLS": SECURE,
    "without TLS, where that is told": deny(Condition={"BoolIfExists": {"aws:SecureTransport": ["false"]}}),
    "with TLS older than 1.2": deny(Condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
    "with TLS older than 1.3": deny(Condition={"NumericLessThan": {"s3:TlsVersion": 1.3}}),
    "another principal": deny(Principal={"AWS": "arn:aws:iam::111122223333:role/other"}),
    "all but W&B": deny(Principal=None, NotPrincipal={"AWS": [ROLE, "arn:aws:iam::111122223333:root"]}),
    "all but W&B's account": deny(Principal=None, NotPrincipal={"AWS": "111122223333"}),
    "what W&B does not do": deny(Action=["s3:DeleteBucket", "s3:PutBucketPolicy"]),
    "all but what W&B does": deny(Action=None, NotAction=["s3:Get*", "s3:List*", "s3:Put*", "s3:Delete*", "s3:Abort*"]),
    "another bucket": deny(Resource="arn:aws:s3:::other/*"),
    "all but this bucket": deny(Resource=None, NotResource=BOTH),
    "an allowance": deny(Effect="Allow"),
}


@pytest.mark.parametrize("statement", HARMLESS.values(), ids=HARMLESS)
def test_what_never_hits_w_and_b(statement: dict[str, Any]) -> None:
    """No check fails for it, whatever it is called."""
    assert found(statement) == []


@pytest.mark.parametrize(
    ("statement", "actions", "under"),
    [
        (deny(Action="s3:PutObject"), ("s3:PutObject",), ()),
        (deny(Action="s3:Put*"), ("s3:PutObject",), ()),
        (deny(Action="S3:getobject"), ("s3:GetObject*",), ()),
        (deny(Action="s3:ListBucket", Resource=ARN), ("s3:ListBucket",), ()),
        (deny(Principal={"AWS": ROLE}, Action="s3:DeleteObject"), ("s3:DeleteObject",), ()),
        (deny(Principal={"AWS": "111122223333"}, Action="s3:DeleteObject"), ("s3:DeleteObject",), ()),
        (deny(Principal=None, NotPrincipal={"AWS": "arn:aws:iam::1:root"}, Action="s3:PutObject"), ("s3:PutObject",), ()),
        (deny(Action="s3:PutObject", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}), ("s3:PutObject",), ("aws:SourceVpce",)),
        (deny(Action="s3:PutObject", Resource=f"{ARN}/private/*"), ("s3:PutObject",), ("a part of the objects",)),
        (deny(Action="s3:PutObject", Condition={"Bool": {"aws:SecureTransport": "true"}}), ("s3:PutObject",), ("aws:SecureTransport",)),
        (deny(Action="s3:PutObject", Condition={"NumericLessThanEquals": {"s3:TlsVersion": "1.3"}}), ("s3:PutObject",), ("s3:TlsVersion",)),
    ],
    ids=["everybody", "by a pattern", "in another case", "on the bucket", "W&B's role", "W&B's account", "all but another", "under a condition", "under a prefix",
         "with TLS", "with TLS up to 1.3"],
)  # fmt: skip
def test_what_hits_w_and_b(statement: dict[str, Any], actions: tuple[str, ...], under: tuple[str, ...]) -> None:
    """Each action of W&B's that it denies, and what it depends on."""
    assert found(statement) == [(actions, under)]


@pytest.mark.parametrize(
    ("principal", "hit"), [({"CW": COREWEAVE}, True), ({"CW": f"{COREWEAVE}-public"}, False), ("*", True)]
)
def test_on_coreweave(principal: Any, hit: bool) -> None:
    """Its principals have a name of their own."""
    assert bool(found(deny(Principal=principal, Action="s3:PutObject"), reader=COREWEAVE)) is hit


@pytest.mark.parametrize(("principal", "hit"), [("*", True), ({"AWS": ROLE}, False)])
def test_where_w_and_b_signs_with_keys(principal: Any, hit: bool) -> None:
    """Whose keys they are is not known: only what hits everybody is known to hit them."""
    assert bool(found(deny(Principal=principal, Action="s3:PutObject"), reader="")) is hit


def test_the_denial_of_requests_without_tls_stays() -> None:
    """W&B's Terraform writes it: a grant is added beside it, and it is neither changed nor moved."""
    policy = {"Version": "2012-10-17", "Statement": [SECURE]}
    merged = bucket_policy.merged(policy, arn=ARN, reader=ROLE)
    assert merged["Statement"][0] == SECURE
    assert bucket_policy.missing_actions(merged, arn=ARN, reader=ROLE) == ()
