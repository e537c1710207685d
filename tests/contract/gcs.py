"""The provider of Google Cloud Storage at its stand-in (testbed.gcs), as one more site of the contract."""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Self

from contract.provisioning import new_name
from contract.site import Site, Wire
from testbed.gcs import GoogleCloud
from testbed.gcs_buckets import ROLE, Buckets
from testbed.google_accounts import PROJECT, Account
from testbed.proxy import Fault, FaultyProxy
from wandb_byob.model import api
from wandb_byob.model.checks import CheckName
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import ServiceAccountKey
from wandb_byob.providers.gcs import GCSProvider
from wandb_byob.providers.gcs.recent import Recent

OWNER_LABEL: Final = "wandb-byob-uid"
FOREIGN_RULE: Final = {"origin": ["https://other.example.com"], "method": ["POST"], "responseHeader": ["X-Other"]}
_FOREIGN_LABEL: Final = ("team", "ml")
_FOREIGN_BINDING: Final = {"role": "roles/storage.objectViewer", "members": ["group:auditors@example.com"]}
UNDO: Final[Mapping[CheckName, Mapping[str, Any]]] = {
    CheckName.CORS: {"cors": []},
    CheckName.VERSIONING: {"versioning": {"enabled": False}},
    CheckName.SOFT_DELETE: {"softDeletePolicy": {"retentionDurationSeconds": "0"}},
    CheckName.UNIFORM_ACCESS: {"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": False}}},
    CheckName.PUBLIC_ACCESS: {"iamConfiguration": {"publicAccessPrevention": "inherited"}},
}
"""What somebody else may set back, by the check that sees it."""
_SET: Final = ("labels", "cors", "versioning", "softDeletePolicy", "iamConfiguration", "lifecycle", "location")


def error(status: int, reason: str, words: str = "canary-in-the-body") -> bytes:
    """An error reply of the JSON API."""
    told = {"code": status, "message": words, "errors": [{"domain": "global", "reason": reason, "message": words}]}
    return json.dumps({"error": told}).encode()


WIRE: Final = Wire(
    create=Fault(method="POST", target=r"^/storage/v1/b\?project="),
    configure=Fault(method="PUT", target=r"/iam$"),
    write=Fault(method="POST", target="^/upload/"),
    signed="X-Goog-Signature=",
    listing=r"/o\?prefix=[^&]*$",
    denied=Fault(status=403, body=error(403, "forbidden")),
    throttled=Fault(status=429, body=error(429, "rateLimitExceeded")),
    expired=Fault(status=401, body=error(401, "authError")),
    to_create="storage.buckets.create",
    to_configure="storage.buckets.setIamPolicy",
)
PERMISSIONS: Final[Mapping[CheckName, str]] = {
    CheckName.PUT_OBJECT: "storage.objects.create",
    CheckName.GET_OBJECT: "storage.objects.get",
    CheckName.LIST_OBJECTS: "storage.objects.list",
}
"""What W&B needs of a bucket, by the check that tries it; for the right to delete see test_gcs."""


@dataclass(frozen=True, kw_only=True)
class GCSSite(Site):
    """A bucket name of one's own at the stand-in; `endpoint` may be a proxy before it."""

    place: GoogleCloud

    @property
    def buckets(self) -> Buckets:
        """The buckets, past the operator."""
        return self.place.buckets

    @property
    def credentials(self) -> ServiceAccountKey:
        """The key file of an account that may do everything in the project."""
        return key(self.place.admin)

    def spec(self) -> api.BucketStoreSpec:
        """The BucketStore with the least that must be said; the project is that of the key file."""
        credentials = api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys"))
        return api.BucketStoreSpec(provider="GCS", credentials=credentials, gcs=api.GcsSpec(bucket=self.bucket))

    def other(self) -> Self:
        """The same with another bucket name."""
        return replace(self, bucket=new_name())

    def restarted(self) -> Self:
        """The same after a restart of the operator."""
        return replace(self, provider=provider_at(self.place, self.endpoint))

    def through(self, endpoint: str) -> Self:
        """The same with a provider that the administrator has pointed at the proxy."""
        return replace(self, endpoint=endpoint, provider=provider_at(self.place, endpoint))

    def elsewhere(self) -> dict[str, Any]:
        """Another location than Google's default."""
        return {"gcs": {"location": "EUROPE-WEST3"}}

    @contextmanager
    def behind(self) -> Iterator[tuple[Self, FaultyProxy]]:
        """The same with a provider that the administrator has pointed at a proxy."""
        with FaultyProxy(self.place.store.port) as proxy:
            yield self.through(proxy.endpoint), proxy

    def stranger(self) -> ServiceAccountKey:
        """A key file of an account that there is, with a key that is not its."""
        return key(Account(email=self.place.wandb.email))

    def make(self) -> None:
        """Make the bucket."""
        self.buckets.make(self.bucket)

    def remove(self) -> None:
        """Remove the bucket."""
        self.buckets.drop(self.bucket)

    def put(self, key: str, body: bytes = b"x") -> None:
        """Write an object."""
        self.buckets.put(self.bucket, key, body)

    def contents(self) -> list[tuple[str, str]]:
        """Objects by generation, old ones too."""
        return self.buckets.contents(self.bucket)

    def leave(self, what: str) -> None:
        """An object, or an old generation of one."""
        self.put("file")
        if what == "version":
            self.buckets.remove(self.bucket, "file")

    def resource(self) -> dict[str, Any]:
        """The bucket's resource."""
        found = self.buckets.resource(self.bucket)
        assert found is not None
        return found

    def configuration(self) -> dict[str, Any]:
        """The fields of the resource that may be set, and the bindings of the IAM policy."""
        found = self.resource()
        return {name: found[name] for name in _SET if name in found} | {"bindings": self.bindings()}

    def bindings(self) -> list[dict[str, Any]]:
        """The bindings of the IAM policy."""
        found: list[dict[str, Any]] = self.buckets.policy(self.bucket)["bindings"]
        return found

    def mark(self) -> str:
        """A label; its value can hold no colon."""
        found: str = self.resource().get("labels", {}).get(OWNER_LABEL, "")
        return found.replace("adopted-", "adopted:")

    def set_mark(self, mark: str) -> None:
        """A label."""
        self.buckets.update(self.bucket, labels={OWNER_LABEL: mark.replace(":", "-")})

    def dress(self) -> None:
        """A label, a CORS rule and a binding."""
        self.buckets.update(self.bucket, labels=dict([_FOREIGN_LABEL]), cors=[FOREIGN_RULE])
        self.buckets.set_policy(self.bucket, [*self.bindings(), _FOREIGN_BINDING])

    def theirs(self) -> Any:
        """Those that are still there, word for word."""
        found = self.resource()
        return (
            [label for label in found["labels"].items() if label == _FOREIGN_LABEL],
            [rule for rule in found["cors"] if rule == FOREIGN_RULE],
            [binding for binding in self.bindings() if binding == _FOREIGN_BINDING],
        )

    def expire(self, prefix: str, *, name: str) -> str:
        """A lifecycle rule, which has no name at Google: the prefix tells it."""
        rule = {"action": {"type": "Delete"}, "condition": {"age": 30, "matchesPrefix": [prefix]}}
        self.buckets.update(self.bucket, lifecycle={"rule": [rule]})
        return prefix

    def let_everybody_in(self) -> None:
        """A rule for all origins and headers (not W&B's own sample, whose exposeHeaders Google does not have)."""
        rule = {"origin": ["*"], "method": ["GET", "HEAD", "PUT"], "responseHeader": ["*"], "maxAgeSeconds": 3000}
        self.buckets.update(self.bucket, cors=[rule])

    def take_away(self, aspect: CheckName) -> None:
        """Set it back to what a bare bucket has."""
        if aspect is CheckName.POLICY:
            self.buckets.set_policy(self.bucket, [each for each in self.bindings() if each["role"] != ROLE])
        else:
            self.buckets.update(self.bucket, **UNDO[aspect])

    @contextmanager
    def limited(self, without: CheckName) -> Iterator[ServiceAccountKey]:
        """An account of the project that lacks a permission."""
        yield self.lacking(PERMISSIONS[without])

    def lacking(self, *lacks: str) -> ServiceAccountKey:
        """The key file of an account of its own that may do everything in the project but this."""
        email = f"limited-{self.bucket}@{PROJECT}.iam.gserviceaccount.com"
        return key(self.place.front.accounts.add(email, everywhere=True, lacks=lacks))


def key(account: Account) -> ServiceAccountKey:
    """An account's key file as the operator holds it."""
    return ServiceAccountKey(account.key_file())


def provider_at(place: GoogleCloud, endpoint: str = "", *, recent: Recent | None = None) -> GCSProvider:
    """The provider as an administrator points it at the stand-in, or at a proxy before it.

    By its clock all that it did was ten minutes ago, unless a test gives it another (`recent`): Google's limits are then kept, and
    every grant is known.
    """
    endpoints = CloudEndpoints(
        gcs=endpoint or place.endpoint, gcs_iam=place.iam.endpoint, gcs_metadata=place.metadata.endpoint
    )
    return GCSProvider(endpoints, recent=recent or Recent(clock=partial(next, itertools.count(0, 600))))


def site_at(place: GoogleCloud) -> GCSSite:
    """A site with a new bucket name and a provider of its own."""
    return GCSSite(place=place, provider=provider_at(place), bucket=new_name())
