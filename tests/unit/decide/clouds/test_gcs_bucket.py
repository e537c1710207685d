"""What a bucket in Cloud Storage must become, and that hostile replies are read without an error."""

from typing import Any

import pytest

from wandb_byob.decide.clouds import gcs_bucket
from wandb_byob.model.checks import CheckName

ORIGIN = "https://wandb.example.com"


@pytest.mark.parametrize(
    ("rules", "enough"),
    [
        ([gcs_bucket.rule([ORIGIN])], True),
        ([{"origin": ["*"], "method": ["*"], "responseHeader": ["*"]}], True),
        ([{"origin": [ORIGIN], "method": ["GET"]}, gcs_bucket.rule([ORIGIN])], False),
        ([{"origin": ["*"], "method": ["*"], "exposeHeaders": ["ETag"]}], False),
        ([], False),
    ],
)
def test_cors(rules: list[dict[str, Any]], enough: bool) -> None:
    """The first rule that matches counts, and exposeHeaders is no field of GCS."""
    assert (gcs_bucket.cors_problems(rules, [ORIGIN]) == ()) is enough


def test_what_was_created_lacks_nothing() -> None:
    made = gcs_bucket.creation(uid="u", bucket="b", location="US", origins=[ORIGIN])
    assert gcs_bucket.patch(gcs_bucket.state_of(made), uid="u", created=True, origins=[ORIGIN]) == {}


def test_parts_join_into_one_patch() -> None:
    """Two settings of one block are sent together."""
    parts = gcs_bucket.patch(gcs_bucket.state_of({}), uid="u", created=True, origins=[ORIGIN])
    assert gcs_bucket.as_one(parts)["iamConfiguration"] == {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
    }
    assert next(iter(parts)) is CheckName.OWNER


@pytest.mark.parametrize("odd", [None, 7, "x", [], [7], {"a": 7}])
def test_odd_replies_count_as_missing(odd: object) -> None:
    """Whatever stands where a block should."""
    fields = ("labels", "cors", "iamConfiguration", "softDeletePolicy", "versioning", "lifecycle", "metageneration")
    state = gcs_bucket.state_of(dict.fromkeys(fields, odd))
    assert (state.versioning, state.soft_delete, state.deletes) == (False, 0, ())
    assert not gcs_bucket.is_granted({"bindings": odd}, "a@b")


@pytest.mark.parametrize(
    ("condition", "counts"),
    [({"age": 30}, True), ({"age": 30, "isLive": False}, False), ({"numNewerVersions": 3}, False)],
)
def test_only_rules_on_live_objects_lose_history(condition: dict[str, Any], counts: bool) -> None:
    rule = {"action": {"type": "Delete"}, "condition": condition}
    assert bool(gcs_bucket.state_of({"lifecycle": {"rule": [rule]}}).deletes) is counts


def test_a_conditional_grant_is_none_and_is_kept() -> None:
    """Only a binding without a condition always holds; the other stays as it is."""
    binding = {"role": gcs_bucket.ROLE, "members": ["serviceAccount:a@b"], "condition": {"expression": "false"}}
    policy = {"etag": "e", "bindings": [binding]}
    assert not gcs_bucket.is_granted(policy, "a@b")
    after = gcs_bucket.granted(policy, "a@b")
    assert gcs_bucket.is_granted(after, "a@b")
    assert (after["bindings"][0], after["etag"], after["version"]) == (binding, "e", 3)


@pytest.mark.parametrize(
    ("deployment", "identity", "account"),
    [
        ("MultiTenantCloud", None, "wandb-integration@wandb-production.iam.gserviceaccount.com"),
        ("DedicatedCloud", "x@y.iam.gserviceaccount.com", "deploy@wandb-production.iam.gserviceaccount.com"),
        ("SelfManaged", "x@y.iam.gserviceaccount.com", "x@y.iam.gserviceaccount.com"),
        ("SelfManaged", "arn:aws:iam::1:role/x", ""),
    ],
)
def test_who_reads(deployment: str, identity: str | None, account: str) -> None:
    assert gcs_bucket.reader_of(deployment, identity) == account
