"""Writing a bucket: create it, set one aspect of its configuration, delete it. Each call here is fenced by the client."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from wandb_byob.decide.clouds.bucket_state import Aspect, BucketState, Encryption, PublicAccess, Unread
from wandb_byob.model.checks import CheckName
from wandb_byob.model.errors import Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.s3 import errors
from wandb_byob.providers.s3.errors import SDK_ERRORS
from wandb_byob.providers.s3.observe import Bucket

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CreateBucketConfigurationTypeDef, CreateBucketRequestTypeDef

_NO_CONSTRAINT: Final = "us-east-1"
_OPERATIONS: Final[Mapping[Aspect, str]] = {
    "tags": "PutBucketTagging",
    "cors": "PutBucketCors",
    "policy": "PutBucketPolicy",
    "versioning": "PutBucketVersioning",
    "encryption": "PutBucketEncryption",
    "public_access": "PutPublicAccessBlock",
}


def create(bucket: Bucket) -> bool:
    """Create the bucket; False where it is ours already (made in the meantime, or found late).

    us-east-1 is the one region that must not be named, and the one that answers 200 for a bucket that one has.
    """
    route = bucket.where.target.route
    wanted: CreateBucketRequestTypeDef = {"Bucket": bucket.name}
    if route.region != _NO_CONSTRAINT:
        constraint: dict[str, Any] = {"LocationConstraint": route.region}
        wanted["CreateBucketConfiguration"] = cast("CreateBucketConfigurationTypeDef", constraint)
    if route.aws:
        wanted["ObjectOwnership"] = "BucketOwnerPreferred"
    try:
        bucket.client.create_bucket(**wanted)
    except SDK_ERRORS as error:
        if errors.code(error) == "BucketAlreadyOwnedByYou":
            return False
        explained = errors.explain(error, bucket.where)
        if errors.is_denied(error):
            explained = replace(explained, check=CheckName.PROVISIONING_PERMISSION)
        raise explained.error() from None
    return True


def put(bucket: Bucket, aspect: Aspect, state: BucketState) -> Unread | None:
    """Set one aspect of the bucket to what the state says; return the store's word where it refuses for good."""
    try:
        _put(bucket, aspect, getattr(state, aspect))
    except SDK_ERRORS as error:
        if errors.is_missing(error):
            message = f"{bucket.where.target.route.url} does not show the bucket {bucket.name} yet. It is tried again."
            raise Waiting(Reason.PROVIDER_ERROR, message) from None
        denied = errors.is_denied(error)
        nobody = aspect == "policy" and errors.code(error) == "MalformedPolicy"
        if denied or nobody or errors.is_unsupported(error, bucket.where.target):
            return Unread(code=errors.code(error), action=errors.action(_OPERATIONS[aspect]), denied=denied)
        raise errors.domain_error(error, bucket.where) from None
    return None


def _put(bucket: Bucket, aspect: Aspect, value: Any) -> None:
    match aspect:
        case "tags":
            _put_tags(bucket, value)
        case "cors":
            _put_cors(bucket, value)
        case "policy":
            bucket.client.put_bucket_policy(Bucket=bucket.name, Policy=json.dumps(value))
        case "versioning":
            bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": value})
        case "encryption":
            _put_encryption(bucket, value)
        case "public_access":
            _put_public_access(bucket, value)
        case "lifecycle":
            raise ValueError("lifecycle rules are only looked at")


def _put_tags(bucket: Bucket, tags: Mapping[str, str]) -> None:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    bucket.client.put_bucket_tagging(Bucket=bucket.name, Tagging={"TagSet": cast("Any", listed)})


def _put_cors(bucket: Bucket, rules: Sequence[Mapping[str, Any]]) -> None:
    bucket.client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": cast("Any", list(rules))})


def _put_encryption(bucket: Bucket, wanted: Encryption) -> None:
    default: dict[str, Any] = {"SSEAlgorithm": wanted.algorithm}
    rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": default}
    if wanted.key:
        default["KMSMasterKeyID"] = wanted.key
        rule["BucketKeyEnabled"] = True  # one call to KMS for many objects
    bucket.client.put_bucket_encryption(
        Bucket=bucket.name, ServerSideEncryptionConfiguration={"Rules": [cast("Any", rule)]}
    )


def _put_public_access(bucket: Bucket, wanted: PublicAccess) -> None:
    bucket.client.put_public_access_block(
        Bucket=bucket.name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": wanted.block_public_acls,
            "IgnorePublicAcls": wanted.ignore_public_acls,
            "BlockPublicPolicy": wanted.block_public_policy,
            "RestrictPublicBuckets": wanted.restrict_public_buckets,
        },
    )


def delete(bucket: Bucket) -> None:
    """Delete the empty bucket; one that is gone already is no error."""
    try:
        bucket.client.delete_bucket(Bucket=bucket.name)
    except SDK_ERRORS as error:
        if not errors.is_missing(error):
            raise errors.domain_error(error, bucket.where) from None
