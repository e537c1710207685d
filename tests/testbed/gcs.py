"""Google Cloud Storage in small: fake-gcs-server, behind a proxy that knows what it does not.

Real are buckets, objects, generations, versioning and listings: they live in fake-gcs-server, which asks nobody who he is. The
proxy's own are who may do what (service accounts with real signatures, IAM policies with etags), what the server forgets of a bucket
(CORS, soft delete, labels, location, preconditions, that old generations keep a bucket), and its answers to browsers. It knows only
what the operator calls, and its words are Google's as documented: what Google really does is not proved by it.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from testbed import stores
from testbed.gcs_buckets import ROLE, Buckets, as_json
from testbed.google_accounts import ADMIN, PROJECT, WANDB, Account, Accounts, RefusedError
from testbed.google_identity import IamCredentials, Metadata
from testbed.object_store import Store
from testbed.proxy import FaultyProxy, Response

OF_A_PROJECT: Final = 2.0
"""Seconds between two buckets that are created or deleted in a project, as Google has it."""
OF_A_BUCKET: Final = 1.0
"""Seconds between two updates of a bucket."""
_API: Final = re.compile(r"(/upload)?/storage/v1/b(?:/([^/]+))?(/iam|/o(?:/(.+))?)?")
_OBJECT_PERMISSIONS: Final = {
    "PUT": "storage.objects.create",
    "GET": "storage.objects.get",
    "HEAD": "storage.objects.get",
    "DELETE": "storage.objects.delete",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises RefusedError."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise RefusedError(400, "parseError") from None


class Front(FaultyProxy):
    """The proxy."""

    def __init__(self, store_port: int) -> None:
        super().__init__(store_port)
        self.accounts = Accounts()
        self._limits: Callable[[], float] | None = None
        self.buckets = Buckets(store_port)
        self._mutex = threading.RLock()
        self._last: dict[str, float] = {}

    @contextmanager
    def limited(self, clock: Callable[[], float] = time.monotonic) -> Iterator[None]:
        """Within the block Google's limits are enforced, by this clock: who comes too soon gets a 429."""
        self._limits, self._last = clock, {}
        try:
            yield
        finally:
            self._limits = None

    def stand_in(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Answer every request, with the server's help."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        named = {name.lower(): value for name, value in headers.items()}
        asked = Asked(method=method, path=parts.path, query=query, headers=named, body=body)
        with self._mutex:
            found = _API.fullmatch(asked.path)
            try:
                response = self._json_api(asked, found) if found else self._xml_api(asked)
            except RefusedError as refused:
                response = _json_refusal(refused) if found else _xml_refusal(refused)
        own = [header for header in response.headers if header[0].lower() != "date"]
        return replace(response, headers=[*own, ("Date", formatdate(usegmt=True))])

    # --- the JSON API ---------------------------------------------------------------------------------------------------

    def _json_api(self, asked: Asked, found: re.Match[str]) -> Response:
        account = self.accounts.bearer(asked.headers.get("authorization", ""))
        bucket, below, key = unquote(found[2] or ""), found[3] or "", unquote(found[4] or "")
        if not bucket:
            return self._insert(asked, account)
        resource = self.buckets.resource(bucket)
        if resource is None:
            raise RefusedError(404, "notFound")
        if below == "/iam":
            return self._iam(asked, account, bucket)
        if not below:
            return self._bucket(asked, account, resource)
        if found[1]:
            return self._write(account, asked, bucket, asked.query["name"])
        permission = _OBJECT_PERMISSIONS[asked.method] if key else "storage.objects.list"
        self._allow(account, permission, bucket)
        return _emptied(self.buckets.ask(asked.method, _target(asked), body=asked.body))

    def _insert(self, asked: Asked, account: Account) -> Response:
        given = asked.json()
        name = given.pop("name")
        if not account.everywhere or "storage.buckets.create" in account.lacks:
            raise RefusedError(403, "forbidden", account=account.email, permission="storage.buckets.create")
        if asked.query.get("project") != PROJECT:
            raise RefusedError(400, "invalid")
        if self.buckets.resource(name) is not None:
            raise RefusedError(409, "conflict")
        self._pace("", OF_A_PROJECT)
        self._pace(name, OF_A_BUCKET)
        self.buckets.make(name, **given)
        return _shown(self.buckets.resource(name))

    def _bucket(self, asked: Asked, account: Account, resource: Mapping[str, Any]) -> Response:
        name = resource["name"]
        if asked.method == "GET":
            self._allow(account, "storage.buckets.get", name)
            return _shown(resource)
        deletes = asked.method == "DELETE"
        self._allow(account, "storage.buckets.delete" if deletes else "storage.buckets.update", name)
        condition = asked.query.get("ifMetagenerationMatch")
        if condition not in (None, resource["metageneration"]):
            raise RefusedError(412, "conditionNotMet")
        if deletes:
            if self.buckets.contents(name):
                raise RefusedError(409, "conflict")
            self._pace("", OF_A_PROJECT)
            self.buckets.drop(name)
            return Response(204, [], b"")
        self._pace(name, OF_A_BUCKET)
        self.buckets.update(name, **asked.json())
        return _shown(self.buckets.resource(name))

    def _iam(self, asked: Asked, account: Account, name: str) -> Response:
        if asked.method == "GET":
            self._allow(account, "storage.buckets.getIamPolicy", name)
            return _shown(self.buckets.policy(name))
        self._allow(account, "storage.buckets.setIamPolicy", name)
        wanted = asked.json()
        if wanted.get("etag") != self.buckets.policy(name)["etag"]:
            raise RefusedError(412, "conditionNotMet")
        members = [member for binding in wanted["bindings"] for member in binding["members"]]
        if any(member.startswith("serviceAccount:") and member[15:] not in self.accounts.known for member in members):
            raise RefusedError(400, "invalid")
        self._pace(name, OF_A_BUCKET)
        self.buckets.set_policy(name, wanted["bindings"])
        return _shown(self.buckets.policy(name))

    # --- the XML API, which signed URLs and browsers use ----------------------------------------------------------------

    def _xml_api(self, asked: Asked) -> Response:
        bucket, _, key = unquote(asked.path).removeprefix("/").partition("/")
        shown = self._cors(asked, bucket)
        if asked.method == "OPTIONS":
            return Response(200, shown, b"")
        account = self.accounts.url(asked.method, asked.path, asked.query, host=asked.headers.get("host", ""))
        if self.buckets.resource(bucket) is None:
            raise RefusedError(404, "NoSuchBucket")
        if asked.method == "PUT":
            written = self._write(account, asked, bucket, key)
            made = json.loads(written.body)
            return Response(
                200, [*shown, ("x-goog-generation", made["generation"]), ("ETag", f'"{made["etag"]}"')], b""
            )
        self._allow(account, _OBJECT_PERMISSIONS[asked.method], bucket)
        found = self.buckets.ask(asked.method, f"/{quote(bucket)}/{quote(key, safe='')}")
        if found.status == 404:
            raise RefusedError(404, "NoSuchKey")
        own = [header for header in found.headers if not header[0].lower().startswith("access-control-")]
        return Response(found.status, [*own, *shown], found.body)

    def _cors(self, asked: Asked, bucket: str) -> list[tuple[str, str]]:
        """What browsers are told: by the first of the bucket's rules that matches."""
        origin = asked.headers.get("origin", "")
        method = asked.headers.get("access-control-request-method", asked.method)
        found = self.buckets.resource(bucket) or {}
        for rule in found.get("cors", ()) if origin else ():
            if {origin, "*"} & set(rule.get("origin", ())) and {method, "*"} & set(rule.get("method", ())):
                headers = ", ".join(rule.get("responseHeader", ()))
                return [
                    ("Access-Control-Allow-Origin", origin),
                    ("Access-Control-Allow-Methods", ", ".join(rule["method"])),
                    ("Access-Control-Allow-Headers", headers),
                    ("Access-Control-Expose-Headers", headers),
                    ("Vary", "Origin"),
                ]
        return []

    # --- who may, and what is written -----------------------------------------------------------------------------------

    def _allow(self, account: Account, permission: str, bucket: str) -> None:
        named = any(
            binding["role"] == ROLE and f"serviceAccount:{account.email}" in binding["members"]
            for binding in self.buckets.policy(bucket)["bindings"]
        )
        if permission in account.lacks or not (account.everywhere or named):
            raise RefusedError(403, "forbidden", account=account.email, permission=permission)

    def _write(self, account: Account, asked: Asked, bucket: str, key: str) -> Response:
        self._allow(account, "storage.objects.create", bucket)
        if any(name == key for name, _ in self.buckets.contents(bucket, live=True)):
            self._allow(account, "storage.objects.delete", bucket)
        return self.buckets.upload(bucket, key, asked.body, kind=asked.headers.get("content-type", ""))

    def _pace(self, what: str, pause: float) -> None:
        if self._limits is None:
            return
        now = self._limits()
        if now - self._last.get(what, float("-inf")) < pause:
            raise RefusedError(429, "rateLimitExceeded")
        self._last[what] = now


def _target(asked: Asked) -> str:
    return f"{asked.path}?{urlencode(asked.query)}" if asked.query else asked.path


def _shown(resource: Any) -> Response:
    return Response(200, [("Content-Type", "application/json; charset=UTF-8")], as_json(resource))


def _emptied(response: Response) -> Response:
    """Google answers a deletion with nothing; the server with `null`."""
    return Response(204, [], b"") if response.status == 200 and response.body.strip() in (b"null", b"{}") else response


def _json_refusal(refused: RefusedError) -> Response:
    words = {"message": refused.words, "domain": "global", "reason": refused.reason}
    body = {"error": {"code": refused.status, "message": refused.words, "errors": [words]}}
    return Response(refused.status, [("Content-Type", "application/json; charset=UTF-8")], as_json(body))


def _xml_refusal(refused: RefusedError) -> Response:
    code = "AccessDenied" if refused.permission else refused.reason
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Details>{refused.words}</Details></Error>"
    return Response(refused.status, [("Content-Type", "application/xml; charset=UTF-8")], text.encode())


@dataclass(frozen=True, kw_only=True)
class GoogleCloud:
    """The running stand-in: `store` is fake-gcs-server as reached through what stands before it."""

    store: Store
    front: Front
    admin: Account
    wandb: Account
    metadata: Metadata
    iam: IamCredentials
    behind: Store = field(repr=False)

    @property
    def endpoint(self) -> str:
        """What the administrator would write in --gcs-endpoint."""
        return self.front.endpoint

    @property
    def endpoints(self) -> dict[str, str]:
        """The same for all three services, by the chart's names."""
        return {"gcs": self.endpoint, "gcsIAM": self.iam.endpoint, "gcsMetadata": self.metadata.endpoint}

    @property
    def buckets(self) -> Buckets:
        """The buckets, past the operator."""
        return self.front.buckets

    def stop(self) -> None:
        """End all of it."""
        for each in (self.front, self.metadata, self.iam):
            each.__exit__(None, None, None)
        self.behind.stop()


def start_gcs(folder: Path) -> GoogleCloud:
    """Start all of it, with an account that may do everything in the project and one for W&B that no bucket names yet."""
    server = stores.start_fake_gcs(folder)
    front = Front(server.port)
    admin, wandb = front.accounts.add(ADMIN, everywhere=True), front.accounts.add(WANDB)
    metadata, iam = Metadata(front.accounts, admin), IamCredentials(front.accounts)
    for each in (front, metadata, iam):
        each.__enter__()
    return GoogleCloud(
        store=replace(server, port=front.port),
        front=front,
        admin=admin,
        wandb=wandb,
        metadata=metadata,
        iam=iam,
        behind=server,
    )
