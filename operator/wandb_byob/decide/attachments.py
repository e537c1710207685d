"""Which buckets are attached to an instance: verified, used by a team, and admitted by both owners.

Credentials go nowhere but to the WandbInstance that a BucketStore's own instanceRef leads to, and only where that
instance admits the BucketStore's namespace. All grants are looked at anew each time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from wandb_byob.decide import references
from wandb_byob.decide.annotations import paused
from wandb_byob.decide.compose import Attached
from wandb_byob.decide.conditions import ConditionType
from wandb_byob.decide.teams import Claim, conflicts, created, own_claims
from wandb_byob.decide.verification import bucket_ready
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, NamespaceGrant, TeamStorage, WandbInstance
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason

_VERIFIED: Final = frozenset(
    {
        ConditionType.ACCEPTED.value,
        ConditionType.REACHABLE.value,
        ConditionType.CONFIGURED.value,
        ConditionType.DATA_PATH_VERIFIED.value,
    }
)

Admits = Callable[[NamespaceGrant, str, str], bool]
"""Whether a grant of an object in one namespace admits another namespace: (grant, owner, user)."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """A BucketStore of this instance with the TeamStorages that it admits; `giving_way` are the uids of those in conflict."""

    store: BucketStore
    teams: tuple[TeamStorage, ...]
    giving_way: frozenset[str] = frozenset()

    @property
    def key(self) -> ObjectKey:
        """Return the BucketStore's key."""
        return ObjectKey(Kind.BUCKET_STORE, self.store.metadata.namespace, self.store.metadata.name)


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A change of the variable that waits for its turn, and since when it could be made."""

    identity: str
    since: datetime


def uses(
    instance: WandbInstance,
    *,
    instances: Sequence[str],
    stores: Iterable[BucketStore],
    teams: Iterable[TeamStorage],
    admits: Admits,
) -> tuple[Use, ...]:
    """Return the BucketStores attached to this instance, oldest first, with the teams that they admit.

    `instances` are the names of the WandbInstances in its namespace.
    """
    by_store: dict[ObjectKey, list[TeamStorage]] = {}
    for team in teams:
        by_store.setdefault(references.bucket_store_of(team), []).append(team)
    found = []
    for store in stores:
        own = store.metadata.namespace
        if belongs(store, instance, instances=instances) and admits(
            instance.spec.allowed_namespaces, instance.metadata.namespace, own
        ):
            key = ObjectKey(Kind.BUCKET_STORE, own, store.metadata.name)
            admitted = [
                team
                for team in by_store.get(key, ())
                if admits(store.spec.allowed_namespaces, own, team.metadata.namespace)
            ]
            found.append(Use(store=store, teams=tuple(admitted), giving_way=_giving_way(store, instance, admitted)))
    return tuple(sorted(found, key=lambda use: (created(use.store.metadata), use.key)))


def _giving_way(store: BucketStore, instance: WandbInstance, admitted: Sequence[TeamStorage]) -> frozenset[str]:
    identity = store.status.bucket.identity if store.status.bucket is not None else ""
    claims = (Claim(identity=identity, path=team.spec.path or "", team=team) for team in admitted)
    return frozenset(conflicts(claims, own_claims(store, instance, identity=identity)))


def belongs(store: BucketStore, instance: WandbInstance, *, instances: Sequence[str]) -> bool:
    """Say whether the BucketStore's reference leads to this instance; whether that admits it is another question."""
    own, place = store.metadata.namespace, instance.metadata.namespace
    try:
        key = references.instance_of(store, instances if own == place else ())
    except Stalled:
        return False
    return key == ObjectKey(Kind.WANDB_INSTANCE, place, instance.metadata.name)


def brings(use: Use, team: TeamStorage) -> bool:
    """Say whether a TeamStorage brings the bucket in: it is accepted and held by our finalizer, and its own path is verified.

    Decided from the objects as they are, not from the TeamStorage's status, which waits for us.
    """
    verdict, _ = bucket_ready(use.store, path=team.spec.path or "", user=team.metadata.namespace)
    return asks(use, team) and names.FINALIZER in team.metadata.finalizers and verdict.status == "True"


def asks(use: Use, team: TeamStorage) -> bool:
    """Say whether a TeamStorage, as far as it goes, asks for the bucket: nothing in it stands against it."""
    return (
        team.metadata.deletion_timestamp is None
        and not paused(team.metadata)
        and team.spec.create_team is None
        and team.metadata.uid not in use.giving_way
        and not _refused(team)
    )


def _refused(team: TeamStorage) -> bool:
    """Say whether its own look refused it as it is now, for what only that one sees (two TeamStorages for one team)."""
    return any(
        condition.type == ConditionType.ACCEPTED
        and condition.status == "False"
        and (condition.observed_generation or 0) >= team.metadata.generation
        for condition in team.status.conditions
    )


def progressing(use: Use) -> bool:
    """Say whether the bucket, or a team's path of it, has not been looked at yet: a verdict, good or bad, makes nobody wait."""
    store = use.store
    if store.metadata.deletion_timestamp is not None or paused(store.metadata):
        return False
    if not store.status.conditions or (store.status.observed_generation or 0) < store.metadata.generation:
        return True
    return any(_undecided(use, team) for team in use.teams if asks(use, team))


def _undecided(use: Use, team: TeamStorage) -> bool:
    verdict, _ = bucket_ready(use.store, path=team.spec.path or "", user=team.metadata.namespace)
    unheld = verdict.status == "True" and names.FINALIZER not in team.metadata.finalizers
    return unheld or verdict.reason is Reason.WAITING_FOR_BUCKET


def usable_since(use: Use) -> datetime | None:
    """Return since when the bucket could enter: verified, and asked for by a team; None where it may not."""
    if use.store.metadata.deletion_timestamp is not None:
        return None
    created = [team.metadata.creation_timestamp for team in use.teams if brings(use, team)]
    known = [time for time in created if time is not None]
    if not known:
        return None
    return max((min(known), *verified_at(use.store)))


def verified_at(store: BucketStore) -> tuple[datetime, ...]:
    """Return since when each condition holds that makes the bucket verified."""
    return tuple(c.last_transition_time for c in store.status.conditions if c.type in _VERIFIED and c.status == "True")


def holder_of_each(attached: Iterable[Attached], *, provenance: Mapping[str, str]) -> tuple[Attached, ...]:
    """Return one of those that name the same bucket: the one whose entry is in already, else the first."""
    chosen: dict[str, Attached] = {}
    for each in attached:
        if each.identity not in chosen or provenance.get(each.identity) == each.uid:
            chosen[each.identity] = each
    return tuple(chosen.values())
