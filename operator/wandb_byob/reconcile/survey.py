"""All places of a target that set the variable, or the instance's own bucket, with what stands behind their references: for who moves in."""

from collections.abc import Iterator

from wandb_byob.decide import bucket_places, precedence
from wandb_byob.decide.precedence import Found, Reader
from wandb_byob.decide.rollouts.variable import IN_VARIABLES
from wandb_byob.decide.rollouts.workloads import Workload
from wandb_byob.decide.wandb_values import part
from wandb_byob.kube import gather_instance
from wandb_byob.kube.client import Body
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.instance_target import Target


def survey(world: World, namespace: str, target: Target) -> tuple[Found, ...]:
    """Return every place of the variable, read or hidden; raises `KubeError`."""
    return _survey(world, namespace, _readers(target))


def survey_bucket(world: World, namespace: str, target: Target) -> tuple[Found, ...]:
    """Return every place of the instance's own bucket, read or hidden; raises `KubeError`."""
    owner = target.owner
    if owner is None:
        chosen = dict(each for workload in target.situation.workloads for each in _containers(target, workload))
        return _survey(world, namespace, precedence.of_variables(chosen, IN_VARIABLES))
    name = owner.body["metadata"]["name"]
    if owner.version == "v2":
        return bucket_places.of_object(name, owner.body["spec"])
    own = part(owner.body, "spec", "values") or {}
    return bucket_places.of_chart(precedence.layers_of(name, own=own, user=owner.user, active=owner.active))


def _survey(world: World, namespace: str, readers: tuple[Reader, ...]) -> tuple[Found, ...]:
    return precedence.survey(readers, gather_instance.sources(world.kube, namespace, precedence.sources(readers)))


def _readers(target: Target) -> tuple[Reader, ...]:
    if target.owner is None:
        return tuple(reader for workload in target.situation.workloads for reader in _of_workload(target, workload))
    body, name = target.owner.body, target.owner.body["metadata"]["name"]
    if target.owner.version == "v2":
        return precedence.of_overrides(name, part(body, "spec", "wandb", "legacyOverrides") or {})
    own = part(body, "spec", "values") or {}
    return precedence.of_values(name, own=own, user=target.owner.user, active=target.owner.active)


def _of_workload(target: Target, workload: Workload) -> tuple[Reader, ...]:
    return precedence.of_containers(workload.kind, workload.name, [each for _, each in _containers(target, workload)])


def _containers(target: Target, workload: Workload) -> Iterator[tuple[str, Body]]:
    """Yield the containers that read our settings, each by a name that says where it is."""
    chosen = {reading.slot.container for reading in workload.readings}
    where = f"{workload.kind} {workload.name}"
    for each in target.bodies[workload.key]["spec"]["template"]["spec"]["containers"]:
        if each["name"] in chosen:
            yield where if len(chosen) == 1 else f"{where} (container {each['name']})", each
