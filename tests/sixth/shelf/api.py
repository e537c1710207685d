"""The shelf's JSON API for one bucket: each call is signed, fenced, counted, and what it refuses means something."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from wandb_byob.decide.explanations import Explanation
from wandb_byob.model.checks import CheckName
from wandb_byob.model.credentials import AccessKey
from wandb_byob.model.reasons import Reason
from wandb_byob.providers import calls
from wandb_byob.providers.base import Context
from wandb_byob.providers.probing.raw import EXTRA, RawRequests, page_headers
from wandb_byob.providers.transport import GuardedSession, Reply, TransportError, unanswered

_SOON: Final = timedelta(seconds=30)


class ShelfError(Exception):
    """The store's refusal of one call: its status and its word, and nothing else of its reply."""

    def __init__(self, operation: str, reply: Reply) -> None:
        self.operation, self.status, self.code = operation, reply.status, _code(reply)
        super().__init__(f"{operation}: {self.code}")


def _code(reply: Reply) -> str:
    try:
        found = str(json.loads(reply.body)["code"])
    except (ValueError, KeyError, TypeError, RecursionError):
        found = ""
    return found if found.isalpha() and len(found) < 40 else str(reply.status)


@dataclass(frozen=True, kw_only=True)
class Api:
    """One bucket as one key sees it."""

    session: GuardedSession
    context: Context
    bucket: str
    key: AccessKey
    named: str

    def call(self, operation: str, method: str, below: str = "", *, body: bytes | None = None) -> Reply:
        """Make one call, signed, fenced and counted; raises `ShelfError` and `TransportError`."""
        if method not in ("GET", "HEAD"):
            self.context.fence()
        target = f"/b/{quote(self.bucket, safe='')}{below}"
        headers = {"Authorization": f"Shelf {self.key.access_key_id}:{self._signature(method, target)}"}
        send = partial(self.session.request, method, self.base + target, headers=headers, body=body)
        recorder = self.context.recorder
        reply = calls.make(send, recorder=recorder, provider="Shelf", operation=operation, code=_code)
        return _succeeded(operation, reply)

    def resource(self, operation: str, method: str, *, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call what is about the bucket itself, and return its resource."""
        sent = None if body is None else json.dumps(body).encode()
        return json_of(operation, self.call(operation, method, body=sent))

    def signed(self, method: str, key: str, *, origin: str, body: bytes | None) -> Reply:
        """Use a signed URL."""
        target = f"{self.path(key)}?{urlencode({'key': self.key.access_key_id, **dict([EXTRA])})}"
        url = f"{self.base}{target}&signature={self._signature(method, target)}"
        operation = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject"}[method]
        headers = page_headers(origin=origin, body=body)
        return _succeeded(operation, self.raw.use(operation, method, url, headers=headers, body=body))

    @property
    def raw(self) -> RawRequests:
        """Requests that need no key."""
        return RawRequests(context=self.context, provider="Shelf", session=self.session, code=_code)

    @property
    def base(self) -> str:
        """The store's URL."""
        return f"{self.session.policy.endpoint.scheme}://{self.session.policy.endpoint.authority}"

    def path(self, key: str) -> str:
        """Where the object is."""
        return f"/b/{quote(self.bucket, safe='')}/o/{quote(key, safe='/')}"

    def _signature(self, method: str, target: str) -> str:
        secret = self.key.secret_access_key.encode()
        return hmac.new(secret, f"{method} {target}".encode(), hashlib.sha256).hexdigest()

    def explain(self, error: ShelfError | TransportError) -> Explanation:
        """Return what an error means."""
        if isinstance(error, TransportError):
            return unanswered(error)
        told = f"The shelf refused {error.operation} on the bucket {self.bucket} ({error.code})."
        if error.code in ("UnknownKey", "ExpiredKey"):
            told = f"The shelf does not accept the key in {self.named} ({error.code})."
            return _explained(
                error, CheckName.CREDENTIALS, Reason.ACCESS_DENIED, told, f"Put a valid key into {self.named}."
            )
        if error.code == "NoSuchBucket":
            told = f"There is no bucket {self.bucket}."
            return _explained(
                error,
                CheckName.BUCKET_EXISTS,
                Reason.BUCKET_NOT_FOUND,
                told,
                "Create it, or correct spec.shelf.bucket.",
            )
        if error.status == 429:
            return _explained(
                error, None, Reason.THROTTLED, "The shelf asks to slow down.", "It is tried again.", _SOON
            )
        if error.status == 403:
            return _explained(error, None, Reason.ACCESS_DENIED, told, f"Grant it to the key in {self.named}.")
        return _explained(error, None, Reason.PROVIDER_ERROR, told, "It is tried again.", _SOON)


def _explained(
    error: ShelfError,
    check: CheckName | None,
    reason: Reason,
    message: str,
    remedy: str,
    after: timedelta | None = None,
) -> Explanation:
    return Explanation(code=error.code, check=check, reason=reason, message=message, remedy=remedy, after=after)


def _succeeded(operation: str, reply: Reply) -> Reply:
    if not 200 <= reply.status < 300:
        raise ShelfError(operation, reply)
    return reply


def json_of(operation: str, reply: Reply) -> dict[str, Any]:
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ShelfError(operation, replace(reply, status=502, body=b""))
    return found
