"""Two TeamStorages for one team: a W&B team has one storage."""

from collections.abc import Iterator

from wandb_byob.decide import references, teams
from wandb_byob.kube import gather
from wandb_byob.kube.client import BUCKET_STORES, TEAM_STORAGES
from wandb_byob.model.api import BucketStore, BucketStoreStatus, ObjectReference, TeamStorage
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import World


def require_only_storage(world: World, team: TeamStorage, store: BucketStore) -> None:
    """Raise `Stalled` where another TeamStorage of the namespace is for the same team of the same W&B, and goes first.

    Only within a namespace: by a team's name nobody elsewhere can keep it from its storage.
    """
    name = references.team_name(team)
    for other in _of_the_same_name(world, team, name):
        first = teams.rank(other) < teams.rank(team)
        if first and _instance_of(world, other) == store.status.instance_ref is not None:
            raise Stalled(
                Reason.TEAM_CONFLICT,
                f"TeamStorage {other.metadata.name} is for team {name} already, and a W&B team has one storage. Delete one of the "
                "two, or correct spec.team.",
            )


def _of_the_same_name(world: World, team: TeamStorage, name: str) -> Iterator[TeamStorage]:
    own = team.metadata.namespace
    named = world.kube.get(TEAM_STORAGES, own, name)
    stated = world.kube.list(TEAM_STORAGES, own, fields=f"spec.team={name}")
    bodies = [*stated, *([named] if named is not None else [])]
    for other in gather.all_valid(bodies, TeamStorage):
        if other.metadata.uid != team.metadata.uid and references.team_name(other) == name:
            yield other


def _instance_of(world: World, team: TeamStorage) -> ObjectReference | None:
    key = references.bucket_store_of(team)
    if key.namespace != team.metadata.namespace:
        return None
    body = world.kube.get(BUCKET_STORES, key.namespace, key.name)
    return gather.status(body, BucketStoreStatus).instance_ref if body is not None else None
