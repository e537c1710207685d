"""Plain Deployments and StatefulSets: which containers read our settings, what they have, and the patch that changes it.

Pure: objects come in and patches go out in wire form. The patch is a strategic merge by the names of container and
variable; server-side apply would make us co-owner of the container, which its owner could then neither rename nor remove.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from wandb_byob.decide.rollouts.variable import (
    BUCKET,
    IN_VARIABLES,
    SAME_AS_BUCKET,
    VARIABLE,
    VARIABLES,
    EnvVar,
    Origin,
    Reading,
    Slot,
)
from wandb_byob.model import names
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.sinks import environment
from wandb_byob.sinks.environment import Source

Wire = Mapping[str, Any]

_LONG_AGO: Final = "1970-01-01T00:00:00Z"
_RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
_VALUE_SOURCES: Final = ("secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef")


def choose_containers(workload: Wire, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the containers that get our settings: those listed, else those that have them, else the only one.

    Raises `Stalled` where there is none of the listed ones, or more than one to choose from.
    """
    where = f"{workload['kind']} {workload['metadata']['name']}"
    present = [container["name"] for container in _containers(workload)]
    if wanted:
        chosen = tuple(name for name in present if name in wanted)
        if chosen:
            return chosen
        raise Stalled(
            Reason.CONTAINER_NOT_FOUND,
            f"{where} has none of the containers that spec.target.workloads.containers lists; it has "
            f"{', '.join(present)}. Correct the list, or leave {where} out of the target.",
        )
    for variable in (VARIABLE, BUCKET):
        having = tuple(c["name"] for c in _containers(workload) if environment.own(c, variable) is not None)
        if having:
            return having
    if len(present) == 1:
        return (present[0],)
    raise Stalled(
        Reason.CONTAINER_AMBIGUOUS,
        f"{where} has several containers ({', '.join(present)}), and none of them has the variable {VARIABLE} or {BUCKET} yet. "
        "List those that shall get it in spec.target.workloads.containers.",
    )


def images(workload: Wire, containers: Sequence[str]) -> tuple[str, ...]:
    """Return the images of these containers."""
    return tuple(container.get("image", "") for container in _chosen(workload, containers))


def sources(workload: Wire, containers: Sequence[str], settings: Sequence[str]) -> frozenset[Source]:
    """Return the Secrets and ConfigMaps that must be read to know what these containers have of these settings."""
    return frozenset(
        source
        for container in _chosen(workload, containers)
        for setting in settings
        for source in environment.sources(container, setting, expand=setting in IN_VARIABLES)
    )


def readings(
    workload: Wire,
    containers: Sequence[str],
    settings: Sequence[str],
    *,
    found: Mapping[Source, Wire | None],
    ours: str,
) -> tuple[Reading, ...]:
    """Return what each container has of these settings; `found` holds the objects of `sources`, None for one that does not exist.

    `ours` is how the names of our Secrets begin: one of ours that somebody deleted reads as no value. Raises `Stalled`
    for a reference to somebody else's object that is not there.
    """
    kind, name = workload["kind"], workload["metadata"]["name"]
    every = (
        _reading(Slot(kind, name, container["name"], setting), container, found, ours)
        for container in _chosen(workload, containers)
        for setting in settings
    )
    return tuple(
        replace(reading, setters=_setters(workload, reading.slot))
        for reading in every
        if reading.slot.setting not in SAME_AS_BUCKET or reading.origin is not Origin.ABSENT
    )


def _reading(slot: Slot, container: Wire, found: Mapping[Source, Wire | None], ours: str) -> Reading:
    env = environment.own(container, slot.setting)
    if env is None:
        inherited = environment.inherited(container, slot.setting, found)
        origin = Origin.ABSENT if inherited is None else Origin.INHERITED
        return Reading(slot=slot, origin=origin, value=inherited)
    value_from = env.get("valueFrom") or {}
    if not value_from:
        # The list stays word for word: who fills it in would be lost by taking it over.
        expands = slot.setting in IN_VARIABLES
        value = environment.plain(container, slot.setting, found) if expands else env.get("value", "")
        return Reading(slot=slot, origin=Origin.LITERAL, env=env, value=value)
    for field, kind in environment.REFERENCES.items():
        if field in value_from:
            selector = value_from[field]
            value = environment.at(found.get((kind, selector["name"])), selector["key"])
            mine = kind == "Secret" and selector["name"].startswith(ours)
            if value is None and not (selector.get("optional") or mine):
                raise _missing(slot, kind=kind, selector=selector)
            origin = Origin.SECRET if kind == "Secret" else Origin.CONFIG_MAP
            secret = selector["name"] if kind == "Secret" else ""
            return Reading(slot=slot, origin=origin, env=env, value=value, secret=secret)
    return Reading(slot=slot, origin=Origin.OTHER, env=env)


def _missing(slot: Slot, *, kind: str, selector: Wire) -> Stalled:
    return Stalled(
        Reason.FOREIGN_REFERENCE,
        f"{slot.place} takes {slot.setting} from key {selector['key']} of "
        f"{kind} {selector['name']}, which is not there, so it is not known what must be kept. "
        f"Create it, or remove the reference.",
    )


def template_digest(workload: Wire) -> str:
    """Return a digest of the pod template without our settings; the mark of `kubectl rollout restart` does not count."""
    template = json.loads(json.dumps(workload["spec"]["template"]))
    metadata = template.get("metadata") or {}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _RESTARTED_AT}
    template["metadata"] = {**metadata, "annotations": annotations}
    for container in template["spec"]["containers"]:
        container["env"] = [env for env in container.get("env") or () if env["name"] not in VARIABLES]
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()


def _setters(workload: Wire, slot: Slot) -> tuple[str, ...]:
    """Return the other field managers that set this slot (chart, kubectl, GitOps)."""
    return tuple(
        sorted(
            {
                entry["manager"]
                for entry in workload["metadata"].get("managedFields") or ()
                if entry["manager"] != names.FIELD_MANAGER and _owns(entry.get("fieldsV1") or {}, slot)
            }
        )
    )


def writers(metadata: Wire, *, since: datetime | None) -> tuple[str, ...]:
    """Return the field managers, other than us and Kubernetes itself, that have written the object since then (whole seconds).

    One that has taken the variable out sets nothing, and is found by nothing else; one that has only taken something out leaves
    no name at all.
    """
    if since is None:
        return ()
    from_then_on = since.replace(microsecond=0)
    return _names(metadata, lambda entry: datetime.fromisoformat(entry.get("time") or _LONG_AGO) >= from_then_on)


def managers(metadata: Wire) -> tuple[str, ...]:
    """Return all field managers of the object, other than us and Kubernetes itself."""
    return _names(metadata, lambda _: True)


def _names(metadata: Wire, chosen: Callable[[Wire], bool]) -> tuple[str, ...]:
    apart = (names.FIELD_MANAGER, "kube-controller-manager")
    entries = (each for each in metadata.get("managedFields") or () if not each.get("subresource"))
    return tuple(sorted({each["manager"] for each in entries if each["manager"] not in apart and chosen(each)}))


def _owns(fields: Wire, slot: Slot) -> bool:
    own = (_merge_key(slot.container), "f:env", _merge_key(slot.setting))
    path = ("f:spec", "f:template", "f:spec", "f:containers", *own)
    for part in path:
        fields = fields.get(part) or {}
    return any(part in fields for part in ("f:value", "f:valueFrom", "f:name"))


def _merge_key(name: str) -> str:
    return f"k:{json.dumps({'name': name}, separators=(',', ':'))}"


def patch(workload: Wire, envs: Mapping[Slot, EnvVar | None]) -> dict[str, Any]:
    """Return the strategic-merge patch that puts these entries into their slots (None: takes the entry away).

    It carries uid and resourceVersion: an object that was replaced, or changed since it was read, is not written to.
    """
    metadata = workload["metadata"]
    given: dict[str, list[dict[str, Any]]] = {}
    for slot, env in envs.items():
        given.setdefault(slot.container, []).append(_entry(slot.setting, env))
    containers = [{"name": container, "env": env} for container, env in given.items()]
    return {
        "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


def _entry(variable: str, env: EnvVar | None) -> dict[str, Any]:
    if env is None:
        return {"name": variable, "$patch": "delete"}
    value_from = env.get("valueFrom")
    if not value_from:
        return {"name": variable, "value": env.get("value", ""), "valueFrom": None}
    others = {field: None for field in _VALUE_SOURCES if field not in value_from}
    return {"name": variable, "value": None, "valueFrom": {**others, **value_from}}


def entries(workload: Wire, variable: str) -> dict[str, EnvVar | None]:
    """Return each of its containers' own entry of a variable."""
    return {container["name"]: environment.own(container, variable) for container in _containers(workload)}


def _containers(workload: Wire) -> Sequence[Wire]:
    found: Sequence[Wire] = workload["spec"]["template"]["spec"]["containers"]
    return found


def _chosen(workload: Wire, containers: Sequence[str]) -> Iterator[Wire]:
    return (container for container in _containers(workload) if container["name"] in containers)
