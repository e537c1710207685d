"""Which buckets are attached to an instance: verified, used by a team, and admitted by both owners.

Credentials go nowhere but to the WandbInstance that a BucketStore's own instanceRef leads to, and only where that
instance admits the BucketStore's namespace. All grants are looked at anew each time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wandb_byob.decide import references
from wandb_byob.decide.compose import KEPT, SHARED, Attached
from wandb_byob.decide.conditions import ConditionType, is_true
from wandb_byob.decide.deletion import confirmed
from wandb_byob.decide.teams import created
from wandb_byob.model.api import BucketStore, Condition, NamespaceGrant, ObjectMeta, TeamStorage, WandbInstance
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason

Admits = Callable[[NamespaceGrant, str, str], bool]
"""Whether a grant of an object in one namespace admits another namespace: (grant, owner, user)."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """A BucketStore of this instance with the TeamStorages that use it."""

    store: BucketStore
    teams: tuple[TeamStorage, ...]

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
            found.append(Use(store=store, teams=tuple(admitted)))
    return tuple(sorted(found, key=lambda use: (created(use.store.metadata), use.key)))


def belongs(store: BucketStore, instance: WandbInstance, *, instances: Sequence[str]) -> bool:
    """Say whether the BucketStore's reference leads to this instance; whether that admits it is another question."""
    own, place = store.metadata.namespace, instance.metadata.namespace
    try:
        key = references.instance_of(store, instances if own == place else ())
    except Stalled:
        return False
    return key == ObjectKey(Kind.WANDB_INSTANCE, place, instance.metadata.name)


def asks_for_entry(team: TeamStorage) -> bool:
    """Say whether a TeamStorage brings its bucket in: it was found in order as it is now, and is not being deleted."""
    accepted = is_true(team.status.conditions, ConditionType.ACCEPTED, generation=team.metadata.generation)
    return accepted and team.metadata.deletion_timestamp is None


def ready(store: BucketStore) -> bool:
    """Say whether all checks of a BucketStore passed for its present specification."""
    return is_true(store.status.conditions, ConditionType.READY, generation=store.metadata.generation)


def progressing(use: Use) -> bool:
    """Say whether the bucket or one of its teams is still without a verdict, good or bad, on its present specification."""
    undecided = [use.store.status.conditions] if not _decided(use.store.status.conditions, use.store.metadata) else []
    undecided += [
        team.status.conditions
        for team in use.teams
        if team.metadata.deletion_timestamp is None and not _looked_at(team.status.conditions, team.metadata)
    ]
    return bool(undecided) and use.store.metadata.deletion_timestamp is None


def _decided(conditions: Sequence[Condition], metadata: ObjectMeta) -> bool:
    found = _condition(conditions, ConditionType.READY)
    return found is not None and _for(found, metadata) and found.reason != Reason.PROGRESSING


def _looked_at(conditions: Sequence[Condition], metadata: ObjectMeta) -> bool:
    found = _condition(conditions, ConditionType.ACCEPTED)
    return found is not None and _for(found, metadata)


def _for(condition: Condition, metadata: ObjectMeta) -> bool:
    return (condition.observed_generation or 0) >= metadata.generation


def _condition(conditions: Sequence[Condition], type_: ConditionType) -> Condition | None:
    return next((condition for condition in conditions if condition.type == type_), None)


def usable_since(use: Use) -> datetime | None:
    """Return since when the bucket could enter: verified, and asked for by a team; None where it may not."""
    if use.store.metadata.deletion_timestamp is not None or not ready(use.store):
        return None
    asking = [
        condition.last_transition_time
        for team in use.teams
        if asks_for_entry(team)
        for condition in (_condition(team.status.conditions, ConditionType.ACCEPTED),)
        if condition is not None
    ]
    verified = _condition(use.store.status.conditions, ConditionType.READY)
    return max(min(asking), verified.last_transition_time) if asking and verified is not None else None


def holder_of_each(attached: Iterable[Attached], *, provenance: Mapping[str, str]) -> tuple[Attached, ...]:
    """Return one of those that name the same bucket: the one whose entry is in already, else the first."""
    chosen: dict[str, Attached] = {}
    for each in attached:
        if each.identity not in chosen or provenance.get(each.identity) == each.uid:
            chosen[each.identity] = each
    return tuple(chosen.values())


def removals(
    teams: Sequence[TeamStorage], *, identity: Callable[[TeamStorage], str | None], provenance: Mapping[str, str]
) -> tuple[Pending, ...]:
    """Return the buckets whose entry goes: a team's deletion is confirmed, and no other TeamStorage uses the bucket.

    `identity` tells a TeamStorage's bucket, as its status or its BucketStore says. An entry that was there before us goes
    only with a team that was configured by it.
    """
    needed = {identity(team) for team in teams if not confirmed(team)}
    found: dict[str, Pending] = {}
    for team in teams:
        bucket, since = identity(team), team.metadata.deletion_timestamp
        if bucket is None or since is None or bucket in needed or not confirmed(team):
            continue
        ours = provenance.get(bucket, KEPT) not in (KEPT, SHARED)
        if ours or is_true(team.status.conditions, ConditionType.CONFIGURED):
            found[bucket] = Pending(identity=bucket, since=since)
    return tuple(found.values())
