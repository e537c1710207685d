"""Which object a reference means, where part of it may be left out."""

from collections.abc import Sequence
from typing import Final

from wandb_byob.model.api import BucketStore, ObjectReference, TeamStorage, WandbInstance
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason

_NAMED: Final = 4


def stated_instance(store: BucketStore) -> ObjectKey | None:
    """Return the WandbInstance that a BucketStore names, None where it leaves that to the namespace's only one.

    Once the bucket is in place, what was found then stays: a second WandbInstance in the namespace, or another one in the
    place of the first, must not lead the credentials elsewhere.
    """
    reference = store.spec.instance_ref
    if reference is None and store.status.bucket is not None:
        reference = store.status.instance_ref
    return None if reference is None else _key(Kind.WANDB_INSTANCE, reference, store.metadata.namespace)


def instance_of(store: BucketStore, in_namespace: Sequence[str]) -> ObjectKey:
    """Return the WandbInstance that a BucketStore is attached to; `in_namespace` are the names of those in its own namespace.

    Raises `Stalled` where it is left out and the namespace has none, or more than one.
    """
    stated = stated_instance(store)
    if stated is not None:
        return stated
    namespace = store.metadata.namespace
    if len(in_namespace) == 1:
        return ObjectKey(Kind.WANDB_INSTANCE, namespace, in_namespace[0])
    if in_namespace:
        raise Stalled(
            Reason.INSTANCE_AMBIGUOUS,
            f"Namespace {namespace} has several WandbInstances ({_some(in_namespace)}), so the BucketStore must say which of them shall "
            "read its bucket. Set spec.instanceRef.name of the BucketStore.",
        )
    raise Stalled(
        Reason.INSTANCE_NOT_FOUND,
        f"Namespace {namespace} has no WandbInstance, and spec.instanceRef names none elsewhere. "
        "Create a WandbInstance, or set spec.instanceRef.",
    )


def _some(names: Sequence[str]) -> str:
    shown = sorted(names)[:_NAMED]
    return ", ".join(shown) if len(shown) == len(names) else f"{', '.join(shown)} and {len(names) - len(shown)} more"


def bucket_store_of(team: TeamStorage) -> ObjectKey:
    """Return the BucketStore that a TeamStorage uses."""
    return _key(Kind.BUCKET_STORE, team.spec.bucket_store_ref, team.metadata.namespace)


def storage_of(instance: WandbInstance) -> ObjectKey | None:
    """Return the BucketStore that is to keep the instance's own files, None where none is named."""
    asked = instance.spec.storage
    namespace = instance.metadata.namespace
    return None if asked is None else ObjectKey(Kind.BUCKET_STORE, namespace, asked.bucket_store_ref.name)


def storage_path(store: BucketStore, instance: WandbInstance) -> str | None:
    """Return the path of the instance's own files in this bucket ("": its root), None where they lie elsewhere."""
    asked = instance.spec.storage
    own = ObjectKey(Kind.BUCKET_STORE, store.metadata.namespace, store.metadata.name)
    return asked.path or "" if asked is not None and storage_of(instance) == own else None


def team_name(team: TeamStorage) -> str:
    """Return the W&B team: `spec.team`, by default the object's name."""
    return team.spec.team or team.metadata.name


def not_reachable(target: ObjectKey, *, user: str, missing: Reason) -> Stalled:
    """Return the refusal of a reference to an object that is not there or not granted.

    In another namespace the two read alike: who was granted nothing must not learn what exists.
    """
    if target.namespace == user:
        message = (
            f"{target.kind} {target.name} does not exist in namespace {user}. Create it, or correct the reference."
        )
        return Stalled(missing, message)
    return Stalled(
        Reason.NOT_GRANTED,
        f"There is no {target.kind} {target.namespace}/{target.name} that objects of namespace {user} may refer to. "
        f"Check the name, and ask its owner to admit this namespace in its spec.allowedNamespaces.",
    )


def _key(kind: Kind, reference: ObjectReference, own_namespace: str) -> ObjectKey:
    return ObjectKey(kind, reference.namespace or own_namespace, reference.name)
