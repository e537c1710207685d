"""What a probe asks of a store, and what it gets back: the one part of it that each provider has for itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wandb_byob.decide.endpoints import Endpoint
from wandb_byob.decide.probing.probes import Failure
from wandb_byob.model.checks import Check
from wandb_byob.providers.transport import Reply


@dataclass(frozen=True, order=True)
class Leftover:
    """One object or one version of it ("" on a bucket without versioning)."""

    key: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.key} (version {self.version})" if self.version else self.key


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the reply to a PUT tells: the object's version ("": the bucket keeps none), how it is encrypted and with which key.

    `numbered`: the version is a number that each object has, also where the bucket keeps no old ones.
    """

    version: str = ""
    numbered: bool = False
    encryption: str = ""
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One object, or one version of it, in a listing; `written` is None where the store does not say when."""

    key: str
    written: datetime | None = None
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The first page of what is in a folder; not `complete`: there is more."""

    items: tuple[Item, ...] = ()
    complete: bool = True


class Sweeper(Protocol):
    """One identity that may delete what a probe wrote; its calls raise the door's errors."""

    def versions(self, folder: str) -> tuple[Item, ...]:
        """List all versions in a folder, markers of deletion among them."""

    def delete(self, item: Leftover) -> None:
        """Delete an object, or this version of it for good."""


class Door(Protocol):
    """One bucket as W&B uses it: with the SDK of its cloud, and by signed URLs. Every call raises one of `errors`, `TransportError` among them."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """Everything that a call raises, apart from errors of the domain (a lost Lease, a refused endpoint)."""

    @property
    def endpoint(self) -> Endpoint:
        """Where the store is."""

    @property
    def put_headers(self) -> tuple[str, ...]:
        """What a browser's PUT must carry at this store besides the usual headers, in lower case."""

    @property
    def last_date(self) -> str:
        """The `Date` header of the store's latest reply, "" where there was none."""

    def put(self, key: str, body: bytes) -> Written:
        """Write an object."""

    def get(self, key: str) -> bytes:
        """Read an object."""

    def list(self, folder: str) -> Listing:
        """List the objects in a folder."""

    def delete(self, key: str) -> str:
        """Delete an object; returns the version of the marker that this left, "" for none."""

    def signed(self, method: str, key: str, *, origin: str, body: bytes | None = None) -> Reply:
        """Use a signed URL with an extra parameter (`X-User`) as a page of `origin` ("": no page) does; raises for an error reply."""

    def preflight(self, key: str, *, origin: str, method: str, headers: tuple[str, ...]) -> Reply:
        """Ask as a browser does before it sends; raises nothing but TransportError."""

    def version_of(self, reply: Reply) -> str:
        """Return the version that a signed PUT has made, "" for none."""

    def keeps_markers(self) -> bool:
        """Say whether deleting may leave something that no reply tells of; asked only after a deletion."""

    def sweepers(self) -> tuple[Sweeper, ...]:
        """Return who may delete: W&B's identity first, then whoever provisions the bucket."""

    def status(self, error: BaseException) -> int:
        """Return the HTTP status of an error, 0 where there was no answer."""

    def explain(self, error: BaseException) -> Failure:
        """Return what an error means."""

    def judge(self, written: Written) -> tuple[Check, ...]:
        """Return what the calls have shown of the whole bucket, such as that another key is used than the one asked for."""

    @property
    def permission_to_delete(self) -> str:
        """What the identity lacks that cannot clean up, in the store's own words."""
