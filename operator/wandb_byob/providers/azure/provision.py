"""Bring a container to what is asked, or plan it.

What is the account's (CORS, soft delete) has no precondition at Azure: who reads and writes it back holds the account's turn, and what
another program writes in the same moment is seen, and merged again, at the next look.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from wandb_byob.decide import absence, bucket_owner, permissions
from wandb_byob.decide.addresses import bucket_identity
from wandb_byob.decide.bucket_owner import Claim, Ownership
from wandb_byob.decide.clouds import azure_checks, azure_container, azure_errors, azure_origins
from wandb_byob.decide.clouds.azure_container import Container, State, Wanted
from wandb_byob.decide.clouds.azure_errors import AzureError
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.model.checks import CheckName
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import Stalled
from wandb_byob.providers.azure.api import Api
from wandb_byob.providers.azure.observe import observe, observe_others, read, unread
from wandb_byob.providers.azure.places import PUBLIC
from wandb_byob.providers.base import BucketFacts, Change, Context, Provisioned

_TEXTS: Final = {
    CheckName.OWNER: "Mark the container {container} as this BucketStore's, in its metadata.",
    CheckName.PUBLIC_ACCESS: "Take anonymous access to the container away.",
    CheckName.CORS: "Add a CORS rule that lets browsers at {origins} GET, HEAD and PUT and see the ETag; it holds for all containers of the "
    "storage account {account}.",
    CheckName.SOFT_DELETE: "Turn on soft delete for 7 days; it holds for all containers of the storage account {account}.",
}
_NOBODYS: Final = Ownership()


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
        bare = observe(api, Container(metadata={}))
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
    state, wanted = observe(api, container), _wanted(context, created=own.created)
    planned = _changes(api, azure_container.lacking(state, wanted)) if context.admin is not None else ()
    found = azure_checks.checks(state, wanted, managed=False)
    return Provisioned(facts=facts(context, own), checks=found, planned=planned)


def _configured(api: Api, container: Container, own: Ownership, *, made: tuple[Change, ...] = ()) -> Provisioned:
    wanted = _wanted(api.context, created=own.created)
    with api.place.turn:
        state = observe_others(api, observe(api, container), wanted)
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
    records = _records(target.container, state, wanted)
    try:
        _record(api, state.container, records[0])
    except AzureError as error:
        if not error.denied:
            raise
        if CheckName.OWNER in lacking:
            raise _not_begun(api, error, step="marked as this BucketStore's") from None
    if CheckName.PUBLIC_ACCESS in lacking:
        refused |= _tried(api.close_to_public, [CheckName.PUBLIC_ACCESS])
    of_account = [name for name in lacking if name in azure_container.OF_THE_ACCOUNT]
    if isinstance(target.service, Unread):
        return refused
    change = partial(
        api.set_service_properties,
        rules=target.service.cors if CheckName.CORS in lacking else None,
        retention=target.service.soft_delete if CheckName.SOFT_DELETE in lacking else None,
    )
    refused |= _tried(change, of_account) if of_account else {}
    if CheckName.CORS not in refused and records[1] != records[0]:
        api.set_metadata(records[1])
    return refused


def _records(container: Container, state: State, wanted: Wanted) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the metadata of a container with its record of origins, as they are before and after the rules are written."""
    if isinstance(state.service, Unread):
        return container.metadata, container.metadata
    decided = azure_container.letting(state, state.service, wanted)
    first, last = (azure_origins.with_record(container.metadata, each) for each in (decided.first, decided.last))
    return first, last


def _record(api: Api, container: Container, metadata: Mapping[str, str]) -> None:
    if metadata != container.metadata:
        api.set_metadata(metadata)


def _tried(change: Callable[[], None], names: Sequence[CheckName]) -> dict[CheckName, Unread]:
    """Make a change; returns Azure's word, for each thing that it was to set, where it does not let us."""
    found = read(change)
    return dict.fromkeys(names, found) if isinstance(found, Unread) else {}


def _not_begun(api: Api, error: AzureError, *, step: str) -> Stalled:
    name, role = f"The container {api.container}", azure_errors.DATA_ROLE
    return permissions.not_begun(unread(error), bucket=name, step=step, who=api.signer.who, held_by=role)


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
