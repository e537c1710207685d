"""The data path of a bucket with the S3 API, as `providers.probing` tries it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from wandb_byob.decide.endpoints import Endpoint
from wandb_byob.decide.probing import probes
from wandb_byob.decide.probing.probes import Failure
from wandb_byob.model.checks import Check
from wandb_byob.model.credentials import Credentials
from wandb_byob.providers.base import Context
from wandb_byob.providers.probing import look
from wandb_byob.providers.probing.door import Item, Leftover, Listing, Sweeper, Written
from wandb_byob.providers.s3 import errors
from wandb_byob.providers.s3.signed import SignedAccess, explained, signed_access
from wandb_byob.providers.s3.target import Target, target_of
from wandb_byob.providers.transport import Reply, TransportError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Open = Callable[[Context, Credentials], AbstractContextManager["S3Client"]]
"""What `session.Clients.open` is."""


def probe(context: Context, *, open_client: Open) -> tuple[Check, ...]:
    """Try every declared path with `context.data`; returns nothing where nobody here can sign for W&B.

    Raises `Stalled` for an endpoint that may not be used, and whatever `context.fence` raises.
    """
    if context.data is None:
        return ()
    target = target_of(context.spec, context.endpoint)
    access = signed_access(context, target, context.data)
    with open_client(context, context.data) as client:
        door = S3Door(client=client, context=context, target=target, access=access, open_client=open_client)
        return look.probe(context, door)


@dataclass(kw_only=True)
class S3Door:
    """A bucket by the S3 API; for one look of one thread."""

    client: "S3Client"
    context: Context
    target: Target
    access: SignedAccess
    open_client: Open
    _versioning: str | None = None

    errors: ClassVar = errors.SDK_ERRORS
    put_headers: ClassVar[tuple[str, ...]] = ()
    permission_to_delete: ClassVar = "s3:DeleteObject (and s3:DeleteObjectVersion on a versioned bucket)"

    @property
    def endpoint(self) -> Endpoint:
        """Where the store is."""
        return self.access.raw.session.policy.endpoint

    @property
    def last_date(self) -> str:
        """The `Date` header of the latest reply to a signed URL or a preflight."""
        return self.access.raw.session.last_date

    def put(self, key: str, body: bytes) -> Written:
        """PutObject."""
        reply = self.client.put_object(Bucket=self.target.bucket, Key=key, Body=body)
        return Written(
            version=reply.get("VersionId", ""),
            encryption=reply.get("ServerSideEncryption", ""),
            key=reply.get("SSEKMSKeyId", ""),
        )

    def get(self, key: str) -> bytes:
        """GetObject."""
        return self.client.get_object(Bucket=self.target.bucket, Key=key)["Body"].read()

    def list(self, folder: str) -> Listing:
        """ListObjectsV2."""
        reply = self.client.list_objects_v2(Bucket=self.target.bucket, Prefix=folder)
        items = tuple(_item(entry) for entry in reply.get("Contents", ()) if "Key" in entry)
        return Listing(items=items, complete=not reply.get("IsTruncated"))

    def delete(self, key: str) -> str:
        """DeleteObject; on a versioned bucket that leaves a delete marker."""
        reply = self.client.delete_object(Bucket=self.target.bucket, Key=key)
        return reply.get("VersionId", "") if reply.get("DeleteMarker") else ""

    def signed(self, method: str, key: str, *, origin: str, body: bytes | None = None) -> Reply:
        """Use a pre-signed URL."""
        return self.access.call(method, key, origin=origin, body=body)

    def preflight(self, key: str, *, origin: str, method: str, headers: tuple[str, ...]) -> Reply:
        """Ask as a browser does."""
        return self.access.preflight(key, origin=origin, method=method, headers=headers)

    def version_of(self, reply: Reply) -> str:
        """Return the version that a PUT has made."""
        return reply.headers.get("x-amz-version-id", "")

    def keeps_markers(self) -> bool:
        """Say whether versioning was ever on: where it is suspended, MinIO leaves markers without saying so."""
        if self._versioning is None:
            try:
                self._versioning = self.client.get_bucket_versioning(Bucket=self.target.bucket).get("Status", "")
            except errors.SDK_ERRORS as error:
                self._versioning = "" if errors.is_unsupported(error, self.target) else "Unknown"
        return self._versioning != ""

    def sweepers(self) -> tuple[Sweeper, ...]:
        """Return W&B's identity and the provisioning one."""
        signers = (self.context.data, self.context.admin)
        return tuple(S3Sweeper(self, signer) for signer in signers if signer is not None)

    def status(self, error: BaseException) -> int:
        """Return the HTTP status of an error."""
        return errors.status(error)

    def explain(self, error: BaseException) -> Failure:
        """Return what an error means; the keys, or the identity, are W&B's."""
        return explained(error, self.target, self.context.data).failure(final=isinstance(error, TransportError))

    def judge(self, written: Written) -> tuple[Check, ...]:
        """Compare the KMS key that was used with the one asked for."""
        wrong_key = probes.key_check(wanted=self.target.kms_key_arn, used=written.key)
        return (wrong_key,) if wrong_key else ()


@dataclass(frozen=True)
class S3Sweeper:
    """One identity that may delete."""

    door: S3Door
    signer: Credentials

    def versions(self, folder: str) -> tuple[Item, ...]:
        """ListObjectVersions, with the delete markers."""
        with self._client() as client:
            listed = client.list_object_versions(Bucket=self.door.target.bucket, Prefix=folder)
        entries: list[Any] = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
        return tuple(_item(entry) for entry in entries if "Key" in entry and "VersionId" in entry)

    def delete(self, item: Leftover) -> None:
        """DeleteObject, of one version for good."""
        version = {"VersionId": item.version} if item.version else {}
        with self._client() as client:
            client.delete_object(Bucket=self.door.target.bucket, Key=item.key, **version)  # type: ignore[arg-type]

    def _client(self) -> AbstractContextManager["S3Client"]:
        return self.door.open_client(self.door.context, self.signer)


def _item(entry: Any) -> Item:
    return Item(key=entry["Key"], written=entry.get("LastModified"), version=entry.get("VersionId", ""))
