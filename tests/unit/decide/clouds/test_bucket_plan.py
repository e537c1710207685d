"""What becomes of a bucket's configuration: what is missing is set, the rest stays."""

from dataclasses import replace
from typing import Any

import pytest

from wandb_byob.decide.clouds import bucket_plan, bucket_policy, cors
from wandb_byob.decide.clouds.bucket_plan import Wanted
from wandb_byob.decide.clouds.bucket_state import BucketState, Encryption, LifecycleRule, PublicAccess, Unread

ROLE = "arn:aws:iam::111122223333:role/wandb"
ARN = "arn:aws:s3:::acme"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"
ORIGIN = "https://wandb.example.com"
WANTED = Wanted(bucket="acme", arn=ARN, origins=(ORIGIN,), reader=ROLE, created=True)
FRESH = BucketState(tags={})


def unread(action: str, *, denied: bool = False) -> Unread:
    return Unread(code="NotImplemented", action=action, denied=denied)


def aspects(before: BucketState, wanted: Wanted, **kwargs: Any) -> list[str]:
    after = bucket_plan.target(before, wanted, **kwargs)
    return [aspect for aspect, _ in bucket_plan.changes(before, after, wanted)]


def test_a_new_bucket_gets_everything_and_the_mark_of_ownership_first() -> None:
    assert aspects(FRESH, WANTED, tags={"x": "y"}) == [
        "tags",
        "cors",
        "policy",
        "versioning",
        "encryption",
        "public_access",
    ]


def test_a_bucket_that_is_as_asked_needs_nothing() -> None:
    assert aspects(bucket_plan.target(FRESH, WANTED), WANTED) == []


def test_each_change_is_a_sentence_that_names_what_it_is_about() -> None:
    wanted = replace(WANTED, kms_key_arn=KEY)
    texts = dict(bucket_plan.changes(FRESH, bucket_plan.target(FRESH, wanted, tags={"x": "y"}), wanted))
    assert ORIGIN in texts["cors"]
    assert ROLE in texts["policy"]
    assert KEY in texts["encryption"]
    assert all(text.endswith(".") and "{" not in text for text in texts.values())


@pytest.mark.parametrize("denied", [True, False])
def test_what_cannot_be_read_is_never_overwritten(denied: bool) -> None:
    word = unread("s3:Get…", denied=denied)
    state = BucketState(
        tags=word, cors=word, policy=word, versioning=word, encryption=word, public_access=word, lifecycle=word
    )
    assert bucket_plan.target(state, WANTED, tags={"x": "y"}) == state


def test_no_policy_is_written_where_nobody_needs_one() -> None:
    assert "policy" not in aspects(FRESH, replace(WANTED, reader=""))


def test_no_rule_is_added_where_the_store_lets_browsers_in_by_itself() -> None:
    assert "cors" not in aspects(replace(FRESH, lets_browsers_in=True), WANTED)


def test_only_a_bucket_of_our_making_is_closed_to_the_public() -> None:
    opened = replace(FRESH, public_access=PublicAccess(block_public_policy=False))
    assert "public_access" in aspects(opened, WANTED)
    assert "public_access" not in aspects(opened, replace(WANTED, created=False))


def test_suspended_versioning_is_enabled_again() -> None:
    assert bucket_plan.target(replace(FRESH, versioning="Suspended"), WANTED).versioning == "Enabled"


@pytest.mark.parametrize(
    ("found", "key", "expected"),
    [
        (None, "", Encryption(algorithm="AES256")),
        (Encryption(algorithm="AES256"), "", Encryption(algorithm="AES256")),
        (Encryption(algorithm="aws:kms", key="theirs"), "", Encryption(algorithm="aws:kms", key="theirs")),
        (None, KEY, Encryption(algorithm="aws:kms", key=KEY)),
        (Encryption(algorithm="AES256"), KEY, Encryption(algorithm="aws:kms", key=KEY)),
        (Encryption(algorithm="aws:kms", key="theirs"), KEY, Encryption(algorithm="aws:kms", key=KEY)),
        (Encryption(algorithm="aws:kms"), KEY, Encryption(algorithm="aws:kms", key=KEY)),
        (Encryption(algorithm="aws:kms", key=KEY), KEY, Encryption(algorithm="aws:kms", key=KEY)),
        (Encryption(algorithm="aws:kms:dsse", key=KEY), KEY, Encryption(algorithm="aws:kms:dsse", key=KEY)),
        (Encryption(algorithm="aws:kms", key="1234abcd"), KEY, Encryption(algorithm="aws:kms", key="1234abcd")),
    ],
)
def test_encryption_is_kept_unless_a_key_is_asked_for(found: Encryption | None, key: str, expected: Encryption) -> None:
    wanted = replace(WANTED, kms_key_arn=key)
    assert bucket_plan.target(replace(FRESH, encryption=found), wanted).encryption == expected


def test_encryption_of_a_compatible_store_is_its_own_affair() -> None:
    assert "encryption" not in aspects(FRESH, replace(WANTED, aws=False))


FOREIGN_RULE = {"AllowedMethods": ["POST"], "AllowedOrigins": ["https://other.example.com"]}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (FRESH, True),
        (replace(FRESH, encryption=Encryption(algorithm="AES256"), public_access=PublicAccess()), True),
        (replace(FRESH, lifecycle=unread("s3:GetLifecycleConfiguration")), True),
        (replace(FRESH, cors=(FOREIGN_RULE,)), False),
        (replace(FRESH, policy=bucket_policy.merged(None, arn=ARN, reader=ROLE)), False),
        (replace(FRESH, versioning="Suspended"), False),
        (replace(FRESH, lifecycle=(LifecycleRule(name="x", prefix="", expires=False),)), False),
        (replace(FRESH, cors=unread("s3:GetBucketCORS", denied=True)), False),
    ],
)
def test_what_nobody_has_configured(state: BucketState, expected: bool) -> None:
    assert bucket_plan.unconfigured(state) is expected


def test_merging_keeps_the_rules_and_statements_of_others() -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{ARN}/*"}
    state = replace(FRESH, cors=(FOREIGN_RULE,), policy={"Version": "2012-10-17", "Statement": [statement]})
    goal = bucket_plan.target(state, WANTED)
    assert goal.cors == (cors.rule([ORIGIN]), FOREIGN_RULE)
    assert not isinstance(goal.policy, Unread)
    assert goal.policy is not None
    assert goal.policy["Statement"][0] == statement
