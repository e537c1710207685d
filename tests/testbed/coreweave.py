"""CoreWeave's AI Object Storage in small: versitygw with buckets in the host name, behind a proxy that speaks TLS 1.3.

Real are the signatures over the virtual host, TLS, CORS, preflights and versions. The bucket policy is the stand-in's own: versitygw takes
only principals that are its users, so the proxy keeps the documents, refuses what has not CoreWeave's form, and enforces nothing.
"""

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from testbed import certificates, stores
from testbed.faults import Recorded
from testbed.object_store import s3_client
from testbed.proxy import FaultyProxy, Response
from testbed.stores import VersityGW

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DOMAIN: Final = "cwobject.localhost"
ZONE: Final = "US-EAST-04A"
_WANDB: Final = "arn:aws:iam::wandb:static/"


class Front(FaultyProxy):
    """The proxy, with a certificate for the domain and the buckets below it."""

    def __init__(
        self, store_port: int, pair: certificates.KeyPair, *, oldest: ssl.TLSVersion, newest: ssl.TLSVersion
    ) -> None:
        super().__init__(store_port, certificate=pair.certificate, key=pair.key, versions=(oldest, newest))
        self._mutex = threading.Lock()
        self._policies: dict[str, str] = {}

    @property
    def endpoint(self) -> str:
        """What the administrator would write in --coreweave-endpoint."""
        return f"https://{DOMAIN}:{self.port}"

    def stand_in(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Answer what is about a bucket's policy; all else is the store's."""
        parts = urlsplit(target)
        if parts.path != "/" or "policy" not in parse_qs(parts.query, keep_blank_values=True):
            return None
        bucket = _bucket(headers)
        with self._mutex:
            if method == "PUT":
                if not _well_formed(body):
                    return _error(400, "MalformedPolicy")
                self._policies[bucket] = body.decode()
            elif method == "DELETE":
                self._policies.pop(bucket, None)
            elif bucket in self._policies:
                return Response(200, [("Content-Type", "application/json")], self._policies[bucket].encode())
            else:
                return _error(404, "NoSuchBucketPolicy")
        return Response(204, [], b"")

    def record(self, request: Recorded) -> None:
        """Note a request; with a bucket goes its policy."""
        super().record(request)
        if request.method == "DELETE" and request.path == "/" and not request.query and request.status == 204:
            with self._mutex:
                self._policies.pop(_bucket(request.headers), None)


def _bucket(headers: Mapping[str, str]) -> str:
    host = next((value for name, value in headers.items() if name.lower() == "host"), "")
    return host.partition(".")[0]


def _well_formed(body: bytes) -> bool:
    """Say whether the document's statements have CoreWeave's principals, and W&B's has a condition."""
    try:
        statements = json.loads(body)["Statement"]
        return bool(statements) and all(_has_principal(statement) for statement in statements)
    except (ValueError, KeyError, TypeError):
        return False


def _has_principal(statement: Mapping[str, Any]) -> bool:
    names = statement["Principal"]["CW"]
    listed = [names] if isinstance(names, str) else names
    return all(name.startswith("arn:aws:iam::") and name.count("arn:") in (1, 2) for name in listed)


def _error(status: int, code: str) -> Response:
    return Response(status, [("Content-Type", "application/xml")], f"<Error><Code>{code}</Code></Error>".encode())


@dataclass(frozen=True, kw_only=True)
class CoreWeave:
    """The running stand-in: the store, what stands before it, and whom to trust."""

    store: VersityGW
    front: Front
    authority: Path

    @property
    def endpoint(self) -> str:
        """Where it answers; buckets are subdomains."""
        return self.front.endpoint

    def client(self) -> "S3Client":
        """A client as root, by the host name. The caller closes it."""
        return s3_client(self.endpoint, self.store.keys, region=ZONE, authority=self.authority, addressing="virtual")

    def stop(self) -> None:
        """End both."""
        self.front.__exit__(None, None, None)
        self.store.stop()


def start_coreweave(
    folder: Path, *, oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> CoreWeave:
    """Start the store and the proxy; `newest` TLS 1.2 is what must be refused."""
    authority = certificates.Authority(folder / "tls")
    store = stores.start_versitygw(folder, virtual_domain=DOMAIN, region=ZONE)
    front = Front(store.port, authority.issue("front", DOMAIN, f"*.{DOMAIN}"), oldest=oldest, newest=newest)
    front.__enter__()
    return CoreWeave(store=store, front=front, authority=authority.certificate)
