"""All places of a target that set the variable, with what stands behind their references: for who moves in."""

from wandb_byob.decide import precedence
from wandb_byob.decide.precedence import Found, Reader
from wandb_byob.decide.rollouts.workloads import Workload
from wandb_byob.decide.wandb_values import part
from wandb_byob.kube import gather_instance
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.instance_target import Target


def survey(world: World, namespace: str, target: Target) -> tuple[Found, ...]:
    """Return every place, read or hidden; raises `KubeError`."""
    readers = _readers(target)
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
    chosen = {reading.slot.container for reading in workload.readings}
    containers = target.bodies[workload.key]["spec"]["template"]["spec"]["containers"]
    return precedence.of_containers(
        workload.kind, workload.name, [each for each in containers if each["name"] in chosen]
    )
