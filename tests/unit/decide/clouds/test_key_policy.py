"""Policies of KMS keys compared by meaning: who manages the key, who uses it, and what merging leaves alone."""

from typing import Any

import pytest

from wandb_byob.decide.clouds.key_policy import USE, Key, denied, external, grants, merged

KEY = Key(arn="arn:aws:kms:eu-central-1:111122223333:key/1234")
ROLE = "arn:aws:iam::111122223333:role/wandb"
DEDICATED = "arn:aws:iam::830241207209:root"
ROOT = "arn:aws:iam::111122223333:root"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(who: Any, actions: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": {"AWS": who}, "Action": actions, "Resource": "*", **more}


INTERNAL = allow(ROOT, "kms:*", Sid="Internal")
EXTERNAL = allow(ROLE, list(USE), Sid="External")


def test_the_parts_of_a_key() -> None:
    assert (KEY.account, KEY.region, KEY.root) == ("111122223333", "eu-central-1", ROOT)
    assert Key(arn="arn:aws-us-gov:kms:us-gov-west-1:1:key/k").root == "arn:aws-us-gov:iam::1:root"


@pytest.mark.parametrize(
    "found",
    [
        policy(INTERNAL, EXTERNAL),
        policy({**INTERNAL, "Sid": "Enable IAM User Permissions"}, {**EXTERNAL, "Sid": "x"}),
        policy(allow("111122223333", ["kms:*"]), allow([ROLE, DEDICATED], "kms:*")),
        policy(allow(ROOT, "*"), allow(ROLE, ["kms:Decrypt", "kms:D*", "kms:E*", "kms:Re*", "kms:Generate*"])),
        policy(INTERNAL, allow(ROLE, list(USE), Resource=KEY.arn)),
        policy(INTERNAL, allow(ROLE, list(USE[:2])), allow(ROLE, list(USE[2:]))),
        policy(INTERNAL, allow(ROLE, list(USE), Condition={"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}})),
        policy(
            INTERNAL,
            allow("*", list(USE), Condition={"StringLike": {"kms:CallerAccount": "111122223333", "kms:ViaService": "s3.*.amazonaws.com"}}),
        ),
    ],
    ids=["W&B's page", "other Sids", "accounts and lists", "wider actions", "by the key's ARN", "in two statements", "by S3 only", "all of the account by S3"],
)  # fmt: skip
def test_what_is_enough(found: dict[str, Any]) -> None:
    """Whatever the statements are called and however they are written; then merging changes nothing."""
    assert [grant.missing(found) for grant in grants(KEY, ROLE)] == [(), ()]
    assert merged(found, grants(KEY, ROLE)) is found


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (None, USE),
        (policy(INTERNAL), USE),
        (policy(INTERNAL, allow(ROLE, "kms:Decrypt")), USE[1:]),
        (policy(INTERNAL, allow(ROLE, [*USE[:4], "kms:GenerateDataKey"])), USE[4:]),
        (policy(INTERNAL, allow("arn:aws:iam::111122223333:role/other", list(USE))), USE),
        (policy(INTERNAL, {**EXTERNAL, "Effect": "Deny"}), USE),
        (policy(INTERNAL, {**EXTERNAL, "Resource": "arn:aws:kms:eu-central-1:111122223333:key/other"}), USE),
        (policy(INTERNAL, {**EXTERNAL, "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}), USE),
        (policy(INTERNAL, {**EXTERNAL, "Condition": {"StringEquals": {"kms:CallerAccount": "830241207209"}}}), USE),
        (policy(INTERNAL, {**EXTERNAL, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}), USE),
        (policy(INTERNAL, {**EXTERNAL, "Condition": "nonsense"}), USE),
    ],
    ids=["no policy", "only the account", "one action", "not all of a family", "another role", "denied", "another key", "by S3 elsewhere", "another account's",
         "under a condition that is not known", "a condition that is none"],
)  # fmt: skip
def test_what_is_not(found: Any, missing: tuple[str, ...]) -> None:
    assert external(KEY, ROLE).missing(found) == missing


def test_merging_keeps_what_others_wrote() -> None:
    """Statements of others stay as they are and where they are, and those for other readers of ours, too."""
    odd = {
        "Sid": "WandbByobMine",
        "Effect": "Allow",
        "Principal": {"Service": "logs.amazonaws.com"},
        "Action": "kms:Decrypt",
    }
    first = merged({"Id": "theirs", **policy(odd, INTERNAL)}, grants(KEY, ROLE))
    assert first["Id"] == "theirs"
    assert list(first["Statement"][:2]) == [odd, INTERNAL]
    second = merged(first, grants(KEY, DEDICATED))
    assert [*second["Statement"]][:3] == [*first["Statement"]]
    assert all(not grant.missing(second) for reader in (ROLE, DEDICATED) for grant in grants(KEY, reader))
    assert merged(second, grants(KEY, ROLE)) is second


def test_our_own_statement_is_renewed_in_place_of_itself() -> None:
    """One that somebody cut short is not doubled."""
    whole = merged(policy(INTERNAL), grants(KEY, ROLE))
    cut = {**whole, "Statement": [*whole["Statement"][:-1], {**whole["Statement"][-1], "Action": ["kms:Decrypt"]}]}
    assert merged(cut, grants(KEY, ROLE)) == whole


def test_where_w_and_b_signs_with_keys_only_the_account_counts() -> None:
    """Whose keys they are is not known."""
    (only,) = grants(KEY, "")
    assert (only.principal, only.actions) == (ROOT, ("kms:*",))


@pytest.mark.parametrize(
    ("statement", "hit"),
    [
        ({"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}, ("kms:Decrypt",)),
        ({"Effect": "Deny", "NotPrincipal": {"AWS": DEDICATED}, "Action": "kms:*", "Resource": "*"}, USE),
        ({"Effect": "Deny", "Principal": "*", "NotAction": "kms:Decrypt", "Resource": "*"}, USE[1:]),
        ({"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "kms:*", "Resource": "*"}, ()),
        ({"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}, ()),
        ({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
          "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, ()),
    ],
    ids=["everybody", "all but another", "all but one action", "all but W&B", "what W&B does not do", "without TLS"],
)  # fmt: skip
def test_what_is_denied(statement: dict[str, Any], hit: tuple[str, ...]) -> None:
    found = denied(policy(INTERNAL, EXTERNAL, statement), KEY, ROLE)
    assert tuple(action for each in found for action in each.actions) == hit
