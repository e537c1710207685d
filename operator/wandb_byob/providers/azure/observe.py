"""What is to be seen of a container, its account, and the account's other containers; what Azure does not show is its word why."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from wandb_byob.decide.clouds import azure_container, azure_errors, azure_origins
from wandb_byob.decide.clouds.azure_container import Container, State, Wanted
from wandb_byob.decide.clouds.azure_errors import AzureError
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.providers.azure.api import Api

T = TypeVar("T")

_MOST_PAGES: Final = 25


def observe(api: Api, container: Container) -> State:
    """Return the state of a container and its account."""
    return State(container=container, account=read(api.account_information), service=read(api.service_properties))


def observe_others(api: Api, state: State, wanted: Wanted) -> State:
    """Return the state with what the account's other containers record of origins, where that matters."""
    if not azure_container.needs_others(state, wanted):
        return state
    found = read(partial(api.metadata_of_all, most=_MOST_PAGES))
    if isinstance(found, Unread) or not found[1]:
        return state
    others = (metadata for name, metadata in found[0].items() if name != api.container)
    return replace(state, others=azure_origins.union(map(azure_origins.recorded, others)))


def read(call: Callable[[], T]) -> T | Unread:
    """Read what an identity may not be allowed to see although it may use the container."""
    try:
        return call()
    except AzureError as error:
        return unread(error)


def unread(error: AzureError) -> Unread:
    """Return what Azure does not let us see or set; raises the error where it is another."""
    unsupported = error.code == "FeatureNotSupportedForAccount"
    if not error.denied and not unsupported:
        raise error
    return Unread(code=error.code, action=azure_errors.permission_for(error.operation), denied=not unsupported)
