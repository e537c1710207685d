"""A container as W&B wants it on Azurite, with the manifests that describe it."""

from dataclasses import dataclass
from typing import Any

from console.setups import HOST, Setup
from contract.azure import AzureSite, site_at
from testbed.stores import Azurite


@dataclass(frozen=True, kw_only=True)
class AzureSetup(Setup):
    """A container of an account of its own."""

    site: AzureSite

    def client(self, call: str, **arguments: Any) -> Any:
        """There is no S3 here."""
        raise NotImplementedError

    def contents(self) -> list[tuple[str, str]]:
        """Everything in the container."""
        return self.site.contents()


def azure(store: Azurite) -> AzureSetup:
    """A container and an account with everything that the operator would set."""
    site = site_at(store)
    site.look()
    site.client.set_container_metadata({})
    block = {"storageAccount": site.account.access_key, "container": site.bucket}
    return AzureSetup(
        store=store,
        site=site,
        bucket=site.bucket,
        spec={"provider": "Azure", "azure": block, "credentials": {"secretRef": {"name": "keys"}}},
        keys={"accountKey": site.account.secret_key},
        instance={"deploymentType": "SelfManaged", "host": HOST},
        team={"bucketStoreRef": {"name": "vision"}, "path": "teams/vision"},
        arguments=("--azure-endpoint", f"{store.endpoint}/{{account}}"),
    )
