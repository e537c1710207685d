"""Bucket policies compared by meaning: what grants enough, what does not, and what merging leaves alone."""

from typing import Any

import pytest

from wandb_byob.decide.clouds import bucket_policy

ARN = "arn:aws:s3:::acme-wandb"
ROLE = "arn:aws:iam::111122223333:role/wandb"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def grant(**changes: Any) -> dict[str, Any]:
    whole = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}
    return {**whole, **changes}


SAMPLE = {
    "Sid": "WAndBAccountAccess",
    "Effect": "Allow",
    "Principal": {"AWS": ROLE},
    "Action": [
        "s3:GetObject*", "s3:GetEncryptionConfiguration", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions",
        "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject", "s3:GetBucketCORS", "s3:GetBucketLocation", "s3:GetBucketVersioning",
    ],
    "Resource": [f"{ARN}/*", ARN],
}  # fmt: skip

ENOUGH = {
    "W&B's own sample": policy(SAMPLE),
    "the same under another Sid, in another order": policy(
        {**SAMPLE, "Sid": "WandbAccountAccess", "Action": SAMPLE["Action"][::-1]}
    ),
    "everything": policy(grant()),
    "everything to everybody": policy(grant(Principal="*")),
    "the principal among others": policy(grant(Principal={"AWS": ["arn:aws:iam::444455556666:root", ROLE]})),
    "a single statement that is no list": {"Version": "2012-10-17", "Statement": grant()},
    "split into objects and bucket": policy(
        grant(Action=["s3:Get*", "s3:Put*", "s3:Delete*", "s3:Abort*"], Resource=f"{ARN}/*"),
        grant(Action=["s3:List*", "s3:GET*"], Resource=ARN),
    ),
    "every bucket": policy(grant(Resource="*")),
}

LACKING = {
    "no policy": None,
    "an empty policy": policy(),
    "another principal": policy(grant(Principal={"AWS": "arn:aws:iam::111122223333:role/other"})),
    "a principal of another kind": policy(grant(Principal={"Service": "logging.s3.amazonaws.com"})),
    "a denial": policy(grant(Effect="Deny")),
    "only under a condition": policy(grant(Condition={"Bool": {"aws:SecureTransport": "true"}})),
    "only the objects": policy(grant(Resource=f"{ARN}/*")),
    "only the bucket": policy(grant(Resource=ARN)),
    "only a part of the objects": policy(grant(Resource=[ARN, f"{ARN}/teams/*"])),
    "another bucket": policy(grant(Resource=["arn:aws:s3:::other", "arn:aws:s3:::other/*"])),
    "reading only": policy(grant(Action=["s3:Get*", "s3:List*"])),
    "only objects as they are, not their versions and tags": policy(
        {**SAMPLE, "Action": ["s3:GetObject", *SAMPLE["Action"][1:]]}
    ),
    "one character in place of the rest": policy({**SAMPLE, "Action": ["s3:GetObject?", *SAMPLE["Action"][1:]]}),
    "everything but": policy(
        {key: value for key, value in grant(NotAction="s3:DeleteBucket").items() if key != "Action"}
    ),
}


@pytest.mark.parametrize("given", ENOUGH.values(), ids=ENOUGH.keys())
def test_a_policy_that_grants_enough_stays_untouched(given: dict[str, Any]) -> None:
    assert bucket_policy.missing_actions(given, arn=ARN, reader=ROLE) == ()
    assert bucket_policy.merged(given, arn=ARN, reader=ROLE) is given


@pytest.mark.parametrize("given", LACKING.values(), ids=LACKING.keys())
def test_a_policy_that_lacks_something_gets_our_statement_and_keeps_its_own(given: dict[str, Any] | None) -> None:
    assert bucket_policy.missing_actions(given, arn=ARN, reader=ROLE)
    merged = bucket_policy.merged(given, arn=ARN, reader=ROLE)
    assert bucket_policy.missing_actions(merged, arn=ARN, reader=ROLE) == ()
    assert merged["Statement"][:-1] == (given or policy())["Statement"]


def test_a_new_policy_is_the_one_that_wandb_documents() -> None:
    made = bucket_policy.merged(None, arn=ARN, reader=ROLE)
    (statement,) = made["Statement"]
    assert made["Id"] == "WandBAccess"
    assert set(statement["Action"]) == set(SAMPLE["Action"])
    assert set(statement["Resource"]) == set(SAMPLE["Resource"])
    assert statement["Principal"] == {"AWS": ROLE}


def test_our_statement_is_renewed_in_place_when_the_identity_changes() -> None:
    foreign = grant(Principal={"AWS": "arn:aws:iam::999988887777:root"})
    before = bucket_policy.merged(policy(foreign), arn=ARN, reader=ROLE)
    after = bucket_policy.merged(before, arn=ARN, reader=f"{ROLE}-2")
    assert [entry["Principal"] for entry in after["Statement"]] == [foreign["Principal"], {"AWS": f"{ROLE}-2"}]


@pytest.mark.parametrize(
    ("deployment", "identity", "expected"),
    [
        ("MultiTenantCloud", None, "arn:aws:iam::725579432336:role/WandbIntegration"),
        ("DedicatedCloud", ROLE, "arn:aws:iam::830241207209:root"),
        ("SelfManaged", ROLE, ROLE),
        ("SelfManaged", f" {ROLE}\n", ROLE),
        ("SelfManaged", "arn:aws-cn:iam::111122223333:role/wandb", "arn:aws-cn:iam::111122223333:role/wandb"),
        ("SelfManaged", "arn:aws:sts::111122223333:assumed-role/wandb/i-0123", ROLE),
        ("SelfManaged", None, None),
        ("SelfManaged", "", None),
        ("SelfManaged", "unknown", None),
        ("SelfManaged", "wandb@acme.iam.gserviceaccount.com", None),
    ],
)
def test_the_principal_depends_on_the_deployment_type(
    deployment: str, identity: str | None, expected: str | None
) -> None:
    assert bucket_policy.principal(deployment, identity) == expected


def test_an_account_and_its_root_are_the_same_principal() -> None:
    dedicated = bucket_policy.principal("DedicatedCloud", None)
    assert dedicated is not None
    given = policy(grant(Principal={"AWS": "830241207209"}))
    assert bucket_policy.missing_actions(given, arn=ARN, reader=dedicated) == ()


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_bucket_is_named_in_the_partition_of_its_region(region: str, partition: str) -> None:
    assert bucket_policy.bucket_arn("acme", region) == f"arn:{partition}:s3:::acme"


@pytest.mark.parametrize("pattern", ["*a" * 20000, "?*" * 20000, "*b" * 20000])
def test_a_pattern_of_any_length_is_matched_in_no_time(pattern: str) -> None:
    """The policy is the store's word: it must not be able to keep the operator busy for minutes."""
    given = policy(grant(Action=pattern, Resource=pattern))
    assert bucket_policy.missing_actions(given, arn=ARN, reader=ROLE)


@pytest.mark.parametrize("statement", [1, None, "*", [1], {"Principal": [], "Action": {}, "Resource": None}])
def test_what_is_no_statement_grants_nothing(statement: object) -> None:
    """A store may answer with anything that is JSON."""
    given = {"Version": "2012-10-17", "Statement": statement}
    assert bucket_policy.missing_actions(given, arn=ARN, reader=ROLE)
    assert not bucket_policy.is_public(given)
