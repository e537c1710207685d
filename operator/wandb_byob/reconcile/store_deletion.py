"""A BucketStore that is being deleted: held while it is needed; its bucket goes only where it is ours, empty and asked for."""

from typing import Any, Final

from wandb_byob.decide import deletion, references
from wandb_byob.decide.conditions import ConditionType, Progress, is_true
from wandb_byob.decide.deletion import Fate
from wandb_byob.kube import gather
from wandb_byob.kube.client import ForbiddenError
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, WandbInstance
from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context, Tenant, Withdrawing
from wandb_byob.reconcile import own_bucket
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.held import AGAIN, finalize, hold, left_behind
from wandb_byob.reconcile.inputs import context_of, provisioning, require_identity_allowed, validated
from wandb_byob.reconcile.instance_buckets import identity_of

_UNNAMED: Final = "One of W&B's workloads"


def reconcile(world: World, key: ObjectKey, body: dict[str, Any]) -> Result:
    """Look at a BucketStore that is being deleted."""
    return finalize(world, key, body, BucketStore, settle=lambda store: _settle(world, key, body, store))


def _settle(world: World, key: ObjectKey, body: dict[str, Any], store: BucketStore) -> Result | None:
    try:
        instance = _instance(world, store)
        in_variable = _in_variable(world, store, instance)
        decision = deletion.store_deletion(
            store,
            referring=_referring(world, store),
            in_variable=in_variable,
            keeper="" if in_variable else _keeper(world, store, instance),
        )
        if decision.fate is Fate.HOLD:
            raise Stalled(Reason.DELETION_BLOCKED, decision.message)
        if decision.unused and store.status.bucket is not None:
            _withdraw(world, key, store)
        if decision.fate is Fate.REMOVE and _may_be_ours(store):
            _delete_bucket(world, store)
    except (DomainError, ForbiddenError) as error:
        return _held(world, key, body, store, error)
    return None


def _referring(world: World, store: BucketStore) -> list[str]:
    """Return the TeamStorages that use it; of those in other namespaces only where they are."""
    own = store.metadata.namespace
    return sorted(
        team.metadata.name if team.metadata.namespace == own else f"one in namespace {team.metadata.namespace}"
        for team in gather.users_of(world.kube, world.config, store)
    )


def _instance(world: World, store: BucketStore) -> WandbInstance | None:
    """Return the WandbInstance that the BucketStore was attached to, None where it is not there."""
    reference, own = store.status.instance_ref, store.metadata.namespace
    if reference is None:
        return None
    key = ObjectKey(Kind.WANDB_INSTANCE, reference.namespace or own, reference.name)
    return gather.foreign(world.kube, key, WandbInstance, user=own)


def _home(store: BucketStore) -> str:
    """Return the namespace of the W&B that the BucketStore was attached to, else its own.

    Not one that it only names: whoever was never admitted there must not learn what W&B has.
    """
    reference, own = store.status.instance_ref, store.metadata.namespace
    return (reference.namespace if reference is not None else None) or own


def _told(instance: WandbInstance | None) -> bool:
    """Say whether a WandbInstance has looked at its W&B, and so tells what that has."""
    return instance is not None and is_true(instance.status.conditions, ConditionType.CONFIGURED)


def _in_variable(world: World, store: BucketStore, instance: WandbInstance | None) -> bool:
    """Say whether W&B's configuration holds an entry that was written for this BucketStore, or, where no WandbInstance tells, has its bucket."""
    if store.status.instance_ref is None:
        return False
    if instance is not None and _keeps_the_instance(store, instance):
        return True
    own, home = store.metadata.namespace, _home(store)
    entries = instance.status.entries if instance is not None else ()
    if any(
        entry.bucket_store_ref is not None
        and entry.bucket_store_ref.name == store.metadata.name
        and (entry.bucket_store_ref.namespace or home) == own
        for entry in entries
    ):
        return True
    bucket = store.status.bucket
    return not _told(instance) and bucket is not None and left_behind(world, home, bucket.identity)


def _keeper(world: World, store: BucketStore, instance: WandbInstance | None) -> str:
    """Return a workload that keeps W&B's own files in the bucket, "" for none; it is looked for where nobody tells, or the bucket is to go.

    One of another namespace stays unnamed.
    """
    if _told(instance) and not deletion.takes_the_bucket(store):
        return ""
    identity, home = identity_of(world, store), _home(store)
    found = own_bucket.keeper(world, home, identity) if identity else ""
    return found if home == store.metadata.namespace or not found else _UNNAMED


def _keeps_the_instance(store: BucketStore, instance: WandbInstance) -> bool:
    """Say whether the instance's own files lie in this bucket, or are to."""
    there = instance.status.storage.bucket_store_ref if instance.status.storage is not None else None
    home = store.metadata.namespace == instance.metadata.namespace
    has = home and there is not None and there.name == store.metadata.name
    return has or references.storage_path(store, instance) is not None


def _may_be_ours(store: BucketStore) -> bool:
    """Say whether we created the bucket, or were about to when we were last seen; the provider then asks the bucket itself."""
    if store.status.bucket is not None:
        return store.status.bucket.created
    return store.metadata.annotations.get(names.INTENT, "").startswith("create ")


def _withdraw(world: World, key: ObjectKey, store: BucketStore) -> None:
    """Have taken back what was set outside of the bucket; what cannot be is told, and holds nothing: the keys may have gone before."""
    provider = world.providers.get(store.spec.provider)
    if not isinstance(provider, Withdrawing):
        return
    try:
        provider.withdraw(_context(world, store))
    except (DomainError, ForbiddenError) as error:
        message = f"Something that was set for the bucket beside it stays. {error}"
        reason = error.reason if isinstance(error, DomainError) else Reason.FORBIDDEN
        world.events.publish(
            key, uid=store.metadata.uid, warning=True, reason=reason, message=world.secrets.redact(message)
        )


def _delete_bucket(world: World, store: BucketStore) -> None:
    provider = world.providers.get(store.spec.provider)
    if provider is None:
        return
    context = _context(world, store)
    if context.admin is None:
        raise Stalled(
            Reason.ACCESS_DENIED,
            "deletionPolicy is Delete, but spec.provisioning gives no keys to delete the bucket with. Give some.",
        )
    validated(provider, context)
    provider.delete(context)


def _context(world: World, store: BucketStore) -> Context:
    """Return the last look at the bucket: whose W&B it was does not matter any more, and its WandbInstance may be gone."""
    require_identity_allowed(world, store)
    admin, _ = provisioning(world, store)
    nobody = Tenant(deployment_type="SelfManaged", origins=())
    context, _ = context_of(world, store, tenant=nobody, data=None, admin=admin)
    return context


def _held(
    world: World, key: ObjectKey, body: dict[str, Any], store: BucketStore, error: DomainError | ForbiddenError
) -> Result:
    name = store.metadata.name
    way_out = f'Or set the annotation {names.RELEASE}: "{name}" to drop this object and leave the bucket as it is.'
    blocked = isinstance(error, DomainError) and error.reason is Reason.DELETION_BLOCKED
    hold(
        world,
        key,
        body,
        before=store.status,
        reason=error.reason if isinstance(error, DomainError) else Reason.FORBIDDEN,
        message=str(error) if blocked else f"The bucket could not be deleted: {error} {way_out}",
        progress=Progress.RECONCILING if isinstance(error, Waiting) else Progress.STALLED,
    )
    return Result(after=error.after if isinstance(error, Waiting) else AGAIN)
