"""Cloud Storage's JSON API for one bucket: each call is signed, fenced, counted, and its reply bounded and read once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from wandb_byob.decide.clouds.gcs_errors import GcsError as GcsError
from wandb_byob.decide.clouds.gcs_errors import error_of
from wandb_byob.decide.clouds.gcs_key import SigningKey
from wandb_byob.decide.clouds.gcs_texts import explained
from wandb_byob.decide.explanations import Explanation
from wandb_byob.providers import calls
from wandb_byob.providers.base import Context
from wandb_byob.providers.calls import Patience
from wandb_byob.providers.gcs.recent import Recent
from wandb_byob.providers.gcs.signing import Clock, KeySigner, Signer, signed_url
from wandb_byob.providers.probing.raw import EXTRA, RawRequests, page_headers
from wandb_byob.providers.transport import GuardedSession, Reply, TransportError, unanswered

# Writes are tried again at the next look, which sees what came of them; so is what Google asks to slow down.
_READING: Final = Patience(passing=calls.USUAL.passing - {429})
_OBJECT_CALLS: Final = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject"}


@dataclass(frozen=True, kw_only=True)
class Api:
    """One bucket as one service account sees it; `base` is the service's URL."""

    session: GuardedSession
    base: str
    bucket: str
    context: Context
    signer: Signer
    clock: Clock
    recent: Recent

    def bucket_call(
        self,
        operation: str,
        method: str,
        below: str = "",
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """Call what is below the bucket's resource; returns the JSON object. Raises `GcsError` and `TransportError`."""
        path = f"/storage/v1/b/{quote(self.bucket, safe='')}{below}"
        return self._json(operation, method, path, query or {}, body)

    def create(self, resource: Mapping[str, Any], *, project: str) -> Mapping[str, Any]:
        """Create the bucket; raises `Waiting` until it is this one's turn in the project."""
        self.recent.take_turn(project, self.bucket, signer=self._key)
        with self.recent.updating(self.bucket):
            return self._json("CreateBucket", "POST", "/storage/v1/b", {"project": project}, resource)

    def drop(self, metageneration: str, *, project: str) -> None:
        """Delete the bucket, if nobody has changed it; raises `Waiting` until it is this one's turn in the project."""
        self.recent.take_turn(project, self.bucket, signer=self._key)
        self.bucket_call("DeleteBucket", "DELETE", query={"ifMetagenerationMatch": metageneration})

    @property
    def _key(self) -> SigningKey | None:
        return self.signer.key if isinstance(self.signer, KeySigner) else None

    def patch(self, body: Mapping[str, Any], *, metageneration: str) -> Mapping[str, Any]:
        """Change the bucket, if nobody else has, as soon as it takes an update."""
        with self.recent.updating(self.bucket):
            return self.bucket_call("PatchBucket", "PATCH", query={"ifMetagenerationMatch": metageneration}, body=body)

    def set_policy(self, policy: Mapping[str, Any]) -> Mapping[str, Any]:
        """Set the IAM policy, if its etag still holds, as soon as the bucket takes an update."""
        with self.recent.updating(self.bucket):
            found = self.bucket_call("SetIamPolicy", "PUT", "/iam", body=policy)
        self.recent.granted(self.bucket)
        return found

    def put(self, key: str, body: bytes) -> Mapping[str, Any]:
        """Write an object; returns its resource."""
        path = f"/upload/storage/v1/b/{quote(self.bucket, safe='')}/o?{urlencode({'uploadType': 'media', 'name': key})}"
        return _object(self._call("PutObject", "POST", path, body=body, kind="application/octet-stream"))

    def get(self, key: str) -> bytes:
        """Return an object's content."""
        path = f"/storage/v1/b/{quote(self.bucket, safe='')}/o/{quote(key, safe='')}?alt=media"
        return self._call("GetObject", "GET", path).body

    def list(self, folder: str, *, versions: bool = False) -> Mapping[str, Any]:
        """Return the first page of what is below a folder, with `versions` old generations too."""
        query = {"prefix": folder, **({"versions": "true"} if versions else {})}
        return self.bucket_call("ListObjects", "GET", "/o", query=query)

    def delete(self, key: str, generation: str = "") -> None:
        """Delete an object, or one generation of it for good."""
        query = {"generation": generation} if generation else {}
        self.bucket_call("DeleteObject", "DELETE", f"/o/{quote(key, safe='')}", query=query)

    def signed(self, method: str, key: str, *, origin: str, body: bytes | None = None) -> Reply:
        """Use a signed URL with W&B's extra parameter as a page of `origin` does."""
        where = (self.base, self.path(key))
        url = signed_url(self.signer, method, where, query=dict([EXTRA]), now=self.clock.now())
        operation = _OBJECT_CALLS[method]
        reply = self._raw.use(operation, method, url, headers=page_headers(origin=origin, body=body), body=body)
        return _succeeded(reply, operation)

    def preflight(self, key: str, *, origin: str, method: str, headers: tuple[str, ...]) -> Reply:
        """Ask as a browser does before it sends; a reply of any status is one."""
        return self._raw.preflight(self.base + self.path(key), origin=origin, method=method, headers=headers)

    @property
    def _raw(self) -> RawRequests:
        return RawRequests(context=self.context, provider="GCS", session=self.session, code=_code)

    def path(self, key: str) -> str:
        """Return where the XML API has the object."""
        return f"/{quote(self.bucket, safe='')}/{quote(key, safe='/~')}"

    def explain(self, error: GcsError | TransportError) -> Explanation:
        """Return what an error means."""
        if isinstance(error, TransportError):
            return unanswered(error)
        return explained(error, bucket=self.bucket, who=self.signer.who)

    def _json(
        self, operation: str, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> Mapping[str, Any]:
        target = f"{path}?{urlencode(query)}" if query else path
        sent = None if body is None else json.dumps(body).encode()
        return _object(self._call(operation, method, target, body=sent, kind="application/json"))

    def _call(self, operation: str, method: str, target: str, *, body: bytes | None = None, kind: str = "") -> Reply:
        if method != "GET":
            self.context.fence()
        token = self.signer.token(self.clock.now())
        headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": kind} if body is not None else {})
        reply = self._counted(operation, method, self.base + target, headers=headers, body=body)
        if reply.status == 401 and (self.clock.learn(reply.headers.get("Date")) or self.signer.renew(token)):
            again = {**headers, "Authorization": f"Bearer {self.signer.token(self.clock.now())}"}
            reply = self._counted(operation, method, self.base + target, headers=again, body=body)
        return _succeeded(reply, operation)

    def _counted(
        self, operation: str, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        return calls.make(
            partial(self.session.request, method, url, headers=headers, body=body),
            recorder=self.context.recorder,
            provider="GCS",
            operation=operation,
            code=_code,
            patience=_READING if method == "GET" else calls.ONCE,
        )


def _succeeded(reply: Reply, operation: str) -> Reply:
    if not 200 <= reply.status < 300:
        raise error_of(reply.status, reply.body, operation)
    return reply


def _code(reply: Reply) -> str:
    return error_of(reply.status, reply.body, "").code


def _object(reply: Reply) -> Mapping[str, Any]:
    """Return a reply's JSON object, empty for an empty reply; one that is none is an error of the store."""
    if not reply.body:
        return {}
    try:
        found = json.loads(reply.body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise error_of(502, b"", "reading a reply")
    return found
