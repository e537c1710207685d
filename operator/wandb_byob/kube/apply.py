"""Writes to our own three kinds: the finalizer (with the recorded intent) and the status; each carries the object's uid."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from wandb_byob.kube.client import Body, ConflictError, KubeClient, KubeError, PatchType, Resource
from wandb_byob.model import names
from wandb_byob.model.api import BucketStoreStatus, TeamStorageStatus, WandbInstanceStatus

StatusT = TypeVar("StatusT", BucketStoreStatus, TeamStorageStatus, WandbInstanceStatus)

_NOT_FOUND: Final = 404
_TRIES: Final = 5
# Only what may quote somebody else's words is redacted: a user whose "secret" is the word True must not break every status.
_FREE_TEXT: Final = frozenset({"message", "remedy", "text"})


def has_finalizer(current: Body) -> bool:
    """Say whether the object carries our finalizer."""
    return names.FINALIZER in current["metadata"].get("finalizers", ())


def add_finalizer(
    kube: KubeClient, resource: Resource, current: Body, *, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Put our finalizer, and with it the annotations (the recorded intent), onto the object in one write; return the object.

    Raises ConflictError where somebody else wrote since `current` was read.
    """
    given = list(current["metadata"].get("finalizers", ()))
    finalizers = given if names.FINALIZER in given else [*given, names.FINALIZER]
    metadata = {"finalizers": finalizers} | ({"annotations": dict(annotations)} if annotations else {})
    return _patch_metadata(kube, resource, current, metadata)


def remove_finalizer(kube: KubeClient, resource: Resource, current: Body) -> None:
    """Take our finalizer off, so that a deleted object can go; nothing happens where it is not there, or the object is gone."""
    if not has_finalizer(current):
        return
    rest = [finalizer for finalizer in current["metadata"]["finalizers"] if finalizer != names.FINALIZER]
    try:
        _patch_metadata(kube, resource, current, {"finalizers": rest})
    except KubeError as error:
        if error.status != _NOT_FOUND:
            raise


def let_go(kube: KubeClient, resource: Resource, item: Body) -> bool:
    """Take our finalizer off an object that others write at the same time; say whether that was done here. Raises `KubeError`."""
    namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
    current: Body | None = item
    for _ in range(_TRIES):
        if current is None or not has_finalizer(current):
            return False
        try:
            remove_finalizer(kube, resource, current)
        except ConflictError:
            current = kube.get(resource, namespace, name)
        else:
            return True
    raise ConflictError(f"{resource.kind}/{namespace}/{name} changes too often to be let go.", status=409)


def write_status(
    kube: KubeClient, resource: Resource, current: Body, status: StatusT, *, redact: Callable[[str], str]
) -> bool:
    """Server-side apply the full status, if it differs in meaning from what `current` holds; say whether anything was written.

    `redact` goes over its free texts (World.secrets.redact). What another field manager left in the status, which an apply
    would not take away, is then replaced: otherwise every later look would find a difference and write.
    """
    wire = _redacted(msgspec.to_builtins(status), redact)
    wanted = msgspec.convert(wire, type(status))
    if _same(current, wanted):
        return False
    metadata = current["metadata"]
    body = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {key: metadata[key] for key in ("name", "namespace", "uid")},
        "status": wire,
    }
    applied = kube.patch(
        resource, metadata["namespace"], metadata["name"], body, patch_type=PatchType.APPLY, subresource="status"
    )
    if not _same(applied, wanted):
        _replace_status(kube, resource, applied, wire)
    return True


def _same(current: Body, wanted: StatusT) -> bool:
    try:
        return msgspec.convert(current.get("status") or {}, type(wanted)) == wanted
    except msgspec.ValidationError:
        return False


def _replace_status(kube: KubeClient, resource: Resource, current: Body, wire: Mapping[str, Any]) -> None:
    metadata = current["metadata"]
    body = {
        "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
        "status": _replacing(current["status"], wire),
    }
    kube.patch(
        resource, metadata["namespace"], metadata["name"], body, patch_type=PatchType.MERGE, subresource="status"
    )


def _replacing(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch that turns `old` into `new`: null for what goes, lists as a whole."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            patch[key] = _replacing(before, value)
        else:
            patch[key] = value
    return patch


def _patch_metadata(kube: KubeClient, resource: Resource, current: Body, changes: Mapping[str, Any]) -> dict[str, Any]:
    metadata = current["metadata"]
    body = {"metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"], **changes}}
    return kube.patch(resource, metadata["namespace"], metadata["name"], body, patch_type=PatchType.MERGE)


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: redact(item) if key in _FREE_TEXT and isinstance(item, str) else _redacted(item, redact)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_redacted(item, redact) for item in value]
    return value
