"""What the configuration of a bucket means for W&B."""

from dataclasses import replace
from typing import Any

import pytest

from wandb_byob.decide.bucket_owner import Claim
from wandb_byob.decide.clouds import bucket_checks, bucket_plan
from wandb_byob.decide.clouds.bucket_checks import Circumstances
from wandb_byob.decide.clouds.bucket_plan import Wanted
from wandb_byob.decide.clouds.bucket_state import BucketState, Encryption, LifecycleRule, PublicAccess, Unread
from wandb_byob.model.checks import Check, CheckName, CheckResult

ROLE = "arn:aws:iam::111122223333:role/wandb"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"
WANTED = Wanted(
    bucket="acme", arn="arn:aws:s3:::acme", origins=("https://wandb.example.com",), reader=ROLE, created=True
)
GOOD = bucket_plan.target(BucketState(tags={}, region="eu-central-1"), WANTED)
ABOUT = Circumstances(managed=True, region="eu-central-1", region_field="spec.s3.region", paths=("teams/a",))


def unread(action: str, *, code: str = "NotImplemented", denied: bool = False) -> Unread:
    return Unread(code="AccessDenied" if denied else code, action=action, denied=denied)


def check(name: CheckName, state: BucketState, wanted: Wanted = WANTED, about: Circumstances = ABOUT) -> Check:
    (found,) = [check for check in bucket_checks.checks(state, wanted, about) if check.name is name]
    return found


def test_a_bucket_that_is_as_asked_passes_every_check() -> None:
    found = bucket_checks.checks(GOOD, WANTED, ABOUT)
    assert {entry.result for entry in found} == {CheckResult.PASSED}
    assert [entry.name for entry in found] == [
        CheckName.BUCKET_EXISTS, CheckName.REGION, CheckName.CORS, CheckName.POLICY, CheckName.ENCRYPTION,
        CheckName.VERSIONING, CheckName.PUBLIC_ACCESS, CheckName.LIFECYCLE,
    ]  # fmt: skip


BAD: list[tuple[str, CheckName, dict[str, Any], dict[str, Any], CheckResult, str]] = [
    ("another region", CheckName.REGION, {"region": "us-east-1"}, {}, CheckResult.FAILED, "us-east-1"),
    ("no CORS", CheckName.CORS, {"cors": ()}, {}, CheckResult.FAILED, "no rule allows the origin"),
    ("no CORS, no need", CheckName.CORS, {"cors": (), "lets_browsers_in": True}, {}, CheckResult.SKIPPED, "Preflight"),
    ("CORS unknown to the store", CheckName.CORS, {"cors": unread("s3:PutBucketCORS")}, {}, CheckResult.SKIPPED, "NotImplemented"),
    ("CORS hidden", CheckName.CORS, {"cors": unread("s3:GetBucketCORS", denied=True)}, {}, CheckResult.WARNING, "s3:GetBucketCORS"),
    ("CORS refused", CheckName.CORS, {"cors": unread("s3:PutBucketCORS", denied=True)}, {}, CheckResult.SKIPPED, "s3:PutBucketCORS"),
    ("no policy", CheckName.POLICY, {"policy": None}, {}, CheckResult.FAILED, ROLE),
    ("no policy needed", CheckName.POLICY, {"policy": None}, {"reader": ""}, CheckResult.SKIPPED, ""),
    ("policy hidden", CheckName.POLICY, {"policy": unread("s3:GetBucketPolicy", denied=True)}, {}, CheckResult.SKIPPED, "GetBucketPolicy"),
    ("policy refused", CheckName.POLICY, {"policy": unread("s3:PutBucketPolicy", denied=True)}, {}, CheckResult.SKIPPED, "PutBucketPolicy"),
    ("no such role", CheckName.POLICY, {"policy": unread("s3:PutBucketPolicy", code="MalformedPolicy")}, {}, CheckResult.FAILED, ROLE),
    ("no encryption", CheckName.ENCRYPTION, {"encryption": None}, {}, CheckResult.WARNING, "no default encryption"),
    ("no encryption, compatible", CheckName.ENCRYPTION, {"encryption": None}, {"aws": False}, CheckResult.SKIPPED, "store's affair"),
    ("not the key", CheckName.ENCRYPTION, {}, {"kms_key_arn": KEY}, CheckResult.FAILED, KEY),
    ("no key at all", CheckName.ENCRYPTION, {"encryption": None}, {"kms_key_arn": KEY}, CheckResult.FAILED, KEY),
    ("encryption hidden", CheckName.ENCRYPTION, {"encryption": unread("s3:GetEncryptionConfiguration", denied=True)}, {}, CheckResult.WARNING, ""),
    ("never versioned", CheckName.VERSIONING, {"versioning": ""}, {}, CheckResult.WARNING, "off"),
    ("suspended", CheckName.VERSIONING, {"versioning": "Suspended"}, {}, CheckResult.WARNING, "suspended"),
    ("versioning unknown", CheckName.VERSIONING, {"versioning": unread("s3:PutBucketVersioning", code="VersioningNotConfigured")}, {}, CheckResult.SKIPPED, "VersioningNotConfigured"),
    ("open to the public", CheckName.PUBLIC_ACCESS, {"public_access": PublicAccess(block_public_policy=False)}, {}, CheckResult.WARNING, "not fully blocked"),
    ("public access never set", CheckName.PUBLIC_ACCESS, {"public_access": None}, {}, CheckResult.WARNING, "not fully blocked"),
    ("public access hidden", CheckName.PUBLIC_ACCESS, {"public_access": unread("s3:GetBucketPublicAccessBlock", denied=True)}, {}, CheckResult.SKIPPED, ""),
    ("lifecycle unknown", CheckName.LIFECYCLE, {"lifecycle": unread("s3:GetLifecycleConfiguration")}, {}, CheckResult.SKIPPED, "NotImplemented"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "state", "wanted", "result", "said"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_what_is_wrong_is_said_with_what_to_do(
    name: CheckName, state: dict[str, Any], wanted: dict[str, Any], result: CheckResult, said: str
) -> None:
    found = check(
        name, replace(GOOD, **state), replace(WANTED, **wanted), replace(ABOUT, no_policy="No policy is needed.")
    )
    assert found.result is result
    assert said in found.message
    assert bool(found.remedy) == (result in (CheckResult.FAILED, CheckResult.WARNING))


@pytest.mark.parametrize("managed", [True, False])
def test_a_remedy_offers_the_operator_where_it_does_not_act_yet(managed: bool) -> None:
    found = check(CheckName.CORS, replace(GOOD, cors=()), about=replace(ABOUT, managed=managed))
    assert ("spec.provisioning" in found.remedy) is not managed


def test_a_store_that_names_no_region_says_the_same_as_one_that_names_ours() -> None:
    assert check(CheckName.REGION, replace(GOOD, region="")) == check(CheckName.REGION, GOOD)


def test_another_region_is_mended_in_a_field_that_is_named() -> None:
    found = check(CheckName.REGION, replace(GOOD, region="us-east-1"))
    assert found.remedy == "Set spec.s3.region to us-east-1."


def test_encryption_with_the_key_asked_for_passes() -> None:
    state = replace(GOOD, encryption=Encryption(algorithm="aws:kms", key=KEY))
    assert check(CheckName.ENCRYPTION, state, replace(WANTED, kms_key_arn=KEY)).result is CheckResult.PASSED


@pytest.mark.parametrize(
    ("prefix", "expires", "paths", "warned"),
    [
        ("", True, ("teams/a",), True),
        ("teams/", True, ("teams/a",), True),
        ("teams/a", True, ("teams/a",), True),
        ("teams/a/logs/", True, ("teams/a",), True),
        ("logs/", True, ("teams/a",), False),
        ("logs/", True, ("",), True),
        ("logs/", True, (), True),
        ("", False, ("teams/a",), False),
    ],
)
def test_a_rule_that_expires_objects_where_wandb_keeps_them_is_warned_of(
    prefix: str, expires: bool, paths: tuple[str, ...], warned: bool
) -> None:
    state = replace(GOOD, lifecycle=(LifecycleRule(name="tidy", prefix=prefix, expires=expires),))
    found = check(CheckName.LIFECYCLE, state, about=replace(ABOUT, paths=paths))
    assert (found.result is CheckResult.WARNING) is warned
    assert ("tidy" in found.message) is warned


@pytest.mark.parametrize(
    ("claim", "result"),
    [
        (Claim.CREATED, CheckResult.PASSED),
        (Claim.ADOPTED, CheckResult.PASSED),
        (Claim.NONE, CheckResult.SKIPPED),
        (Claim.FOREIGN, CheckResult.WARNING),
    ],
)
def test_whose_the_bucket_is(claim: Claim, result: CheckResult) -> None:
    found = bucket_checks.owner(claim, {})
    assert found.result is result
    assert bool(found.remedy) == (result is CheckResult.WARNING)


def test_a_store_without_tags_is_quoted() -> None:
    found = bucket_checks.owner(Claim.UNKNOWN, unread("s3:GetBucketTagging", code="MethodNotAllowed"))
    assert found.result is CheckResult.SKIPPED
    assert "MethodNotAllowed" in found.message


def test_a_bucket_that_cannot_be_seen_is_a_warning_that_names_the_permission() -> None:
    found = bucket_checks.unread(CheckName.BUCKET_EXISTS, unread("s3:ListBucket", denied=True))
    assert found.result is CheckResult.WARNING
    assert "s3:ListBucket" in found.message
    assert "s3:ListBucket" in found.remedy
