"""Whether W&B's pods, as they run, offer every cloud whose bucket is attached; what is missing is told and keeps nothing from going on."""

from dataclasses import replace

from wandb_byob.decide import offers
from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.rollouts.plan import Plan
from wandb_byob.kube import gather_instance
from wandb_byob.model.api import WandbInstance
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.instance_buckets import Buckets
from wandb_byob.reconcile.instance_target import Target
from wandb_byob.sinks import running, weights_and_biases
from wandb_byob.sinks.running import Reader


def noted(
    world: World, instance: WandbInstance, *, plan: Plan, target: Target, buckets: Buckets
) -> tuple[Plan, tuple[str, ...]]:
    """Return the plan with a warning in RolledOut, and the clouds that it names; while W&B is rolled out, what was known before."""
    if plan.writes or plan.progress is Progress.RECONCILING:
        return plan, instance.status.not_offered
    configuration = target.situation.configuration(plan.secret)
    stores = {store.metadata.uid: store.metadata.name for store in buckets.stores.values()}
    wanted = offers.attached(configuration.provenance, stores) if configuration is not None else {}
    if not wanted:
        return plan, ()
    pods = running.pods(_readers(target), target.pods)
    found = gather_instance.sources(world.kube, instance.metadata.namespace, running.sources(pods))
    missing = offers.gaps(running.seen(pods, found), wanted, separator=target.situation.policy.separator)
    message = f"{plan.rolled_out.message} {offers.warning(missing)}".rstrip()
    return replace(plan, rolled_out=replace(plan.rolled_out, message=message)), offers.labels(missing)


def _readers(target: Target) -> tuple[Reader, ...]:
    if target.owner is not None:
        return tuple(Reader(body=body) for body in weights_and_biases.readers(target.owner.deployments))
    return tuple(
        Reader(
            body=target.bodies[workload.key],
            containers=tuple(dict.fromkeys(reading.slot.container for reading in workload.readings)),
        )
        for workload in target.situation.workloads
    )
