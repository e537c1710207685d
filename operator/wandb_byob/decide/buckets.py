"""Two BucketStores on one bucket: who holds it."""

from collections.abc import Iterable

from wandb_byob.decide import blocks
from wandb_byob.decide.conditions import ConditionType, is_true
from wandb_byob.decide.teams import created
from wandb_byob.model.api import BucketStore
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


def bucket_name(store: BucketStore) -> str:
    """Return the bucket's (or container's) name, "" where the block that the provider names is missing."""
    return blocks.bucket(store.spec)


def rank(store: BucketStore, identity: str) -> tuple[bool, bool, float, str, str]:
    """Return the order in which BucketStores win: the bucket was shown, is in place, then older, then by namespace and name."""
    place = (store.metadata.namespace, store.metadata.name)
    return (not proven(store, identity), not in_place(store, identity), created(store.metadata), *place)


def in_place(store: BucketStore, identity: str) -> bool:
    """Say whether the bucket is in place for this BucketStore: its status records it."""
    return store.status.bucket is not None and store.status.bucket.identity == identity


def proven(store: BucketStore, identity: str) -> bool:
    """Say whether this BucketStore has shown that it can use the bucket: a request signed with keys of its own has succeeded.

    What W&B's own identity can do, seen by a probe in W&B's place, is no merit of whoever names the bucket.
    """
    bucket, conditions = store.status.bucket, store.status.conditions
    shown = bucket is not None and not bucket.assumed
    verified = _signs(store) and is_true(conditions, ConditionType.DATA_PATH_VERIFIED)
    return in_place(store, identity) and (shown or verified)


def _signs(store: BucketStore) -> bool:
    given = store.spec.provisioning
    return store.spec.credentials.secret_ref is not None or (given is not None and given.source != "None")


def holder(store: BucketStore, identity: str, others: Iterable[BucketStore]) -> BucketStore | None:
    """Return the BucketStore that holds the bucket instead of this one, None where this one may; `others` name the same bucket.

    One in another namespace counts only once it has shown that it can use the bucket: otherwise anybody could keep a bucket
    from its owner by naming it first. One that only assumes it (W&B's own identity signs) holds up its like alone.
    """
    rivals = (
        other
        for other in others
        if other.metadata.uid != store.metadata.uid
        and (other.metadata.namespace == store.metadata.namespace or _shown(other, identity, to=store))
        and rank(other, identity) < rank(store, identity)
    )
    return min(rivals, key=lambda rival: rank(rival, identity), default=None)


def _shown(other: BucketStore, identity: str, *, to: BucketStore) -> bool:
    return proven(other, identity) or (in_place(other, identity) and not _signs(to))


def bucket_conflict(store: BucketStore, winner: BucketStore) -> Stalled:
    """Return the refusal of a second BucketStore for a bucket; one in another namespace stays unnamed."""
    if winner.metadata.namespace == store.metadata.namespace:
        who, remedy = (
            f"BucketStore {winner.metadata.name}",
            "Delete one of the two; several teams can share one BucketStore",
        )
    else:
        who, remedy = (
            "a BucketStore of another namespace",
            "Use another bucket, or have its owner admit this namespace there",
        )
    return Stalled(Reason.BUCKET_CONFLICT, f"Bucket {bucket_name(store)} is already held by {who}. {remedy}.")
