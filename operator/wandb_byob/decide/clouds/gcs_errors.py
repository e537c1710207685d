"""Error replies of Google Cloud Storage and of IAM Credentials: status, code and the permission that lacks.

Nothing else of a reply's body is kept.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

_PERMISSION: Final = re.compile(r"\bstorage\.[a-z]{1,32}\.[A-Za-z]{1,32}\b")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_XML_CODE: Final = re.compile(r"<Code>([A-Za-z0-9._-]{1,64})</Code>")
NO_IDENTITY: Final = "NoIdentity"
NO_SERVICE_ACCOUNT: Final = "NoServiceAccount"
SIGN_BLOB: Final = "SignBlob"
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
