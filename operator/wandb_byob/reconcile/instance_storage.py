"""The bucket for the instance itself: which one `spec.storage` means, whether it may be set, and with which keys."""

from wandb_byob.decide import addresses, availability, forms, instance_storage, looks, references, storage, teams
from wandb_byob.decide.attachments import verified_at
from wandb_byob.decide.availability import Scope
from wandb_byob.decide.conditions import ConditionType, Progress, Verdict, is_true
from wandb_byob.decide.instance_storage import Asked, Storage
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.storage import Bucket
from wandb_byob.decide.verification import bucket_ready
from wandb_byob.kube.client import BUCKET_STORES
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, HandOver, WandbInstance
from wandb_byob.model.credentials import AccessKey, AccountKey
from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.inputs import Inputs, gather_inputs
from wandb_byob.reconcile.instance_buckets import Buckets, gather_buckets, keys_changed


def wish(world: World, instance: WandbInstance, buckets: Buckets, situation: Situation) -> Storage:
    """Return what is wanted of W&B's own bucket; where `spec.storage` is not set, or cannot be followed yet, W&B keeps what it has."""
    if instance.spec.storage is None:
        return instance_storage.unchanged(situation)
    _learn(world, situation)
    try:
        store = named(world, instance, buckets)
        _require_place(instance, store, buckets)
        return _decided(world, instance, store, _verified(world, instance, store), situation)
    except DomainError as error:
        waits = isinstance(error, Waiting)
        return instance_storage.unchanged(
            situation,
            _refused(error.reason, error.message),
            progress=Progress.RECONCILING if waits else Progress.STALLED,
            awaited=waits,
        )


def planned(world: World, instance: WandbInstance, buckets: Buckets, situation: Situation) -> Storage:
    """Return what would become of it once the bucket is verified; it is not looked at whether it is. Raises `DomainError`."""
    if instance.spec.storage is None:
        return instance_storage.unchanged(situation)
    _learn(world, situation)
    store = named(world, instance, buckets)
    return _decided(world, instance, store, gather_inputs(world, store), situation)


def _decided(
    world: World, instance: WandbInstance, store: BucketStore, inputs: Inputs, situation: Situation
) -> Storage:
    """Return what becomes of a bucket; nobody need be told of one that W&B has already."""
    asked = _asked(world, instance, store, inputs)
    telling = _hand_over(instance, store, inputs)
    if telling is None:
        return instance_storage.decide(situation, asked)
    already = instance_storage.left(situation, asked)
    return already or instance_storage.told(instance_storage.unchanged(situation), telling, instance.metadata)


def elsewhere(world: World, instance: WandbInstance) -> Storage | None:
    """Return what W&B is to be told of its own bucket where it does not run in this cluster; None where none is asked for."""
    if instance.spec.storage is None:
        return None
    try:
        store = named(world, instance, gather_buckets(world, instance))
        telling = _hand_over(instance, store, _verified(world, instance, store))
    except DomainError as error:
        progress = Progress.RECONCILING if isinstance(error, Waiting) else Progress.STALLED
        return Storage(verdict=_refused(error.reason, error.message), progress=progress)
    return instance_storage.told(Storage(), telling, instance.metadata) if telling is not None else None


def named(world: World, instance: WandbInstance, buckets: Buckets) -> BucketStore:
    """Return the BucketStore that `spec.storage` names; raises `Stalled` where it cannot be used."""
    key = references.storage_of(instance)
    store = buckets.stores.get(key) if key is not None else None
    if key is None or store is None:
        if key is not None and world.kube.get(BUCKET_STORES, key.namespace, key.name) is not None:
            raise Stalled(
                Reason.INVALID_SPEC,
                f"BucketStore {key.name} (spec.storage) belongs to another WandbInstance. Name one whose spec.instanceRef leads here.",
            )
        name = key.name if key is not None else ""
        raise Stalled(
            Reason.BUCKET_STORE_NOT_FOUND,
            f"BucketStore {name} (spec.storage) does not exist in namespace {instance.metadata.namespace}. Create it, or correct "
            "spec.storage.",
        )
    availability.require(instance.spec.deployment_type, Scope.INSTANCE, store.spec.provider)
    return store


def _require_place(instance: WandbInstance, store: BucketStore, buckets: Buckets) -> None:
    """Raise `Stalled` where a team that W&B is configured with would have the instance's files among its own."""
    if is_true(instance.status.conditions, ConditionType.STORAGE_CONFIGURED):
        return
    path = references.storage_path(store, instance) or ""
    mine = (use for use in buckets.uses if use.store.metadata.uid == store.metadata.uid)
    for team in (team for use in mine for team in use.teams):
        if is_true(team.status.conditions, ConditionType.CONFIGURED) and teams.covers(team.spec.path or "", path):
            raise teams.storage_conflict(path, team)


def _verified(world: World, instance: WandbInstance, store: BucketStore) -> Inputs:
    """Return what the bucket was verified with, under the instance's own path; raises `Stalled` or `Waiting` where it is not."""
    name, path = store.metadata.name, references.storage_path(store, instance) or ""
    if store.metadata.deletion_timestamp is not None:
        raise Stalled(
            Reason.BUCKET_STORE_NOT_FOUND, f"BucketStore {name} is being deleted. Name another in spec.storage."
        )
    ready, progress = bucket_ready(store, path=path, user=instance.metadata.namespace)
    inputs = gather_inputs(world, store)
    if ready.status != "True":
        refusal = Waiting if progress is Progress.RECONCILING else Stalled
        raise refusal(ready.reason, f"BucketStore {name}: {ready.message}")
    if not looks.current(store, inputs.mark):
        raise Waiting(Reason.WAITING_FOR_BUCKET, f"BucketStore {name} is being verified anew.")
    return inputs


def _hand_over(instance: WandbInstance, store: BucketStore, inputs: Inputs) -> HandOver | None:
    return forms.instance_hand_over(
        store,
        instance.spec.deployment_type,
        host=instance.spec.host,
        path=references.storage_path(store, instance) or "",
        address=addresses.redact(inputs.provider.address(store.spec, inputs.context.data)),
    )


def _asked(world: World, instance: WandbInstance, store: BucketStore, inputs: Inputs) -> Asked:
    try:
        address = inputs.provider.address(store.spec, inputs.context.data)
    except ValueError:
        raise Stalled(
            Reason.INVALID_SPEC, f"BucketStore {store.metadata.name} gives no keys for W&B. Set spec.credentials there."
        ) from None
    verified, changed = verified_at(store), keys_changed(world, store)
    return Asked(
        bucket=storage.of_store(store.spec, address, path=references.storage_path(store, instance) or ""),
        store=store.metadata.uid,
        since=max((*verified, changed) if changed is not None else verified, default=world.now()),
        confirmed=instance.metadata.annotations.get(names.CHANGE_STORAGE, ""),
    )


def _refused(reason: Reason, message: str) -> Verdict:
    return Verdict(type=ConditionType.STORAGE_CONFIGURED, status="False", reason=reason, message=message)


def _learn(world: World, situation: Situation) -> None:
    """Have the keys in a bucket that others have set kept out of every text, too."""
    for each in instance_storage.present(situation):
        if isinstance(each, Bucket) and each.address.password:
            user, password = each.address.user, each.address.password
            in_pairs = each.address.scheme in ("s3", "cw")
            world.secrets.learn(
                AccessKey(access_key_id=user, secret_access_key=password) if in_pairs else AccountKey(password)
            )
