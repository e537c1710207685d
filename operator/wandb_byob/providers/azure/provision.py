"""Bring a container to what is asked, or plan it.

What is the account's (CORS, soft delete) has no precondition at Azure: who reads and writes it back holds the account's turn, and what
another program writes in the same moment is seen, and merged again, at the next look.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from wandb_byob.decide import absence, bucket_owner, permissions
from wandb_byob.decide.addresses import bucket_identity
from wandb_byob.decide.bucket_owner import Claim, Ownership
from wandb_byob.decide.clouds import azure_checks, azure_container, azure_errors
from wandb_byob.decide.clouds.azure_container import Container, State, Wanted
from wandb_byob.decide.clouds.azure_errors import AzureError
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.decide.deletion import not_deleted
from wandb_byob.model.checks import CheckName
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import Stalled
from wandb_byob.providers.azure.api import Api
from wandb_byob.providers.azure.places import PUBLIC
from wandb_byob.providers.base import BucketFacts, Change, Context, Provisioned
from wandb_byob.providers.probing.clean_up import FOLDER

T = TypeVar("T")

_TEXTS: Final = {
    CheckName.OWNER: "Mark the container {container} as this BucketStore's, in its metadata.",
    CheckName.PUBLIC_ACCESS: "Take anonymous access to the container away.",
    CheckName.CORS: "Add a CORS rule that lets browsers at {origins} GET, HEAD and PUT and see the ETag; it holds for all containers of the "
    "storage account {account}.",
    CheckName.SOFT_DELETE: "Turn on soft delete for 7 days; it holds for all containers of the storage account {account}.",
}
_NOBODYS: Final = Ownership()
_ALL: Final = ("deleted", "snapshots", "uncommittedblobs", "versions")
# A reply must stay far below 1 MiB, with names of any length.
_PAGE, _MOST_PAGES = 200, 25


def provision(api: Api) -> Provisioned:
    """Look at the container, change what `managementPolicy` and the credentials allow, and check its metadata."""
    try:
        container = api.properties()
    except AzureError as error:
        if azure_errors.missing(error):
            return _absent(api)
        if error.denied and api.context.admin is None:
            return Provisioned(facts=facts(api.context, assumed=True), checks=azure_checks.hidden(error.code))
        raise
    return _present(api, container)


def _absent(api: Api) -> Provisioned:
    context = api.context
    what = f"container {api.container} in storage account {api.account}"
    if not absence.to_be_made(
        what,
        provisioned=context.admin is not None,
        managed=context.manages,
        intended=context.intended,
        restore=" (where soft delete for containers is on)",
    ):
        bare = _state(api, Container(metadata={}))
        planned = _changes(api, azure_container.lacking(bare, _wanted(context, created=True)))
        return Provisioned(facts=None, checks=(absence.not_there(what),), planned=(_creation(api), *planned))
    try:
        api.create(azure_container.metadata(Container(metadata={}), _wanted(context, created=True)))
    except AzureError as error:
        if error.denied:
            raise _not_begun(api, error, step="created") from None
        # Taken in the meantime, or made by us in a request whose reply was lost: the mark tells.
        if error.code != "ContainerAlreadyExists":
            raise
        return _present(api, api.properties())
    return _configured(api, api.properties(), Ownership(created=True), made=(_creation(api),))


def _present(api: Api, container: Container) -> Provisioned:
    context = api.context
    if not context.manages:
        return _observed(api, container)
    grounds = context.grounds(api.container, mark=f"metadata {azure_container.OWNER_METADATA}")
    # A container of our making has its mark from its first moment: one without it is never taken for ours.
    own = bucket_owner.ownership(container.tags, uid=context.uid, grounds=grounds, pristine=False)
    return _configured(api, container, own)


def _observed(api: Api, container: Container) -> Provisioned:
    context = api.context
    claim = bucket_owner.claim(container.tags, context.uid)
    own = Ownership(created=claim is Claim.CREATED, adopted=claim is Claim.ADOPTED)
    state, wanted = _state(api, container), _wanted(context, created=own.created)
    planned = _changes(api, azure_container.lacking(state, wanted)) if context.admin is not None else ()
    found = azure_checks.checks(state, wanted, managed=False)
    return Provisioned(facts=facts(context, own), checks=found, planned=planned)


def _configured(api: Api, container: Container, own: Ownership, *, made: tuple[Change, ...] = ()) -> Provisioned:
    wanted = _wanted(api.context, created=own.created)
    with api.place.turn:
        state = _state(api, container)
        lacking = azure_container.lacking(state, wanted)
        refused = _set(api, state, wanted, lacking)
    done = tuple(name for name in lacking if name not in refused)
    found = azure_checks.checks(azure_container.after(state, wanted, done), wanted, refused=refused, managed=True)
    roles = " and ".join(sorted({azure_errors.role_of(each.action) for each in refused.values() if each.denied}))
    denied = permissions.lacking(tuple(refused.values()), who=api.signer.who, held_by=roles)
    return Provisioned(facts=facts(api.context, own), checks=(*found, *denied), applied=(*made, *_changes(api, done)))


def _set(api: Api, state: State, wanted: Wanted, lacking: Sequence[CheckName]) -> Mapping[CheckName, Unread]:
    """Set what lacks; returns Azure's word for what it does not let us set. Without our mark nothing is set."""
    target = azure_container.after(state, wanted, lacking)
    refused: dict[CheckName, Unread] = {}
    if CheckName.OWNER in lacking:
        try:
            api.set_metadata(target.container.metadata)
        except AzureError as error:
            if not error.denied:
                raise
            raise _not_begun(api, error, step="marked as this BucketStore's") from None
    if CheckName.PUBLIC_ACCESS in lacking:
        refused |= _tried(api.close_to_public, [CheckName.PUBLIC_ACCESS])
    of_account = [name for name in lacking if name in azure_container.OF_THE_ACCOUNT]
    if isinstance(target.service, Unread) or not of_account:
        return refused
    change = partial(
        api.set_service_properties,
        rules=target.service.cors if CheckName.CORS in lacking else None,
        retention=target.service.soft_delete if CheckName.SOFT_DELETE in lacking else None,
    )
    return refused | _tried(change, of_account)


def _tried(change: Callable[[], None], names: Sequence[CheckName]) -> dict[CheckName, Unread]:
    """Make a change; returns Azure's word, for each thing that it was to set, where it does not let us."""
    found = _read(change)
    return dict.fromkeys(names, found) if isinstance(found, Unread) else {}


def _not_begun(api: Api, error: AzureError, *, step: str) -> Stalled:
    name, role = f"The container {api.container}", azure_errors.DATA_ROLE
    return permissions.not_begun(_unread(error), bucket=name, step=step, who=api.signer.who, held_by=role)


def _state(api: Api, container: Container) -> State:
    return State(container=container, account=_read(api.account_information), service=_read(api.service_properties))


def _read(call: Callable[[], T]) -> T | Unread:
    """Read what an identity may not be allowed to see although it may use the container."""
    try:
        return call()
    except AzureError as error:
        return _unread(error)


def _unread(error: AzureError) -> Unread:
    """Return what Azure does not let us see or set; raises the error where it is another."""
    unsupported = error.code == "FeatureNotSupportedForAccount"
    if not error.denied and not unsupported:
        raise error
    return Unread(code=error.code, action=azure_errors.permission_for(error.operation), denied=not unsupported)


def _wanted(context: Context, *, created: bool) -> Wanted:
    return Wanted(uid=context.uid, origins=context.tenant.origins, created=created, lets_in=_lets_in(context))


def _lets_in(context: Context) -> tuple[str, ...]:
    """Return the origins that may be let in: with the identity that all tenants share only W&B's own, since the rules are all containers'."""
    tenant = context.tenant
    if isinstance(context.admin, Ambient):
        return tuple(origin for origin in tenant.origins if origin == tenant.host)
    return tenant.origins


def facts(context: Context, own: Ownership = _NOBODYS, *, assumed: bool = False) -> BucketFacts:
    """Return what is known of the container; its owner is the storage account, whose region Azure shows elsewhere."""
    azure = context.spec.azure
    account, container = (azure.storage_account, azure.container) if azure is not None else ("", "")
    return BucketFacts(
        created=own.created,
        adopted=own.adopted,
        owner=account,
        region="",
        url=f"{PUBLIC.format(account=account)}/{container}",
        identity=bucket_identity("az", account, container),
        assumed=assumed,
    )


def _creation(api: Api) -> Change:
    message = f"Create the container {api.container} in storage account {api.account}, marked as this BucketStore's."
    return Change(name=CheckName.BUCKET_EXISTS.value, message=message)


def _changes(api: Api, names: Sequence[CheckName]) -> tuple[Change, ...]:
    words = {"container": api.container, "account": api.account, "origins": ", ".join(_lets_in(api.context))}
    return tuple(Change(name=name.value, message=_TEXTS[name].format(**words)) for name in names)


def delete(api: Api) -> None:
    """Delete the container if we made it and nothing is in it; one that is gone already is no error."""
    try:
        container = api.properties()
    except AzureError as error:
        if azure_errors.missing(error):
            return
        raise
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
