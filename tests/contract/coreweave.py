"""The CoreWeave provider at its stand-in (testbed.coreweave), as one more site of the contract."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

from contract.provisioning import S3Site
from contract.site import ORIGIN
from testbed.coreweave import ZONE, CoreWeave
from testbed.proxy import FaultyProxy
from wandb_byob.model import api
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.providers.base import Context, Tenant
from wandb_byob.providers.coreweave import CoreWeaveProvider

ORG = "acme-wandb"
PRINCIPAL = "arn:aws:iam::wandb:static/wandb-integration"
_RAW: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class CoreWeaveSite(S3Site):
    """A bucket name of one's own at CoreWeave's stand-in; `endpoint` may be a proxy before it, with a certificate for its names."""

    at: CoreWeave

    @property
    def tenant(self) -> Tenant:
        """A W&B of which the organization is known."""
        return Tenant(deployment_type="SelfManaged", origins=(ORIGIN,), org_id=ORG)

    def spec(self) -> api.BucketStoreSpec:
        """The BucketStore with the zone that a new bucket needs."""
        credentials = api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys"))
        block = api.CoreWeaveSpec(bucket=self.bucket, availability_zone=ZONE)
        return api.BucketStoreSpec(provider="CoreWeave", credentials=credentials, core_weave=block)

    def context(self, **changes: Any) -> Context:
        """One look; where the cloud is the administrator has said, so that no endpoint needs to be allowed."""
        return super().context(**{"allowed_endpoints": (), **changes})

    def restarted(self) -> Self:
        """The same after a restart of the operator."""
        return replace(self, provider=provider_at(self.at, self.endpoint))

    def through(self, endpoint: str) -> Self:
        """The same with a provider that the administrator has pointed at the proxy."""
        return replace(self, endpoint=endpoint, provider=provider_at(self.at, endpoint))

    def elsewhere(self) -> dict[str, Any]:
        """Another zone."""
        return {"core_weave": {"availability_zone": "US-WEST-09A"}}

    @contextmanager
    def behind(self) -> Iterator[tuple[Self, FaultyProxy]]:
        """The stand-in's own proxy, which has the certificate for the buckets' names."""
        self.at.front.forget()
        yield self, self.at.front
        self.at.front.clear()

    def raw(self) -> Any:
        """A client by the host name."""
        if self.at.endpoint not in _RAW:
            _RAW[self.at.endpoint] = self.at.client()
        return _RAW[self.at.endpoint]


def provider_at(place: CoreWeave, endpoint: str = "") -> CoreWeaveProvider:
    """The provider as an administrator points it at the stand-in, or at a proxy before it."""
    endpoints = CloudEndpoints(coreweave=endpoint or place.endpoint, ca_bundle=place.authority.read_text())
    return CoreWeaveProvider(endpoints)


def site_at(place: CoreWeave) -> CoreWeaveSite:
    """A site with a new bucket name and a provider of its own."""
    return CoreWeaveSite(kind="CoreWeave", store=place.store, at=place, provider=provider_at(place))
