"""The data-path part of a look at a BucketStore: tried at once from the operator's pod, or step by step by a Job of W&B's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from wandb_byob.decide import stores
from wandb_byob.kube import gather
from wandb_byob.model.api import BucketStoreStatus
from wandb_byob.model.checks import Check
from wandb_byob.providers.base import Context
from wandb_byob.reconcile import workload_probe
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.inputs import Inputs
from wandb_byob.reconcile.store_status import Subject
from wandb_byob.reconcile.workload import Workload


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What was found, under which paths (none yet: `paths` is empty); `pending` and `again` where more is to come."""

    checks: tuple[Check, ...] = ()
    paths: tuple[str, ...] = ()
    pending: str = ""
    again: timedelta | None = None


def probe(subject: Subject, inputs: Inputs, context: Context, *, kept: Sequence[Check]) -> Probed:
    """Try the data path under `context.paths`; `kept` is what is known of the bucket."""
    if inputs.workload is None:
        return Probed(checks=inputs.provider.probe(context), paths=context.paths)
    if stores.unsound(stores.to_status(kept, paths=())):
        # It would fail for the same reason, after half a minute.
        return Probed()
    mark = workload_probe.mark_of(subject.store, inputs.mark)
    return _from_workload(subject.world, inputs.workload, context, mark=mark)


def _from_workload(world: World, workload: Workload, context: Context, *, mark: str) -> Probed:
    order = workload_probe.order_of(
        context,
        workload.host,
        signer=workload.signer,
        mark=mark,
        image=world.config.image,
        cloud_endpoints=world.config.cloud_endpoints,
    )
    order = replace(order, pull_secrets=world.config.image_pull_secrets)
    found = workload_probe.step(world.kube, order, now=world.now())
    if isinstance(found, workload_probe.Pending):
        return Probed(pending=found.message, again=found.after)
    if set(context.paths) <= set(found.paths):
        return Probed(checks=found.checks, paths=found.paths)
    # A team that came while the Job ran has its path tried by the next one.
    return Probed(checks=found.checks, paths=found.paths, pending="The next Job is made.", again=timedelta(0))


def clean_up(world: World, body: dict[str, Any]) -> None:
    """Take the Job of a BucketStore that is being deleted away."""
    reference = gather.status(body, BucketStoreStatus).instance_ref
    verification = (body.get("spec") or {}).get("verification") or {}
    if reference is not None and verification.get("from") == "Workload":
        metadata = gather.metadata(body)
        workload_probe.clean_up(world.kube, namespace=reference.namespace or metadata.namespace, uid=metadata.uid)
