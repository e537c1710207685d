"""Two BucketStores on one bucket."""

from typing import Any

import pytest

from unit.resources import as_store, bucket_store, condition
from wandb_byob.decide import buckets
from wandb_byob.model.api import BucketStore
from wandb_byob.model.reasons import Reason

BUCKET = "s3://amazonaws.com/data"
IN_PLACE = {"bucket": {"created": True, "adopted": False, "identity": BUCKET}}
LATER = {"creationTimestamp": "2026-11-22T11:00:00Z"}


def _store(name: str, *, in_place: bool = False, **metadata: Any) -> BucketStore:
    return as_store(bucket_store(name, status=IN_PLACE if in_place else None, **metadata))


@pytest.mark.parametrize(
    ("me", "other", "held_by"),
    [
        (_store("b"), _store("a"), "a"),
        (_store("a"), _store("b"), None),
        (_store("b"), _store("a", **LATER), None),
        (_store("b", in_place=True), _store("a"), None),
        (_store("b"), _store("a", in_place=True, **LATER), "a"),
        (_store("b", in_place=True), _store("a", in_place=True), "a"),
        (_store("b"), _store("a", namespace="other"), None),
        (_store("b"), _store("a", namespace="other", in_place=True), "a"),
        (_store("a", in_place=True), _store("a", namespace="other", in_place=True), "a"),
        (_store("a", in_place=True, **LATER), _store("a", namespace="other"), None),
    ],
)
def test_holder(me: BucketStore, other: BucketStore, held_by: str | None) -> None:
    """In place, then older, then by name; one in another namespace counts only once it has shown that it can use the bucket."""
    found = buckets.holder(me, BUCKET, [other, me])
    assert (found.metadata.name if found else None) == held_by


def test_a_bucket_cannot_be_kept_from_its_owner_by_naming_it_first() -> None:
    """An older BucketStore elsewhere that never got to the bucket holds nobody up."""
    squatter = _store("squatter", namespace="attacker", creationTimestamp="2020-01-01T00:00:00Z")
    assert buckets.holder(_store("data"), BUCKET, [squatter]) is None


ASSUMED = {"bucket": {"created": False, "adopted": False, "identity": BUCKET, "assumed": True}}
AMBIENT = {"credentials": {"source": "Ambient"}, "provisioning": None}
PROBED = ASSUMED | {"conditions": [condition("DataPathVerified")]}
"""A probe in W&B's place has succeeded, with W&B's own identity."""
OLD = {"creationTimestamp": "2020-01-01T00:00:00Z"}


@pytest.mark.parametrize("status", [ASSUMED, PROBED], ids=["assumed", "seen by W&B's identity"])
@pytest.mark.parametrize(
    ("me", "held"),
    [
        (_store("data"), False),
        (_store("data", in_place=True), False),
        (as_store(bucket_store("data", spec=AMBIENT)), True),
        (as_store(bucket_store("data", spec=AMBIENT, status=ASSUMED)), True),
    ],
    ids=[
        "has keys, not looked at yet",
        "has shown the bucket",
        "assumes it, too, and not looked at",
        "assumes it, too",
    ],
)
def test_who_cannot_show_the_bucket_keeps_it_from_nobody_who_can(me: BucketStore, held: bool, status: Any) -> None:
    """W&B's own identity signs, so that its BucketStore is Ready by naming the bucket alone; between two of that kind the older stands."""
    squatter = as_store(bucket_store("squatter", namespace="attacker", spec=AMBIENT, status=status, **OLD))
    assert (buckets.holder(me, BUCKET, [squatter]) is squatter) is held


@pytest.mark.parametrize("status", [ASSUMED, PROBED], ids=["assumed", "seen by W&B's identity"])
def test_who_shows_the_bucket_later_takes_it_over(status: Any) -> None:
    """The older that only assumed it gives way."""
    squatter = as_store(bucket_store("squatter", namespace="attacker", spec=AMBIENT, status=status, **OLD))
    owner = _store("data", in_place=True)
    assert buckets.holder(squatter, BUCKET, [owner]) is owner


def test_messages_name_the_holder_only_in_the_own_namespace() -> None:
    """Elsewhere it stays unnamed."""
    same = buckets.bucket_conflict(_store("b"), _store("a"))
    assert same.reason is Reason.BUCKET_CONFLICT
    assert "BucketStore a" in same.message
    other = buckets.bucket_conflict(_store("b"), _store("secretive", namespace="other-ns"))
    assert "secretive" not in other.message
    assert "other-ns" not in other.message


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({}, "data"),
        ({"provider": "Azure", "s3": None, "azure": {"storageAccount": "acme", "container": "files"}}, "files"),
        ({"provider": "GCS", "s3": None, "gcs": {"bucket": "g"}}, "g"),
        ({"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "c"}}, "c"),
        ({"s3": None}, ""),
    ],
)
def test_bucket_name(spec: dict[str, Any], name: str) -> None:
    """The name is in the provider's block."""
    assert buckets.bucket_name(as_store(bucket_store(spec=spec))) == name
