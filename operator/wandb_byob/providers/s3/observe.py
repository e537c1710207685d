"""Reading a bucket: whether it is there and for whom, how it is configured, whether it is empty. Nothing is written."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from wandb_byob.decide.clouds import cors
from wandb_byob.decide.clouds.bucket_state import BucketState, Encryption, LifecycleRule, PublicAccess, Unread
from wandb_byob.decide.clouds.key_checks import KeyWanted
from wandb_byob.decide.probing import browsers
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers import calls
from wandb_byob.providers.base import Context
from wandb_byob.providers.s3 import errors, guard
from wandb_byob.providers.s3.errors import SDK_ERRORS, Where
from wandb_byob.providers.s3.keys import KeyLook
from wandb_byob.providers.transport import TransportError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_T = TypeVar("_T")
# AWS takes 20 KiB.
_LONGEST_POLICY: Final = 64 * 1024
_NOT_PRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """One bucket as one signer sees it.

    `any_owner` opens a block in which calls do not carry ExpectedBucketOwner. `look_at_key` looks at a KMS key as the same signer, and
    changes its policy where it is told that it may.
    """

    client: "S3Client"
    context: Context
    where: Where
    any_owner: Callable[[], AbstractContextManager[None]]
    look_at_key: Callable[[KeyWanted], KeyLook]

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self.where.target.bucket


@dataclass(frozen=True, kw_only=True)
class Presence:
    """Whether the bucket is there; `region` is "" where the store names none. `hidden`: it is, but not for this signer."""

    exists: bool
    region: str = ""
    hidden: Unread | None = None


def presence(bucket: Bucket) -> Presence:
    """Look with one call (HEAD); a refusal, which has no body, is asked about with one more.

    Raises `Stalled` for wrong keys, a wrong region and a bucket of another account, `Waiting` for a store that is down.
    """
    try:
        answer = bucket.client.head_bucket(Bucket=bucket.name)
    except SDK_ERRORS as error:
        if errors.is_missing(error):
            return Presence(exists=False)
        if errors.status(error) not in (301, 302, 307, 400, 403):
            raise errors.domain_error(error, bucket.where) from None
        return _refused(bucket)
    return Presence(exists=True, region=_plain(answer.get("BucketRegion", "")))


def _refused(bucket: Bucket) -> Presence:
    try:
        with bucket.any_owner():
            bucket.client.list_objects_v2(Bucket=bucket.name, MaxKeys=1)
    except SDK_ERRORS as error:
        if errors.is_missing(error):
            return Presence(exists=False)
        if not errors.is_denied(error):
            raise errors.domain_error(error, bucket.where) from None
        action = errors.action("HeadBucket")
        return Presence(exists=True, hidden=Unread(code=errors.code(error), action=action, denied=True))
    account = bucket.where.target.account_id
    raise Stalled(
        Reason.BUCKET_NOT_OURS,
        f"The bucket {bucket.name} does not belong to the account {account}. Correct spec.s3.accountID, or choose another name.",
    )


def not_ours(bucket: Bucket, hidden: Unread) -> Stalled:
    """Return the refusal of a bucket that the provisioning credentials cannot even see."""
    return Stalled(
        Reason.BUCKET_NOT_OURS,
        f"The name {bucket.name} is taken and {bucket.where.keys} may not see the bucket ({hidden.code}): it belongs to somebody "
        f"else, or these keys lack {hidden.action}. Choose another name, or grant {hidden.action} if the bucket is yours.",
    )


def read_tags(bucket: Bucket) -> Mapping[str, str] | Unread:
    """Return the bucket's tags."""

    def get() -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in bucket.client.get_bucket_tagging(Bucket=bucket.name)["TagSet"]}

    return _read(bucket, "GetBucketTagging", get, missing={})


def read(bucket: Bucket, *, region: str, tags: Mapping[str, str] | Unread) -> BucketState:
    """Return the bucket's configuration; the policy only where one lets W&B in (AWS, CoreWeave)."""
    name, client = bucket.name, bucket.client
    route = bucket.where.target.route
    no_rules: tuple[cors.CorsRule, ...] = ()
    rules = _read(bucket, "GetBucketCors", lambda: _cors(bucket), missing=no_rules)
    return BucketState(
        region=region,
        tags=tags,
        cors=rules,
        lets_browsers_in=not route.aws and _lacks(rules, bucket) and _lets_browsers_in(bucket),
        policy=_read(bucket, "GetBucketPolicy", lambda: _policy(bucket), missing=None) if route.policed else None,
        versioning=_read(
            bucket,
            "GetBucketVersioning",
            lambda: _plain(client.get_bucket_versioning(Bucket=name).get("Status", "")),
            missing="",
        ),
        encryption=_read(bucket, "GetBucketEncryption", lambda: _encryption(bucket), missing=None),
        public_access=_read(bucket, "GetPublicAccessBlock", lambda: _public_access(bucket), missing=None),
        lifecycle=_read(bucket, "GetBucketLifecycleConfiguration", lambda: _lifecycle(bucket), missing=()),
    )


def is_empty(bucket: Bucket) -> bool:
    """Say whether the bucket holds nothing: no object, no version, no delete marker, no unfinished upload."""
    client, name = bucket.client, bucket.name
    try:
        versions = client.list_object_versions(Bucket=name, MaxKeys=1)
        held: Any = versions.get("Versions") or versions.get("DeleteMarkers")
        return not (held or client.list_multipart_uploads(Bucket=name, MaxUploads=1).get("Uploads"))
    except SDK_ERRORS as error:
        raise errors.domain_error(error, bucket.where) from None


def _read(bucket: Bucket, operation: str, get: Callable[[], _T], *, missing: _T) -> _T | Unread:
    try:
        return get()
    except SDK_ERRORS as error:
        if errors.is_not_configured(error):
            return missing
        denied = errors.is_denied(error)
        if denied or errors.is_unsupported(error, bucket.where.target):
            return Unread(code=errors.code(error), action=errors.action(operation), denied=denied)
        raise errors.domain_error(error, bucket.where) from None
    except (KeyError, ValueError):
        # An answer of status 200 that is something else: stores that do not know a sub-resource may list objects instead.
        return Unread(code="UnexpectedAnswer", action=errors.action(operation), denied=False)


def _lacks(rules: tuple[cors.CorsRule, ...] | Unread, bucket: Bucket) -> bool:
    return not isinstance(rules, Unread) and bool(cors.problems(rules, bucket.context.tenant.origins))


def _lets_browsers_in(bucket: Bucket) -> bool:
    """Say whether the store shows its answers, and the ETag, to W&B's page by itself.

    Stores without CORS rules for buckets do that for every answer, errors too, so that one unsigned GET tells.
    """
    target, context = bucket.where.target, bucket.context
    session = guard.session_for(target.route, ca_bundle=context.ca_bundle, allowed=context.allowed_endpoints)
    for origin in browsers.sample_origins(context.tenant.origins):
        send = partial(session.request, "GET", f"{target.bucket_url}/wandb", headers={"Origin": origin})
        try:
            reply = calls.make(send, recorder=context.recorder, provider=target.route.provider, operation="UnsignedGet")
        except TransportError as error:
            raise errors.domain_error(error, bucket.where) from None
        answered = browsers.Answered(status=reply.status, headers=reply.headers)
        if browsers.exposure_problem(answered, origin=origin):
            return False
    return True


def _cors(bucket: Bucket) -> tuple[cors.CorsRule, ...]:
    return tuple(bucket.client.get_bucket_cors(Bucket=bucket.name)["CORSRules"])


def _policy(bucket: Bucket) -> Mapping[str, Any]:
    text = bucket.client.get_bucket_policy(Bucket=bucket.name)["Policy"]
    try:
        policy = json.loads(text) if len(text) <= _LONGEST_POLICY else None
    except RecursionError:
        policy = None
    if not isinstance(policy, dict):
        raise ValueError("a policy is an object")
    return policy


def _encryption(bucket: Bucket) -> Encryption | None:
    found = bucket.client.get_bucket_encryption(Bucket=bucket.name)["ServerSideEncryptionConfiguration"]["Rules"]
    for rule in found:
        default = rule.get("ApplyServerSideEncryptionByDefault")
        if default:
            return Encryption(algorithm=default["SSEAlgorithm"], key=default.get("KMSMasterKeyID", ""))
    return None


def _public_access(bucket: Bucket) -> PublicAccess:
    found = bucket.client.get_public_access_block(Bucket=bucket.name)["PublicAccessBlockConfiguration"]
    return PublicAccess(
        block_public_acls=found.get("BlockPublicAcls", False),
        ignore_public_acls=found.get("IgnorePublicAcls", False),
        block_public_policy=found.get("BlockPublicPolicy", False),
        restrict_public_buckets=found.get("RestrictPublicBuckets", False),
    )


def _lifecycle(bucket: Bucket) -> tuple[LifecycleRule, ...]:
    found = bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name).get("Rules", [])
    return tuple(_lifecycle_rule(rule) for rule in found if rule["Status"] == "Enabled")


def _lifecycle_rule(rule: Mapping[str, Any]) -> LifecycleRule:
    chosen = rule.get("Filter", {})
    both = chosen.get("And", {})
    # W&B's objects carry no tags, so a rule for tagged objects is not about them.
    tagged = "Tag" in chosen or bool(both.get("Tags"))
    expiration = rule.get("Expiration", {})
    return LifecycleRule(
        name=_plain(rule.get("ID", "")),
        prefix=_plain(rule.get("Prefix") or chosen.get("Prefix") or both.get("Prefix") or ""),
        expires=not tagged and bool({"Days", "Date"} & set(expiration)),
    )


def _plain(text: str) -> str:
    """Return a store's text as it may be shown to users."""
    return _NOT_PRINTABLE.sub("?", text)[:256]
