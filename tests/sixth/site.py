"""The made-up provider at its store, as one more site of the contract; as a plugin of pytest it starts the store."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import pytest
from wandb_byob.providers.shelf import ShelfProvider  # type: ignore[import-not-found]  # only in the copy of project.py

from contract.provisioning import FOREIGN_RULE, new_name
from contract.site import Need, Place, Site, Wire
from sixth import server
from sixth.server import KEY, SECRET, Shelf
from testbed.proxy import Fault, FaultyProxy
from wandb_byob.model import api
from wandb_byob.model.checks import CheckName
from wandb_byob.model.credentials import AccessKey

_OWNER: Final = "byob.wandb.com/owner"


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The store."""
    with server.running(tmp_path_factory.mktemp("shelf")) as running:
        yield running


@dataclass(frozen=True, kw_only=True)
class ShelfSite(Site):
    """A bucket name of one's own."""

    store: Shelf

    @property
    def credentials(self) -> AccessKey:
        """The store's only key."""
        return AccessKey(access_key_id=KEY, secret_access_key=SECRET)

    def spec(self) -> api.BucketStoreSpec:
        """The BucketStore with the least that must be said."""
        credentials = api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys"))
        block = api.ShelfSpec(bucket=self.bucket, endpoint=self.endpoint or self.store.endpoint)  # type: ignore[attr-defined]
        return api.BucketStoreSpec(provider="Shelf", credentials=credentials, shelf=block)  # type: ignore[arg-type,call-arg]

    def other(self) -> Self:
        """The same with another bucket name."""
        return replace(self, bucket=new_name())

    def restarted(self) -> Self:
        """The same after a restart."""
        return replace(self, provider=ShelfProvider())

    def elsewhere(self) -> dict[str, Any]:
        """A shelf is in one place."""
        raise NotImplementedError

    @contextmanager
    def behind(self) -> Iterator[tuple[Self, FaultyProxy]]:
        """Through a proxy of its own."""
        with FaultyProxy(self.store.port) as proxy:
            yield self.through(proxy.endpoint), proxy

    def stranger(self) -> AccessKey:
        """Another secret."""
        return AccessKey(access_key_id=KEY, secret_access_key="canary-secret-of-a-stranger")

    @contextmanager
    def limited(self, without: CheckName) -> Iterator[AccessKey]:
        """The store has one key."""
        raise NotImplementedError
        yield

    def make(self) -> None:
        """Make the bucket."""
        self.store.write(self.bucket, {})

    def remove(self) -> None:
        """Remove it."""
        self.store.drop(self.bucket)

    def put(self, key: str, body: bytes = b"x") -> None:
        """Write a file."""
        self.store.object(self.bucket, key).write_bytes(body)

    def contents(self) -> list[tuple[str, str]]:
        """All keys; there are no versions."""
        return [(key, "") for key in self.store.keys(self.bucket)]

    def leave(self, what: str) -> None:
        """An object."""
        self.put("file")

    def configuration(self) -> dict[str, Any]:
        """The bucket's resource."""
        found = self.store.read(self.bucket)
        assert found is not None
        return found

    def mark(self) -> str:
        """A label."""
        found: str = self.configuration().get("labels", {}).get(_OWNER, "")
        return found

    def set_mark(self, mark: str) -> None:
        """A label."""
        self.store.write(self.bucket, {"labels": {_OWNER: mark}})

    def dress(self) -> None:
        """A label and a rule."""
        self.store.write(self.bucket, {"labels": {"team": "ml"}, "cors": [dict(FOREIGN_RULE)]})

    def theirs(self) -> Any:
        """Those that are still there."""
        found = self.configuration()
        return found["labels"].get("team"), [rule for rule in found["cors"] if rule == FOREIGN_RULE]

    def expire(self, prefix: str, *, name: str) -> str:
        """Nothing on a shelf expires."""
        raise NotImplementedError

    def let_everybody_in(self) -> None:
        """W&B's own sample."""
        methods = ["GET", "HEAD", "PUT"]
        rule = {"AllowedHeaders": ["*"], "AllowedMethods": methods, "AllowedOrigins": ["*"], "ExposeHeaders": ["ETag"]}
        self.store.write(self.bucket, {**self.configuration(), "cors": [rule]})

    def take_away(self, aspect: CheckName) -> None:
        """The rules."""
        assert aspect is CheckName.CORS
        self.store.write(self.bucket, {**self.configuration(), "cors": []})


def _error(code: str) -> bytes:
    return f'{{"code": "{code}", "text": "canary-in-the-body"}}'.encode()


_NONE: Final[Mapping[Need, str]] = dict.fromkeys(
    (
        Need.USERS, Need.REGION, Need.POLICY, Need.VERSIONING, Need.SOFT_DELETE, Need.ENCRYPTION, Need.PUBLIC_ACCESS,
        Need.LIFECYCLE, Need.UPLOADS,
    ),
    "a shelf has none",
)  # fmt: skip
PLACE: Final = Place(
    provider="Shelf",
    server="shelf",
    fixture="shelf",
    at=lambda store: ShelfSite(provider=ShelfProvider(), bucket=new_name(), store=store),
    created=("GetBucket", "GetBucket", "CreateBucket"),
    looked=("GetBucket",),
    repairs={CheckName.CORS: "PatchBucket"},
    wire=Wire(
        create=Fault(method="PUT", target=r"^/b/[^/]+$"),
        configure=Fault(method="PUT", target=r"^/b/[^/]+$"),
        write=Fault(method="PUT", target="/o/"),
        signed="signature=",
        listing=r"/o\?prefix=",
        denied=Fault(status=403, body=_error("Denied")),
        throttled=Fault(status=429, body=_error("SlowDown")),
        expired=Fault(status=401, body=_error("ExpiredKey")),
        to_create="write",
        to_configure="write",
    ),
    planned=frozenset({"Owner", "CORS"}),
    leftovers=("object",),
    lacks=_NONE,
)
