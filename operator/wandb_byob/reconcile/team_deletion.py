"""A TeamStorage that is being deleted: held while W&B is configured with its bucket, unless a person says what shall become of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from wandb_byob.decide import deletion, members, references
from wandb_byob.decide.annotations import paused
from wandb_byob.decide.compose import KEPT
from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.deletion import Fate
from wandb_byob.decide.removals import User, takes_out
from wandb_byob.kube import apply, gather
from wandb_byob.kube.client import TEAM_STORAGES, WANDB_INSTANCES
from wandb_byob.model.api import BucketStore, ObjectMeta, TeamStorage, WandbInstance
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.held import hold

# The WandbInstance's status wakes us when the entry is gone; this is for what goes unseen.
_AGAIN: Final = timedelta(seconds=30)
# Whose an entry is by the WandbInstance's status: another BucketStore's, or one's that is no more.
_OTHER: Final = "other"
_GONE: Final = "gone"


def reconcile(world: World, key: ObjectKey, body: dict[str, Any]) -> Result:
    """Look at a TeamStorage that is being deleted."""
    if not apply.has_finalizer(body):
        return Result()
    if gather.terminating(world.kube, key.namespace):
        # Roles vanish in a terminating namespace, too: a finalizer that is held on to could soon not be taken off any more.
        return _let_go(world, body)
    if paused(gather.metadata(body)):
        return Result()
    try:
        team = gather.typed(body, TeamStorage)
    except Stalled:
        # Which team it was for cannot be told. W&B's configuration stays as it is.
        return _let_go(world, body)
    store = _store(world, team)
    holding = tuple(_holding(world, team, store))
    stays = deletion.confirmed(team) and (
        _shared(world, team, store) or not any(_takes_out(world, team, store, instance) for instance in holding)
    )
    decision = deletion.team_deletion(team, in_variable=bool(holding), stays=stays)
    if decision.fate is Fate.LET_GO:
        return _let_go(world, body)
    blocked = decision.fate is Fate.HOLD
    hold(
        world,
        key,
        TEAM_STORAGES,
        body,
        before=team.status,
        reason=Reason.DELETION_BLOCKED if blocked else Reason.REMOVING_ENTRY,
        message=decision.message or "The bucket is being taken out of W&B's configuration; then this object goes.",
        progress=Progress.STALLED if blocked else Progress.RECONCILING,
    )
    return Result(after=_AGAIN)


def _let_go(world: World, body: dict[str, Any]) -> Result:
    apply.remove_finalizer(world.kube, TEAM_STORAGES, body)
    return Result()


def _store(world: World, team: TeamStorage) -> BucketStore | None:
    key = references.bucket_store_of(team)
    return gather.foreign(world.kube, key, BucketStore, user=team.metadata.namespace)


def _holding(world: World, team: TeamStorage, store: BucketStore | None) -> Iterator[WandbInstance]:
    """Yield the W&B that is configured with the team's bucket; where the BucketStore is gone, one of the team's own namespace."""
    identity = team.status.identity
    if identity is not None:
        yield from (each for each in _instances(world, team, store) if members.in_variable(each, identity))


def _takes_out(world: World, team: TeamStorage, store: BucketStore | None, instance: WandbInstance) -> bool:
    """Say whether the WandbInstance, when it looks, takes the entry out for this TeamStorage."""
    identity = team.status.identity or ""
    entry = next(entry for entry in instance.status.entries if entry.identity == identity)
    home = instance.metadata.namespace
    owner = entry.bucket_store_ref
    if owner is not None and store is not None and (owner.namespace or home, owner.name) == _place(store.metadata):
        origin = store.metadata.uid
    else:
        origin = _OTHER if owner is not None else _GONE if entry.source == "BucketStore" else KEPT
    user = User(
        team=team,
        identity=identity,
        store=store,
        admitted=store is not None and _admitted(world, team, store, instance),
        home=team.metadata.namespace == home,
    )
    return takes_out(user, origin=origin, stores={_OTHER})


def _admitted(world: World, team: TeamStorage, store: BucketStore, instance: WandbInstance) -> bool:
    own, home = store.metadata.namespace, instance.metadata.namespace
    return gather.admits(world.kube, instance.spec.allowed_namespaces, owner=home, user=own) and gather.admits(
        world.kube, store.spec.allowed_namespaces, owner=own, user=team.metadata.namespace
    )


def _place(metadata: ObjectMeta) -> tuple[str, str]:
    return metadata.namespace, metadata.name


def _instances(world: World, team: TeamStorage, store: BucketStore | None) -> Iterator[WandbInstance]:
    reference = store.status.instance_ref if store is not None else None
    if store is None or reference is None:
        own = world.kube.list(WANDB_INSTANCES, team.metadata.namespace)
        yield from gather.all_valid(own, WandbInstance)
        return
    own_namespace = store.metadata.namespace
    key = ObjectKey(Kind.WANDB_INSTANCE, reference.namespace or own_namespace, reference.name)
    instance = gather.foreign(world.kube, key, WandbInstance, user=own_namespace)
    if instance is not None:
        yield instance


def _shared(world: World, team: TeamStorage, store: BucketStore | None) -> bool:
    """Say whether another TeamStorage, whose deletion is not confirmed, uses the same bucket."""
    if store is None:
        return False
    stores = [store, *(other for other in gather.namesakes(world.kube, world.config, store))]
    others = (other for each in stores for other in gather.users_of(world.kube, world.config, each))
    return any(
        other.metadata.uid != team.metadata.uid
        and other.status.identity == team.status.identity
        and not deletion.confirmed(other)
        for other in others
    )
