"""What the operator would do to W&B: the entries of the variable as they would be, and the workloads that would restart.

Decided as by the operator (decide.compose, decide.takeover), as if each bucket that a team asks for were verified already.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from wandb_byob.decide import addresses, attachments, takeover
from wandb_byob.decide.compose import Attached, Composition, Entry, compose
from wandb_byob.decide.situation import Situation, base
from wandb_byob.decide.wanted import Wanted, differing, settings
from wandb_byob.decide.workloads import State
from wandb_byob.kube import gather
from wandb_byob.kube.client import WANDB_INSTANCES
from wandb_byob.model import names
from wandb_byob.model.api import WandbInstance
from wandb_byob.model.errors import DomainError
from wandb_byob.model.keys import ObjectKey
from wandb_byob.reconcile import instance_target
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.inputs import gather_inputs
from wandb_byob.reconcile.instance_buckets import gather_buckets


@dataclass(frozen=True, kw_only=True)
class EntryChange:
    """One entry of the variable, redacted; `change` is Added, Renewed (another key, or form, for the same bucket) or Stays."""

    change: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Restart:
    """A workload that would restart, and what is to be known of it."""

    workload: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What would become of one W&B. `refusal` is why nothing would be written ("": nothing stands against it).

    `left_out` are buckets that could not be counted in, and why; `elsewhere`: W&B does not run in this cluster.
    """

    instance: str
    entries: tuple[EntryChange, ...] = ()
    restarts: tuple[Restart, ...] = ()
    refusal: str = ""
    left_out: tuple[str, ...] = ()
    elsewhere: bool = False

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
    situation = instance_target.read(world, instance).situation
    present = base(situation)
    attached, left_out = _attached(world, instance)
    provenance = Composition(entries=tuple(present)).provenance
    chosen = attachments.holder_of_each(attached, provenance=provenance)
    wanted = compose(present, chosen, removals=(), separator=instance.spec.file_stores.separator)
    values = settings(situation, Wanted(composition=wanted))
    due = differing(situation, values)
    refused = takeover.refusal(due, values, takes=situation.policy.takes)
    return Rollout(
        instance=name,
        entries=tuple(_entries(present, wanted.entries)),
        restarts=tuple(_restarts(situation, {workload.key for workload in due})),
        refusal=refused.message if refused is not None else "",
        left_out=tuple(world.secrets.redact(text) for text in left_out),
    )


def _attached(world: World, instance: WandbInstance) -> tuple[list[Attached], list[str]]:
    """Return the buckets that teams ask for, and what keeps others out."""
    found, left_out = [], []
    # A Job that tries a bucket from W&B's side runs the operator's image; which one that is makes no difference to what W&B gets.
    world = replace(world, config=replace(world.config, image=world.config.image or names.FIELD_MANAGER))
    for use in gather_buckets(world, instance).uses:
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
    texts, identities = {entry.text for entry in before}, {entry.identity for entry in before}
    shown = addresses.redact_all([entry.text for entry in after])
    for entry, address in zip(after, shown, strict=True):
        known = entry.identity is not None and entry.identity in identities
        change = "Stays" if entry.text in texts else "Renewed" if known else "Added"
        yield EntryChange(change=change, address=address)


def _restarts(situation: Situation, due: set[str]) -> Iterator[Restart]:
    """Yield the workloads in the order in which they would get the configuration."""
    chosen = [workload for workload in situation.workloads if workload.key in due]
    for workload in sorted(chosen, key=lambda each: each.recreate):
        notes = []
        if workload.recreate:
            notes.append("stops its pods before it starts new ones (Recreate): a short gap; it comes last")
        if workload.health.state is State.NOT_WAITED_FOR:
            notes.append(workload.health.message)
        if workload.health.state is State.FAILED:
            notes.append(f"does not run well now: {workload.health.message}")
        yield Restart(workload=workload.key, notes=tuple(notes))
