"""The made-up store itself: a folder of buckets behind HTTP. Each bucket is a file of JSON beside a folder of objects; requests and URLs are signed."""

import hashlib
import hmac
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

KEY, SECRET = "SHELFKEY", "shelf-secret-of-the-tests"


@dataclass
class Shelf:
    """Where the buckets are, for who looks past the operator."""

    folder: Path
    port: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    def read(self, bucket: str) -> dict[str, Any] | None:
        """The bucket's resource."""
        file = self.folder / f"{bucket}.json"
        return json.loads(file.read_text()) if file.exists() else None

    def write(self, bucket: str, resource: dict[str, Any]) -> None:
        """Make the bucket, or set its resource."""
        (self.folder / bucket).mkdir(exist_ok=True)
        (self.folder / f"{bucket}.json").write_text(json.dumps(resource))

    def drop(self, bucket: str) -> None:
        """Remove the bucket with all that is in it."""
        shutil.rmtree(self.folder / bucket)
        (self.folder / f"{bucket}.json").unlink()

    def object(self, bucket: str, key: str) -> Path:
        """The file that holds an object."""
        return self.folder / bucket / quote(key, safe="")

    def keys(self, bucket: str) -> list[str]:
        """The keys of all objects."""
        return sorted(unquote(file.name) for file in (self.folder / bucket).iterdir())


@contextmanager
def running(folder: Path) -> Iterator[Shelf]:
    """Serve on a free port."""
    shelf = Shelf(folder)

    class Handler(_Handler):
        held = shelf

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        shelf.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield shelf
        server.shutdown()
        thread.join()


class _RefusedError(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    held: Shelf
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        self.sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        _, _, bucket, *below = parts.path.split("/", 4)
        self.bucket, self.query = unquote(bucket), dict(parse_qsl(parts.query))
        try:
            with self.held.lock:
                status, headers, body = self._answer([unquote(each) for each in below])
        except _RefusedError as refused:
            status, headers, body = refused.status, {}, json.dumps({"code": refused.code}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _answer(self, below: list[str]) -> tuple[int, dict[str, str], bytes]:
        found = self.held.read(self.bucket)
        headers = self._cors((found or {}).get("cors", []))
        if self.command == "OPTIONS":
            return (204 if headers else 403), headers, b""
        self._authenticate()
        if found is None and not (self.command == "PUT" and not below):
            raise _RefusedError(404, "NoSuchBucket")
        if not below:
            return 200, {}, self._of_bucket(found)
        if len(below) == 1:
            keys = [key for key in self.held.keys(self.bucket) if key.startswith(self.query.get("prefix", ""))]
            return 200, {}, json.dumps({"items": keys}).encode()
        return self._of_object(below[1], headers)

    def _authenticate(self) -> None:
        target, _, signature = self.path.partition("&signature=")
        name = self.query.get("key", "")
        if not signature:
            name, _, signature = self.headers.get("Authorization", "").removeprefix("Shelf ").partition(":")
        wanted = hmac.new(SECRET.encode(), f"{self.command} {target}".encode(), hashlib.sha256).hexdigest()
        if name != KEY or signature != wanted:
            raise _RefusedError(401, "UnknownKey")

    def _of_bucket(self, found: dict[str, Any] | None) -> bytes:
        if self.command == "PUT" and found is not None:
            raise _RefusedError(409, "BucketExists")
        if self.command == "DELETE":
            if self.held.keys(self.bucket):
                raise _RefusedError(409, "NotEmpty")
            self.held.drop(self.bucket)
        elif self.command != "GET":
            found = {**(found or {}), **json.loads(self.sent)}
            self.held.write(self.bucket, found)
        return json.dumps(found).encode()

    def _of_object(self, key: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        file = self.held.object(self.bucket, key)
        if self.command == "PUT":
            file.write_bytes(self.sent)
            return 200, {**headers, "ETag": '"1"'}, b""
        if self.command == "DELETE":
            file.unlink(missing_ok=True)
            return 204, {}, b""
        if not file.exists():
            raise _RefusedError(404, "NoSuchObject")
        return 200, {**headers, "ETag": '"1"'}, file.read_bytes()

    def _cors(self, rules: list[dict[str, Any]]) -> dict[str, str]:
        origin = self.headers.get("Origin", "")
        method = self.headers.get("Access-Control-Request-Method", self.command)
        for rule in rules:
            if {origin, "*"} & set(rule["AllowedOrigins"]) and method in rule["AllowedMethods"]:
                return {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
                    "Access-Control-Allow-Headers": self.headers.get("Access-Control-Request-Headers", "*"),
                    "Access-Control-Expose-Headers": ", ".join(rule.get("ExposeHeaders", [])),
                }
        return {}
