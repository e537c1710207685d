"""The CoreWeave provider at its stand-in (testbed.coreweave), as one more site of the contract."""

from dataclasses import dataclass
from typing import Any

from contract.provisioning import ORIGIN, Site
from testbed.coreweave import ZONE, CoreWeave
from wandb_byob.model import api
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.providers.base import Tenant
from wandb_byob.providers.coreweave import CoreWeaveProvider

ORG = "acme-wandb"
PRINCIPAL = "arn:aws:iam::wandb:static/wandb-integration"
_RAW: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class CoreWeaveSite(Site):
    """A bucket name of one's own at CoreWeave's stand-in; `endpoint` may be a proxy before it."""

    at: CoreWeave

    def context(self, **changes: Any) -> Any:
        """One look, for a W&B of which the organization is known."""
        tenant = Tenant(deployment_type="SelfManaged", origins=(ORIGIN,), org_id=ORG)
        return super().context(**{"tenant": tenant, "allowed_endpoints": (), **changes})

    def _spec(self) -> api.BucketStoreSpec:
        credentials = api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys"))
        block = api.CoreWeaveSpec(bucket=self.bucket, availability_zone=ZONE)
        return api.BucketStoreSpec(provider="CoreWeave", credentials=credentials, core_weave=block)

    def new_provider(self) -> CoreWeaveProvider:
        """A provider that has forgotten everything."""
        return provider_at(self.at)

    def raw(self) -> Any:
        """A client by the host name."""
        if self.at.endpoint not in _RAW:
            _RAW[self.at.endpoint] = self.at.client()
        return _RAW[self.at.endpoint]


def provider_at(place: CoreWeave) -> CoreWeaveProvider:
    """The provider as an administrator points it at the stand-in."""
    endpoints = CloudEndpoints(coreweave=place.endpoint, ca_bundle=place.authority.read_text())
    return CoreWeaveProvider(endpoints)


def site_at(place: CoreWeave) -> CoreWeaveSite:
    """A site with a new bucket name and a provider of its own."""
    return CoreWeaveSite(kind="CoreWeave", store=place.store, at=place, provider=provider_at(place))
