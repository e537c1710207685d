"""The Azure provider at Azurite, as one more site of the contract: each with a storage account of its own, whose CORS rules are all containers'."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import AccessPolicy, BlobServiceClient, ContainerClient, CorsRule, RetentionPolicy

from contract.provisioning import new_name
from contract.site import Site, Wire
from testbed.faults import Fault
from testbed.object_store import Keys
from testbed.proxy import FaultyProxy
from testbed.stores import Azurite
from wandb_byob.decide.clouds.azure_container import OWNER_METADATA
from wandb_byob.model import api
from wandb_byob.model.checks import CheckName
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import AccountKey, Credentials
from wandb_byob.providers.azure import AzureProvider

_FOREIGN_RULE: Final = {
    "allowed_origins": "https://other.example.com",
    "allowed_methods": "DELETE,PUT",
    "allowed_headers": "x-ms-meta-*",
    "exposed_headers": "x-ms-meta-other",
    "max_age_in_seconds": 5,
}
_FOREIGN_POLICY: Final = ("theirs", "r")


def error(status: int, code: str) -> Fault:
    """An error reply of Azure."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>canary-in-the-body</Message></Error>"
    return Fault(status=status, headers={"x-ms-error-code": code}, body=body.encode())


WIRE: Final = Wire(
    create=Fault(method="PUT", target=r"\?restype=container$"),
    configure=Fault(method="PUT", target="comp=properties"),
    write=Fault(method="PUT", target=r"/\.wandb-byob-probe/"),
    signed="[?&]sig=",
    listing=r"\?(?!.*include=versions).*comp=list",
    denied=error(403, "AuthorizationPermissionMismatch"),
    throttled=error(503, "ServerBusy"),
    expired=error(403, "AuthenticationFailed"),
    to_create="Microsoft.Storage/storageAccounts/blobServices/containers/write",
    to_configure="Microsoft.Storage/storageAccounts/blobServices/write",
)


@dataclass(frozen=True, kw_only=True)
class AzureSite(Site):
    """A container of one's own in an account of one's own."""

    store: Azurite
    account: Keys

    @property
    def credentials(self) -> AccountKey:
        """The account's key."""
        return AccountKey(self.account.secret_key)

    def spec(self) -> api.BucketStoreSpec:
        """The BucketStore with the least that must be said."""
        credentials = api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys"))
        block = api.AzureSpec(storage_account=self.account.access_key, container=self.bucket)
        return api.BucketStoreSpec(provider="Azure", credentials=credentials, azure=block)

    def restarted(self) -> Self:
        """The same after a restart of the operator."""
        return self.through(self.endpoint)

    def other(self) -> Self:
        """The same in another account."""
        return replace(self, account=self.store.account(), bucket=new_name())

    def through(self, endpoint: str) -> Self:
        """The same with a provider that the administrator has pointed at the proxy."""
        return replace(self, endpoint=endpoint, provider=provider_at(endpoint or self.store.endpoint))

    @contextmanager
    def behind(self) -> Iterator[tuple[Self, FaultyProxy]]:
        """Through a proxy of its own."""
        with FaultyProxy(self.store.port) as proxy:
            yield self.through(proxy.endpoint), proxy

    def stranger(self) -> AccountKey:
        """A key that is none of the account's."""
        return AccountKey("Y2FuYXJ5LWtleS1vZi1hLXN0cmFuZ2Vy" * 2)

    def limited(self, without: CheckName) -> AbstractContextManager[Credentials]:
        """An account's key may do everything."""
        raise NotImplementedError

    @property
    def service(self) -> BlobServiceClient:
        """Another client of the account."""
        url = f"{self.store.endpoint}/{self.account.access_key}"
        trusted = str(self.store.authority) if self.store.authority else True
        return BlobServiceClient(url, credential=self.account.secret_key, retry_total=0, connection_verify=trusted)

    @property
    def client(self) -> ContainerClient:
        """Another client of the container."""
        return self.service.get_container_client(self.bucket)

    def make(self) -> None:
        """Create the container."""
        self.client.create_container()

    def remove(self) -> None:
        """Delete the container."""
        self.client.delete_container()

    def put(self, key: str, body: bytes = b"x") -> None:
        """Write a blob."""
        self.client.upload_blob(key, body, overwrite=True)

    def contents(self) -> list[tuple[str, str]]:
        """Blobs and their snapshots."""
        listed = self.client.list_blobs(include=["snapshots", "uncommittedblobs"])
        return sorted((str(each.name), str(each.snapshot or "")) for each in listed)

    def leave(self, what: str) -> None:
        """A blob, its snapshot, or an unfinished upload."""
        blob = self.client.get_blob_client("file")
        if what == "upload":
            blob.stage_block("MQ==", b"x")
            return
        blob.upload_blob(b"x")
        if what == "snapshot":
            blob.create_snapshot()

    def configuration(self) -> dict[str, Any]:
        """What is the account's, and the container's where it is there."""
        found = self.service.get_service_properties()
        retention = found["delete_retention_policy"]
        told: dict[str, Any] = {
            "cors": [{name: getattr(rule, name) for name in _FOREIGN_RULE} for rule in found["cors"]],
            "retention": (retention.enabled, retention.days),
        }
        with suppress(ResourceNotFoundError):
            container = self.client.get_container_properties()
            policies = self.client.get_container_access_policy()["signed_identifiers"]
            told |= {
                "metadata": container.metadata,
                "public": container.public_access,
                "policies": [(each.id, each.access_policy.permission) for each in policies],
            }
        return told

    def mark(self) -> str:
        """In the metadata."""
        return str(self.configuration().get("metadata", {}).get(OWNER_METADATA, ""))

    def set_mark(self, mark: str) -> None:
        """In the metadata."""
        self.client.set_container_metadata({OWNER_METADATA: mark})

    def dress(self) -> None:
        """Metadata, a CORS rule of the account and a stored access policy."""
        self.client.set_container_metadata({"team": "ml"})
        rule = CorsRule([], [], max_age_in_seconds=_FOREIGN_RULE["max_age_in_seconds"])
        for name, value in _FOREIGN_RULE.items():
            setattr(rule, name, value)
        self.service.set_service_properties(cors=[rule])
        name, permission = _FOREIGN_POLICY
        self.client.set_container_access_policy({name: AccessPolicy(permission=permission)})

    def let_everybody_in(self) -> None:
        """As the page has it."""
        rule = CorsRule(
            ["*"], ["GET", "HEAD", "PUT"], allowed_headers=["*"], exposed_headers=["*"], max_age_in_seconds=3000
        )
        self.service.set_service_properties(cors=[rule])

    def theirs(self) -> Any:
        """Those that are still there, word for word."""
        found = self.configuration()
        return (
            found["metadata"].get("team"),
            [rule for rule in found["cors"] if rule == _FOREIGN_RULE],
            found["policies"],
        )

    def expire(self, prefix: str, *, name: str) -> None:
        """Azurite has no management API."""
        raise NotImplementedError

    def elsewhere(self) -> dict[str, Any]:
        """The names of Azure's regions are in no address."""
        raise NotImplementedError

    def take_away(self, aspect: CheckName) -> None:
        """Set it back, or open the container."""
        if aspect is CheckName.PUBLIC_ACCESS:
            self.client.set_container_access_policy({}, public_access="container")
        elif aspect is CheckName.CORS:
            self.service.set_service_properties(cors=[])
        else:
            self.service.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=False))


def provider_at(endpoint: str) -> AzureProvider:
    """The provider as an administrator points it at Azurite, or at a proxy before it."""
    return AzureProvider(CloudEndpoints(azure=f"{endpoint}/{{account}}"))


def site_at(store: Azurite) -> AzureSite:
    """A site with a new account and container."""
    return AzureSite(store=store, account=store.account(), provider=provider_at(store.endpoint), bucket=new_name())
