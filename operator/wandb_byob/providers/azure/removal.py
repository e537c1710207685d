"""Take back what was set for a container in its account, and delete the container, where nothing is lost."""

from collections.abc import Sequence
from typing import Final

from wandb_byob.decide import bucket_owner
from wandb_byob.decide.bucket_owner import Claim
from wandb_byob.decide.clouds import azure_container, azure_errors, azure_origins
from wandb_byob.decide.clouds.azure_container import Container, Wanted
from wandb_byob.decide.clouds.azure_errors import AzureError
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.deletion import not_deleted
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.azure.api import Api
from wandb_byob.providers.azure.observe import observe, observe_others
from wandb_byob.providers.probing.clean_up import FOLDER

_ALL: Final = ("deleted", "snapshots", "uncommittedblobs", "versions")
# A reply must stay far below 1 MiB, with names of any length.
_PAGE, _MOST_PAGES = 200, 25


def _found(api: Api) -> Container | None:
    """Return the container, None where it is gone already."""
    try:
        return api.properties()
    except AzureError as error:
        if azure_errors.missing(error):
            return None
        raise


def withdraw(api: Api) -> None:
    """Take out of the account's CORS rules what was let in for this container alone; raises `Stalled` where that cannot be told."""
    container = _found(api)
    if container is None:
        return
    mine = bucket_owner.claim(container.tags, api.context.uid) in (Claim.CREATED, Claim.ADOPTED)
    record = azure_origins.recorded(container.metadata)
    if not mine or not record.origins:
        return
    with api.place.turn:
        if record.ours:
            _take_out(api, container, record.ours)
        api.set_metadata(azure_origins.with_record(container.metadata, azure_origins.Record()))


def _take_out(api: Api, container: Container, origins: Sequence[str]) -> None:
    wanted = Wanted(uid=api.context.uid, origins=(), created=False, lets_in=())
    state = observe_others(api, observe(api, container), wanted)
    if isinstance(state.service, Unread) or state.others is None:
        raise Stalled(
            Reason.ACCESS_DENIED,
            f"{', '.join(origins)} cannot be taken out of the CORS rules of storage account {api.account}, since these, or which "
            f"containers need them, cannot be seen by {api.signer.who}. Take them out by hand where nothing needs them.",
        )
    rules = azure_container.letting(state, state.service, wanted).rules
    if rules != state.service.cors:
        api.set_service_properties(rules=rules, retention=None)


def delete(api: Api) -> None:
    """Delete the container if we made it and nothing is in it; one that is gone already is no error."""
    container = _found(api)
    if container is None:
        return
    if bucket_owner.claim(container.tags, api.context.uid) is not Claim.CREATED:
        why = f"its metadata {azure_container.OWNER_METADATA} do not say that this BucketStore created it"
        raise not_deleted(f"container {api.container}", why)
    _require_empty(api)
    try:
        api.delete_container()
    except AzureError as error:
        if not azure_errors.missing(error) and error.code != "ContainerBeingDeleted":
            raise


def _require_empty(api: Api) -> None:
    """Raise `Stalled` unless nothing is in the container but what probes have deleted, which soft delete still keeps."""
    after: str | None = None
    for _ in range(_MOST_PAGES):
        found, after = api.page(include=_ALL, most=_PAGE, after=after)
        for blob in found:
            if not blob.deleted:
                raise not_deleted(
                    f"container {api.container}", "it is not empty (files, snapshots and old versions count)"
                )
            if FOLDER not in str(blob.name):
                raise not_deleted(
                    f"container {api.container}", "deleted files in it can still be restored: soft delete keeps them"
                )
        if after is None:
            return
    raise not_deleted(
        f"container {api.container}", "so much in it was deleted that it cannot be seen whether there is more"
    )
