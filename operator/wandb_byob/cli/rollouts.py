"""What the operator would do to W&B: the entries of the variable as they would be, and the workloads that would restart.

Decided as by the operator (decide.compose, decide.rollouts.takeover), as if each bucket that a team asks for were verified already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from wandb_byob.decide import address_lists, addresses, attachments
from wandb_byob.decide.annotations import paused
from wandb_byob.decide.compose import Attached, Composition, Entry, compose
from wandb_byob.decide.instance_storage import Storage
from wandb_byob.decide.instance_storage import unchanged as kept
from wandb_byob.decide.rollouts import takeover
from wandb_byob.decide.rollouts.situation import base
from wandb_byob.decide.rollouts.wanted import Wanted, differing, restarting, settings
from wandb_byob.decide.rollouts.windows import opens
from wandb_byob.decide.rollouts.workloads import Health, State, Workload
from wandb_byob.kube import gather
from wandb_byob.kube.client import JOBS, WANDB_INSTANCES
from wandb_byob.model import names
from wandb_byob.model.api import WandbInstance
from wandb_byob.model.errors import DomainError
from wandb_byob.model.keys import ObjectKey
from wandb_byob.reconcile import instance_storage, instance_target
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.inputs import gather_inputs
from wandb_byob.reconcile.instance_buckets import Buckets, confirmed_removals, gather_buckets
from wandb_byob.reconcile.instance_target import Target
from wandb_byob.sinks import health, weights_and_biases
from wandb_byob.sinks.weights_and_biases import Owner

_GAP: Final = "stops its pods before it starts new ones (Recreate): a short gap"
_SAME: Final = "has the same values, and gets them from the new Secret, too"


@dataclass(frozen=True, kw_only=True)
class EntryChange:
    """One entry of the variable, redacted; `change` is Added, Renewed (another key, or form, for the same bucket), Removed or Stays.

    `before` is what a renewed one was, where that can be seen.
    """

    change: str
    address: str
    before: str = ""


@dataclass(frozen=True, kw_only=True)
class Restart:
    """A workload that would restart, and what is to be known of it; `differs` is False where it has the same values and restarts with the others."""

    workload: str
    notes: tuple[str, ...] = ()
    differs: bool = True


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What would become of one W&B. `refusal` is why nothing would be written ("": nothing stands against it).

    `left_out` are buckets that could not be counted in, and why; `elsewhere`: W&B does not run in this cluster. `maker` is the object
    from which W&B's own operator makes the workloads, `warnings` are what else to know before, `storage` what becomes of the bucket for the instance,
    `has_storage`: W&B has that already, `storage_refusal`: why the one that is asked for is not set ("": it is).
    """

    instance: str
    entries: tuple[EntryChange, ...] = ()
    restarts: tuple[Restart, ...] = ()
    refusal: str = ""
    left_out: tuple[str, ...] = ()
    elsewhere: bool = False
    maker: str = ""
    warnings: tuple[str, ...] = ()
    storage: str = ""
    has_storage: bool = False
    storage_refusal: str = ""

    @property
    def in_the_way(self) -> tuple[str, ...]:
        """Return why what is asked for would not, or not all, be written."""
        return tuple(filter(None, (self.refusal, self.storage_refusal, *self.left_out)))

    @property
    def changes(self) -> int:
        """Return how many entries would not stay as they are."""
        return sum(entry.change != "Stays" for entry in self.entries)


def rollout(world: World, key: ObjectKey) -> Rollout | None:
    """Return what would become of the W&B of this WandbInstance, None where there is none; raises `KubeError`."""
    name = f"{key.namespace}/{key.name}"
    body = world.kube.get(WANDB_INSTANCES, key.namespace, key.name)
    if body is None:
        return None
    try:
        instance = gather.typed(body, WandbInstance)
        if instance.spec.deployment_type != "SelfManaged":
            return Rollout(instance=name, elsewhere=True)
        return _rollout(world, instance, name)
    except DomainError as error:
        return Rollout(instance=name, refusal=world.secrets.redact(error.message))


def _rollout(world: World, instance: WandbInstance, name: str) -> Rollout:
    # A Job that tries a bucket from W&B's side runs the operator's image; which one that is makes no difference to what W&B gets.
    world = replace(world, config=replace(world.config, image=world.config.image or names.FIELD_MANAGER))
    target = instance_target.read(world, instance)
    situation, present = target.situation, base(target.situation)
    buckets = gather_buckets(world, instance)
    attached, left_out = _attached(world, buckets)
    provenance = Composition(entries=tuple(present)).provenance
    chosen = attachments.holder_of_each(attached, provenance=provenance)
    gone = [each.identity for each in confirmed_removals(world, instance, buckets, provenance)]
    wanted = compose(present, chosen, removals=gone, separator=instance.spec.file_stores.separator)
    own, told, why = _storage(world, instance, buckets, target)
    values = settings(situation, Wanted(composition=wanted, storage=own.settings, store=own.store))
    due = differing(situation, values)
    refused = takeover.refusal(due, values, takes=situation.policy.takes)
    return Rollout(
        instance=name,
        entries=tuple(_entries(present, wanted.entries)),
        restarts=tuple(_restarts(target, restarting(situation, values), due, now=world.now())),
        refusal=refused.message if refused is not None else "",
        left_out=tuple(world.secrets.redact(text) for text in left_out),
        storage=world.secrets.redact(told),
        storage_refusal=world.secrets.redact(why),
        has_storage=own.verdict is not None and own.verdict.status == "True",
        maker=f"WeightsAndBiases/{target.owner.body['metadata']['name']}" if target.owner is not None else "",
        warnings=tuple(_warnings(world, instance, target)) if due else (),
    )


def _storage(world: World, instance: WandbInstance, buckets: Buckets, target: Target) -> tuple[Storage, str, str]:
    """Return what becomes of the bucket for the instance, the same in words ("": none is asked for, or nothing), and why nothing does ("": it does)."""
    try:
        own = instance_storage.planned(world, instance, buckets, target.situation)
    except DomainError as error:
        return kept(target.situation), "", error.message
    if own.verdict is None:
        return own, f"Set to {own.bucket.place}." if own.bucket is not None else "", ""
    return (own, own.verdict.message, "") if own.verdict.status == "True" else (own, "", own.verdict.message)


def _warnings(world: World, instance: WandbInstance, target: Target) -> Iterator[str]:
    if paused(instance.metadata):
        yield f"The annotation {names.PAUSED} keeps the operator from writing anything."
    opening = opens(target.situation.policy.windows, world.now())
    if opening is not None:
        yield f"W&B is restarted from {opening:%Y-%m-%dT%H:%M:%SZ} on, and not before (spec.rollout.windows)."
    if target.owner is not None and target.owner.version == "v1":
        # It is made from the same values, and Kubernetes lets nobody change a Job's pods.
        job = f"{target.owner.body['metadata']['name']}-smj"
        if world.kube.get(JOBS, instance.metadata.namespace, job) is not None:
            yield f"Job {job} is there, which W&B's operator cannot change: its upgrade may fail until you delete that Job."


def _attached(world: World, buckets: Buckets) -> tuple[list[Attached], list[str]]:
    """Return the buckets that teams ask for, and what keeps others out."""
    found, left_out = [], []
    for use in buckets.uses:
        asking = [team for team in use.teams if attachments.asks(use, team)]
        if not asking:
            continue
        try:
            inputs = gather_inputs(world, use.store)
            address = inputs.provider.address(use.store.spec, inputs.context.data)
        except (DomainError, ValueError) as error:
            left_out.append(f"BucketStore {use.store.metadata.name}: {error}")
            continue
        identity = addresses.identity(address)
        if identity is not None:
            found.append(Attached(identity=identity, uid=use.store.metadata.uid, address=address))
    return found, left_out


def _entries(before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[EntryChange]:
    """Yield what is there afterwards in its order, and what is not any more."""
    texts = {entry.text for entry in before}
    former = {entry.identity: _shown(entry) for entry in reversed(before) if entry.identity is not None}
    for entry, address in zip(after, address_lists.redact([entry.text for entry in after]), strict=True):
        there = former.get(entry.identity or "")
        change = "Stays" if entry.text in texts else "Renewed" if there is not None else "Added"
        seen = there if change == "Renewed" and there is not None and there != address else ""
        yield EntryChange(change=change, address=address, before=seen)
    left = {entry.text for entry in after}, {entry.identity for entry in after if entry.identity is not None}
    for entry in before:
        if entry.text not in left[0] and entry.identity not in left[1]:
            yield EntryChange(change="Removed", address=_shown(entry))


def _shown(entry: Entry) -> str:
    return addresses.redact(entry.text)


def _restarts(
    target: Target, chosen: Sequence[Workload], due: Sequence[Workload], *, now: datetime
) -> Iterator[Restart]:
    """Yield the chosen workloads in the order in which they would get the configuration; of `due` are those for whose sake it is made."""
    differing = {workload.key for workload in due}
    if target.owner is not None:
        yield from _made(target.owner, now=now) if chosen else ()
        return
    for workload in sorted(chosen, key=lambda each: each.recreate):
        gap = f"{_GAP}; it comes last" if workload.recreate else ""
        differs = workload.key in differing
        same = "" if differs else _SAME
        notes = (*filter(None, (same,)), *_notes(gap, workload.health))
        yield Restart(workload=workload.key, notes=notes, differs=differs)


def _made(owner: Owner, *, now: datetime) -> Iterator[Restart]:
    """Yield what W&B's own operator makes: the variable reaches all of it."""
    reading = [body["metadata"]["name"] for body in weights_and_biases.readers(owner.deployments)]
    for body in owner.deployments:
        name = body["metadata"]["name"]
        stops = (body["spec"].get("strategy") or {}).get("type") == "Recreate"
        unread = "" if name in reading else "reads no files, and gets the variable too"
        state = health.health(body, (), pods=(), now=now)
        yield Restart(
            workload=f"Deployment/{name}", notes=(*filter(None, (unread,)), *_notes(_GAP if stops else "", state))
        )


def _notes(gap: str, now: Health) -> tuple[str, ...]:
    state = {
        State.NOT_WAITED_FOR: now.message,
        State.FAILED: f"does not run well now: {now.message}",
    }.get(now.state, "")
    return tuple(filter(None, (gap, state)))
