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
}


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


def explained(error: GcsError, *, bucket: str, field: str) -> tuple[str, str]:
    """Return what is wrong and what to do; `field` is where the Secret is named."""
    if error.status == 401 or error.code == "SignatureDoesNotMatch":
        return (
            f"Google does not accept the key of {field} ({error.code}).",
            f"Put a whole key file into the Secret in {field}, of a key that exists and is not disabled.",
        )
    if error.status == 403:
        return (
            f"{error.operation} on the bucket {bucket} was refused: the permission {error.permission} is missing ({error.code}).",
            f"Grant {error.permission} to the service account of {field}.",
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


def domain_error(error: GcsError, *, bucket: str, field: str) -> DomainError:
    """Return the error as the reconcilers understand it."""
    text = " ".join(explained(error, bucket=bucket, field=field))
    if error.status == 429:
        return Waiting(Reason.THROTTLED, text, after=_THROTTLED_AFTER)
    if error.status in (408, 409, 412) or error.status >= 500:
        return Waiting(Reason.PROVIDER_ERROR, text)
    if error.status in (401, 403):
        return Stalled(Reason.ACCESS_DENIED, text)
    return Stalled(Reason.BUCKET_NOT_FOUND if error.missing else Reason.PROVIDER_ERROR, text)
