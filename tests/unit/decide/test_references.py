"""What a reference means."""

import pytest

from unit.resources import as_store, as_team, bucket_store, team_storage
from wandb_byob.decide import references
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason


def _instance(namespace: str, name: str) -> ObjectKey:
    return ObjectKey(Kind.WANDB_INSTANCE, namespace, name)


IN_PLACE = {
    "bucket": {"created": True, "adopted": False, "identity": "s3://amazonaws.com/data"},
    "instanceRef": {"name": "first", "namespace": "team-a"},
}


@pytest.mark.parametrize(
    ("reference", "status", "present", "expected"),
    [
        ({"name": "wandb"}, None, [], _instance("team-a", "wandb")),
        ({"name": "wandb", "namespace": "prod"}, None, ["other"], _instance("prod", "wandb")),
        (None, None, ["only"], _instance("team-a", "only")),
        (None, IN_PLACE, ["first", "second"], _instance("team-a", "first")),
        (None, IN_PLACE, ["second"], _instance("team-a", "first")),
        (None, {"instanceRef": {"name": "first", "namespace": "team-a"}}, ["second"], _instance("team-a", "second")),
    ],
)
def test_instance(reference: object, status: dict[str, object] | None, present: list[str], expected: ObjectKey) -> None:
    """Left out, it is the namespace's only one, and stays that one once the bucket is in place."""
    store = as_store(bucket_store(spec={"instanceRef": reference}, status=status))
    assert references.instance_of(store, present) == expected


@pytest.mark.parametrize(
    ("present", "reason", "told"),
    [
        ([], Reason.INSTANCE_NOT_FOUND, "has no WandbInstance"),
        (["wandb-dedicated", "wandb"], Reason.INSTANCE_AMBIGUOUS, "(wandb, wandb-dedicated)"),
        (list("fedcba"), Reason.INSTANCE_AMBIGUOUS, "(a, b, c, d and 2 more)"),
    ],
)
def test_no_instance_or_several(present: list[str], reason: Reason, told: str) -> None:
    """Where it can't be guessed, the field to set is named, and what there is to choose from."""
    with pytest.raises(Stalled, match=r"spec\.instanceRef") as caught:
        references.instance_of(as_store(bucket_store(spec={"instanceRef": None})), present)
    assert caught.value.reason is reason
    assert told in caught.value.message


def test_the_team_is_named_after_the_object_unless_it_says_otherwise() -> None:
    """`spec.team` defaults to `metadata.name`."""
    assert references.team_name(as_team(team_storage("ml"))) == "ml"
    assert references.team_name(as_team(team_storage("ml", spec={"team": "ML.Research"}))) == "ML.Research"


def test_the_bucket_store_lies_in_the_own_namespace_unless_said_otherwise() -> None:
    """`bucketStoreRef.namespace` defaults to the TeamStorage's."""
    assert references.bucket_store_of(as_team(team_storage())) == ObjectKey(Kind.BUCKET_STORE, "team-a", "data")
    elsewhere = as_team(team_storage(spec={"bucketStoreRef": {"name": "data", "namespace": "shared"}}))
    assert references.bucket_store_of(elsewhere) == ObjectKey(Kind.BUCKET_STORE, "shared", "data")


def test_in_the_own_namespace_missing_is_said_plainly() -> None:
    """Who may see the object is told that it is not there."""
    error = references.not_reachable(_instance("team-a", "wandb"), user="team-a", missing=Reason.INSTANCE_NOT_FOUND)
    assert error.reason is Reason.INSTANCE_NOT_FOUND
    assert "does not exist" in error.message


def test_elsewhere_missing_and_not_granted_read_alike() -> None:
    """Neither reason nor words tell whether an object exists in another namespace."""
    error = references.not_reachable(_instance("prod", "wandb"), user="team-a", missing=Reason.INSTANCE_NOT_FOUND)
    assert error.reason is Reason.NOT_GRANTED
    assert "allowedNamespaces" in error.message
