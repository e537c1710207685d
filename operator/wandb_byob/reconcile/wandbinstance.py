"""One look at a WandbInstance: read its target, decide what the variable shall hold, write it, say what was found."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import msgspec

from wandb_byob.decide import availability, schedule, targets, versions
from wandb_byob.decide.annotations import paused
from wandb_byob.decide.availability import Scope
from wandb_byob.decide.compose import Composition
from wandb_byob.decide.conditions import ConditionType
from wandb_byob.decide.instance_storage import Storage
from wandb_byob.decide.rollouts import rest, rollout
from wandb_byob.decide.rollouts.configuration import Stored, secret_body
from wandb_byob.decide.rollouts.plan import Plan, interrupted
from wandb_byob.decide.rollouts.situation import Situation, base
from wandb_byob.decide.rollouts.wanted import Wanted
from wandb_byob.decide.rollouts.windows import windows
from wandb_byob.kube import gather, gather_instance
from wandb_byob.kube.client import (
    SECRETS,
    WANDB_INSTANCES,
    ConflictError,
    ForbiddenError,
)
from wandb_byob.kube.once import Once
from wandb_byob.model.api import WandbInstance, WandbInstanceStatus
from wandb_byob.model.errors import DomainError, Stalled
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile import (
    instance_connections,
    instance_offers,
    instance_status,
    instance_storage,
    instance_target,
)
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.errors import Explained, explain
from wandb_byob.reconcile.finish import finish
from wandb_byob.reconcile.instance_buckets import gather_buckets, wish
from wandb_byob.reconcile.instance_target import Target

INTERVAL: Final = timedelta(minutes=5)
"""How often an instance is looked at when nothing wakes it: a foreign Secret, or credentials without our label, may have changed."""
OWNED_INTERVAL: Final = timedelta(minutes=1)
"""The same for W&B's own operator's object, which is not watched: that somebody sets it back is to be seen within a minute."""


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
            own = instance_storage.elsewhere(subject.world, instance)
            return _finish(subject, instance_status.elsewhere(instance, storage=own, now=world.now()), after=None)
    except (DomainError, ForbiddenError) as error:
        return _failed(subject, error, ConditionType.ACCEPTED)
    try:
        return _look(subject)
    except (DomainError, ForbiddenError) as error:
        return _failed(subject, error, ConditionType.CONFIGURED)


def _require_built(instance: WandbInstance) -> None:
    """Raise `Stalled` for what W&B does not offer, this version does not have, or nobody can follow, naming the field."""
    spec = instance.spec
    if spec.storage is not None:
        availability.require(spec.deployment_type, Scope.INSTANCE)
    if spec.scim is not None:
        raise Stalled(
            Reason.NOT_IMPLEMENTED, "This version of the operator does not have spec.scim yet. Remove the field."
        )
    windows(spec.rollout)


def _look(subject: _Subject) -> Result:
    """Our Secrets and the target first, then the lists: what is added comes from reads that are newer than what is there."""
    world, instance = subject.world, subject.instance
    target = instance_target.read(world, instance)
    situation = target.situation
    others = gather.all_valid(world.kube.list(WANDB_INSTANCES, subject.key.namespace), WandbInstance)
    targets.require_own(instance, others, target.labels)
    buckets = gather_buckets(world, instance)
    plan = rollout.going_on(situation)
    composition: Composition | None = None
    storage: Storage | None = None
    if plan is None:
        wanted = wish(world, instance, buckets, base(situation))
        storage = instance_storage.wish(world, instance, buckets, situation)
        storage = instance_connections.noted(storage, instance, buckets, target)
        listed = wanted.composition
        composition = listed if isinstance(listed, Composition) else None
        plan = rest.plan(
            situation,
            Wanted(composition=listed, storage=storage.settings, store=storage.store)
            if isinstance(listed, Composition)
            else listed,
            pending=(*wanted.pending, *storage.pending),
            progressing=wanted.progressing or storage.awaited,
            obstacle=rollout.obstacle(situation),
        )
    plan, not_offered = instance_offers.noted(world, instance, plan=plan, target=target, buckets=buckets)
    plan = _act(subject, plan, target)
    status = instance_status.after(
        instance, plan, situation, stores=buckets.stores, wish=composition, storage=storage, now=world.now()
    )
    form = instance_connections.form(storage, target) if storage is not None else instance.status.form
    version = versions.server(instance.spec.version, target.images)
    status = msgspec.structs.replace(status, form=form, version=version, not_offered=not_offered)
    if plan.settled:
        _collect(subject, plan, situation)
    if plan.finished:
        world.recorder.rollout(subject.key, result=plan.finished)
    return _finish(subject, status, after=plan.again)


def _act(subject: _Subject, plan: Plan, target: Target) -> Plan:
    """Make the Secret first, then refer to it; return the plan as far as it was carried out: a conflict ends the look, and the next one goes on from there."""
    world, namespace = subject.world, subject.key.namespace
    if plan.create is not None:
        world.fence()
        body = secret_body(
            plan.create, instance=subject.key.name, namespace=namespace, uid=subject.instance.metadata.uid
        )
        created = world.kube.create(SECRETS, namespace, body)
        plan = replace(plan, secret=created["metadata"]["name"])
    configuration = plan.create or target.situation.configuration(plan.secret)
    for done, write in enumerate(plan.writes):
        envs = write.envs
        if envs is None and configuration is not None:
            envs = write.workload.given(configuration, secret=plan.secret)
        world.fence()
        try:
            instance_target.write(world, namespace, target, write.workload, envs or {})
        except ConflictError:
            if not done:
                raise
            # What was written is told in the status: whoever sets that back again is then known to have done so.
            return interrupted(plan, done=done)
    return plan


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
    target = subject.instance.spec.target
    interval = OWNED_INTERVAL if target is not None and target.weights_and_biases is not None else INTERVAL
    phase = schedule.next_phase(now, uid=subject.instance.metadata.uid, interval=interval) - now
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
