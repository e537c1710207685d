"""What an error of Google Cloud Storage means for the user, and what to do about it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from wandb_byob.decide.clouds.gcs_errors import NO_IDENTITY, NO_SERVICE_ACCOUNT, SIGN_BLOB, GcsError
from wandb_byob.decide.explanations import Explanation
from wandb_byob.model.checks import CheckName
from wandb_byob.model.reasons import Reason

_SOON: Final = timedelta(seconds=30)
_THROTTLED_AFTER: Final = timedelta(seconds=10)
_OF_THE_BUCKET: Final = frozenset(
    {"GetBucket", "PatchBucket", "GetIamPolicy", "SetIamPolicy", "PutObject", "ListObjects"}
)
"""What says by a 404 that there is no bucket."""
_NO_IDENTITY: Final = (
    "This pod has no identity in Google Cloud: the metadata server does not answer.",
    (
        "Give its Kubernetes ServiceAccount one (annotation iam.gke.io/gcp-service-account), and let no NetworkPolicy cut off "
        "169.254.169.254; or name a Secret with a key file."
    ),
)
_NOTHING_SIGNED: Final = {
    NO_SERVICE_ACCOUNT: (
        "The pods' Kubernetes ServiceAccount stands for itself in Google Cloud and not for a service account, so that nobody can sign URLs.",
        "Annotate it with iam.gke.io/gcp-service-account, and grant it roles/iam.workloadIdentityUser on that service account.",
    ),
    "SERVICE_DISABLED": (
        "URLs cannot be signed: the IAM Service Account Credentials API is not enabled in the project.",
        "Enable it: gcloud services enable iamcredentials.googleapis.com.",
    ),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": (
        "URLs cannot be signed: the access scopes of the node do not hold IAM.",
        "Use workload identity, or nodes with the scope cloud-platform.",
    ),
}
"""Why a service account without a key file has no signature, by Google's word, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Who:
    """Who has asked, for messages; `secret` is the field that names its key file, "" where there is none."""

    account: str
    secret: str = ""


def explained(error: GcsError, *, bucket: str, who: Who) -> Explanation:
    """Return what an error means; a permission that lacks is its code, since the JSON and the XML API have different words for that."""
    message, remedy = _texts(error, bucket=bucket, who=who)
    reason, after = _outcome(error)
    code = error.permission if error.denied and error.permission else error.code
    return Explanation(code=code, check=_check_of(error), reason=reason, message=message, remedy=remedy, after=after)


def _check_of(error: GcsError) -> CheckName | None:
    if error.operation == SIGN_BLOB:
        return CheckName.SIGNING
    if error.status == 401 or error.code == "SignatureDoesNotMatch":
        return CheckName.CREDENTIALS
    return CheckName.BUCKET_EXISTS if error.missing and error.operation in _OF_THE_BUCKET else None


def _outcome(error: GcsError) -> tuple[Reason, timedelta | None]:
    if error.code == NO_IDENTITY:
        return Reason.ACCESS_DENIED, _SOON
    if error.status == 429:
        return Reason.THROTTLED, _THROTTLED_AFTER
    if error.status in (408, 409, 412) or error.status >= 500:
        return Reason.PROVIDER_ERROR, _SOON
    if error.status in (401, 403):
        return Reason.ACCESS_DENIED, None
    return Reason.BUCKET_NOT_FOUND if error.missing else Reason.PROVIDER_ERROR, None


def _texts(error: GcsError, *, bucket: str, who: Who) -> tuple[str, str]:
    if error.code == NO_IDENTITY:
        return _NO_IDENTITY
    if error.operation == SIGN_BLOB:
        return _unsigned(error, who)
    if error.status == 401 or error.code == "SignatureDoesNotMatch":
        return _refused(error, who)
    if error.status == 403 and (error.operation, error.permission) == ("PutObject", "storage.objects.delete"):
        return (
            f"An object cannot be written over: on Cloud Storage that takes {error.permission}, too, which is missing ({error.code}).",
            f"Grant {error.permission} to {who.account}.",
        )
    if error.status == 403:
        return (
            f"{error.operation} on the bucket {bucket} was refused: the permission {error.permission} is missing ({error.code}).",
            f"Grant {error.permission} to {who.account}.",
        )
    if error.missing:
        return f"There is no bucket {bucket} (or what was asked for in it).", "Create it, or correct spec.gcs.bucket."
    if error.status in (409, 412):
        return (
            f"The bucket {bucket} was changed by somebody else at the same moment ({error.code}).",
            "It is tried again.",
        )
    if error.status == 429:
        return f"Google asks to slow down ({error.code}).", "It is tried again."
    if error.status >= 500:
        return f"Google Cloud Storage answered {error.operation} with status {error.status}.", "It is tried again."
    return (
        f"Google Cloud Storage refused {error.operation} ({error.code}).",
        "Correct spec.gcs: the bucket, its project and its location.",
    )


def _refused(error: GcsError, who: Who) -> tuple[str, str]:
    if not who.secret:
        return (
            f"Google does not accept {who.account} ({error.code}).",
            "See that the service account exists and is enabled.",
        )
    return (
        f"Google does not accept the key of {who.secret} ({error.code}).",
        f"Put a whole key file into the Secret in {who.secret}, of a key that exists and is not disabled.",
    )


def _unsigned(error: GcsError, who: Who) -> tuple[str, str]:
    if error.code in _NOTHING_SIGNED:
        return _NOTHING_SIGNED[error.code]
    if error.status == 403:
        return (
            f"URLs cannot be signed without a key file: the permission {error.permission} is missing ({error.code}).",
            f"Grant roles/iam.serviceAccountTokenCreator on {who.account} to itself; byob policy prints the command.",
        )
    return (
        f"IAM Credentials answered {error.operation} with status {error.status} ({error.code}).",
        "It is tried again.",
    )
