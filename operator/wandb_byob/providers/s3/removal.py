"""Delete a bucket: only one that carries our mark of having made it, and only when nothing is in it."""

from wandb_byob.decide import bucket_owner
from wandb_byob.decide.bucket_owner import Claim
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.deletion import not_deleted
from wandb_byob.model import names
from wandb_byob.providers.s3 import apply, observe
from wandb_byob.providers.s3.observe import Bucket


def delete(bucket: Bucket) -> None:
    """Delete the bucket; one that is gone already is no error. Raises `Stalled` with what keeps it."""
    seen = observe.presence(bucket)
    if not seen.exists:
        return
    if seen.hidden is not None:
        raise observe.not_ours(bucket, seen.hidden)
    tags = observe.read_tags(bucket)
    if bucket_owner.claim(tags, bucket.context.uid) is not Claim.CREATED:
        raise not_deleted(
            f"bucket {bucket.name}",
            f"its tag {names.OWNER_TAG} does not say that this BucketStore created it{_word(tags)}",
        )
    if not observe.is_empty(bucket):
        raise not_deleted(
            f"bucket {bucket.name}",
            "it is not empty (objects, old versions, delete markers and unfinished uploads count)",
        )
    apply.delete(bucket)


def _word(tags: object) -> str:
    return f" ({tags.action}: {tags.code})" if isinstance(tags, Unread) else ""
