"""Where a W&B of this cluster reads its configuration: its workloads, or the object that W&B's own operator makes them from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from wandb_byob.decide import targets, wandb_values
from wandb_byob.decide.rollouts.configuration import Stored
from wandb_byob.decide.rollouts.situation import Situation, memory, policy
from wandb_byob.decide.rollouts.variable import IN_VARIABLES, STORAGE, VARIABLE, EnvVar, Slot
from wandb_byob.decide.rollouts.workloads import Workload
from wandb_byob.kube import gather_instance
from wandb_byob.kube.client import (
    DEPLOYMENTS,
    PODS,
    SECRETS,
    STATEFUL_SETS,
    WEIGHTS_AND_BIASES,
    Body,
    ConflictError,
    ForbiddenError,
    KubeError,
    PatchType,
    Resource,
    UnavailableError,
)
from wandb_byob.model.api import WandbInstance
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import World
from wandb_byob.sinks import health, weights_and_biases, workloads
from wandb_byob.sinks.weights_and_biases import Means, Owner

_RESOURCES: Final = {"Deployment": DEPLOYMENTS, "StatefulSet": STATEFUL_SETS}
_GENERATED: Final = 58
"""The API server cuts `generateName` to this length."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Target:
    """The target as one look found it: `bodies` are those of its workloads by `Kind/name`; `owner` is W&B's own operator's object.

    `pods` are all of the namespace.
    """

    situation: Situation
    bodies: Mapping[str, dict[str, Any]]
    pods: Sequence[Mapping[str, Any]]
    owner: Owner | None = None

    @property
    def labels(self) -> tuple[tuple[str, Mapping[str, str]], ...]:
        """Return name and labels of each workload."""
        return tuple((body["metadata"]["name"], body["metadata"].get("labels") or {}) for body in self.bodies.values())

    @property
    def images(self) -> Iterator[str]:
        """Yield the images of the containers that read the variable."""
        if self.owner is not None:
            for body in weights_and_biases.readers(self.owner.deployments):
                yield from workloads.images(body, list(workloads.entries(body, VARIABLE)))
            return
        for workload in self.situation.workloads:
            containers = [reading.slot.container for reading in workload.readings]
            yield from workloads.images(self.bodies[workload.key], containers)


def read(world: World, instance: WandbInstance, *, bucket: bool = False) -> Target:
    """Read the target and our Secrets; raises `Waiting` or `Stalled` where it cannot be told what is there.

    `bucket`: the bucket for the instance, too, where nobody asks for one.
    """
    namespace, name = instance.metadata.namespace, instance.metadata.name
    # Our Secrets before the target: one that the target names is then always among them.
    stored = gather_instance.file_stores(world.kube, namespace, name)
    remembered = memory(instance)
    look = _Look(
        world=world,
        namespace=namespace,
        ours=f"{name}-file-stores-"[:_GENERATED],
        # By the API server's own clock, as are the times of its field managers.
        since=stored[remembered.secret].created if remembered.secret in stored else None,
        settings=_settings(instance, stored.values(), bucket=bucket),
        stored=stored,
        pods=world.kube.list(PODS, namespace),
    )
    asked = instance.spec.target
    owner = None
    if asked is not None and asked.weights_and_biases is not None:
        owner = _owner(world, instance, asked.weights_and_biases.name)
        bodies = {_key(body): dict(body) for body in owner.deployments}
        given: tuple[Workload, ...] = (_of_owner(look, owner),)
    elif asked is not None and asked.workloads is not None:
        found = gather_instance.workloads(world.kube, namespace, asked.workloads)
        bodies = {_key(body): body for body in found}
        given = _plain(look, found, asked.workloads.containers)
    else:
        raise Stalled(Reason.INVALID_SPEC, targets.MISSING)
    situation = Situation(
        workloads=given,
        stored=stored,
        ours=look.ours,
        memory=remembered,
        policy=policy(instance),
        now=world.now(),
    )
    return Target(situation=situation, bodies=bodies, pods=look.pods, owner=owner)


def _settings(instance: WandbInstance, stored: Iterable[Stored], *, bucket: bool) -> tuple[str, ...]:
    """Return what is read: the bucket for the instance only where somebody asks for one, or has."""
    governed = any(each.configuration.values.keys() & set(STORAGE) for each in stored)
    return (VARIABLE, *STORAGE) if bucket or instance.spec.storage is not None or governed else (VARIABLE,)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What readings are made with: `ours` is how our Secrets are called, `since` when the present one was made, `settings` what is read."""

    world: World
    namespace: str
    ours: str
    since: datetime | None
    settings: tuple[str, ...]
    stored: Mapping[str, Stored]
    pods: Sequence[Mapping[str, Any]]


def _owner(world: World, instance: WandbInstance, name: str) -> Owner:
    kube, namespace = world.kube, instance.metadata.namespace
    resource, body = gather_instance.weights_and_biases(kube, namespace, name)
    first = resource == WEIGHTS_AND_BIASES["v1"]
    meant = targets.workloads_of(instance.spec.target, instance.metadata.namespace)
    labels = gather_instance.selector_text(meant.selector) if meant is not None and meant.selector is not None else ""
    deployments = tuple({**each, "kind": DEPLOYMENTS.kind} for each in kube.list(DEPLOYMENTS, namespace, labels=labels))
    return Owner(
        body=body,
        version="v1" if first else "v2",
        deployments=tuple(sorted(deployments, key=lambda each: str(each["metadata"]["name"]))),
        user=wandb_values.values_of(kube.get(SECRETS, namespace, f"{name}-spec-user")) if first else {},
        active=wandb_values.values_of(kube.get(SECRETS, namespace, f"{name}-spec-active")) if first else {},
        chart=instance.spec.chart_version,
    )


def _key(body: Body) -> str:
    return f"{body['kind']}/{body['metadata']['name']}"


def _of_owner(look: _Look, owner: Owner) -> Workload:
    kube = look.world.kube
    wanted = weights_and_biases.sources(owner, look.settings, ours=look.ours)
    means = Means(
        settings=look.settings,
        ours=look.ours,
        stored=look.stored,
        found=gather_instance.sources(kube, look.namespace, wanted),
        pods=look.pods,
        since=look.since,
        now=look.world.now(),
    )
    return weights_and_biases.workload(owner, means)


def _plain(look: _Look, bodies: tuple[dict[str, Any], ...], containers: tuple[str, ...]) -> tuple[Workload, ...]:
    chosen = [(body, workloads.choose_containers(body, containers)) for body in bodies]
    settings = [setting for setting in look.settings if setting in (VARIABLE, *IN_VARIABLES)]
    wanted = {source for body, names in chosen for source in workloads.sources(body, names, settings)}
    found = gather_instance.sources(look.world.kube, look.namespace, wanted)
    owners = gather_instance.owners(look.world.kube, look.namespace)
    return tuple(
        Workload(
            kind=body["kind"],
            name=body["metadata"]["name"],
            uid=body["metadata"]["uid"],
            resource_version=body["metadata"]["resourceVersion"],
            created=datetime.fromisoformat(body["metadata"]["creationTimestamp"]),
            readings=tuple(
                replace(reading, refusal=_made_by_operator(look, body, owners))
                for reading in workloads.readings(body, names, settings, found=found, ours=look.ours)
            ),
            template=workloads.template_digest(body),
            health=health.health(body, names, pods=look.pods, now=look.world.now()),
            recreate=(body["spec"].get("strategy") or {}).get("type") == "Recreate",
            writers=workloads.writers(body["metadata"], since=look.since),
            managers=workloads.managers(body["metadata"]),
        )
        for body, names in chosen
    )


def _made_by_operator(look: _Look, body: Body, owners: tuple[str, ...]) -> Stalled | None:
    metadata = body["metadata"]
    where = f"{body['kind']} {metadata['name']}"
    return targets.made_by_operator(where, metadata.get("labels") or {}, namespace=look.namespace, owners=owners)


def write(world: World, namespace: str, target: Target, workload: Workload, envs: Mapping[Slot, EnvVar | None]) -> None:
    """Put entries into the slots of one workload (None: takes one away); raises `Stalled` where the API server refuses."""
    resource, patch, patch_type = _patch(target, workload, envs)
    try:
        world.kube.patch(resource, namespace, workload.name, patch, patch_type=patch_type)
    except (ConflictError, ForbiddenError, UnavailableError):
        raise
    except KubeError as error:
        raise Stalled(
            Reason.FORBIDDEN,
            f"The API server refused to change {workload.kind} {workload.name}: {error}. Repair what refuses it (an "
            "admission policy, or the object itself).",
        ) from error


def _patch(
    target: Target, workload: Workload, envs: Mapping[Slot, EnvVar | None]
) -> tuple[Resource, dict[str, Any], PatchType]:
    if target.owner is None:
        body = target.bodies[workload.key]
        return _RESOURCES[workload.kind], workloads.patch(body, envs), PatchType.STRATEGIC_MERGE
    return WEIGHTS_AND_BIASES[target.owner.version], weights_and_biases.patch(target.owner, envs), PatchType.MERGE
