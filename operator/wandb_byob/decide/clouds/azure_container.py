"""A container of Azure Blob Storage and the storage account around it as the data plane shows them, and what they must become.

CORS and soft delete are the account's: what is set there holds for every container, so only what is missing is added, and what
others have set stays. Rules are in the form that decide.clouds.cors reads.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from wandb_byob.decide import bucket_owner
from wandb_byob.decide.clouds import azure_origins
from wandb_byob.decide.clouds.azure_origins import Letting, Record
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.clouds.cors import CorsRule
from wandb_byob.model import names
from wandb_byob.model.checks import CheckName

OWNER_METADATA: Final = "wandbbyobowner"
"""The mark of ownership: metadata take letters, digits and underscores only, of which proxies drop the last."""
RETENTION_DAYS: Final = 7
OF_THE_ACCOUNT: Final = frozenset({CheckName.CORS, CheckName.SOFT_DELETE})
"""What is set for all containers of the account at once."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """What kind of storage account it is."""

    kind: str
    hierarchical: bool


@dataclass(frozen=True, kw_only=True)
class Service:
    """The blob service of the account; `soft_delete` are the days that a deleted file is kept, 0 where that is off."""

    cors: tuple[CorsRule, ...] = ()
    soft_delete: int = 0


@dataclass(frozen=True, kw_only=True)
class Container:
    """The container itself; `public` is how far it is open to everybody, "" where it is not."""

    metadata: Mapping[str, str]
    public: str = ""
    immutable: bool = False
    held: bool = False
    immutable_versions: bool = False

    @property
    def tags(self) -> Mapping[str, str]:
        """The metadata in the form that all providers share (decide.bucket_owner); HTTP knows no case of names."""
        return {names.OWNER_TAG if key.lower() == OWNER_METADATA else key: text for key, text in self.metadata.items()}


@dataclass(frozen=True, kw_only=True)
class State:
    """All that is known; what could not be read is Azure's word why.

    `others` is what the account's other containers record of origins, where it was asked for; None: it was not, or cannot be seen.
    """

    container: Container
    account: Account | Unread
    service: Service | Unread
    others: Record | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of the container; `created`: we made it, so that nobody else can have opened it on purpose.

    `lets_in` are those of the origins that may be let into the account's rules here.
    """

    uid: str
    origins: tuple[str, ...]
    created: bool
    lets_in: tuple[str, ...]


def metadata(container: Container, wanted: Wanted) -> Mapping[str, str]:
    """Return the container's metadata with our mark among them."""
    mark = bucket_owner.tagged({}, wanted.uid, created=wanted.created)[names.OWNER_TAG]
    return {**container.metadata, OWNER_METADATA: mark}


def lacking(state: State, wanted: Wanted) -> tuple[CheckName, ...]:
    """Return what is to be set, by the check that it mends, in the order in which it is done: the mark of ownership first."""
    return tuple(name for name, lacks in _lacks(state, wanted).items() if lacks)


def _lacks(state: State, wanted: Wanted) -> Mapping[CheckName, bool]:
    service = state.service if isinstance(state.service, Service) else None
    return {
        CheckName.OWNER: names.OWNER_TAG not in state.container.tags,
        CheckName.PUBLIC_ACCESS: wanted.created and bool(state.container.public),
        CheckName.CORS: service is not None and letting(state, service, wanted).rules != service.cors,
        CheckName.SOFT_DELETE: service is not None and service.soft_delete == 0,
    }


def after(state: State, wanted: Wanted, done: Collection[CheckName]) -> State:
    """Return the state once what is named has been set."""
    container, service = state.container, state.service
    if CheckName.OWNER in done:
        container = replace(container, metadata=metadata(container, wanted))
    if CheckName.PUBLIC_ACCESS in done:
        container = replace(container, public="")
    if isinstance(service, Service) and CheckName.CORS in done:
        service = replace(service, cors=letting(state, service, wanted).rules)
    if isinstance(service, Service) and CheckName.SOFT_DELETE in done:
        service = replace(service, soft_delete=RETENTION_DAYS)
    return replace(state, container=container, service=service)


def letting(state: State, service: Service, wanted: Wanted) -> Letting:
    """Return what is to become of the account's CORS rules."""
    return azure_origins.letting(
        service.cors,
        azure_origins.recorded(state.container.metadata),
        origins=wanted.origins,
        lets_in=wanted.lets_in,
        others=state.others,
    )


def needs_others(state: State, wanted: Wanted) -> bool:
    """Say whether it matters what the account's other containers record."""
    record = azure_origins.recorded(state.container.metadata)
    return isinstance(state.service, Service) and azure_origins.needs_others(
        state.service.cors, record, origins=wanted.origins, lets_in=wanted.lets_in
    )
