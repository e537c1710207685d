"""Instances, their buckets and their teams as trees with their health, and who is hidden from whom; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wandb_byob.decide import references
from wandb_byob.decide.buckets import bucket_name
from wandb_byob.decide.conditions import ConditionType
from wandb_byob.model.api import BucketStore, Condition, TeamStorage, WandbInstance
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey

_MANY: Final = 5


@dataclass(frozen=True, kw_only=True)
class Node:
    """One object, or something that is none (`kind` ""). `ready` is its condition's status ("" where it has none), `why` its message."""

    kind: str
    name: str
    ready: str = ""
    reason: str = ""
    detail: str = ""
    why: str = ""
    children: tuple["Node", ...] = ()

    @property
    def well(self) -> bool:
        """Say whether there is nothing to tell of it."""
        return self.ready == "True" and not self.children


@dataclass(frozen=True, kw_only=True)
class Objects:
    """What was listed."""

    instances: tuple[WandbInstance, ...] = ()
    stores: tuple[BucketStore, ...] = ()
    teams: tuple[TeamStorage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Which store belongs to which instance (None: to none that is here), and which team to which store."""

    stores: Mapping[ObjectKey | None, Sequence[BucketStore]]
    teams: Mapping[ObjectKey | None, Sequence[TeamStorage]]


def forest(objects: Objects) -> tuple[Node, ...]:
    """Return a tree for each instance, then what belongs to none."""
    places = _places(objects)
    trees = [_instance(instance, places) for instance in sorted(objects.instances, key=_order)]
    loose = tuple(_store(store, places, label="") for store in places.stores.get(None, ()))
    if loose:
        trees.append(Node(kind="", name="no WandbInstance", children=loose))
    stray = tuple(_team(team) for team in places.teams.get(None, ()))
    if stray:
        trees.append(Node(kind="", name="no BucketStore", children=stray))
    return tuple(trees)


def _places(objects: Objects) -> _Places:
    instances = {_key(Kind.WANDB_INSTANCE, each) for each in objects.instances}
    stores = {_key(Kind.BUCKET_STORE, each) for each in objects.stores}
    by_instance: dict[ObjectKey | None, list[BucketStore]] = {}
    for store in sorted(objects.stores, key=_order):
        here = [key.name for key in instances if key.namespace == store.metadata.namespace]
        try:
            owner = references.instance_of(store, here)
        except Stalled:
            owner = None
        by_instance.setdefault(owner if owner in instances else None, []).append(store)
    by_store: dict[ObjectKey | None, list[TeamStorage]] = {}
    for team in sorted(objects.teams, key=_order):
        key = references.bucket_store_of(team)
        by_store.setdefault(key if key in stores else None, []).append(team)
    return _Places(stores=by_instance, teams=by_store)


def _instance(instance: WandbInstance, places: _Places) -> Node:
    key = _key(Kind.WANDB_INSTANCE, instance)
    storage = instance.spec.storage
    main = storage.bucket_store_ref.name if storage is not None else ""
    children = tuple(
        _store(
            store,
            places,
            label="instance storage"
            if store.metadata.name == main and store.metadata.namespace == instance.metadata.namespace
            else "",
        )
        for store in places.stores.get(key, ())
    )
    kept = tuple(
        Node(kind="", name="kept from before", detail=entry.address)
        for entry in instance.status.entries
        if entry.source == "Kept"
    )
    detail = f"{instance.spec.deployment_type}, {instance.spec.host}"
    below = (*_own_bucket(instance), *children, *kept)
    return _node("WandbInstance", instance, instance.status.conditions, detail, children=below)


def _own_bucket(instance: WandbInstance) -> Iterator[Node]:
    """Yield the instance's own bucket, as far as somebody asks for one: which W&B has, from whom, and what is in the way."""
    found = instance.status.storage
    told = _condition(instance.status.conditions, ConditionType.STORAGE_CONFIGURED)
    if found is None and told is None:
        return
    asked = instance.spec.storage
    reference = found.bucket_store_ref if found is not None else asked.bucket_store_ref if asked is not None else None
    whose = f"of BucketStore {reference.name}" if reference is not None else "kept from before"
    ready = _condition(instance.status.conditions, ConditionType.READY)
    said = ready is not None and told is not None and told.message in ready.message
    yield Node(
        kind="",
        name="instance storage",
        ready=told.status if told is not None else "",
        reason=told.reason if told is not None else "",
        detail=f"{whose}, {found.address}" if found is not None else whose,
        why=told.message if told is not None and told.status != "True" and not said else "",
    )


def _store(store: BucketStore, places: _Places, *, label: str) -> Node:
    teams = tuple(_team(team) for team in places.teams.get(_key(Kind.BUCKET_STORE, store), ()))
    placed = store.status.bucket
    bucket = placed.identity if placed is not None else f"{store.spec.provider} {bucket_name(store)}"
    return _node(
        "BucketStore", store, store.status.conditions, ", ".join(filter(None, (label, bucket))), children=teams
    )


def _team(team: TeamStorage) -> Node:
    name = references.team_name(team)
    named = "" if name == team.metadata.name else f"team {name}, "
    return _node("TeamStorage", team, team.status.conditions, f"{named}{team.spec.path or 'the whole bucket'}")


def _node(
    kind: str,
    thing: WandbInstance | BucketStore | TeamStorage,
    conditions: Sequence[Condition],
    detail: str,
    *,
    children: tuple[Node, ...] = (),
) -> Node:
    ready = _condition(conditions, ConditionType.READY)
    metadata = thing.metadata
    return Node(
        kind=kind,
        name=f"{metadata.namespace}/{metadata.name}",
        ready=ready.status if ready is not None else "",
        reason=ready.reason if ready is not None else "",
        detail=detail,
        why=ready.message if ready is not None and ready.status != "True" else "",
        children=children,
    )


def _condition(conditions: Sequence[Condition], type_: ConditionType) -> Condition | None:
    return next((condition for condition in conditions if condition.type == type_), None)


def isolation(objects: Objects) -> Iterator[str]:
    """Yield what is hidden from whom, a sentence for each case; W&B's own rule, which is one-directional."""
    places = _places(objects)
    storages = {
        (instance.metadata.namespace, instance.spec.storage.bucket_store_ref.name)
        for instance in objects.instances
        if instance.spec.storage is not None
    }
    alone = []
    for store in sorted(objects.stores, key=_order):
        names = [references.team_name(team) for team in places.teams.get(_key(Kind.BUCKET_STORE, store), ())]
        if (store.metadata.namespace, store.metadata.name) in storages:
            if names:
                yield (
                    f"{_some(names)} {_verb(names, 'lie', 'lies')} in the instance's own bucket ({store.metadata.name}): only W&B's "
                    "permissions keep the files of the two apart."
                )
        elif len(names) == 1:
            alone += names
        elif names:
            yield (
                f"{_some(names)} share the bucket of BucketStore {store.metadata.name}: W&B keeps each to its path, but the keys of the "
                "bucket open all of them."
            )
    if alone:
        yield (
            f"{_some(alone)} {_verb(alone, 'have a bucket each', 'has a bucket')} of {_verb(alone, 'their', 'its')} own: teams on the "
            "instance's storage cannot see what lies there. Not the other way round: what lies in the instance's storage is not hidden "
            f"from {_verb(alone, 'them', 'it')}."
        )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _MANY} more" if len(listed) > _MANY else ""
    return ("Teams " if len(listed) > 1 else "Team ") + ", ".join(listed[:_MANY]) + more


def _verb(names: Sequence[str], plural: str, singular: str) -> str:
    return plural if len(names) > 1 else singular


def _key(kind: Kind, thing: WandbInstance | BucketStore | TeamStorage) -> ObjectKey:
    return ObjectKey(kind, thing.metadata.namespace, thing.metadata.name)


def _order(thing: WandbInstance | BucketStore | TeamStorage) -> tuple[str, str]:
    return thing.metadata.namespace, thing.metadata.name
