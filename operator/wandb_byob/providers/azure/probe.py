"""The data path of a container, as `providers.probing` tries it: by the SDK, and by URLs with a shared access signature."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from azure.storage.blob import BlobProperties, BlobSasPermissions

from wandb_byob.decide.clouds.azure_errors import DATA_ROLE, AzureError, error_of
from wandb_byob.decide.clouds.azure_origins import BLOB_TYPE
from wandb_byob.decide.endpoints import Endpoint
from wandb_byob.decide.probing.probes import Failure
from wandb_byob.model.checks import Check
from wandb_byob.providers.azure.api import ERRORS, Api, code_of, reading
from wandb_byob.providers.probing.door import Item, Leftover, Listing, Sweeper, Written
from wandb_byob.providers.probing.raw import EXTRA, RawRequests, page_headers
from wandb_byob.providers.transport import Reply, TransportError

_OPERATIONS: Final = {"PUT": "PutBlob", "GET": "GetBlob", "HEAD": "GetBlobProperties"}
_WRITE: Final = BlobSasPermissions(create=True, write=True)
_READ: Final = BlobSasPermissions(read=True)
_VERSION: Final = "x-ms-version-id"


@dataclass(frozen=True, kw_only=True)
class AzureDoor:
    """A container as W&B uses it; `cleaners` are those who may delete, W&B's identity first."""

    api: Api
    cleaners: tuple[Api, ...]

    errors: ClassVar = ERRORS
    put_headers: ClassVar = (BLOB_TYPE,)
    permission_to_delete: ClassVar = f"the right to delete files (such as the role {DATA_ROLE})"

    @property
    def endpoint(self) -> Endpoint:
        """Where the account is."""
        return self.api.place.session.policy.endpoint

    @property
    def last_date(self) -> str:
        """The `Date` header of the latest reply."""
        return self.api.place.session.last_date

    def put(self, key: str, body: bytes) -> Written:
        """PutBlob."""
        with reading("PutBlob"):
            reply = self.api.client.get_blob_client(key).upload_blob(body, overwrite=True)
            return Written(version=str(reply.get("version_id") or ""))

    def get(self, key: str) -> bytes:
        """GetBlob."""
        with reading("GetBlob"):
            return self.api.client.get_blob_client(key).download_blob().readall()

    def list(self, folder: str) -> Listing:
        """ListBlobs."""
        found, after = self.api.page(folder)
        return Listing(items=tuple(_item(each) for each in found), complete=after is None)

    def delete(self, key: str) -> str:
        """DeleteBlob; with versioning the content becomes an old version, and there is no marker."""
        AzureSweeper(self.api).delete(Leftover(key))
        return ""

    def signed(self, method: str, key: str, *, origin: str, body: bytes | None = None) -> Reply:
        """Use a URL with a shared access signature; the extra parameter is not signed, since Azure signs its own alone."""
        headers = page_headers(origin=origin, body=body) | ({BLOB_TYPE: "BlockBlob"} if body is not None else {})
        signature = self.api.signature(key, _WRITE if method == "PUT" else _READ)
        url = f"{self.api.blob_url(key)}?{'='.join(EXTRA)}&{signature}"
        operation = _OPERATIONS[method]
        reply = self._raw.use(operation, method, url, headers=headers, body=body)
        if not 200 <= reply.status < 300:
            raise error_of(reply.status, reply.headers, reply.body, operation=operation)
        return reply

    @property
    def _raw(self) -> RawRequests:
        return RawRequests(context=self.api.context, provider="Azure", session=self.api.place.session, code=code_of)

    def preflight(self, key: str, *, origin: str, method: str, headers: tuple[str, ...]) -> Reply:
        """Ask as a browser does."""
        return self._raw.preflight(self.api.blob_url(key), origin=origin, method=method, headers=headers)

    def version_of(self, reply: Reply) -> str:
        """Return the version that a PUT has made."""
        return reply.headers.get(_VERSION, "")

    def keeps_markers(self) -> bool:
        """Say no: a deleted file leaves old versions, which replies have told, and no marker."""
        return False

    def sweepers(self) -> tuple[Sweeper, ...]:
        """Return W&B's identity and the provisioning one."""
        return tuple(AzureSweeper(api) for api in self.cleaners)

    def status(self, error: BaseException) -> int:
        """Return the HTTP status of an error."""
        return error.status if isinstance(error, AzureError) else 0

    def explain(self, error: BaseException) -> Failure:
        """Return what an error means."""
        return self.api.explain(error).failure(final=isinstance(error, TransportError))

    def judge(self, written: Written) -> tuple[Check, ...]:
        """Say nothing: all that Azure stores is encrypted, and with which key is the account's affair."""
        return ()


@dataclass(frozen=True)
class AzureSweeper:
    """One identity that may delete."""

    api: Api

    def versions(self, folder: str) -> tuple[Item, ...]:
        """ListBlobs with old versions."""
        found, _ = self.api.page(folder, include=("versions",))
        return tuple(_item(each) for each in found)

    def delete(self, item: Leftover) -> None:
        """DeleteBlob, of one version for good; what is not there is no error."""
        version: dict[str, Any] = {"version_id": item.version} if item.version else {}
        try:
            with reading("DeleteBlob"):
                self.api.client.get_blob_client(item.key).delete_blob(**version)
        except AzureError as error:
            if error.code != "BlobNotFound":
                raise


def _item(found: BlobProperties) -> Item:
    return Item(key=str(found.name), written=found.last_modified, version=str(found.version_id or ""))
