"""The data path of a bucket on a shelf, as `providers.probing` tries it."""

from dataclasses import dataclass, replace
from typing import ClassVar
from urllib.parse import quote, urlencode

from wandb_byob.providers.shelf.api import Api, ShelfError, json_of

from wandb_byob.decide.endpoints import Endpoint
from wandb_byob.decide.probing.probes import Failure
from wandb_byob.model.checks import Check
from wandb_byob.model.credentials import AccessKey
from wandb_byob.providers.probing.door import Item, Leftover, Listing, Sweeper, Written
from wandb_byob.providers.transport import Reply, TransportError


@dataclass(kw_only=True)
class ShelfDoor:
    """The data path of a bucket; a shelf keeps no versions."""

    api: Api

    errors: ClassVar = (ShelfError, TransportError)
    put_headers: ClassVar[tuple[str, ...]] = ()
    permission_to_delete: ClassVar = "DeleteObject"

    @property
    def endpoint(self) -> Endpoint:
        """Where the store is."""
        return self.api.session.policy.endpoint

    @property
    def last_date(self) -> str:
        """The `Date` header of the latest reply."""
        return self.api.session.last_date

    def put(self, key: str, body: bytes) -> Written:
        """Write an object."""
        self.api.call("PutObject", "PUT", self._below(key), body=body)
        return Written()

    def get(self, key: str) -> bytes:
        """Read an object."""
        return self.api.call("GetObject", "GET", self._below(key)).body

    def list(self, folder: str) -> Listing:
        """List the objects in a folder."""
        found = json_of("ListObjects", self.api.call("ListObjects", "GET", f"/o?{urlencode({'prefix': folder})}"))
        items = found.get("items")
        if not isinstance(items, list):
            return Listing()
        return Listing(items=tuple(Item(key=key) for key in items if isinstance(key, str)))

    def delete(self, key: str) -> str:
        """Delete an object; one that is gone is no error to the store."""
        self.api.call("DeleteObject", "DELETE", self._below(key))
        return ""

    def signed(self, method: str, key: str, *, origin: str, body: bytes | None = None) -> Reply:
        """Use a signed URL."""
        return self.api.signed(method, key, origin=origin, body=body)

    def preflight(self, key: str, *, origin: str, method: str, headers: tuple[str, ...]) -> Reply:
        """Ask as a browser does."""
        return self.api.raw.preflight(self.api.base + self.api.path(key), origin=origin, method=method, headers=headers)

    def version_of(self, reply: Reply) -> str:
        """Say none."""
        return ""

    def keeps_markers(self) -> bool:
        """Say no."""
        return False

    def sweepers(self) -> tuple[Sweeper, ...]:
        """Return W&B's key and the provisioning one."""
        admin = self.api.context.admin
        return (
            ShelfSweeper(self),
            *((ShelfSweeper(replace(self, api=replace(self.api, key=admin))),) if isinstance(admin, AccessKey) else ()),
        )

    def status(self, error: BaseException) -> int:
        """Return the HTTP status of an error."""
        return error.status if isinstance(error, ShelfError) else 0

    def explain(self, error: BaseException) -> Failure:
        """Return what an error means."""
        if isinstance(error, ShelfError | TransportError):
            return self.api.explain(error).failure(final=isinstance(error, TransportError))
        raise error

    def judge(self, written: Written) -> tuple[Check, ...]:
        """Find nothing wrong with the bucket by an object."""
        return ()

    def _below(self, key: str) -> str:
        return f"/o/{quote(key, safe='/')}"


@dataclass(frozen=True)
class ShelfSweeper:
    """One key that may delete."""

    door: ShelfDoor

    def versions(self, folder: str) -> tuple[Item, ...]:
        """List the objects: there is no other version of them."""
        return self.door.list(folder).items

    def delete(self, item: Leftover) -> None:
        """Delete an object."""
        self.door.delete(item.key)
