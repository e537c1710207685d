"""A TeamStorage that is being deleted: held while W&B is configured with its bucket, unless a person says what shall become of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide import deletion, members, references
from wandb_byob.decide.compose import KEPT, SHARED, entry_identity
from wandb_byob.decide.conditions import ConditionType, Progress, is_true
from wandb_byob.decide.deletion import Fate
from wandb_byob.decide.removals import has_keys_on_coreweave, needed_by, takes_out
from wandb_byob.kube import gather
from wandb_byob.kube.client import WANDB_INSTANCES, ForbiddenError
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, Entry, TeamStorage, WandbInstance
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.held import AGAIN, finalize, hold, left_behind
from wandb_byob.reconcile.instance_buckets import Buckets, gather_buckets, users_of

# Whose an entry is by the WandbInstance's status: another BucketStore's, or one's that is no more.
_OTHER: Final = "other"
_GONE: Final = "gone"


def reconcile(world: World, key: ObjectKey, body: dict[str, Any]) -> Result:
    """Look at a TeamStorage that is being deleted."""
    return finalize(world, key, body, TeamStorage, settle=lambda team: _settle(world, key, body, team))


def _settle(world: World, key: ObjectKey, body: dict[str, Any], team: TeamStorage) -> Result | None:
    try:
        return _decided(world, key, body, team)
    except ForbiddenError as error:
        message = f"The operator lacks a permission: {error}. Have its administrator repair its role."
        return _held(world, key, body, team, Reason.FORBIDDEN, f"{message} {_way_out(team)}")


def _decided(world: World, key: ObjectKey, body: dict[str, Any], team: TeamStorage) -> Result | None:
    entry, (home, instances) = _entry(team), _instances(world, team)
    holding = [each for each in instances if entry is not None and members.in_variable(each, entry)]
    fates = [_fate(world, team, instance, entry) for instance in holding if entry] if deletion.confirmed(team) else []
    # A status tells what W&B has not before the first look that reached its target.
    told = any(is_true(each.status.conditions, ConditionType.CONFIGURED) for each in instances)
    untold = not holding and not told and left_behind(world, home, entry)
    decision = deletion.team_deletion(
        team,
        in_variable=untold or bool(holding),
        orphaned=untold and not instances,
        stays=not untold and not any(fate.leaves for fate in fates),
    )
    if decision.fate is Fate.LET_GO:
        _tell_of_kept(world, key, body, team, fates)
        return None
    if decision.fate is Fate.HOLD:
        return _held(world, key, body, team, Reason.DELETION_BLOCKED, decision.message)
    unread = sorted({namespace for fate in fates for namespace in fate.unread})
    if unread:
        message = (
            f"The bucket stays in W&B's configuration as long as the operator may not read namespace {', '.join(unread)}: a team there "
            "may need it. Have its administrator repair its role there, or take a namespace that is gone off the watched ones."
        )
        return _held(world, key, body, team, Reason.FORBIDDEN, f"{message} {_way_out(team)}")
    message = "The bucket is being taken out of W&B's configuration; then this object goes."
    return _held(world, key, body, team, Reason.REMOVING_ENTRY, message)


def _entry(team: TeamStorage) -> str | None:
    """Return the identity of the entry that leads W&B to the team's bucket, None where W&B was never told of it."""
    identity = team.status.identity
    return None if identity is None else entry_identity(identity, team.status.address)


def _held(
    world: World, key: ObjectKey, body: dict[str, Any], team: TeamStorage, reason: Reason, message: str
) -> Result:
    moving = reason is Reason.REMOVING_ENTRY
    progress = Progress.RECONCILING if moving else Progress.STALLED
    hold(world, key, body, before=team.status, reason=reason, message=message, progress=progress)
    return Result(after=AGAIN)


def _way_out(team: TeamStorage) -> str:
    name = references.team_name(team)
    return f'Or set the annotation {names.RELEASE}: "{name}" to drop this object and leave W&B as it is.'


def _tell_of_kept(
    world: World, key: ObjectKey, body: dict[str, Any], team: TeamStorage, fates: Sequence["_Fate"]
) -> None:
    """Say why a confirmed deletion takes nothing out of W&B: the object goes, and with it its conditions."""
    others = [other.metadata for fate in fates for other in fate.needed_by]
    if not others:
        return
    own = team.metadata.namespace
    here = sorted(other.name for other in others if other.namespace == own)
    who = f"TeamStorage {', '.join(here)}" if here else "a team of another namespace"
    message = f"W&B stays configured with the bucket, since it is that of {who}, too."
    world.events.publish(
        key, uid=body["metadata"]["uid"], warning=True, reason=Reason.CONFIGURED, message=world.secrets.redact(message)
    )


def _instances(world: World, team: TeamStorage) -> tuple[str, tuple[WandbInstance, ...]]:
    """Return W&B's namespace and the W&B there that may be configured with the team's bucket.

    Where the BucketStore is gone, or leads nowhere yet, it is any of the team's own namespace.
    """
    own = team.metadata.namespace
    place = references.bucket_store_of(team)
    store = gather.foreign(world.kube, place, BucketStore, user=own)
    reference = store.status.instance_ref if store is not None else None
    if reference is None:
        return own, tuple(gather.all_valid(world.kube.list(WANDB_INSTANCES, own), WandbInstance))
    key = ObjectKey(Kind.WANDB_INSTANCE, reference.namespace or place.namespace, reference.name)
    instance = gather.foreign(world.kube, key, WandbInstance, user=place.namespace)
    return key.namespace, () if instance is None else (instance,)


@dataclass(frozen=True, kw_only=True)
class _Fate:
    """What a WandbInstance does about a confirmed deletion: whether the entry leaves, or who needs it; `unread` keep it from that."""

    leaves: bool
    needed_by: tuple[TeamStorage, ...]
    unread: frozenset[str]


def _fate(world: World, team: TeamStorage, instance: WandbInstance, entry: str) -> _Fate:
    """Judge as the WandbInstance does when it looks, from the same reads."""
    buckets = gather_buckets(world, instance)
    users = users_of(world, instance, buckets)
    origins = {each.identity: _origin(instance, each, buckets) for each in instance.status.entries if each.identity}
    origin, stores = origins[entry], {_OTHER, *(store.metadata.uid for store in buckets.stores.values())}
    may = any(
        user.team.metadata.uid == team.metadata.uid and takes_out(user, entry=entry, origin=origin, stores=stores)
        for user in users
    )
    others = needed_by(users, entry, origin=origin)
    stays = origin == SHARED and has_keys_on_coreweave(origins)
    return _Fate(leaves=may and not others and not stays, needed_by=others if may else (), unread=buckets.unread)


def _origin(instance: WandbInstance, entry: Entry, buckets: Buckets) -> str:
    """Return whose the entry is by the WandbInstance's status: a BucketStore's uid, SHARED or KEPT."""
    owner = entry.bucket_store_ref
    if owner is None and entry.source == "Shared":
        return SHARED
    if owner is None:
        return _GONE if entry.source == "BucketStore" else KEPT
    place = ObjectKey(Kind.BUCKET_STORE, owner.namespace or instance.metadata.namespace, owner.name)
    store = buckets.stores.get(place)
    return store.metadata.uid if store is not None else _OTHER
