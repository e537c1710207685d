"""Buckets in fake-gcs-server, and beside it what the server forgets of them: what is there, and what somebody does to them.

The server keeps names, versioning, objects and generations; CORS, soft delete, labels, location, access settings, metageneration and
IAM policies are kept here.
"""

import copy
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from testbed.google_accounts import PROJECT
from testbed.proxy import Response

ROLE: Final = "roles/storage.admin"
_OF_A_RULE: Final = ("origin", "method", "responseHeader", "maxAgeSeconds")


@dataclass(kw_only=True)
class Kept:
    """What the server forgets of one bucket."""

    fields: dict[str, Any]
    policy: dict[str, Any]
    metageneration: int = 1


class Buckets:
    """The buckets of the server on this port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._kept: dict[str, Kept] = {}

    def ask(self, method: str, target: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
        """Ask the server itself, by its own name."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(method, target, body=body or None, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Response(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def make(self, name: str, **fields: Any) -> None:
        """Make a bucket."""
        given = copy.deepcopy(fields)
        versioning = given.pop("versioning", {})
        self.ask("POST", f"/storage/v1/b?project={PROJECT}", body=as_json({"name": name, "versioning": versioning}))
        owners = [{"role": "roles/storage.legacyBucketOwner", "members": [f"projectOwner:{PROJECT}"]}]
        policy = {"kind": "storage#policy", "version": 1, "etag": "e1", "bindings": owners}
        self._kept[name] = Kept(fields={"location": "US", **given}, policy=policy)
        self._kept[name].fields["location"] = self._kept[name].fields["location"].upper()
        self._kept[name].fields["cors"] = _known(given.get("cors"))

    def drop(self, name: str) -> None:
        """Delete a bucket, with what is in it."""
        for key, generation in self.contents(name):
            self.remove(name, key, generation)
        self.ask("DELETE", f"/storage/v1/b/{quote(name)}")
        self._kept.pop(name, None)

    def update(self, name: str, **fields: Any) -> None:
        """Change fields of a bucket as PATCH does: objects are merged, None takes away."""
        kept = self._kept[name]
        if "versioning" in fields:
            versioning = fields.pop("versioning") or {"enabled": False}
            self.ask("PATCH", f"/storage/v1/b/{quote(name)}", body=as_json({"versioning": versioning}))
        for field_name, value in fields.items():
            known = _known(value) if field_name == "cors" else value
            kept.fields[field_name] = _merged(kept.fields.get(field_name), known)
        kept.metageneration += 1

    def resource(self, name: str) -> dict[str, Any] | None:
        """A bucket's resource: what the server says, and what it forgets; None where there is none."""
        found = self.ask("GET", f"/storage/v1/b/{quote(name)}")
        if found.status == 404 or name not in self._kept:
            return None
        kept = self._kept[name]
        own = {"metageneration": str(kept.metageneration), "projectNumber": "424242"}
        set_ = {key: value for key, value in kept.fields.items() if value is not None}
        return {**json.loads(found.body), **copy.deepcopy(set_), **own}

    def policy(self, name: str) -> dict[str, Any]:
        """A bucket's IAM policy."""
        return copy.deepcopy(self._kept[name].policy)

    def set_policy(self, name: str, bindings: list[dict[str, Any]]) -> None:
        """Set a bucket's bindings; the etag becomes another."""
        kept = self._kept[name]
        version = 3 if any("condition" in binding for binding in bindings) else 1
        kept.policy |= {"bindings": copy.deepcopy(bindings), "version": version, "etag": kept.policy["etag"] + "1"}

    def grant(self, name: str, email: str, *, role: str = ROLE) -> None:
        """Let an account into a bucket."""
        self.set_policy(name, [*self.policy(name)["bindings"], {"role": role, "members": [f"serviceAccount:{email}"]}])

    def put(self, name: str, key: str, body: bytes) -> str:
        """Write an object; return its generation."""
        return str(json.loads(self.upload(name, key, body).body)["generation"])

    def read(self, name: str, key: str) -> tuple[bytes, Mapping[str, str]]:
        """An object's content, and the headers that come with it."""
        found = self.ask("GET", f"/{quote(name)}/{quote(key, safe='')}")
        return found.body, dict(found.headers)

    def remove(self, name: str, key: str, generation: str = "") -> None:
        """Delete an object, or one generation of it for good."""
        query = f"?generation={generation}" if generation else ""
        self.ask("DELETE", f"/storage/v1/b/{quote(name)}/o/{quote(key, safe='')}{query}")

    def contents(self, name: str, *, live: bool = False) -> list[tuple[str, str]]:
        """All objects by key and generation, old generations too unless `live`."""
        found = self.ask("GET", f"/storage/v1/b/{quote(name)}/o?versions={'false' if live else 'true'}")
        items = json.loads(found.body).get("items", []) if found.status == 200 else []
        return sorted((item["name"], item["generation"]) for item in items)

    def upload(self, bucket: str, key: str, body: bytes, *, kind: str = "application/octet-stream") -> Response:
        """Write an object; return the server's answer."""
        target = f"/upload/storage/v1/b/{quote(bucket)}/o?{urlencode({'uploadType': 'media', 'name': key})}"
        return self.ask("POST", target, body=body, headers={"Content-Type": kind})


def as_json(value: Any) -> bytes:
    """JSON as it is sent."""
    return json.dumps(value).encode()


def _known(rules: Any) -> Any:
    """CORS rules as Google keeps them: a field that it does not know is dropped without a word."""
    return [{name: rule[name] for name in _OF_A_RULE if name in rule} for rule in rules or ()] or None


def _merged(before: Any, value: Any) -> Any:
    both = isinstance(value, dict) and isinstance(before, dict)
    return {**before, **value} if both else copy.deepcopy(value)
