"""A KubeClient in memory, for tests of what a reconciler decides to read and write.

It keeps to what these tests need of the API server: resourceVersions and uids are checked, a merge patch merges, an apply of the
status replaces it, a deleted object with finalizers stays. What only a real server shows is tested in tests/cluster.
"""

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wandb_byob.kube.client import (
    BUCKET_STORES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    NAMESPACES,
    PODS,
    SECRETS,
    STATEFUL_SETS,
    TEAM_STORAGES,
    WANDB_INSTANCES,
    Body,
    ConflictError,
    KubeError,
    PatchType,
    Resource,
)

_BY_KIND = {
    resource.kind: resource
    for resource in (
        *(WANDB_INSTANCES, BUCKET_STORES, TEAM_STORAGES, SECRETS, CONFIG_MAPS, NAMESPACES),
        *(DEPLOYMENTS, STATEFUL_SETS, JOBS, PODS, EVENTS),
    )
}


class MemoryKube:
    """`writes` lists what was written, as "patch bucketstores/status data"; `before` may raise, given the same kind of text for any call."""

    def __init__(self, *bodies: Body) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.writes: list[str] = []
        self.reads: list[str] = []
        self.before: Callable[[str], None] = lambda call: None
        self._versions = itertools.count(100)
        for body in bodies:
            self.put(body)

    def put(self, body: Body) -> None:
        """Store an object as somebody else would."""
        stored = copy.deepcopy(dict(body))
        meta = stored["metadata"]
        meta.setdefault("uid", f"uid-{meta['name']}")
        meta["resourceVersion"] = str(next(self._versions))
        self.objects[_BY_KIND[body["kind"]].plural, meta.get("namespace", ""), meta["name"]] = stored

    def of(self, resource: Resource, name: str, namespace: str = "team-a") -> dict[str, Any]:
        """The stored object."""
        return self.objects[resource.plural, namespace, name]

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        self._read(f"get {resource.plural} {namespace}/{name}")
        found = self.objects.get((resource.plural, namespace, name))
        return copy.deepcopy(found)

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        self._read(f"list {resource.plural} {namespace} {fields}".rstrip())
        wanted = [pair.split("=") for pair in fields.split(",") if pair]
        labelled = [pair.partition("=") for pair in labels.split(",") if pair]
        return [
            copy.deepcopy(body)
            for (plural, where, _), body in self.objects.items()
            if plural == resource.plural
            and namespace in ("", where)
            and all(_field(body, path) == value for path, value in wanted)
            and all(_has_label(body, *pair) for pair in labelled)
        ]

    def stored_version(self, resources: Sequence[Resource]) -> Resource | None:
        return None

    def create(self, resource: Resource, namespace: str, body: Body) -> dict[str, Any]:
        name = body["metadata"]["name"]
        self._write("create", resource, name, "")
        if (resource.plural, namespace, name) in self.objects:
            raise ConflictError("it exists", status=409)
        self.put({**body, "kind": resource.kind})
        return self.of(resource, name, namespace)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Body,
        *,
        patch_type: PatchType,
        subresource: str = "",
    ) -> dict[str, Any]:
        self._write("patch", resource, name, subresource)
        current = self.objects.get((resource.plural, namespace, name))
        if current is None:
            raise KubeError("not found", status=404)
        for key in ("uid", "resourceVersion"):
            given = body["metadata"].get(key)
            if given is not None and given != current["metadata"][key]:
                raise ConflictError(f"{key} differs", status=409)
        if patch_type is PatchType.APPLY:
            current["status"] = copy.deepcopy(dict(body["status"]))
        elif subresource:
            current["status"] = _merged(current.get("status", {}), body["status"])
        else:
            current["metadata"] = _merged(current["metadata"], body["metadata"])
        current["metadata"]["resourceVersion"] = str(next(self._versions))
        if "deletionTimestamp" in current["metadata"] and not current["metadata"].get("finalizers"):
            del self.objects[resource.plural, namespace, name]
        return copy.deepcopy(current)

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        self._write("delete", resource, name, "")
        assert self.objects.pop((resource.plural, namespace, name))["metadata"]["uid"] == uid
        # Garbage collection: what has it as owner goes with it.
        for key in [key for key, body in self.objects.items() if _owned(body, uid)]:
            del self.objects[key]

    def _read(self, call: str) -> None:
        self.before(call)
        self.reads.append(call)

    def _write(self, verb: str, resource: Resource, name: str, subresource: str) -> None:
        call = f"{verb} {resource.plural}{'/' if subresource else ''}{subresource} {name}"
        self.before(call)
        self.writes.append(call)


def _owned(body: Mapping[str, Any], uid: str) -> bool:
    return any(owner["uid"] == uid for owner in body["metadata"].get("ownerReferences", ()))


def _field(body: Mapping[str, Any], path: str) -> Any:
    found: Any = body
    for part in path.split("."):
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
    return found


def _merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(old)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            before = result.get(key)
            result[key] = _merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def _has_label(body: Mapping[str, Any], label: str, sign: str, value: str) -> bool:
    labels = body["metadata"].get("labels", {})
    return labels.get(label) == value if sign else label in labels
