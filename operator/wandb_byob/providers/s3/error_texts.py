"""What each error code of an S3 store means and what to do about it: the table behind `errors`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from wandb_byob.model.reasons import Reason

SOON: Final = timedelta(minutes=1)
LATER: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Text:
    """A sentence and a remedy.

    Places: {host} {bucket} {region} {actual} {keys} {field} (of the endpoint) {region_field} {action} {code}.

    `after`: look again by itself after this time; None where only an edit or a grant helps.
    """

    reason: Reason
    message: str
    remedy: str
    after: timedelta | None = None


DENIED: Final = Text(
    Reason.ACCESS_DENIED,
    "{host} refused {action} on the bucket {bucket} ({code}).",
    "Grant {action} to the identity of {keys}; a policy or an encryption key of the bucket may deny it too.",
)
THROTTLED: Final = Text(
    Reason.THROTTLED, "{host} asks for fewer requests ({code}).", "Nothing needs to be done: it is tried again.", SOON
)
UNAVAILABLE: Final = Text(
    Reason.THROTTLED,
    "{host} is busy or not available ({code}).",
    "Nothing needs to be done if this passes; else look at the store.",
    SOON,
)
SERVER: Final = Text(
    Reason.PROVIDER_ERROR,
    "{host} failed to answer {action} ({code}).",
    "Look at the store if this does not pass by itself.",
    SOON,
)
OTHER: Final = Text(
    Reason.PROVIDER_ERROR,
    "{host} refused {action} on the bucket {bucket} ({code}).",
    "Look up this code in the store's documentation.",
    LATER,
)
WRONG_REGION: Final = Text(
    Reason.INVALID_SPEC,
    "The bucket {bucket} lies in {actual}, not in {region} ({code}).",
    "Set {region_field} to the bucket's own.",
)
NO_BUCKET: Final = Text(
    Reason.BUCKET_NOT_FOUND,
    "There is no bucket {bucket} at {host}.",
    "Create it, or correct the name or the region.",
)
NOT_S3: Final = Text(
    Reason.PROVIDER_ERROR,
    "{host} answered something that is not S3 ({code}).",
    "See that {field} is the address of the S3 API, not of a console or a proxy.",
    LATER,
)
NOT_THE_CLOUD: Final = Text(
    Reason.PROVIDER_ERROR,
    NOT_S3.message,
    "See that nothing between the operator's pod and {host} answers in its place, such as a proxy or another entry in DNS.",
    LATER,
)
NO_IDENTITY: Final = Text(
    Reason.ACCESS_DENIED,
    "The operator has no cloud identity of its own here ({code}).",
    "Give its ServiceAccount a role, or set spec.provisioning.secretRef.",
)
OF_KEYS: Final = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"})
"""Codes about the keys in a Secret; without one they are about an identity that the store does not take."""
IDENTITY_REFUSED: Final = Text(
    Reason.ACCESS_DENIED,
    "{host} does not accept the cloud identity that signs by {keys} ({code}).",
    "See that the role of the pods' ServiceAccount exists, and that {host} is AWS itself: no other store knows its roles.",
)

TEXTS: Final[Mapping[str, Text]] = {
    "NoSuchBucket": NO_BUCKET,
    "InvalidAccessKeyId": Text(
        Reason.ACCESS_DENIED,
        "{host} does not know the access key in {keys} ({code}).",
        "Put a key that exists and is active into the Secret of {keys}.",
    ),
    "SignatureDoesNotMatch": Text(
        Reason.ACCESS_DENIED,
        "{host} says that the secret key in {keys} does not belong to the access key ({code}).",
        "Put both keys into the Secret of {keys} again, without a space or a line break, and see that no proxy changes "
        "the host name.",
    ),
    "ExpiredToken": Text(
        Reason.ACCESS_DENIED,
        "The session token in {keys} has expired ({code}).",
        "Put a new one into the Secret of {keys}, or use keys that do not expire.",
    ),
    "InvalidToken": Text(
        Reason.ACCESS_DENIED,
        "{host} does not accept the session token in {keys} ({code}).",
        "Put a new one into the Secret of {keys}, or remove it.",
    ),
    "RequestTimeTooSkewed": Text(
        Reason.PROVIDER_ERROR,
        "The operator's clock and that of {host} differ too much ({code}).",
        "Set the clock of the node that the operator runs on, or of the store, by NTP.",
        LATER,
    ),
    "PermanentRedirect": WRONG_REGION,
    "TemporaryRedirect": WRONG_REGION,
    "AuthorizationHeaderMalformed": WRONG_REGION,
    "IllegalLocationConstraintException": WRONG_REGION,
    "InvalidLocationConstraint": Text(
        Reason.INVALID_SPEC,
        "{host} knows no region {region} ({code}).",
        "Set {region_field} to one that the store has.",
    ),
    "InvalidRegion": Text(
        Reason.INVALID_SPEC,
        "{host} is not in the region {region} ({code}).",
        "Set {region_field} to the one that the store is configured with.",
    ),
    "PathStyleRequestNotAllowed": Text(
        Reason.INVALID_SPEC,
        "{host} takes only virtual-hosted requests, with the bucket in the host name ({code}).",
        "Set spec.s3Compatible.addressingStyle to Virtual; for CoreWeave use provider CoreWeave.",
    ),
    "BadDigest": Text(
        Reason.PROVIDER_ERROR,
        "What {host} received is not what was sent ({code}).",
        "See that no proxy between here and the store changes bodies or removes headers such as Content-MD5.",
        LATER,
    ),
    "BucketAlreadyExists": Text(
        Reason.BUCKET_NOT_OURS,
        "The name {bucket} is taken by somebody else at {host} ({code}).",
        "Choose another bucket name.",
    ),
    "TooManyBuckets": Text(
        Reason.PROVIDER_ERROR,
        "The account has as many buckets as it may ({code}).",
        "Have the quota raised, or use an existing bucket with adoptionPolicy: Adopt.",
        LATER,
    ),
    "InvalidBucketName": Text(
        Reason.INVALID_SPEC,
        "{host} does not accept the bucket name {bucket} ({code}).",
        "Choose one of 3 to 63 lower-case letters, digits and hyphens, which every store accepts.",
    ),
    "OperationAborted": Text(
        Reason.THROTTLED,
        "Somebody else is changing the bucket {bucket} right now ({code}).",
        "Nothing needs to be done: it is tried again.",
        SOON,
    ),
}

_NEW_COREWEAVE_KEY: Final = (
    "Make a new key in CoreWeave's console (Object Storage access keys) and put it into the Secret of {keys}; W&B needs one "
    "that does not expire."
)
COREWEAVE: Final[Mapping[str, Text]] = {
    "InvalidAccessKeyId": Text(
        Reason.ACCESS_DENIED,
        "CoreWeave does not know the access key in {keys}: it has expired, was revoked, or is mistyped ({code}).",
        _NEW_COREWEAVE_KEY,
    ),
    "ExpiredToken": Text(Reason.ACCESS_DENIED, "The access key in {keys} has expired ({code}).", _NEW_COREWEAVE_KEY),
    "InvalidLocationConstraint": Text(
        Reason.INVALID_SPEC,
        "CoreWeave knows no availability zone {region} ({code}).",
        "Set spec.coreWeave.availabilityZone to one of yours, such as US-EAST-04A.",
    ),
    "PathStyleRequestNotAllowed": Text(
        Reason.INVALID_SPEC,
        "What stands at {host} did not take the bucket from the host name ({code}).",
        "See that no proxy before CoreWeave changes the host name: buckets are subdomains there.",
    ),
    "AccessDenied": Text(
        Reason.ACCESS_DENIED,
        "CoreWeave refused {action} on the bucket {bucket} ({code}).",
        "See that AI Object Storage is enabled for your CoreWeave organization, and that its access policy allows the user of {keys} "
        "{action}.",
    ),
}
"""What the same codes mean at CoreWeave."""
