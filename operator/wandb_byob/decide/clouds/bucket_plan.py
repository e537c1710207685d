"""What a bucket's configuration must become, and which changes lead there; foreign rules, statements and tags stay."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from wandb_byob.decide.clouds import bucket_policy, cors
from wandb_byob.decide.clouds.bucket_state import Aspect, BucketState, Encryption, PublicAccess, Unread

VERSIONED: Final = "Enabled"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of a bucket.

    `reader` is the principal that W&B reads it as, "" where no policy is needed; `arn` is the bucket's. `grants` are what CoreWeave's
    policy must hold (there `reader` is but for the texts). `aws`: the
    store has default encryption that can be set; elsewhere that is the store's own affair. `created`: we made the
    bucket, so that nobody else can have opened it to the public on purpose.
    """

    bucket: str
    arn: str
    origins: tuple[str, ...]
    reader: str = ""
    kms_key_arn: str = ""
    aws: bool = True
    created: bool = False
    grants: tuple[bucket_policy.Grant, ...] = ()

    @property
    def needed(self) -> tuple[bucket_policy.Grant, ...]:
        """What the bucket's policy must hold."""
        return self.grants or ((bucket_policy.Grant(principal=self.reader),) if self.reader else ())


def target(state: BucketState, wanted: Wanted, *, tags: Mapping[str, str] | None = None) -> BucketState:
    """Return the state that is asked for; what could not be read stays, since it could only be overwritten blindly."""
    return replace(
        state,
        tags=state.tags if tags is None or isinstance(state.tags, Unread) else tags,
        cors=_cors(state, wanted),
        policy=_policy(state, wanted),
        versioning=state.versioning if isinstance(state.versioning, Unread) else VERSIONED,
        encryption=_encryption(state, wanted),
        public_access=_public_access(state, wanted),
    )


def _cors(state: BucketState, wanted: Wanted) -> tuple[cors.CorsRule, ...] | Unread:
    if isinstance(state.cors, Unread) or state.lets_browsers_in:
        return state.cors
    return cors.merged(state.cors, wanted.origins)


def _policy(state: BucketState, wanted: Wanted) -> bucket_policy.Policy | Unread | None:
    if isinstance(state.policy, Unread):
        return state.policy
    return bucket_policy.merged_grants(state.policy, arn=wanted.arn, grants=wanted.needed)


def _encryption(state: BucketState, wanted: Wanted) -> Encryption | Unread | None:
    if isinstance(state.encryption, Unread) or not wanted.aws or is_encrypted(state.encryption, wanted):
        return state.encryption
    if wanted.kms_key_arn:
        return Encryption(algorithm="aws:kms", key=wanted.kms_key_arn)
    return Encryption(algorithm="AES256")


def is_encrypted(encryption: Encryption | None, wanted: Wanted) -> bool:
    """Say whether a default encryption is what is asked: the given key, or any at all where none is given.

    S3 shows a key as it was written: by ARN, ID or alias.
    """
    if encryption is None:
        return False
    if not wanted.kms_key_arn:
        return True
    same = encryption.key == wanted.kms_key_arn or wanted.kms_key_arn.endswith(
        (f"/{encryption.key}", f":{encryption.key}")
    )
    return encryption.algorithm.startswith("aws:kms") and bool(encryption.key) and same


def _public_access(state: BucketState, wanted: Wanted) -> PublicAccess | Unread | None:
    # An adopted bucket may be public for a reason of its owner's: that is warned of, not changed.
    if isinstance(state.public_access, Unread) or not wanted.created:
        return state.public_access
    return PublicAccess()


_TEXTS: Final[Mapping[Aspect, str]] = {
    "tags": "Tag the bucket {bucket} as this BucketStore's.",
    "cors": "Add a CORS rule that lets browsers at {origins} GET, HEAD and PUT and see the ETag.",
    "policy": "Add a policy statement that lets {reader} read and write for W&B.",
    "versioning": "Enable versioning.",
    "encryption": "Encrypt new objects with {encryption} by default.",
    "public_access": "Block public access.",
}


def changes(before: BucketState, after: BucketState, wanted: Wanted) -> tuple[tuple[Aspect, str], ...]:
    """Return what differs, one sentence each, in the order in which it is to be done: the mark of ownership first."""
    words = {
        "bucket": wanted.bucket,
        "origins": ", ".join(wanted.origins),
        "reader": wanted.reader,
        "encryption": f"the key {wanted.kms_key_arn}" if wanted.kms_key_arn else "keys that S3 manages (AES256)",
    }
    return tuple(
        (aspect, text.format(**words))
        for aspect, text in _TEXTS.items()
        if getattr(before, aspect) != getattr(after, aspect)
    )


def unconfigured(state: BucketState) -> bool:
    """Say whether nothing was ever set on the bucket; what clouds set by themselves (encryption, public access) does not count."""
    seen = (state.cors, state.policy, state.versioning, state.lifecycle)
    return all(not found.denied if isinstance(found, Unread) else not found for found in seen)
