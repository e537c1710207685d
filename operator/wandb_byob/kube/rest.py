"""KubeClient over HTTP, by urllib3 and msgspec alone (docs/adr/0004 says why not the official client).

Only reads are repeated: a write whose answer was lost is decided anew by the next reconcile, from what is there then.
"""

import http.client
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
import urllib3

from wandb_byob import version
from wandb_byob.kube import answers, discovery
from wandb_byob.kube.answers import BusyError
from wandb_byob.kube.authorization import AuthorizationError
from wandb_byob.kube.client import (
    Body,
    ConflictError,
    KubeError,
    PatchType,
    Resource,
    UnavailableError,
)
from wandb_byob.kube.connection import Connection
from wandb_byob.model import names

PAGE: Final = 500
_CONNECT_SECONDS: Final = 5.0
_READ_SECONDS: Final = 30.0
# Waits before a read is tried again; a server that says Retry-After is given that, within bounds.
_WAITS: Final = (0.2, 1.0)
_LONGEST_WAIT: Final = 5.0
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_JSON: Final = "application/json"


@dataclass(frozen=True, kw_only=True)
class _Request:
    """One call; `verb` and `target` are for messages, `verb` is RBAC's."""

    verb: str
    target: str
    method: str
    url: str
    body: bytes | None = None
    content_type: str = _JSON
    accept: str = _JSON

    @property
    def reads(self) -> bool:
        return self.method == "GET"


class RestClient:
    """Synchronous calls from many threads over one pool of connections (a KubeClient)."""

    def __init__(
        self,
        connection: Connection,
        *,
        pool_size: int = 16,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._sleep = sleep
        self._before_write: Callable[[], None] = lambda: None
        self._timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        self._pool = _pool(connection, pool_size)
        self._user_agent = f"{names.FIELD_MANAGER}/{version()}"

    def variant(
        self, *, before_write: Callable[[], None] = lambda: None, read_seconds: float = _READ_SECONDS
    ) -> "RestClient":
        """Return a client over the same connections with another time-out, or that calls `before_write` before each write.

        What `before_write` raises keeps the write from being sent.
        """
        other = copy(self)
        vars(other).update(
            _before_write=before_write, _timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds)
        )
        return other

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one object from etcd, not from a cache; None if it is not there."""
        return self._found(_request("get", "GET", resource, namespace, name))

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        """Read all objects of a namespace ("" is all namespaces) with resourceVersion unset, page by page."""
        found = list(self._pages(_request("list", "GET", resource, namespace), labels=labels, fields=fields))
        for item in found:
            # The API leaves these out of a list's items.
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return found

    def identities(self, resource: Resource, namespace: str) -> Iterator[tuple[str, str]]:
        """Yield namespace and name of all objects, read without their contents, so that 10,000 of them cost little memory."""
        request = replace(_request("list", "GET", resource, namespace), accept=_METADATA_ONLY)
        for item in self._pages(request):
            yield item["metadata"].get("namespace", ""), item["metadata"]["name"]

    def stored_version(self, resources: Sequence[Resource]) -> Resource | None:
        """Return that one of the versions of a kind in which its objects are stored; None where the kind is not there."""
        return discovery.stored_version(
            resources, lambda at: self._found(_Request(verb="get", target=at, method="GET", url=f"/apis/{at}"))
        )

    def create(self, resource: Resource, namespace: str, body: Body) -> dict[str, Any]:
        """Create an object; `metadata.generateName` is allowed."""
        return self._call(
            _request("create", "POST", resource, namespace, query={"fieldManager": names.FIELD_MANAGER}, body=body)
        )

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Body,
        *,
        patch_type: PatchType,
        subresource: str = "",
    ) -> dict[str, Any]:
        """Patch an object as field manager `wandb-byob` (APPLY with force)."""
        query = {"fieldManager": names.FIELD_MANAGER} | ({"force": "true"} if patch_type is PatchType.APPLY else {})
        parts = (name, subresource) if subresource else (name,)
        request = _request("patch", "PATCH", resource, namespace, *parts, query=query, body=body)
        return self._call(replace(request, content_type=patch_type.value))

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        """Delete an object if its uid is still this one; an object already gone (or replaced by another) is not an error."""
        options = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            self._call(_request("delete", "DELETE", resource, namespace, name, body=options))
        except ConflictError:
            now = self.get(resource, namespace, name)
            if now is not None and now["metadata"]["uid"] == uid:
                raise
        except KubeError as error:
            if error.status != http.client.NOT_FOUND:
                raise

    def _found(self, request: _Request) -> dict[str, Any] | None:
        try:
            return self._call(request)
        except KubeError as error:
            if error.status != http.client.NOT_FOUND:
                raise
        return None

    def _pages(self, request: _Request, *, labels: str = "", fields: str = "") -> Iterator[dict[str, Any]]:
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields}
        query = {name: value for name, value in query.items() if value}
        while True:
            page = self._call(replace(request, url=f"{request.url}?{urlencode(query)}"))
            yield from page.get("items") or ()
            token = page["metadata"].get("continue")
            if not token:
                return
            query["continue"] = token

    def _call(self, request: _Request) -> dict[str, Any]:
        if not request.reads:
            self._before_write()
        waits = iter(_WAITS if request.reads else ())
        renewed = False
        while True:
            try:
                answer = self._send(request)
                if answer.status == http.client.UNAUTHORIZED and not renewed:
                    # Not carried out, so it may be sent again, also a write: a token may just have been rotated.
                    renewed = True
                    self._connection.authorization.invalidate()
                    continue
                return answers.read(answer, f"{request.verb} {request.target}")
            except UnavailableError as error:
                wait = next(waits, None)
                if wait is None:
                    raise
                asked = error.retry_after if isinstance(error, BusyError) else 0.0
                self._sleep(min(max(wait, asked), _LONGEST_WAIT))

    def _send(self, request: _Request) -> urllib3.BaseHTTPResponse:
        try:
            headers = {"Accept": request.accept, "User-Agent": self._user_agent, "Content-Type": request.content_type}
            if signature := self._connection.authorization.header():
                headers["Authorization"] = signature
            url = f"{self._connection.server}{request.url}"
            return self._pool.request(
                request.method,
                url,
                body=request.body,
                headers=headers,
                timeout=self._timeout,
                retries=False,
                redirect=False,
            )
        except (AuthorizationError, urllib3.exceptions.HTTPError) as error:
            # urllib3's text would repeat the address and the pool; its type says what happened.
            reason = str(error) if isinstance(error, AuthorizationError) else type(error).__name__
            raise UnavailableError(f"{request.verb} {request.target}: no answer ({reason}).", status=0) from None


def _pool(connection: Connection, size: int) -> urllib3.PoolManager:
    options: dict[str, Any] = {
        "num_pools": 2,
        "maxsize": size,
        "ssl_context": connection.ssl_context(),
    }
    if connection.server_name:
        options |= {"server_hostname": connection.server_name, "assert_hostname": connection.server_name}
    if connection.proxy:
        return urllib3.ProxyManager(connection.proxy, **options)
    return urllib3.PoolManager(**options)


def _request(
    verb: str,
    method: str,
    resource: Resource,
    namespace: str,
    *parts: str,
    query: dict[str, str] | None = None,
    body: Body | None = None,
) -> _Request:
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    folder = ("namespaces", namespace, resource.plural) if namespace else (resource.plural,)
    path = "/".join((root, *(quote(part, safe="") for part in (*folder, *parts))))
    kind = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    name = "/".join(filter(None, (namespace, *parts[:1])))
    return _Request(
        verb=verb,
        target=" ".join(filter(None, ("/".join((kind, *parts[1:])), name))),
        method=method,
        url=f"{path}?{urlencode(query)}" if query else path,
        body=None if body is None else msgspec.json.encode(body),
    )
