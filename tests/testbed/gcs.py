"""A small stand-in for Cloud Storage's JSON and XML APIs, since no server that runs here keeps CORS, IAM and soft delete.

It keeps buckets (with metageneration preconditions), IAM policies (with etags) and objects with generations in memory, verifies
self-signed tokens and V4 signatures with the test key's public part, and answers preflights by the bucket's CORS rules. It knows
only what the operator calls, enforces no quota, and its words are Google's as documented: what Google really does is not proved by it.
"""

import base64
import copy
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

EMAIL = "wandb@acme.iam.gserviceaccount.com"


def key_file(key: rsa.RSAPrivateKey, *, email: str = EMAIL) -> str:
    """A service account's key file, with a token_uri that nobody may use."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme",
            "client_email": email,
            "private_key": pem,
            "token_uri": "http://127.0.0.1:1/token",
        }
    )


@dataclass
class Cloud:
    """What the stand-in keeps; `denied` are permissions that nobody has, `failing` statuses by permission."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[tuple[str, str], list[tuple[int, bytes]]] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)
    generation: int = 1000
    url: str = ""

    def names(self, bucket: str) -> list[str]:
        """The keys of all objects, old generations too."""
        return [key for (held, key), kept in self.objects.items() if held == bucket and kept]

    def add(self, name: str, **resource: Any) -> None:
        """A bucket that somebody else made."""
        self.buckets[name] = {"name": name, "location": "US", "metageneration": "1", "projectNumber": "42", **resource}
        self.policies[name] = {
            "version": 1,
            "etag": "e1",
            "bindings": [{"role": "roles/viewer", "members": ["user:a"]}],
        }


class _RefusedError(Exception):
    def __init__(self, status: int, reason: str, permission: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.permission = status, reason, permission


@contextmanager
def running() -> Iterator[Cloud]:
    """Run the stand-in on a free port."""
    cloud = Cloud()

    class Handler(_Handler):
        held = cloud

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        cloud.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield cloud
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    held: Cloud
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        self.parts = urlsplit(self.path)
        self.query = dict(parse_qsl(self.parts.query, keep_blank_values=True))
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if re.match(r"/(upload/)?storage/v1/", self.parts.path):
                self._bearer()
                status, headers, body = self._json_api()
            else:
                status, headers, body = self._xml_api()
        except _RefusedError as failure:
            words = f"denied: Permission '{failure.permission}' denied" if failure.permission else failure.reason
            told = {"code": failure.status, "message": words, "errors": [{"reason": failure.reason}]}
            status, headers = failure.status, {}
            body = json.dumps({"error": told}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    def _verified(self, text: bytes, signature: bytes, failure: _RefusedError) -> None:
        try:
            self.held.key.public_key().verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise failure from None

    def _bearer(self) -> None:
        refused = _RefusedError(401, "authError")
        head, _, signature = self.headers.get("Authorization", "").removeprefix("Bearer ").rpartition(".")
        self._verified(head.encode(), base64.urlsafe_b64decode(signature + "=="), refused)
        claims = json.loads(base64.urlsafe_b64decode(head.partition(".")[2] + "=="))
        if (
            claims["iss"] != EMAIL
            or claims["exp"] < datetime.now(UTC).timestamp()
            or "devstorage" not in claims["scope"]
        ):
            raise refused

    def _allow(self, permission: str) -> None:
        if status := self.held.failing.get(permission):
            raise _RefusedError(
                status, "forbidden" if status == 403 else "backendError", permission if status == 403 else ""
            )

    def _json_api(self) -> tuple[int, dict[str, str], bytes]:
        found = re.fullmatch(r"(/upload)?/storage/v1/b(?:/([^/]+))?(/iam|/o(?:/(.+))?)?", self.parts.path)
        assert found is not None, self.parts.path
        bucket, below, key = unquote(found[2] or ""), found[3] or "", unquote(found[4] or "")
        if not bucket:
            reply = self._insert(json.loads(self.body))
        elif bucket not in self.held.buckets:
            raise _RefusedError(404, "notFound")
        elif below == "/iam":
            reply = self._iam(bucket)
        elif not below:
            reply = self._bucket(bucket)
        elif found[1]:
            self._allow("storage.objects.create")
            reply = {"generation": str(self._write(bucket, self.query["name"]))}
        else:
            return self._objects(bucket, key)
        return 200, {"Content-Type": "application/json"}, json.dumps(reply).encode()

    def _insert(self, resource: dict[str, Any]) -> dict[str, Any]:
        self._allow("storage.buckets.create")
        assert self.query["project"]
        if resource["name"] in self.held.buckets:
            raise _RefusedError(409, "conflict")
        self.held.add(**resource)
        return self.held.buckets[resource["name"]]

    def _bucket(self, name: str) -> dict[str, Any]:
        kept = self.held.buckets[name]
        if self.command == "GET":
            self._allow("storage.buckets.get")
            return kept
        self._allow("storage.buckets.delete" if self.command == "DELETE" else "storage.buckets.update")
        if self.query.get("ifMetagenerationMatch") != kept["metageneration"]:
            raise _RefusedError(412, "conditionNotMet")
        if self.command == "DELETE":
            if self.held.names(name):
                raise _RefusedError(409, "conflict")
            return self.held.buckets.pop(name)
        for field_name, value in json.loads(self.body).items():
            merged = isinstance(value, dict) and isinstance(kept.get(field_name), dict)
            kept[field_name] = {**kept[field_name], **value} if merged else value
        kept["metageneration"] = str(int(kept["metageneration"]) + 1)
        return kept

    def _iam(self, name: str) -> dict[str, Any]:
        if self.command == "GET":
            self._allow("storage.buckets.getIamPolicy")
            return self.held.policies[name]
        self._allow("storage.buckets.setIamPolicy")
        wanted = json.loads(self.body)
        if wanted["etag"] != self.held.policies[name]["etag"]:
            raise _RefusedError(412, "conditionNotMet")
        self.held.policies[name] = {**copy.deepcopy(wanted), "etag": wanted["etag"] + "1"}
        return self.held.policies[name]

    def _write(self, bucket: str, key: str) -> int:
        kept = self.held.objects.setdefault((bucket, key), [])
        if kept:
            self._allow("storage.objects.delete")
        if not self.held.buckets[bucket].get("versioning", {}).get("enabled"):
            kept.clear()
        self.held.generation += 1
        kept.append((self.held.generation, self.body))
        return self.held.generation

    def _objects(self, bucket: str, key: str) -> tuple[int, dict[str, str], bytes]:
        if not key:
            self._allow("storage.objects.list")
            items = [
                {"name": name, "generation": str(number), "timeCreated": datetime.now(UTC).isoformat()}
                for (held, name), kept in self.held.objects.items()
                for number, _ in kept
                if held == bucket and name.startswith(self.query.get("prefix", ""))
            ]
            return 200, {}, json.dumps({"items": items} if items else {}).encode()
        kept = self.held.objects.get((bucket, key), [])
        if not kept:
            raise _RefusedError(404, "notFound")
        if self.command == "GET":
            self._allow("storage.objects.get")
            return 200, {}, kept[-1][1]
        self._allow("storage.objects.delete")
        number = int(self.query.get("generation", "0"))
        versioned = self.held.buckets[bucket].get("versioning", {}).get("enabled")
        if number or not versioned:
            kept[:] = [item for item in kept if number and item[0] != number]
        return 204, {}, b""

    def _xml_api(self) -> tuple[int, dict[str, str], bytes]:
        _, bucket, key = unquote(self.parts.path).split("/", 2)
        headers = self._cors(self.held.buckets.get(bucket, {}).get("cors", []))
        if self.command == "OPTIONS":
            return 200, headers, b""
        self._signed()
        if self.command == "PUT":
            self._allow("storage.objects.create")
            return 200, {**headers, "x-goog-generation": str(self._write(bucket, key))}, b""
        self._allow("storage.objects.get")
        return 200, {**headers, "ETag": '"1"'}, self.held.objects[bucket, key][-1][1]

    def _signed(self) -> None:
        query = dict(self.query)
        signature = bytes.fromhex(query.pop("X-Goog-Signature"))
        assert query["X-User"] == "wandb-byob"
        text = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(query.items()))
        request = f"{self.command}\n{self.parts.path}\n{text}\nhost:{self.headers['Host']}\n\nhost\nUNSIGNED-PAYLOAD"
        stamp, scope = query["X-Goog-Date"], query["X-Goog-Credential"].partition("/")[2]
        digest = hashlib.sha256(request.encode()).hexdigest()
        signed = f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{digest}"
        self._verified(signed.encode(), signature, _RefusedError(403, "SignatureDoesNotMatch"))

    def _cors(self, rules: list[dict[str, Any]]) -> dict[str, str]:
        origin = self.headers.get("Origin", "")
        method = self.headers.get("Access-Control-Request-Method", self.command)
        for rule in rules:
            if {origin, "*"} & set(rule["origin"]) and method in rule["method"]:
                shown = ", ".join(rule.get("responseHeader", []))
                return {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": ", ".join(rule["method"]),
                    "Access-Control-Allow-Headers": shown,
                    "Access-Control-Expose-Headers": shown,
                }
        return {}
