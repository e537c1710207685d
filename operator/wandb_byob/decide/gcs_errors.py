"""What an error of Google Cloud Storage means, from its status, its code and the permission that it names.

Nothing else of a reply's body is shown.
"""

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.reasons import Reason

_PERMISSION: Final = re.compile(r"\bstorage\.[a-z]{1,32}\.[A-Za-z]{1,32}\b")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_XML_CODE: Final = re.compile(r"<Code>([A-Za-z0-9._-]{1,64})</Code>")
NO_IDENTITY: Final = "NoIdentity"
NO_SERVICE_ACCOUNT: Final = "NoServiceAccount"
SIGN_BLOB: Final = "SignBlob"
_THROTTLED_AFTER: Final = timedelta(seconds=10)
_PERMISSIONS: Final = {
    "GetBucket": "storage.buckets.get",
    "CreateBucket": "storage.buckets.create",
    "PatchBucket": "storage.buckets.update",
    "DeleteBucket": "storage.buckets.delete",
    "GetIamPolicy": "storage.buckets.getIamPolicy",
    "SetIamPolicy": "storage.buckets.setIamPolicy",
    "ListObjects": "storage.objects.list",
    "PutObject": "storage.objects.create",
    "GetObject": "storage.objects.get",
    "HeadObject": "storage.objects.get",
    "DeleteObject": "storage.objects.delete",
    SIGN_BLOB: "iam.serviceAccounts.signBlob",
}
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


@dataclass(eq=False)
class GcsError(Exception):
    """An error reply; `code` is Google's word, `permission` the one that lacks by a 403."""

    status: int
    code: str
    permission: str
    operation: str

    @property
    def missing(self) -> bool:
        """Whether what was asked for is not there."""
        return self.status == 404

    @property
    def denied(self) -> bool:
        """Whether the key is good, but may not do this."""
        return self.status == 403 and self.code != "SignatureDoesNotMatch"


def error_of(status: int, body: bytes, operation: str) -> GcsError:
    """Read an error reply of the JSON or the XML API."""
    text = body[:16384].decode("utf-8", errors="replace")
    found = _PERMISSION.search(text)
    permission = found.group() if found else _PERMISSIONS.get(operation, "")
    return GcsError(status=status, code=_code(text) or str(status), permission=permission, operation=operation)


def _code(text: str) -> str:
    if xml := _XML_CODE.search(text):
        return xml.group(1)
    try:
        reply: Any = json.loads(text)
        reason = str(reply["error"]["errors"][0]["reason"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return reason if _WORD.fullmatch(reason) else ""


def iam_error_of(status: int, body: bytes) -> GcsError:
    """Read an error reply of IAM Credentials, whose words are those of Google's newer APIs."""
    try:
        error: Any = json.loads(body[:16384])["error"]
        details = [each.get("reason") for each in error.get("details", ()) if isinstance(each, dict)]
        words = [word for word in (*details, error.get("status")) if isinstance(word, str) and _WORD.fullmatch(word)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        words = []
    code = words[0] if words else str(status)
    return GcsError(status=status, code=code, permission=_PERMISSIONS[SIGN_BLOB], operation=SIGN_BLOB)


def no_identity() -> GcsError:
    """Return the error where the metadata server does not answer, or something else does in its place."""
    return GcsError(status=401, code=NO_IDENTITY, permission="", operation="GetToken")


def explained(error: GcsError, *, bucket: str, who: Who) -> tuple[str, str]:
    """Return what is wrong and what to do."""
    if error.code == NO_IDENTITY:
        return _NO_IDENTITY
    if error.operation == SIGN_BLOB:
        return _unsigned(error, who)
    if error.status == 401 or error.code == "SignatureDoesNotMatch":
        return _refused(error, who)
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
        return "Google asks to slow down: a bucket takes one update a second.", "It is tried again."
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


def domain_error(error: GcsError, *, bucket: str, who: Who) -> DomainError:
    """Return the error as the reconcilers understand it."""
    text = " ".join(explained(error, bucket=bucket, who=who))
    if error.code == NO_IDENTITY:
        return Waiting(Reason.ACCESS_DENIED, text)
    if error.status == 429:
        return Waiting(Reason.THROTTLED, text, after=_THROTTLED_AFTER)
    if error.status in (408, 409, 412) or error.status >= 500:
        return Waiting(Reason.PROVIDER_ERROR, text)
    if error.status in (401, 403):
        return Stalled(Reason.ACCESS_DENIED, text)
    return Stalled(Reason.BUCKET_NOT_FOUND if error.missing else Reason.PROVIDER_ERROR, text)
