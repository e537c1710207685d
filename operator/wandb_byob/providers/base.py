"""What one storage provider must have: the Protocol, and what it is given and gives back.

A provider's pure parts come first (validate, identity, address), its I/O after (observe, apply, probe, delete).
Errors that a user can act on are raised as `Stalled` or `Waiting` (model.errors) with translated text; a provider
never lets a raw SDK exception, a raw response body or a secret out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from wandb_byob.decide.bucket_owner import MARK, Grounds
from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.checks import Check
from wandb_byob.model.credentials import Credentials
from wandb_byob.model.recorder import Recorder
from wandb_byob.model.texts import clean

DeploymentType = Literal["SelfManaged", "DedicatedCloud", "MultiTenantCloud"]


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """What a bucket must know of the W&B that reads it (from its WandbInstance).

    `origins`: what CORS must allow, by default the instance's `host` ("": not known), itself an origin. `identity`: the principal that W&B's pods run as
    (SelfManaged), `None` where unknown. `org_id`: CoreWeave's `wandb:OrgID`.
    """

    deployment_type: DeploymentType
    origins: tuple[str, ...]
    identity: str | None = None
    org_id: str | None = None
    host: str = ""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One look at one bucket: the specification, who asks, and the means.

    `uid` is the BucketStore's: the ownership tag. `data` signs as W&B would (`None`: nobody here can), `admin` provisions
    (`None`: provisioning is None). `paths` are the declared sub-paths ("" = root); nothing is written outside them.
    `intended` says that the recorded intent allows to create the bucket, and to take an untagged, empty one as created by us
    before a crash. `recorded` is what `status.bucket` says already ("" for nothing): how we hold a bucket whose store keeps no tags.
    `fence` raises when leadership is lost and is called before every cloud write.
    `allowed_endpoints` is the administrator's list of non-public endpoints. `endpoint` is set by a provider itself: where the
    administrator says that its cloud is reached ("": at its public name).
    """

    spec: BucketStoreSpec
    uid: str
    tenant: Tenant
    data: Credentials | None
    admin: Credentials | None
    paths: tuple[str, ...]
    ca_bundle: str | None = None
    intended: bool = False
    recorded: Literal["Created", "Adopted", ""] = ""
    allowed_endpoints: tuple[str, ...] = ()
    endpoint: str = ""
    fence: Callable[[], None] = field(default=lambda: None)
    recorder: Recorder
    now: Callable[[], datetime]

    @property
    def manages(self) -> bool:
        """Whether the bucket may be written."""
        return self.admin is not None and self.spec.management_policy == "Manage"

    @property
    def looks_as(self) -> Credentials | None:
        """Who looks at the bucket: who provisions it, else whoever signs for W&B (None: nobody here can)."""
        return self.admin if self.admin is not None else self.data

    def grounds(self, bucket: str, *, mark: str = MARK) -> Grounds:
        """Return what decides whether a bucket that is there may be configured; `mark` is where its store keeps whose it is."""
        adopt = self.spec.adoption_policy == "Adopt"
        return Grounds(bucket=bucket, intended=self.intended, adopt=adopt, recorded=self.recorded, mark=mark)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change that would make, or has made, the bucket what is asked: what `status.plan` lists."""

    name: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", clean(self.message))


@dataclass(frozen=True, kw_only=True)
class BucketFacts:
    """What `status.bucket` says: only facts, no times. `assumed`: no signed request has shown the bucket."""

    created: bool
    adopted: bool
    owner: str
    region: str
    url: str
    identity: str
    assumed: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "owner", clean(self.owner))
        object.__setattr__(self, "region", clean(self.region))


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """The bucket after `provision`: facts (None: there is no bucket), metadata checks, and changes still wanted (Observe) or made."""

    facts: BucketFacts | None
    checks: tuple[Check, ...]
    planned: tuple[Change, ...] = ()
    applied: tuple[Change, ...] = ()


class Provider(Protocol):
    """One storage provider; stateless apart from its cache of SDK clients, safe to call from many threads."""

    def validate(self, context: Context) -> tuple[Check, ...]:
        """Check by looking at the specification alone, without I/O: names, endpoint rules, provider choice."""

    def identity(self, spec: BucketStoreSpec) -> str:
        """Return the bucket's identity, "scheme://host-or-account/bucket", equal for every way to name the same bucket."""

    def address(self, spec: BucketStoreSpec, credentials: Credentials | None) -> str:
        """Return the storage address as W&B reads it, with percent-encoded credentials (none for Ambient)."""

    def exists(self, context: Context) -> bool:
        """Look whether the bucket is there (one call), before an intent to create it is recorded."""

    def provision(self, context: Context) -> Provisioned:
        """Bring the bucket to what is asked (Manage) or plan it (Observe), and check its metadata.

        Raises `Stalled`/`Waiting`, for example for a bucket of somebody else.
        """

    def probe(self, context: Context) -> tuple[Check, ...]:
        """Check the data path under every declared path as W&B and a browser would use it; leaves nothing behind."""

    def delete(self, context: Context) -> None:
        """Delete the bucket if it is proven ours and empty; raises `Stalled` with what keeps it otherwise."""


@runtime_checkable
class Withdrawing(Provider, Protocol):
    """A provider that also sets something for a bucket outside of it, such as for a whole account."""

    def withdraw(self, context: Context) -> None:
        """Take back what nobody else needs, once nobody uses the bucket; raises `Stalled`/`Waiting` with what stays."""
