"""What the tests of the data path share: buckets as W&B wants them, looks at them, and what was left behind."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from contract.provisioning import access_key
from testbed.coreweave import CoreWeave
from testbed.stores import Store
from wandb_byob.model import api
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import Credentials
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers.base import Context, Tenant

ORIGIN = "https://wandb.example.com"
RULE = {
    "AllowedHeaders": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedOrigins": [ORIGIN],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 3000,
}
UID = "11111111-2222-3333-4444-555555555555"


def new_bucket(store: Store, *, cors: Mapping[str, Any] | None = RULE, versioning: str = "") -> str:
    """A bucket of its own for a test. MinIO has no CORS configuration of a bucket and lets every origin in."""
    name = f"probe-{uuid.uuid4().hex[:12]}"
    client = store.client()
    try:
        client.create_bucket(Bucket=name)
        if cors is not None and store.name != "minio":
            rules: Any = {"CORSRules": [cors]}
            client.put_bucket_cors(Bucket=name, CORSConfiguration=rules)
        if versioning:
            status: Any = {"Status": versioning}
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration=status)
    finally:
        client.close()
    return name


def context(
    store: Store,
    bucket: str,
    *,
    paths: Sequence[str] = ("teams/a",),
    data: Credentials | None = None,
    admin: Credentials | None = None,
    endpoint: str = "",
    allowed: Sequence[str] = ("127.0.0.1",),
    origins: Sequence[str] = (ORIGIN,),
    ca_bundle: str | None = None,
    fence: Callable[[], None] = lambda: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Context:
    """One look at a bucket as an S3-compatible one; W&B signs as root unless `data` says otherwise."""
    block = api.S3CompatibleSpec(bucket=bucket, endpoint=endpoint or store.endpoint, region=store.region)
    return Context(
        spec=api.BucketStoreSpec(
            provider="S3Compatible",
            credentials=api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys")),
            s3_compatible=block,
        ),
        uid=UID,
        tenant=Tenant(deployment_type="SelfManaged", origins=tuple(origins)),
        data=data or access_key(store.keys),
        admin=admin,
        paths=tuple(paths),
        ca_bundle=ca_bundle,
        allowed_endpoints=tuple(allowed),
        fence=fence,
        recorder=NullRecorder(),
        now=now,
    )


def with_result(checks: Sequence[Check], *results: CheckResult) -> set[CheckName]:
    """The names of the checks with one of these results."""
    return {check.name for check in checks if check.result in results}


def failing(checks: Sequence[Check]) -> set[CheckName]:
    """The names of the checks that failed or warn."""
    return with_result(checks, CheckResult.FAILED, CheckResult.WARNING)


def one(checks: Sequence[Check], name: CheckName, path: str | None = None) -> Check:
    """The one check of this name (under a path)."""
    (found,) = [check for check in checks if check.name == name and path in (None, check.path)]
    return found


def contents(store: Store | CoreWeave, bucket: str) -> list[tuple[str, str]]:
    """Everything in a bucket: objects, versions and delete markers, by key and version."""
    client = store.client()
    try:
        listed = client.list_object_versions(Bucket=bucket)
    finally:
        client.close()
    entries: list[Any] = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
    return sorted((entry["Key"], entry["VersionId"]) for entry in entries)
