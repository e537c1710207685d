"""What is remembered of each object: which others it refers to, and digests that tell whether a change concerns anybody.

Kept instead of the object, since 10,000 of them must fit into memory. `own` changes when the object itself is to be looked at;
`shown` when those around it are too; `state` when its status tells its neighbours something new.
"""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from wandb_byob.decide import blocks
from wandb_byob.decide.requirements import KEYLESS_SECRET
from wandb_byob.decide.targets import workloads_of
from wandb_byob.model import api, names
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason

# Written by us together, and no reason to look again; the second is the whole object as it was applied, which `generation` covers.
_IGNORED_ANNOTATIONS: Final = frozenset({names.INTENT, "kubectl.kubernetes.io/last-applied-configuration"})
_CONFLICTS: Final = frozenset(
    reason.value
    for reason in (Reason.PATH_CONFLICT, Reason.TEAM_CONFLICT, Reason.BUCKET_CONFLICT, Reason.TARGET_CONFLICT)
)


@dataclass(frozen=True, slots=True, order=True)
class SecretName:
    """A Secret, as something that is referred to."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class InstancesOf:
    """Whatever WandbInstance is in a namespace: what a BucketStore without `instanceRef` means."""

    namespace: str


Target = ObjectKey | SecretName | InstancesOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One object: its digests, what it refers to, whether it waits for another of its kind to give way, whether it is being deleted.

    `claims` are digests of what it may compete for with others of its kind; `places` of what only those keep from others that do not
    wait themselves (a path in a bucket).
    """

    own: int
    shown: int
    state: int
    has_conditions: bool = False
    refers_to: tuple[Target, ...] = ()
    yields: bool = False
    claims: tuple[int, ...] = ()
    places: tuple[int, ...] = ()
    leaving: bool = False
    workloads: api.WorkloadsTarget | None = None


def facts(kind: Kind, obj: Mapping[str, Any]) -> Facts:
    """Return what to remember of an object as it came from the API; one that does not fit its type refers to nothing."""
    metadata = obj["metadata"]
    conditions = [each for each in (obj.get("status") or {}).get("conditions") or () if isinstance(each, dict)]
    own = _own(metadata)
    refers_to, workloads = _references(kind, obj)
    return Facts(
        own=own,
        shown=digest((own, [_short(each) for each in conditions if each.get("type") == "Accepted"])),
        state=_state(kind, obj.get("status") or {}, conditions),
        has_conditions=bool(conditions),
        refers_to=refers_to,
        leaving="deletionTimestamp" in metadata,
        yields=any(each.get("reason") in _CONFLICTS for each in conditions),
        claims=_claims(kind, obj),
        places=tuple(digest((each.namespace, each.name)) for each in refers_to if isinstance(each, ObjectKey))
        if kind is Kind.TEAM_STORAGE
        else (),
        workloads=workloads,
    )


def digest(content: Any) -> int:
    """Return 64 bits that differ where the content does."""
    encoded = msgspec.json.encode(content, order="deterministic")
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "big")


def workload_digest(obj: Mapping[str, Any]) -> int:
    """Return a digest of what matters to whoever waits for the workload's rollout."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    counts = {key: value for key, value in status.items() if isinstance(value, int | str)}
    conditions = [_short(each) for each in status.get("conditions") or ()]
    return digest((metadata.get("uid"), metadata.get("generation"), metadata.get("labels"), counts, conditions))


def _own(metadata: Mapping[str, Any]) -> int:
    """Digest what a user changes: not our own writes (finalizer, intent, status)."""
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _IGNORED_ANNOTATIONS
    }
    parts = (metadata.get("uid"), metadata.get("generation"), metadata.get("deletionTimestamp"), metadata.get("labels"))
    return digest((*parts, annotations))


def _state(kind: Kind, status: Mapping[str, Any], conditions: list[dict[str, Any]]) -> int:
    if kind is Kind.TEAM_STORAGE:
        # An instance changes the rest of it, on all of its teams at once: telling it so would wake it for nothing.
        return digest([_short(each) for each in conditions if each.get("type") in {"Accepted", "BucketReady"}])
    return digest(status)


def _short(condition: Mapping[str, Any]) -> tuple[Any, ...]:
    return condition.get("type"), condition.get("status"), condition.get("reason")


def _references(kind: Kind, obj: Mapping[str, Any]) -> tuple[tuple[Target, ...], api.WorkloadsTarget | None]:
    namespace = sys.intern(obj["metadata"].get("namespace", ""))
    try:
        match kind:
            case Kind.BUCKET_STORE:
                store = msgspec.convert(obj.get("spec"), type=api.BucketStoreSpec)
                return _of_store(store, namespace), None
            case Kind.TEAM_STORAGE:
                team = msgspec.convert(obj.get("spec"), type=api.TeamStorageSpec)
                return (_key(Kind.BUCKET_STORE, team.bucket_store_ref, namespace),), None
            case Kind.WANDB_INSTANCE:
                instance = msgspec.convert(obj.get("spec"), type=api.WandbInstanceSpec)
                return _of_instance(instance, namespace), workloads_of(instance.target, namespace)
    except msgspec.ValidationError:
        # Stored before a rule was there: its reconciler says what is wrong with it.
        return (), None


def _claims(kind: Kind, obj: Mapping[str, Any]) -> tuple[int, ...]:
    """Return what it is the only one to have: a bucket by its name, a team of the namespace, the namespace's workloads."""
    spec, metadata = obj.get("spec") or {}, obj["metadata"]
    namespace = metadata.get("namespace", "")
    match kind:
        case Kind.BUCKET_STORE:
            blocks = [block for block in spec.values() if isinstance(block, dict)]
            named = [block.get("bucket") or block.get("container") for block in blocks]
            return tuple(digest(name) for name in named if isinstance(name, str))
        case Kind.TEAM_STORAGE:
            return (digest((namespace, spec.get("team") or metadata["name"])),)
        case Kind.WANDB_INSTANCE:
            return (digest(namespace),)


def _of_store(spec: api.BucketStoreSpec, namespace: str) -> tuple[Target, ...]:
    found: list[Target] = []
    if spec.instance_ref is None:
        found.append(InstancesOf(namespace))
    else:
        found.append(_key(Kind.WANDB_INSTANCE, spec.instance_ref, namespace))
    secrets = [spec.credentials.secret_ref, spec.provisioning.secret_ref if spec.provisioning else None]
    found += [SecretName(namespace, sys.intern(each.name)) for each in secrets if each is not None]
    if spec.provider == "CoreWeave" and spec.credentials.secret_ref is None:
        home = spec.instance_ref.namespace if spec.instance_ref is not None else None
        found.append(SecretName(sys.intern(home or namespace), KEYLESS_SECRET))
    bundle = blocks.ca_bundle(spec)
    if bundle is not None and bundle.kind == "Secret":
        found.append(SecretName(namespace, sys.intern(bundle.name)))
    return tuple(dict.fromkeys(found))


def _of_instance(spec: api.WandbInstanceSpec, namespace: str) -> tuple[Target, ...]:
    found: list[Target] = []
    if spec.storage is not None:
        found.append(ObjectKey(Kind.BUCKET_STORE, namespace, sys.intern(spec.storage.bucket_store_ref.name)))
    if spec.scim is not None:
        found.append(SecretName(namespace, sys.intern(spec.scim.credentials_secret_ref.name)))
    return tuple(found)


def _key(kind: Kind, reference: api.ObjectReference, namespace: str) -> ObjectKey:
    return ObjectKey(kind, sys.intern(reference.namespace or namespace), sys.intern(reference.name))
