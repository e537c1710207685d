"""Whether W&B keeps the instance's own files in a bucket, by what its workloads have: also where no WandbInstance tells of it."""

from collections.abc import Iterator
from typing import Any

from wandb_byob.decide.storage import Bucket
from wandb_byob.kube import gather_instance
from wandb_byob.kube.client import DEPLOYMENTS, PODS, STATEFUL_SETS
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.held import may_look
from wandb_byob.sinks import health, own_bucket, running


def keeper(world: World, namespace: str, identity: str) -> str:
    """Return a workload or pod of W&B's namespace that has the bucket of this identity as its own, "" for none.

    Raises ForbiddenError as `held.left_behind` does.
    """
    if not may_look(world, namespace):
        return ""
    bodies = tuple(_bodies(world, namespace))
    wanted = {source for body in bodies for source in own_bucket.sources(body)}
    found = gather_instance.sources(world.kube, namespace, wanted)
    return next((_place(body) for body in bodies if _has(body, found, identity)), "")


def _bodies(world: World, namespace: str) -> Iterator[dict[str, Any]]:
    for resource in (DEPLOYMENTS, STATEFUL_SETS):
        yield from ({**body, "kind": resource.kind} for body in world.kube.list(resource, namespace))
    yield from (running.form(pod) for pod in world.kube.list(PODS, namespace) if health.runs(pod))


def _has(body: dict[str, Any], found: Any, identity: str) -> bool:
    present = own_bucket.buckets(body, found)
    return any(isinstance(each, Bucket) and each.identity == identity for each in present)


def _place(body: dict[str, Any]) -> str:
    return f"{body['kind']} {body['metadata']['name']}"
