"""What the tests of provisioning share: a provider at a real store, looks at a bucket, and what is in it by another client's word."""

import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self

from botocore.exceptions import ClientError

from testbed.stores import Keys, Store
from wandb_byob.model import api
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.providers.base import Context, Provisioned, Tenant
from wandb_byob.providers.s3 import S3Provider

ORIGIN = "https://wandb.example.com"
ROLE = "arn:aws:iam::111122223333:role/wandb"
UID = "0a1b2c3d-0000-4000-8000-000000000001"
OTHER_UID = "0a1b2c3d-0000-4000-8000-000000000002"
OWNER_TAG = "byob.wandb.com/owner"
FOREIGN_RULE = {
    "AllowedMethods": ["POST"],
    "AllowedOrigins": ["https://other.example.com"],
    "AllowedHeaders": ["x-other"],
}


@dataclass
class Calls(NullRecorder):
    """The calls that the operator counted, in order."""

    made: list[tuple[str, str]] = field(default_factory=list)

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        """Note the call."""
        self.made.append((operation, result))

    @property
    def operations(self) -> list[str]:
        """The operations alone."""
        return [operation for operation, _ in self.made]

    @property
    def writes(self) -> list[str]:
        """Those that change something."""
        return [operation for operation in self.operations if operation.startswith(("Put", "Create", "Delete"))]


def _name() -> str:
    return f"acme-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, kw_only=True)
class Site:
    """One kind of provider at one real store; `endpoint` may be a proxy before it."""

    kind: str
    store: Store
    provider: S3Provider = field(default_factory=lambda: _PROVIDER)
    bucket: str = field(default_factory=_name)
    endpoint: str = ""

    @property
    def keys(self) -> AccessKey:
        """The store's root keys as the operator holds them."""
        return access_key(self.store.keys)

    def context(self, **changes: Any) -> Context:
        """One look at the bucket, as a new BucketStore that may create it, whose credentials are the store's root keys; `spec` adds to that."""
        spec = replace_spec(self._spec(), **changes.pop("spec", {}))
        known: dict[str, Any] = {
            "spec": spec,
            "uid": UID,
            "tenant": Tenant(deployment_type="SelfManaged", origins=(ORIGIN,), identity=ROLE),
            "data": self.keys,
            "admin": self.keys,
            "paths": ("teams/a",),
            "intended": True,
            "allowed_endpoints": ("127.0.0.1",),
            "recorder": Calls(),
            "now": lambda: datetime.now(UTC),
        }
        return Context(**{**known, **changes})

    def _spec(self) -> api.BucketStoreSpec:
        credentials = api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys"))
        endpoint = self.endpoint or self.store.endpoint
        if self.kind == "S3":
            s3 = api.S3Spec(bucket=self.bucket, region=self.store.region, endpoint=endpoint)
            return api.BucketStoreSpec(provider="S3", credentials=credentials, s3=s3)
        block = api.S3CompatibleSpec(bucket=self.bucket, region=self.store.region, endpoint=endpoint)
        return api.BucketStoreSpec(provider="S3Compatible", credentials=credentials, s3_compatible=block)

    def look(self, **changes: Any) -> "Look":
        """Provision once, as the reconciler does for a bucket that it means to create."""
        context = self.context(**changes)
        return Look(calls=calls_of(context), found=self.provider.provision(context))

    def later(self, **changes: Any) -> "Look":
        """Provision once more, as the reconciler does when status.bucket is there."""
        return self.look(**{"intended": False, "recorded": "Created", **changes})

    def client(self, call: str, **arguments: Any) -> Any:
        """Make one call as root, past the operator."""
        return getattr(self.raw(), call)(Bucket=self.bucket, **arguments)

    def raw(self) -> Any:
        """Another client, as root."""
        if self.store.endpoint not in _RAW:
            _RAW[self.store.endpoint] = self.store.client()
        return _RAW[self.store.endpoint]

    def new_provider(self) -> S3Provider:
        """A provider that has forgotten everything."""
        return S3Provider()

    def other(self) -> Self:
        """The same with another bucket name."""
        return replace(self, bucket=_name())

    def restarted(self) -> Self:
        """The same after a restart of the operator."""
        return replace(self, provider=self.new_provider())

    def configuration(self) -> dict[str, Any]:
        """All that is set on the bucket, by another client's word; what the store does not offer or has not set is left out."""
        found: dict[str, Any] = {}
        for call, key in _CONFIGURATION.items():
            with suppress(ClientError):
                answer = self.client(call)
                if key in answer:
                    found[key] = json.loads(answer[key]) if key == "Policy" else answer[key]
        return found

    def tags(self) -> dict[str, str]:
        """The bucket's tags."""
        return {tag["Key"]: tag["Value"] for tag in self.configuration().get("TagSet", [])}


_PROVIDER: S3Provider = S3Provider()
"""One for the test session, as for an operator; a test that restarts the operator makes its own."""

_RAW: dict[str, Any] = {}
"""One client for each store of the test session: making one takes longer than any call."""

_CONFIGURATION = {
    "get_bucket_tagging": "TagSet",
    "get_bucket_cors": "CORSRules",
    "get_bucket_policy": "Policy",
    "get_bucket_versioning": "Status",
    "get_bucket_encryption": "ServerSideEncryptionConfiguration",
    "get_public_access_block": "PublicAccessBlockConfiguration",
    "get_bucket_lifecycle_configuration": "Rules",
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look at a bucket called and found."""

    calls: Calls
    found: Provisioned

    def check(self, name: CheckName) -> Check:
        """The one check of this name."""
        (found,) = [check for check in self.found.checks if check.name is name]
        return found

    def results(self, *results: CheckResult) -> set[CheckName]:
        """The names of the checks with one of these results."""
        return {check.name for check in self.found.checks if check.result in results}


def calls_of(context: Context) -> Calls:
    """The calls counted for a context."""
    assert isinstance(context.recorder, Calls)
    return context.recorder


def access_key(keys: Keys) -> AccessKey:
    """The store's keys as the operator holds them."""
    return AccessKey(access_key_id=keys.access_key, secret_access_key=keys.secret_key)


def replace_spec(spec: api.BucketStoreSpec, **changes: Any) -> api.BucketStoreSpec:
    """The specification with fields changed; `s3`, `s3_compatible` and `core_weave` may be dicts of changes to the block."""
    for block in ("s3", "s3_compatible", "core_weave"):
        if isinstance(changes.get(block), dict):
            changes[block] = _changed(getattr(spec, block), changes[block])
    made: api.BucketStoreSpec = _changed(spec, changes)
    return made


def _changed(struct: Any, changes: dict[str, Any]) -> Any:
    return type(struct)(**{name: getattr(struct, name) for name in struct.__struct_fields__} | changes)


class KilledError(RuntimeError):
    """The operator ends here."""


def killed_before(number: int) -> Callable[[], None]:
    """A fence at which the operator dies before its write of this number, counted from 0."""
    writes = iter(range(1000))

    def fence() -> None:
        if next(writes) == number:
            raise KilledError

    return fence
