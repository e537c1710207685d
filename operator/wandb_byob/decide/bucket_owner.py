"""Whose a bucket is: created by us, adopted by us, another BucketStore's, or nobody's, by the tag that it carries.

The tag's value is the BucketStore's UID where the operator created the bucket, and `adopted:<UID>` where it was there
before. Only the first may ever be deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.model import names
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

MARK: Final = f"tag {names.OWNER_TAG}"
"""Where most clouds keep whose a bucket is, as a message names it."""
_ADOPTED: Final = "adopted:"


class Claim(StrEnum):
    """What the tags say."""

    CREATED = "Created"
    ADOPTED = "Adopted"
    FOREIGN = "Foreign"
    NONE = "None"
    UNKNOWN = "Unknown"


def claim(tags: Mapping[str, str] | Unread, uid: str) -> Claim:
    """Return whose the bucket is by its tags; UNKNOWN where they cannot be read or the store keeps none."""
    if isinstance(tags, Unread):
        return Claim.UNKNOWN
    value = tags.get(names.OWNER_TAG, "")
    known = {"": Claim.NONE, uid: Claim.CREATED, f"{_ADOPTED}{uid}": Claim.ADOPTED}
    return known.get(value, Claim.FOREIGN)


def tagged(tags: Mapping[str, str], uid: str, *, created: bool) -> Mapping[str, str]:
    """Return the tags with ours among them."""
    return {**tags, names.OWNER_TAG: uid if created else f"{_ADOPTED}{uid}"}


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """How we hold the bucket."""

    created: bool = False
    adopted: bool = False


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What may give us a right to a bucket that is there: the recorded intent to create it, and the user's word.

    `recorded` is how we held it before ("Created", "Adopted" or ""): all that there is where a store keeps no tags.
    `mark`: what the cloud calls the place where the owner's mark is kept.
    """

    bucket: str
    intended: bool
    adopt: bool
    recorded: str = ""
    mark: str = MARK


def may_be_ours(grounds: Grounds, tags: Mapping[str, str] | Unread, uid: str) -> bool:
    """Say whether a bucket may be ours from before a crash, so that one must see whether it is still as it was made."""
    return grounds.intended and claim(tags, uid) is Claim.NONE and not tags


def ownership(tags: Mapping[str, str] | Unread, *, uid: str, grounds: Grounds, pristine: bool) -> Ownership:
    """Decide by which right the bucket may be configured; raises `Stalled` where there is none.

    `pristine`: it is empty and nothing is configured, as one that we made just before a crash would be.
    """
    found = claim(tags, uid)
    if found in (Claim.CREATED, Claim.ADOPTED):
        return Ownership(created=found is Claim.CREATED, adopted=found is Claim.ADOPTED)
    if found is Claim.FOREIGN:
        raise Stalled(
            Reason.BUCKET_CONFLICT,
            f"The bucket {grounds.bucket} belongs to another BucketStore, by its {grounds.mark}. Use that BucketStore "
            f"(several teams can share it), or remove the {grounds.mark} from the bucket if that BucketStore is no more.",
        )
    if isinstance(tags, Unread) and tags.denied:
        raise Stalled(
            Reason.ACCESS_DENIED,
            f"Whose the bucket {grounds.bucket} is cannot be seen, since {tags.action} was refused ({tags.code}). "
            f"Grant {tags.action} to the provisioning credentials.",
        )
    untaggable = found is Claim.UNKNOWN
    if (untaggable and grounds.recorded == "Created") or (grounds.intended and (untaggable or pristine)):
        return Ownership(created=True)
    if grounds.adopt or (untaggable and grounds.recorded == "Adopted"):
        return Ownership(adopted=True)
    raise not_adopted(grounds.bucket)


def not_adopted(bucket: str) -> Stalled:
    """Return the refusal to configure a bucket that was there before, where nobody has said that it may be."""
    return Stalled(
        Reason.BUCKET_EXISTS,
        f"The bucket {bucket} existed before and is not configured without your word. Set adoptionPolicy: Adopt to have it "
        "configured (what is there stays), or choose another name.",
    )
