"""Where the browser goes: sites of the contract, how W&B signs for each provider, and what is in a bucket past the operator.

A further one is a name in SITES, and a new provider a line in KINDS.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.storage.blob import BlobSasPermissions, generate_blob_sas

from browser.page import Attempt, Request
from contract.azure import AzureSite
from contract.gcs import GCSSite
from contract.provisioning import S3Site
from contract.site import Look, Site
from testbed.proxy import Fault
from wandb_byob.model.checks import Check, CheckName, CheckResult

KEY = "teams/a/media/table.json"
BODY = '{"written by": "a page of W&B"}'
BEFORE = "what was there before"
ABOUT_BROWSERS = (CheckName.CORS, CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED)
STRIPPED = Fault(without="access-control-.*")
"""What a proxy does that does not know of CORS."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A provider, used past the operator: `sign(site, method)` is W&B's signed URL, `put_headers` what its page sends with PUT beside these."""

    sign: Callable[[Any, str], str]
    read: Callable[[Any], str]
    etag: Callable[[Any], str]
    put_headers: tuple[tuple[str, str], ...] = ()


def _s3_url(site: S3Site, method: str) -> str:
    client = site.store.client(endpoint=site.endpoint or None)
    try:
        call = {"PUT": "put_object", "GET": "get_object", "HEAD": "head_object"}[method]
        return client.generate_presigned_url(call, Params={"Bucket": site.bucket, "Key": KEY})
    finally:
        client.close()


_S3 = Kind(
    sign=_s3_url,
    read=lambda site: site.client("get_object", Key=KEY)["Body"].read().decode(),
    etag=lambda site: site.client("head_object", Key=KEY)["ETag"],
)


def _gcs_url(site: GCSSite, method: str) -> str:
    return site.place.admin.signed_url(method, site.endpoint or site.place.endpoint, f"/{site.bucket}/{KEY}")


_GCS = Kind(
    sign=_gcs_url,
    read=lambda site: site.buckets.read(site.bucket, KEY)[0].decode(),
    etag=lambda site: site.buckets.read(site.bucket, KEY)[1]["Etag"],
)


def _azure_url(site: AzureSite, method: str) -> str:
    permission = BlobSasPermissions(create=True, write=True) if method == "PUT" else BlobSasPermissions(read=True)
    account = site.account
    signature = generate_blob_sas(
        account.access_key,
        site.bucket,
        KEY,
        account_key=account.secret_key,
        permission=permission,
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return f"{site.endpoint or site.store.endpoint}/{account.access_key}/{site.bucket}/{KEY}?{signature}"


_AZURE = Kind(
    sign=_azure_url,
    read=lambda site: site.client.download_blob(KEY).readall().decode(),
    etag=lambda site: site.client.get_blob_client(KEY).get_blob_properties().etag,
    put_headers=(("x-ms-blob-type", "BlockBlob"),),
)
KINDS = {"S3": _S3, "S3Compatible": _S3, "GCS": _GCS, "Azure": _AZURE}
SITES = ("S3-moto", "S3Compatible-versitygw", "S3Compatible-minio", "GCS-fake-gcs-server", "Azure-Azurite")
METHODS = ("PUT", "GET", "HEAD")


@dataclass(frozen=True, kw_only=True)
class Visited:
    """A site of the contract, by its name, with what a page of W&B asks it for."""

    name: str
    site: Site

    @property
    def kind(self) -> Kind:
        """How it is used past the operator."""
        return KINDS[self.site.spec().provider]

    @property
    def lets_everybody_in(self) -> bool:
        """Whether the store has no CORS rules of a bucket and admits every origin by itself."""
        return self.name == "S3Compatible-minio"

    def at(self, site: Site) -> "Visited":
        """The same bucket as reached otherwise."""
        return replace(self, site=site)

    def requests(self) -> list[Request]:
        """PUT, GET and HEAD with signed URLs; PUT with the headers that W&B's page sends."""
        digest = base64.b64encode(hashlib.md5(BODY.encode(), usedforsecurity=False).digest()).decode()
        headers = {"Content-Type": "application/json", "Content-MD5": digest, **dict(self.kind.put_headers)}
        put = Request(method="PUT", url=self.kind.sign(self.site, "PUT"), headers=headers, body=BODY)
        return [put, *(Request(method=method, url=self.kind.sign(self.site, method)) for method in METHODS[1:])]

    def stored(self) -> str:
        """What the object holds, by another client's word."""
        return self.kind.read(self.site)

    def said(self, *origins: str) -> dict[CheckName, Check]:
        """What the operator says of browsers at these origins (by default at the instance's host), changing nothing."""
        changes: dict[str, Any] = {"spec": {"management_policy": "Observe"}, "intended": False, "recorded": "Created"}
        if origins:
            changes["tenant"] = replace(self.site.context().tenant, origins=origins)
        look: Look = self.site.look(**changes)
        checks = (*look.found.checks, *self.site.provider.probe(self.site.context(**changes)))
        return {check.name: check for check in checks if check.name in ABOUT_BROWSERS}


def failing(said: dict[CheckName, Check]) -> set[CheckName]:
    """The checks about browsers that failed."""
    return {name for name, check in said.items() if check.result is CheckResult.FAILED}


Visit = Callable[..., Sequence[Attempt]]
"""`visit(visited, origin)`: W&B's page at this origin, by default the instance's host, uses its signed URLs."""
