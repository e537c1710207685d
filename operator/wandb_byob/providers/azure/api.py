"""One container by Azure's SDK, over the guarded transport: each call is counted, each write fenced, each error one of ours."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from azure.core.exceptions import AzureError as SdkError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import (
    BlobProperties,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    CorsRule,
    RetentionPolicy,
    generate_blob_sas,
)
from requests.models import PreparedRequest

from wandb_byob.decide.clouds import cors
from wandb_byob.decide.clouds.azure_container import Account, Container, Service
from wandb_byob.decide.clouds.azure_errors import UNREADABLE, AzureError, Where, error_of, explain, unknown_account
from wandb_byob.decide.connections import Fault, clock_check
from wandb_byob.decide.explanations import Explanation
from wandb_byob.providers.azure.places import Place
from wandb_byob.providers.azure.signing import Signer
from wandb_byob.providers.base import Context
from wandb_byob.providers.probing.raw import LIFETIME
from wandb_byob.providers.requests_adapter import GuardedAdapter, Naming, guarded_requests
from wandb_byob.providers.transport import Reply, TransportError, unanswered

ERRORS: Final = (AzureError, TransportError)
"""Everything that a call raises, apart from errors of the domain (a lost Lease)."""
# What the SDK raises over a reply of success that it cannot make sense of.
_SENSELESS: Final = (SdkError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_OPERATIONS: Final = {
    ("account", "properties"): "AccountInformation",
    ("service", "properties"): "BlobServiceProperties",
    ("service", "userdelegationkey"): "UserDelegationKey",
    ("container", ""): "Container",
    ("container", "metadata"): "ContainerMetadata",
    ("container", "acl"): "ContainerACL",
    ("container", "list"): "Blobs",
    ("", "list"): "Containers",
    ("", ""): "Blob",
}
# A reply must stay below 1 MiB, and a container may have 8 KiB of metadata.
_CONTAINERS: Final = 100
_VERBS: Final = {"GET": "Get", "HEAD": "Get", "POST": "Get", "DELETE": "Delete", "PUT": "Set"}
_NAMED: Final = {
    "GetContainer": "GetContainerProperties",
    "SetContainer": "CreateContainer",
    "GetBlobs": "ListBlobs",
    "GetContainers": "ListContainers",
    "SetBlob": "PutBlob",
}


@dataclass(frozen=True, kw_only=True)
class Api:
    """One container as one identity sees it, for one look of one thread."""

    place: Place
    account: str
    container: str
    context: Context
    signer: Signer

    @cached_property
    def service(self) -> BlobServiceClient:
        """The SDK's client of the account; it opens no connection and tries nothing again by itself."""
        naming = Naming(provider="Azure", operation=operation_of, code=code_of, refusal=_refusal)
        adapter = GuardedAdapter(self.place.session, naming=naming, context=self.context)
        transport = RequestsTransport(session=guarded_requests(adapter), session_owner=False, use_env_settings=False)
        return BlobServiceClient(self.place.url, credential=self.signer.credential, transport=transport)

    @property
    def client(self) -> ContainerClient:
        """The SDK's client of the container."""
        return self.service.get_container_client(self.container)

    @property
    def where(self) -> Where:
        """What texts about this are to name."""
        return Where(account=self.account, container=self.container, signer=self.signer.who, field=self.signer.field)

    def explain(self, error: BaseException) -> Explanation:
        """Return what one of `ERRORS` means; raises any other."""
        if isinstance(error, TransportError):
            host = self.place.session.policy.endpoint.host
            ours = error.fault is Fault.UNKNOWN_HOST and self.account in host and host in error.why.message
            return unknown_account(unanswered(error), self.where, host=host) if ours else unanswered(error)
        if isinstance(error, AzureError):
            clock = clock_check(self.place.session.last_date, now=self.context.now())
            return explain(error, self.where, clock=clock)
        raise error

    def account_information(self) -> Account:
        """GetAccountInformation."""
        with reading("GetAccountInformation"):
            found: Mapping[str, Any] = self.service.get_account_information()
            return Account(kind=str(found["account_kind"] or ""), hierarchical=found.get("is_hns_enabled") is True)

    def service_properties(self) -> Service:
        """GetBlobServiceProperties."""
        with reading("GetBlobServiceProperties"):
            found: Mapping[str, Any] = self.service.get_service_properties()
            retention = found["delete_retention_policy"]
            days = int(retention.days or 0) if retention is not None and retention.enabled else 0
            return Service(cors=tuple(_rule_of(entry) for entry in found["cors"] or ()), soft_delete=days)

    def set_service_properties(self, *, rules: Sequence[cors.CorsRule] | None, retention: int | None) -> None:
        """SetBlobServiceProperties; what is None stays as it is."""
        changes: dict[str, Any] = {}
        if rules is not None:
            changes["cors"] = [_sent(entry) for entry in rules]
        if retention is not None:
            changes["delete_retention_policy"] = RetentionPolicy(enabled=True, days=retention)
        with reading("SetBlobServiceProperties"):
            self.service.set_service_properties(**changes)

    def properties(self) -> Container:
        """GetContainerProperties."""
        with reading("GetContainerProperties"):
            found = self.client.get_container_properties()
            return Container(
                metadata=dict(found.metadata or {}),
                public=str(found.public_access or ""),
                immutable=found.has_immutability_policy is True,
                held=found.has_legal_hold is True,
                immutable_versions=found.immutable_storage_with_versioning_enabled is True,
            )

    def metadata_of_all(self, *, most: int) -> tuple[Mapping[str, Mapping[str, str]], bool]:
        """ListContainers; returns the metadata of the account's containers by name, and whether that is all: no more than `most` pages."""
        with reading("ListContainers"):
            pages: Any = self.service.list_containers(include_metadata=True, results_per_page=_CONTAINERS).by_page()
            found: dict[str, Mapping[str, str]] = {}
            for page, _ in zip(pages, range(most), strict=False):
                found |= {str(each.name): dict(each.metadata or {}) for each in page}
            return found, not pages.continuation_token

    def create(self, metadata: Mapping[str, str]) -> None:
        """CreateContainer, which carries its metadata from its first moment."""
        with reading("CreateContainer"):
            self.client.create_container(metadata=dict(metadata))

    def set_metadata(self, metadata: Mapping[str, str]) -> None:
        """SetContainerMetadata, which takes the place of what is there."""
        with reading("SetContainerMetadata"):
            self.client.set_container_metadata(metadata=dict(metadata))

    def close_to_public(self) -> None:
        """Take anonymous access away (GetContainerACL, SetContainerACL); stored access policies stay."""
        with reading("GetContainerACL"):
            kept = self.client.get_container_access_policy()["signed_identifiers"] or ()
            identifiers = {entry.id: entry.access_policy for entry in kept}
        with reading("SetContainerACL"):
            self.client.set_container_access_policy(signed_identifiers=identifiers, public_access=None)

    def delete_container(self) -> None:
        """DeleteContainer."""
        with reading("DeleteContainer"):
            self.client.delete_container()

    def page(
        self, folder: str = "", *, include: Sequence[str] = (), most: int = 5000, after: str | None = None
    ) -> tuple[tuple[BlobProperties, ...], str | None]:
        """ListBlobs; returns one page, and where the next begins (None: there is none)."""
        with reading("ListBlobs"):
            listed = self.client.list_blobs(
                name_starts_with=folder or None, include=list(include) or None, results_per_page=most
            )
            pages: Any = listed.by_page(continuation_token=after)
            found = tuple(next(pages))
            return found, pages.continuation_token or None

    def signature(self, key: str, permission: BlobSasPermissions) -> str:
        """Return a shared access signature for one blob, by the account key or by a key that Azure lends the identity."""
        # By the process' own clock, as the SDK dates all that it signs.
        expiry = datetime.now(UTC) + timedelta(seconds=LIFETIME)
        by: dict[str, Any] = {"account_key": self.signer.account_key} if self.signer.account_key else self._lent
        return generate_blob_sas(self.account, self.container, key, permission=permission, expiry=expiry, **by)

    @cached_property
    def _lent(self) -> dict[str, Any]:
        """GetUserDelegationKey, for as long as a look can take."""
        now = datetime.now(UTC)
        with reading("GetUserDelegationKey"):
            key = self.service.get_user_delegation_key(now - timedelta(minutes=5), now + timedelta(hours=1))
            return {"user_delegation_key": key}

    def blob_url(self, key: str) -> str:
        """Return where a blob is."""
        return f"{self.place.url}/{self.container}/{quote(key, safe='/~')}"


@contextmanager
def reading(operation: str) -> Iterator[None]:
    """Let a reply that the SDK cannot make sense of come out as an error of the store."""
    try:
        yield
    except ERRORS:
        raise
    except _SENSELESS:
        raise AzureError(status=502, code=UNREADABLE, operation=operation) from None


def operation_of(request: PreparedRequest) -> str:
    """Return the name of a request's operation in Azure's REST API."""
    query = parse_qs(urlsplit(str(request.url)).query)
    kind = (query.get("restype", [""])[0], query.get("comp", [""])[0])
    name = _VERBS.get(str(request.method), "") + _OPERATIONS.get(kind, "Other")
    return _NAMED.get(name, name)


def code_of(reply: Reply) -> str:
    """Return Azure's word for an error reply."""
    return error_of(reply.status, reply.headers, reply.body, operation="").code


def _refusal(reply: Reply, operation: str) -> AzureError:
    return error_of(reply.status, reply.headers, reply.body, operation=operation)


def _rule_of(entry: CorsRule) -> cors.CorsRule:
    return {
        "AllowedOrigins": _items(entry.allowed_origins),
        "AllowedMethods": _items(entry.allowed_methods),
        "AllowedHeaders": _items(entry.allowed_headers),
        "ExposeHeaders": _items(entry.exposed_headers),
        "MaxAgeSeconds": entry.max_age_in_seconds,
    }


def _sent(entry: cors.CorsRule) -> CorsRule:
    return CorsRule(
        entry["AllowedOrigins"],
        entry["AllowedMethods"],
        allowed_headers=entry["AllowedHeaders"],
        exposed_headers=entry["ExposeHeaders"],
        max_age_in_seconds=entry["MaxAgeSeconds"],
    )


def _items(listed: str | None) -> list[str]:
    return [item.strip() for item in (listed or "").split(",") if item.strip()]
