"""The data path of a bucket in Cloud Storage, as `providers.probing` tries it: every object has a generation, which takes the place of a version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from wandb_byob.decide.clouds.gcs_errors import GcsError
from wandb_byob.decide.endpoints import Endpoint
from wandb_byob.decide.probing import probes
from wandb_byob.decide.probing.probes import Failure
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.providers.gcs.api import Api
from wandb_byob.providers.probing.door import Item, Leftover, Listing, Sweeper, Written
from wandb_byob.providers.transport import Reply, TransportError


@dataclass(kw_only=True)
class GCSDoor:
    """A bucket by the JSON API and by V4 signed URLs; `data` signs as W&B does, `admin` provisions the bucket (None: nobody does).

    `denied` is what W&B's account was first refused for want of a permission in the bucket.
    """

    data: Api
    admin: Api | None = None
    denied: Failure | None = None
    _unsigned: Failure | None = None

    errors: ClassVar = (GcsError, TransportError)
    put_headers: ClassVar[tuple[str, ...]] = ()
    permission_to_delete: ClassVar = "storage.objects.delete (and storage.objects.list, to find old generations)"

    @property
    def endpoint(self) -> Endpoint:
        """Where the service is."""
        return self.data.session.policy.endpoint

    @property
    def last_date(self) -> str:
        """The `Date` header of the latest reply."""
        return self.data.session.last_date

    def put(self, key: str, body: bytes) -> Written:
        """Write an object; it has a generation whether or not the bucket keeps old ones."""
        return Written(version=str(self.data.put(key, body).get("generation", "")), numbered=True)

    def get(self, key: str) -> bytes:
        """Read an object."""
        return self.data.get(key)

    def list(self, folder: str) -> Listing:
        """List the live objects in a folder."""
        found = self.data.list(folder)
        return Listing(items=_items(found), complete=not found.get("nextPageToken"))

    def delete(self, key: str) -> str:
        """Delete an object, or nothing; where the bucket keeps versions its generation stays, and no marker tells."""
        GCSSweeper(self.data).delete(Leftover(key))
        return ""

    def signed(self, method: str, key: str, *, origin: str, body: bytes | None = None) -> Reply:
        """Use a V4 signed URL."""
        return self.data.signed(method, key, origin=origin, body=body)

    def preflight(self, key: str, *, origin: str, method: str, headers: tuple[str, ...]) -> Reply:
        """Ask as a browser does."""
        return self.data.preflight(key, origin=origin, method=method, headers=headers)

    def version_of(self, reply: Reply) -> str:
        """Return the generation that a signed PUT has made."""
        return reply.headers.get("x-goog-generation", "")

    def keeps_markers(self) -> bool:
        """Say no: every generation was told when it was written."""
        return False

    def sweepers(self) -> tuple[Sweeper, ...]:
        """Return W&B's service account and the provisioning one."""
        return tuple(GCSSweeper(api) for api in (self.data, self.admin) if api is not None)

    def status(self, error: BaseException) -> int:
        """Return the HTTP status of an error."""
        return error.status if isinstance(error, GcsError) else 0

    def explain(self, error: BaseException) -> Failure:
        """Return what an error means."""
        if isinstance(error, GcsError | TransportError):
            failure = self.data.explain(error).failure(final=isinstance(error, TransportError))
            if failure.bucket_check is CheckName.SIGNING:
                self._unsigned = failure
            elif isinstance(error, GcsError) and error.denied:
                self.denied = self.denied or failure
            return failure
        raise error

    def judge(self, written: Written) -> tuple[Check, ...]:
        """Return whether URLs can be signed without a key file."""
        if self.data.signer.who.secret:
            return ()
        if self._unsigned is not None:
            return (probes.failed(CheckName.SIGNING, self._unsigned),)
        return (
            Check(name=CheckName.SIGNING, result=CheckResult.PASSED, message="Google signs URLs without a key file."),
        )


@dataclass(frozen=True)
class GCSSweeper:
    """One service account that may delete."""

    api: Api

    def versions(self, folder: str) -> tuple[Item, ...]:
        """List all generations in a folder."""
        return _items(self.api.list(folder, versions=True))

    def delete(self, item: Leftover) -> None:
        """Delete an object, or one generation for good; one that is gone is no error."""
        try:
            self.api.delete(item.key, item.version)
        except GcsError as error:
            if not error.missing:
                raise


def _items(listed: Mapping[str, Any]) -> tuple[Item, ...]:
    items = listed.get("items")
    return tuple(_item(each) for each in items if _is_object(each)) if isinstance(items, list) else ()


def _is_object(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _item(entry: Mapping[str, Any]) -> Item:
    try:
        written = datetime.fromisoformat(str(entry.get("timeCreated")))
    except ValueError:
        written = None
    known = written is not None and written.tzinfo is not None
    return Item(key=entry["name"], written=written if known else None, version=str(entry.get("generation", "")))
