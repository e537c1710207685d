"""What an answer of the API server means: an object, or an error of ours in words that repeat nothing of what was sent."""

import http.client
import json
from typing import Any, Final

import msgspec
import urllib3

from wandb_byob.kube.client import (
    ConflictError,
    ForbiddenError,
    KubeError,
    NamespaceTerminatingError,
    UnavailableError,
)

_NOT_NOW: Final = frozenset({http.client.UNAUTHORIZED, http.client.TOO_MANY_REQUESTS})


class BusyError(UnavailableError):
    """The server's answer is "not now"; `retry_after` is the wait in seconds that it asked for (0: none)."""

    def __init__(self, message: str, *, status: int, retry_after: float) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


def read(answer: urllib3.BaseHTTPResponse, what: str) -> dict[str, Any]:
    """Return the object of an answer, or raise its KubeError; `what` is the call, for the message."""
    if answer.status < http.client.BAD_REQUEST:
        decoded = msgspec.json.decode(answer.data)
        return decoded if isinstance(decoded, dict) else {}
    raise _error(answer, what)


def _error(answer: urllib3.BaseHTTPResponse, what: str) -> KubeError:
    """Translate an error answer. Its message is used only where it can't repeat what was sent (a literal, a Secret's content)."""
    status = answer.status
    said = _status_object(answer.data)
    if status == http.client.FORBIDDEN:
        causes = (said.get("details") or {}).get("causes") or ()
        if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
            return NamespaceTerminatingError(f"{what}: the namespace is being deleted.", status=status)
        return ForbiddenError(f"{what}: forbidden. {said.get('message', '')}".strip(), status=status)
    if status == http.client.CONFLICT:
        return ConflictError(f"{what}: {said.get('reason', 'Conflict')}.", status=status)
    explained = f"{what}: the API server answered {status} {said.get('reason', '')}".rstrip()
    if status in _NOT_NOW or status >= http.client.INTERNAL_SERVER_ERROR:
        return BusyError(f"{explained}.", status=status, retry_after=_seconds(answer.headers.get("Retry-After")))
    return KubeError(f"{explained}{_fields(said)}.", status=status)


def _fields(said: dict[str, Any]) -> str:
    """Name the fields that were refused, and why in the API's own short words (FieldValueInvalid); never the values."""
    causes = (said.get("details") or {}).get("causes") or ()
    found = ", ".join(f"{cause.get('field', '?')} {cause.get('reason', '')}".strip() for cause in causes[:5])
    return f" ({found})" if found else ""


def _status_object(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _seconds(value: str | None) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return 0.0
