"""One look at a WandbInstance: read its target, decide what the variable shall hold, write it, say what was found."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from wandb_byob.decide import availability, rest, rollout, schedule, versions
from wandb_byob.decide.annotations import paused
from wandb_byob.decide.availability import Scope
from wandb_byob.decide.compose import Composition
from wandb_byob.decide.conditions import ConditionType
from wandb_byob.decide.configuration import Stored, secret_body
from wandb_byob.decide.plan import Plan, Write
from wandb_byob.decide.situation import Situation, base, memory, policy
from wandb_byob.decide.variable import reference
from wandb_byob.decide.windows import windows
from wandb_byob.decide.workloads import Workload
from wandb_byob.kube import gather, gather_instance
from wandb_byob.kube.client import (
    DEPLOYMENTS,
    PODS,
    SECRETS,
    STATEFUL_SETS,
    WANDB_INSTANCES,
    ConflictError,
    ForbiddenError,
    KubeError,
    PatchType,
    UnavailableError,
)
from wandb_byob.kube.once import Once
from wandb_byob.model.api import WandbInstance, WandbInstanceStatus, WorkloadsTarget
from wandb_byob.model.errors import DomainError, Stalled
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile import instance_status
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.errors import Explained, explain
from wandb_byob.reconcile.finish import finish
from wandb_byob.reconcile.instance_buckets import gather_buckets, wish
from wandb_byob.sinks import health, workloads

INTERVAL: Final = timedelta(minutes=5)
"""How often an instance is looked at when nothing wakes it: a foreign Secret, or credentials without our label, may have changed."""
GENERATED: Final = 58
"""The API server cuts `generateName` to this length."""

_RESOURCES: Final = {"Deployment": DEPLOYMENTS, "StatefulSet": STATEFUL_SETS}


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """The object of one look, as it was read and typed."""

    world: World
    key: ObjectKey
    body: dict[str, Any]
    instance: WandbInstance


def reconcile(world: World, key: ObjectKey) -> Result:
    """Look at a WandbInstance. It has no finalizer: deleting it leaves the target and its Secret as they are."""
    body = world.kube.get(WANDB_INSTANCES, key.namespace, key.name)
    if body is None:
        return Result()
    metadata = gather.metadata(body)
    if metadata.deletion_timestamp is not None or paused(metadata):
        return Result()
    try:
        instance = gather.typed(body, WandbInstance)
    except DomainError as error:
        return _invalid(world, key, body, error)
    subject = _Subject(world=replace(world, kube=Once(world.kube)), key=key, body=body, instance=instance)
    try:
        _require_built(instance)
        if instance.spec.deployment_type != "SelfManaged":
            return _finish(subject, instance_status.elsewhere(instance, now=world.now()), after=None)
        target = _accepted_target(instance)
    except DomainError as error:
        return _failed(subject, error, ConditionType.ACCEPTED)
    try:
        return _look(subject, target)
    except (DomainError, ForbiddenError) as error:
        return _failed(subject, error, ConditionType.CONFIGURED)


def _require_built(instance: WandbInstance) -> None:
    """Raise `Stalled` for what W&B does not offer, this version does not have, or nobody can follow, naming the field."""
    spec = instance.spec
    if spec.storage is not None:
        availability.require(spec.deployment_type, Scope.INSTANCE)
    missing = {
        "spec.storage": spec.storage is not None,
        "spec.target.weightsAndBiases": spec.target is not None and spec.target.weights_and_biases is not None,
        "spec.scim": spec.scim is not None,
    }
    for field, asked in missing.items():
        if asked:
            raise Stalled(
                Reason.NOT_IMPLEMENTED, f"This version of the operator does not have {field} yet. Remove the field."
            )
    windows(spec.rollout)


def _accepted_target(instance: WandbInstance) -> WorkloadsTarget:
    """Return the target of a W&B that runs in this cluster; raises `Stalled` where there is none."""
    spec = instance.spec
    if spec.target is None or spec.target.workloads is None:
        raise Stalled(
            Reason.INVALID_SPEC, "deploymentType SelfManaged needs spec.target.workloads. Name W&B's workloads there."
        )
    return spec.target.workloads


def _look(subject: _Subject, target: WorkloadsTarget) -> Result:
    """Our Secrets and the target first, then the lists: what is added comes from reads that are newer than what is there."""
    world, instance = subject.world, subject.instance
    situation, bodies = situation_of(world, instance, target)
    buckets = gather_buckets(world, instance)
    plan = rollout.going_on(situation)
    composition: Composition | None = None
    if plan is None:
        wanted = wish(world, instance, buckets, base(situation))
        composition = wanted.composition if isinstance(wanted.composition, Composition) else None
        plan = rest.plan(
            situation,
            wanted.composition,
            pending=wanted.pending,
            progressing=wanted.progressing,
            obstacle=rollout.obstacle(situation),
        )
    plan = _act(subject, plan, bodies)
    status = instance_status.after(instance, plan, situation, stores=buckets.stores, wish=composition, now=world.now())
    status = msgspec.structs.replace(status, version=_version(instance, situation, bodies))
    if plan.settled:
        _collect(subject, plan, situation)
    if plan.finished:
        world.recorder.rollout(subject.key, result=plan.finished)
    return _finish(subject, status, after=plan.again)


def _version(instance: WandbInstance, situation: Situation, bodies: Mapping[str, dict[str, Any]]) -> str | None:
    images = (
        image
        for workload in situation.workloads
        for image in workloads.images(bodies[workload.key], [reading.slot.container for reading in workload.readings])
    )
    return versions.server(instance.spec.version, images)


def situation_of(
    world: World, instance: WandbInstance, target: WorkloadsTarget
) -> tuple[Situation, Mapping[str, dict[str, Any]]]:
    """Return the target as it is, and its workloads' bodies by `Kind/name`; raises `Waiting` or `Stalled` where it cannot be told."""
    namespace, name = instance.metadata.namespace, instance.metadata.name
    ours = f"{name}-file-stores-"[:GENERATED]
    stored = gather_instance.file_stores(world.kube, namespace, name)
    bodies = gather_instance.workloads(world.kube, namespace, target)
    chosen = [(body, workloads.choose_containers(body, target.containers)) for body in bodies]
    wanted = {source for body, containers in chosen for source in workloads.sources(body, containers)}
    found = gather_instance.sources(world.kube, namespace, wanted)
    pods = world.kube.list(PODS, namespace)
    given = tuple(
        Workload(
            kind=body["kind"],
            name=body["metadata"]["name"],
            uid=body["metadata"]["uid"],
            resource_version=body["metadata"]["resourceVersion"],
            created=datetime.fromisoformat(body["metadata"]["creationTimestamp"]),
            readings=workloads.readings(body, containers, found=found, ours=ours),
            template=workloads.template_digest(body),
            health=health.health(body, containers, pods=pods, now=world.now()),
            recreate=(body["spec"].get("strategy") or {}).get("type") == "Recreate",
            setters=workloads.setters(body, containers),
        )
        for body, containers in chosen
    )
    situation = Situation(
        workloads=given,
        stored=stored,
        ours=ours,
        memory=memory(instance),
        policy=policy(instance),
        now=world.now(),
    )
    return situation, {workload.key: body for workload, body in zip(given, bodies, strict=True)}


def _act(subject: _Subject, plan: Plan, bodies: Mapping[str, dict[str, Any]]) -> Plan:
    """Make the Secret first, then refer to it; a conflict ends the look, and the next one goes on from what is there."""
    world, namespace = subject.world, subject.key.namespace
    if plan.create is not None:
        world.fence()
        body = secret_body(
            plan.create, instance=subject.key.name, namespace=namespace, uid=subject.instance.metadata.uid
        )
        created = world.kube.create(SECRETS, namespace, body)
        plan = replace(plan, secret=created["metadata"]["name"])
    for write in plan.writes:
        world.fence()
        _write(subject, write, secret=plan.secret, body=bodies[write.workload.key])
    return plan


def _write(subject: _Subject, write: Write, *, secret: str, body: dict[str, Any]) -> None:
    workload = write.workload
    envs = write.envs
    if envs is None:
        envs = {reading.slot.container: reference(secret) for reading in workload.readings}
    try:
        subject.world.kube.patch(
            _RESOURCES[workload.kind],
            subject.key.namespace,
            workload.name,
            workloads.patch(body, envs),
            patch_type=PatchType.STRATEGIC_MERGE,
        )
    except (ConflictError, ForbiddenError, UnavailableError):
        raise
    except KubeError as error:
        raise Stalled(
            Reason.FORBIDDEN,
            f"The API server refused to change {workload.kind} {workload.name}: {error}. Repair what refuses it (an "
            "admission policy, or the workload itself).",
        ) from error


def _collect(subject: _Subject, plan: Plan, situation: Situation) -> None:
    """Delete our Secrets that nothing can still need: neither a pod or an old revision, nor a rollback."""
    world, namespace = subject.world, subject.key.namespace
    failed = plan.failed.secret_name if plan.failed is not None else ""
    candidates: dict[str, Stored] = {
        name: stored
        for name, stored in situation.stored.items()
        if name not in (plan.secret, plan.last_good, failed) and not situation.touched(stored)
    }
    if not candidates:
        return
    needed = gather_instance.named_anywhere(world.kube, namespace, candidates)
    for name, stored in candidates.items():
        if name not in needed:
            world.fence()
            world.kube.delete(SECRETS, namespace, name, uid=stored.uid)


def _failed(subject: _Subject, error: Explained, type_: ConditionType) -> Result:
    failure = explain(error, type_)
    status = instance_status.without_look(
        subject.instance.metadata,
        subject.instance.status,
        failure.verdict,
        progress=failure.progress,
        now=subject.world.now(),
    )
    return _finish(subject, status, after=failure.after)


def _finish(subject: _Subject, status: WandbInstanceStatus, *, after: timedelta | None) -> Result:
    world = subject.world
    finish(world, subject.key, WANDB_INSTANCES, subject.body, before=subject.instance.status, after=status)
    now = world.now()
    phase = schedule.next_phase(now, uid=subject.instance.metadata.uid, interval=INTERVAL) - now
    return Result(after=phase if after is None else min(after, phase))


def _invalid(world: World, key: ObjectKey, body: dict[str, Any], error: DomainError) -> Result:
    """Say that the stored object does not fit the schema; for sure are only its metadata."""
    before = gather.status(body, WandbInstanceStatus)
    failure = explain(error, ConditionType.ACCEPTED)
    after = instance_status.without_look(
        gather.metadata(body), before, failure.verdict, progress=failure.progress, now=world.now()
    )
    finish(world, key, WANDB_INSTANCES, body, before=before, after=after)
    return Result()
