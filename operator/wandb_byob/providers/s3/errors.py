"""From an SDK's error to one sentence of what is wrong and one of what to do.

Nothing of a response's body gets into the text but the error's code, and that only if it looks like one: a store is
not to be trusted with what users and logs are shown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from wandb_byob.decide.explanations import Explanation
from wandb_byob.decide.probing.probes import bucket_check_of
from wandb_byob.model.errors import DomainError
from wandb_byob.providers.s3 import error_texts as texts
from wandb_byob.providers.s3.target import Target
from wandb_byob.providers.transport import TransportError, unanswered

SDK_ERRORS: Final = (sdk.ClientError, sdk.BotoCoreError, ResponseParserError, TransportError)
"""Everything that a call of a client raises, apart from errors of the domain (a lost Lease, a refused endpoint)."""

_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}|[1-5][0-9]{2}")
_REGION: Final = re.compile(r"[A-Za-z0-9-]{1,32}")

_ACTIONS: Final[Mapping[str, str]] = {
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "GetBucketCors": "s3:GetBucketCORS",
    "PutBucketCors": "s3:PutBucketCORS",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
}
_DENIED: Final = frozenset({
    "403", "AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "UnauthorizedAccess",
})  # fmt: skip
_UNSUPPORTED: Final = frozenset({
    "NotImplemented", "XNotImplemented", "MethodNotAllowed", "UnsupportedOperation", "VersioningNotConfigured",
    "KMSNotConfigured", "MalformedXML", "MalformedPolicy", "InvalidPrincipal", "InvalidRequest", "InvalidArgument",
})  # fmt: skip
_NOT_CONFIGURED: Final = frozenset({
    "NoSuchTagSet", "NoSuchTagSetError", "NoSuchCORSConfiguration", "NoSuchBucketPolicy", "NoSuchPolicy",
    "NoSuchLifecycle", "NoSuchLifecycleConfiguration", "ServerSideEncryptionConfigurationNotFoundError",
    "NoSuchEncryptionConfiguration", "NoSuchPublicAccessBlockConfiguration",
})  # fmt: skip
_THROTTLED: Final = frozenset({
    "429", "SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException",
    "RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException", "BandwidthLimitExceeded",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Where:
    """What was called, for the texts: `keys` is the field whose keys signed, such as `spec.provisioning.secretRef`, or the block that
    says by which identity without keys (`spec.provisioning`).
    """

    target: Target
    keys: str


def code(error: BaseException) -> str:
    """Return the store's own word for an error, or the kind of failure where the store said nothing."""
    if isinstance(error, sdk.ClientError):
        return word(str(error.response.get("Error", {}).get("Code", "")), status=status(error))
    return error.fault.value if isinstance(error, TransportError) else type(error).__name__


def word(text: str, *, status: int) -> str:
    """Return a store's code if it looks like one, else the status: it gets into messages and metrics."""
    return text if _CODE.fullmatch(text) else str(status)


def status(error: BaseException) -> int:
    """Return the HTTP status of an error; 0 where there was no answer."""
    if isinstance(error, sdk.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    return 0


def action(operation: str) -> str:
    """Return the IAM action that an operation of the API needs."""
    return _ACTIONS.get(operation, f"s3:{operation}")


def is_denied(error: BaseException) -> bool:
    """Say whether the credentials are good, but may not do this."""
    return code(error) in _DENIED


def is_not_configured(error: BaseException) -> bool:
    """Say whether the answer means that there is no such configuration on the bucket (which is there)."""
    return code(error) in _NOT_CONFIGURED


def is_unsupported(error: BaseException, target: Target) -> bool:
    """Say whether the store does not know this operation (or our form of it); AWS itself knows them all."""
    if status(error) == 501:
        return True
    return not target.route.aws and (code(error) in _UNSUPPORTED or status(error) == 405)


def is_missing(error: BaseException) -> bool:
    """Say whether the bucket is not there; HEAD has no body and so no code."""
    return code(error) in ("NoSuchBucket", "NotFound", "404") and status(error) == 404


def domain_error(error: BaseException, where: Where) -> DomainError:
    """Return any error of the SDK as `Stalled` or `Waiting`."""
    return explain(error, where).error()


def explain(error: BaseException, where: Where) -> Explanation:
    """Return what an error means and what to do about it."""
    if isinstance(error, TransportError):
        return unanswered(error)
    target = where.target
    text = _text(error, where)
    words = {
        "host": target.route.url,
        "bucket": target.bucket,
        "region": target.route.region,
        "actual": region_of(error) or "another region",
        "keys": where.keys,
        "field": target.route.field,
        "region_field": target.route.region_field,
        "action": action(error.operation_name) if isinstance(error, sdk.ClientError) else "the request",
        "code": code(error),
    }
    message, remedy = text.message.format(**words), text.remedy.format(**words)
    return Explanation(
        code=words["code"],
        check=bucket_check_of(words["code"]),
        reason=text.reason,
        message=message,
        remedy=remedy,
        after=text.after,
    )


def _text(error: BaseException, where: Where) -> texts.Text:
    said, target = code(error), where.target
    if isinstance(error, sdk.NoCredentialsError | sdk.CredentialRetrievalError | sdk.PartialCredentialsError):
        return texts.NO_IDENTITY
    if not isinstance(error, sdk.ClientError):
        return texts.NOT_THE_CLOUD if target.route.public else texts.NOT_S3
    if said in texts.OF_KEYS and not where.keys.endswith("Ref"):
        return texts.IDENTITY_REFUSED
    if target.route.provider == "CoreWeave" and said in texts.COREWEAVE:
        return texts.COREWEAVE[said]
    if said in texts.TEXTS:
        return texts.TEXTS[said]
    if is_missing(error):
        return texts.NO_BUCKET
    if said in _THROTTLED:
        return texts.THROTTLED
    return _by_status(error)


def _by_status(error: BaseException) -> texts.Text:
    known = {
        301: texts.WRONG_REGION,
        302: texts.WRONG_REGION,
        307: texts.WRONG_REGION,
        403: texts.DENIED,
        429: texts.THROTTLED,
        503: texts.UNAVAILABLE,
    }
    found = known.get(status(error))
    return found or (texts.SERVER if status(error) >= 500 else texts.OTHER)


def region_of(error: BaseException) -> str:
    """Return the region that a store names in an error as the bucket's, "" where it names none."""
    if not isinstance(error, sdk.ClientError):
        return ""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = str(headers.get("x-amz-bucket-region", "") or error.response.get("Error", {}).get("Region", ""))
    return region if _REGION.fullmatch(region) else ""
