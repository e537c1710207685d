"""One look at a TeamStorage: whether it may have its place, whether the bucket is verified there, and how far W&B is with it.

It calls no store and writes nothing but itself: the bucket is its BucketStore's affair, W&B's configuration the WandbInstance's.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec

from wandb_byob.decide import addresses, forms, looks, members, references, schedule, teams
from wandb_byob.decide.annotations import handed_over, paused
from wandb_byob.decide.compose import entry_identity
from wandb_byob.decide.conditions import ConditionType, Outcome, Verdict, conditions, is_true
from wandb_byob.decide.verification import bucket_ready
from wandb_byob.kube import apply, gather
from wandb_byob.kube.client import TEAM_STORAGES, ForbiddenError
from wandb_byob.model.api import (
    BucketStore,
    HandOver,
    ObjectReference,
    TeamStorage,
    TeamStorageSpec,
    TeamStorageStatus,
    WandbInstance,
)
from wandb_byob.model.credentials import AccessKey, Ambient, Credentials
from wandb_byob.model.errors import DomainError, Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile import rivals, team_deletion
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.errors import Explained, explain
from wandb_byob.reconcile.finish import finish, hold_back

# Changes of a namespace's labels wake nobody, and grants are looked at anew all the same.
_INTERVAL: Final = timedelta(minutes=10)
# Of an object that does not fit the schema only the metadata are known.
_UNKNOWN: Final = TeamStorageSpec(bucket_store_ref=ObjectReference(name=""))
_HIDDEN: Final = AccessKey(access_key_id="hidden", secret_access_key="hidden")  # noqa: S106 (stands for keys that are not read)


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """The object of one look, as it was read, and typed."""

    world: World
    key: ObjectKey
    body: dict[str, Any]
    team: TeamStorage


@dataclass(frozen=True, kw_only=True)
class _Bucket:
    """The bucket of a TeamStorage that is accepted; `instance` None: which W&B reads it is not known (yet)."""

    store: BucketStore
    instance: WandbInstance | None
    identity: str
    address: str


def reconcile(world: World, key: ObjectKey) -> Result:
    """Look at one TeamStorage."""
    body = world.kube.get(TEAM_STORAGES, key.namespace, key.name)
    if body is None:
        return Result()
    metadata = gather.metadata(body)
    if metadata.deletion_timestamp is not None:
        return team_deletion.reconcile(world, key, body)
    if paused(metadata):
        return Result()
    try:
        team = gather.typed(body, TeamStorage)
    except Stalled as error:
        empty = TeamStorage(metadata=metadata, spec=_UNKNOWN, status=gather.status(body, TeamStorageStatus))
        return _refused(_Subject(world=world, key=key, body=body, team=empty), error)
    subject = _Subject(world=world, key=key, body=body, team=team)
    try:
        bucket = _accepted(subject)
    except (DomainError, ForbiddenError) as error:
        return _refused(subject, error)
    if not apply.has_finalizer(body) and not gather.terminating(world.kube, key.namespace):
        apply.add_finalizer(world.kube, TEAM_STORAGES, body)
    return _judged(subject, bucket)


def _accepted(subject: _Subject) -> _Bucket:
    """Return the bucket that the TeamStorage may use; raises `Stalled` where it may not."""
    world, team = subject.world, subject.team
    if team.spec.create_team is not None:
        raise Stalled(
            Reason.NOT_IMPLEMENTED,
            "This version of the operator cannot create teams yet. Remove spec.createTeam and create the team by hand; status.form "
            "then says what to choose and type.",
        )
    key, own = references.bucket_store_of(team), team.metadata.namespace
    store = gather.foreign(world.kube, key, BucketStore, user=own)
    if store is None or not gather.admits(world.kube, store.spec.allowed_namespaces, owner=key.namespace, user=own):
        raise references.not_reachable(key, user=own, missing=Reason.BUCKET_STORE_NOT_FOUND)
    bucket = _bucket(world, store)
    if not _settled_before(team):
        _require_place(world, team, bucket)
    return bucket


def _settled_before(team: TeamStorage) -> bool:
    """Say whether it had its place already and asks for no other: what is configured gives way to nobody who comes later."""
    current = team.status.observed_generation == team.metadata.generation
    return current and is_true(team.status.conditions, ConditionType.CONFIGURED)


def _require_place(world: World, team: TeamStorage, bucket: _Bucket) -> None:
    users = gather.users_of(world.kube, world.config, bucket.store)
    claims = [teams.Claim(identity=bucket.identity, path=user.spec.path or "", team=user) for user in users]
    instance = bucket.instance
    own = teams.own_claims(bucket.store, instance, identity=bucket.identity) if instance is not None else ()
    winner = teams.conflicts(claims, own).get(team.metadata.uid)
    if winner is not None:
        claim = teams.Claim(identity=bucket.identity, path=team.spec.path or "", team=team)
        raise teams.path_conflict(claim, winner)
    rivals.require_only_storage(world, team, bucket.store)


def _bucket(world: World, store: BucketStore) -> _Bucket:
    provider = world.providers.get(store.spec.provider)
    identity, address = "", ""
    if provider is not None:
        try:
            identity = provider.identity(store.spec)
            address = addresses.redact(provider.address(store.spec, stand_in(store)))
        except (DomainError, ValueError):
            # The BucketStore's own conditions say what is wrong with its specification.
            pass
    return _Bucket(store=store, instance=_instance(world, store), identity=identity, address=address)


def stand_in(store: BucketStore) -> Credentials | None:
    """Return what stands for the credentials in an address that is shown: the keys themselves are not read here."""
    source = store.spec.credentials.source
    if source == "WandbAccount":
        return None
    return Ambient() if source == "Ambient" else _HIDDEN


def _instance(world: World, store: BucketStore) -> WandbInstance | None:
    reference = store.status.instance_ref
    if reference is None:
        return None
    own = store.metadata.namespace
    key = ObjectKey(Kind.WANDB_INSTANCE, reference.namespace or own, reference.name)
    return gather.foreign(world.kube, key, WandbInstance, user=own)


def _judged(subject: _Subject, bucket: _Bucket) -> Result:
    team, user = subject.team, subject.team.metadata.namespace
    path, store = team.spec.path or "", bucket.store
    accepted = Verdict(
        type=ConditionType.ACCEPTED,
        status="True",
        reason=Reason.ACCEPTED,
        message=f"Uses BucketStore {store.metadata.name}" + (f" under {path}." if path else "."),
    )
    hand_over = _hand_over(team, bucket)
    place = members.Place(
        instance=bucket.instance,
        entry=entry_identity(bucket.identity, bucket.address),
        user=user,
        hand_over=hand_over,
        handed_over=_handed_over(team, store),
        ran=team.status.identity == bucket.identity and is_true(team.status.conditions, ConditionType.ROLLED_OUT),
    )
    ready = bucket_ready(store, path=path, user=user)
    outcome = members.outcome(accepted, ready, place)
    status = _status(
        subject, outcome, ready_message=f"{bucket.identity} is ready for the team; status.form says how to create it."
    )
    known = ready[0].status == "True"
    status = msgspec.structs.replace(
        status,
        identity=bucket.identity or None,
        address=bucket.address or None,
        path=path or None,
        form=forms.form(store, team=references.team_name(team), path=path, address=bucket.address) if known else (),
        hand_over=hand_over if known else None,
    )
    return _write(subject, outcome, status)


def _handed_over(team: TeamStorage, store: BucketStore) -> bool:
    """Say whether W&B was told: of the team, or once of the bucket for all its teams; on CoreWeave support looks at each team's settings."""
    once = store.spec.provider != "CoreWeave" and handed_over(store.metadata)
    return handed_over(team.metadata) or once


def _hand_over(team: TeamStorage, bucket: _Bucket) -> HandOver | None:
    if bucket.instance is None:
        return None
    return forms.hand_over(
        bucket.store,
        bucket.instance.spec.deployment_type,
        team=references.team_name(team),
        path=team.spec.path or "",
        address=bucket.address,
    )


def _refused(subject: _Subject, error: Explained) -> Result:
    failure = explain(error, ConditionType.ACCEPTED)
    outcome = members.refused(subject.team, failure.verdict, failure.progress)
    return _write(subject, outcome, _status(subject, outcome, ready_message=""), after=failure.after)


def _status(subject: _Subject, outcome: Outcome, *, ready_message: str) -> TeamStorageStatus:
    metadata, before = subject.team.metadata, subject.team.status
    return msgspec.structs.replace(
        before,
        observed_generation=metadata.generation,
        conditions=conditions(
            outcome,
            previous=before.conditions,
            generation=metadata.generation,
            now=subject.world.now(),
            ready_message=ready_message,
        ),
        observed_reconcile_request=looks.request(metadata.annotations),
    )


def _write(subject: _Subject, outcome: Outcome, status: TeamStorageStatus, *, after: timedelta | None = None) -> Result:
    world, team, now = subject.world, subject.team, subject.world.now()
    held = hold_back(outcome, team.metadata, first=not team.status.conditions, now=now)
    if held is not None:
        return Result(after=held)
    finish(world, subject.key, TEAM_STORAGES, subject.body, before=team.status, after=status)
    if after is None:
        after = schedule.next_phase(now, uid=team.metadata.uid, interval=_INTERVAL) - now
    return Result(after=after)
