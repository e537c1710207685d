"""What the variable of an instance shall hold: its verified buckets, from live reads of everything that has a say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wandb_byob.decide import addresses, attachments, looks, references, removals
from wandb_byob.decide.attachments import Pending, Use
from wandb_byob.decide.compose import Attached, Composition, Entry, Source, compose, entry_identity
from wandb_byob.decide.removals import User
from wandb_byob.kube import gather
from wandb_byob.kube.client import (
    BUCKET_STORES,
    SECRETS,
    TEAM_STORAGES,
    WANDB_INSTANCES,
    ForbiddenError,
    Resource,
)
from wandb_byob.model.api import BucketStore, NamespaceGrant, TeamStorage, WandbInstance
from wandb_byob.model.credentials import AccessKey, AccountKey
from wandb_byob.model.errors import DomainError, Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.inputs import gather_inputs


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """The BucketStores that lead to this instance, with their teams; `uses` are those that it admits.

    `stray` are TeamStorages whose BucketStore is not there at all; `unread` are the namespaces that may not be read.
    """

    stores: Mapping[ObjectKey, BucketStore]
    teams: tuple[TeamStorage, ...]
    stray: tuple[TeamStorage, ...]
    uses: tuple[Use, ...]
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, repr=False)
class Wish:
    """What the variable shall hold (or why that cannot be said), since when, and whether more is on the way."""

    composition: Composition | Stalled
    pending: tuple[Pending, ...]
    progressing: bool


@dataclass(frozen=True, kw_only=True, repr=False)
class _Verified:
    """A bucket that may enter, and since when it might."""

    attached: Attached
    since: datetime
    bucket: str


def gather_buckets(world: World, instance: WandbInstance) -> Buckets:
    """List each kind in each watched namespace; a failed read raises, so that nothing is ever taken for absent.

    Another namespace that may not be read (deleted, or its Role taken away) stops nobody else; it is noted, since what it
    needs is not known. W&B's own must be readable.
    """
    own = instance.metadata.namespace
    instances = tuple(body["metadata"]["name"] for body in world.kube.list(WANDB_INSTANCES, own))
    unread: set[str] = set()
    there: set[ObjectKey] = set()
    mine: dict[ObjectKey, BucketStore] = {}
    for store in gather.all_valid(_everywhere(world, BUCKET_STORES, own=own, unread=unread), BucketStore):
        key = ObjectKey(Kind.BUCKET_STORE, store.metadata.namespace, store.metadata.name)
        there.add(key)
        if attachments.belongs(store, instance, instances=instances):
            mine[key] = store
    teams: list[TeamStorage] = []
    stray: list[TeamStorage] = []
    for team in gather.all_valid(_everywhere(world, TEAM_STORAGES, own=own, unread=unread), TeamStorage):
        key = references.bucket_store_of(team)
        if key in mine:
            teams.append(team)
        elif key not in there:
            stray.append(team)

    def admits(grant: NamespaceGrant, owner: str, user: str) -> bool:
        return gather.admits(world.kube, grant, owner=owner, user=user)

    return Buckets(
        stores=mine,
        teams=tuple(teams),
        stray=tuple(stray),
        uses=attachments.uses(instance, instances=instances, stores=mine.values(), teams=teams, admits=admits),
        unread=frozenset(unread),
    )


def _everywhere(world: World, resource: Resource, *, own: str, unread: set[str]) -> Iterator[dict[str, Any]]:
    def note(namespace: str) -> None:
        if namespace == own:
            raise ForbiddenError(f"it may not list {resource.plural} in namespace {own}", status=403)
        unread.add(namespace)

    return gather.everywhere(world.kube, world.config, resource, forbidden=note)


def wish(world: World, instance: WandbInstance, buckets: Buckets, base: Sequence[Entry]) -> Wish:
    """Return what the variable shall hold, from `base` and the buckets that are verified with what they have now."""
    _learn(world, base)
    provenance = Composition(entries=tuple(base)).provenance
    verified, undecided = _verified(world, buckets.uses, own=instance.metadata.namespace)
    chosen = attachments.holder_of_each((each.attached for each in verified), provenance=provenance)
    leaving = (*confirmed_removals(world, instance, buckets, provenance), *_outgrown(verified, provenance))
    since = {each.attached.uid: each.since for each in verified}
    return Wish(
        composition=_composed(instance, base, chosen, leaving),
        pending=(*_changes(base, chosen, since), *leaving),
        progressing=undecided or any(attachments.progressing(use) for use in buckets.uses),
    )


def _outgrown(verified: Iterable[_Verified], provenance: Mapping[str, str]) -> Iterator[Pending]:
    """Yield the entries with keys of BucketStores that W&B now reaches by the shared `cw://`: their owner has taken the keys back."""
    for each in verified:
        if each.attached.identity != each.bucket and provenance.get(each.bucket) == each.attached.uid:
            yield Pending(identity=each.bucket, since=each.since)


def _composed(
    instance: WandbInstance, base: Sequence[Entry], attached: Sequence[Attached], leaving: Iterable[Pending]
) -> Composition | Stalled:
    gone = [each.identity for each in leaving]
    try:
        return compose(base, attached, removals=gone, separator=instance.spec.file_stores.separator)
    except Stalled as stalled:
        return stalled


def _verified(world: World, uses: Iterable[Use], *, own: str) -> tuple[tuple[_Verified, ...], bool]:
    """Return the buckets that are verified with their present credentials, and whether some wait to be verified anew.

    One whose Secret may not be read does not enter, and stops nobody else; what is in the variable of it stays.
    """
    found: list[_Verified] = []
    undecided = False
    for use in uses:
        since = attachments.usable_since(use)
        if since is None:
            continue
        try:
            inputs = gather_inputs(world, use.store)
            address = inputs.provider.address(use.store.spec, inputs.context.data)
        except (DomainError, ValueError):
            continue  # its own conditions will say so; what is in the variable stays
        except ForbiddenError:
            if use.store.metadata.namespace == own:
                raise
            continue
        if not looks.current(use.store, inputs.mark):
            undecided = True
            continue
        identity = addresses.identity(address)
        if identity is not None:
            attached = Attached(identity=identity, uid=use.store.metadata.uid, address=address)
            changed = max(since, keys_changed(world, use.store) or since)
            found.append(_Verified(attached=attached, since=changed, bucket=inputs.identity))
    return tuple(found), undecided


def keys_changed(world: World, store: BucketStore) -> datetime | None:
    """Return when the Secret with the credentials was last written, as far as Kubernetes knows."""
    reference = store.spec.credentials.secret_ref
    if reference is None:
        return None
    secret = world.kube.get(SECRETS, store.metadata.namespace, reference.name) or {}
    times = [entry.get("time") for entry in (secret.get("metadata") or {}).get("managedFields") or ()]
    return max((datetime.fromisoformat(time).astimezone(UTC) for time in times if time), default=None)


def _changes(base: Sequence[Entry], attached: Iterable[Attached], since: Mapping[str, datetime]) -> Iterator[Pending]:
    present = {entry.identity: entry.text for entry in reversed(base)}
    for each in attached:
        text = present.get(each.identity)
        if text is None or addresses.parse(text) != addresses.parse(each.address):
            yield Pending(identity=each.identity, since=since[each.uid])


def confirmed_removals(
    world: World, instance: WandbInstance, buckets: Buckets, provenance: Mapping[str, str]
) -> tuple[Pending, ...]:
    """Return the confirmed removals; none where a namespace may not be read, since a team there may need the bucket."""
    if buckets.unread:
        return ()
    users = users_of(world, instance, buckets)
    return removals.removals(
        users, provenance=provenance, stores={store.metadata.uid for store in buckets.stores.values()}
    )


def users_of(world: World, instance: WandbInstance, buckets: Buckets) -> tuple[User, ...]:
    """Return who has a say in what leaves the variable: each TeamStorage of which the bucket is known."""
    admitted = {team.metadata.uid for use in buckets.uses for team in use.teams}
    users = []
    for team in (*buckets.teams, *buckets.stray):
        store = buckets.stores.get(references.bucket_store_of(team))
        identity = team.status.identity or (identity_of(world, store) if store is not None else None)
        if identity is not None:
            home = team.metadata.namespace == instance.metadata.namespace
            user = User(
                team=team,
                identity=identity,
                entry=entry_identity(identity, team.status.address),
                store=store,
                admitted=team.metadata.uid in admitted,
                home=home,
            )
            users.append(user)
    return tuple(users)


def identity_of(world: World, store: BucketStore) -> str | None:
    """Return which bucket a BucketStore is about; None for a provider that is not built."""
    if store.status.bucket is not None:
        return store.status.bucket.identity
    provider = world.providers.get(store.spec.provider)
    return provider.identity(store.spec) if provider is not None else None


def _learn(world: World, base: Iterable[Entry]) -> None:
    """Have the keys in entries that others wrote kept out of every text, too."""
    for entry in base:
        address = addresses.parse(entry.text) if entry.source is Source.KEPT else None
        if address is None or not address.password:
            continue
        if address.scheme in ("s3", "cw"):
            world.secrets.learn(AccessKey(access_key_id=address.user, secret_access_key=address.password))
        else:
            world.secrets.learn(AccountKey(address.password))
