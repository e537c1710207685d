"""What W&B itself must have for a bucket, from a live look at W&B's workloads: its version, and keys of its own for CoreWeave."""

from collections.abc import Iterator, Mapping
from typing import Any

from wandb_byob.decide import requirements, targets, versions
from wandb_byob.decide.requirements import KEYLESS_KEYS, KEYLESS_SECRET, Keyless, Running
from wandb_byob.decide.rollouts.configuration import decoded
from wandb_byob.kube import gather_instance
from wandb_byob.kube.client import SECRETS
from wandb_byob.model.api import BucketStore, WandbInstance
from wandb_byob.model.checks import Check
from wandb_byob.model.errors import DomainError
from wandb_byob.reconcile.base import World
from wandb_byob.sinks import workloads

Body = Mapping[str, Any]


def checks(world: World, store: BucketStore, instance: WandbInstance) -> tuple[Check, ...]:
    """Return what is to be said of W&B for this bucket; raises `Stalled` where it is too old."""
    needed = requirements.need(store.spec, instance.spec.deployment_type)
    keyless = (
        instance.spec.deployment_type == "SelfManaged"
        and store.spec.provider == "CoreWeave"
        and store.spec.credentials.secret_ref is None
    )
    if needed is None and not keyless:
        return ()
    bodies = _workloads(world, instance)
    found = (requirements.version_check(needed, _running(instance, bodies)),) if needed is not None else ()
    return (*found, requirements.keyless_check(_keyless(world, instance, bodies))) if keyless else found


def _workloads(world: World, instance: WandbInstance) -> tuple[Body, ...]:
    """Return W&B's workloads, none where they are not here (yet): then the WandbInstance's own conditions say so."""
    namespace = instance.metadata.namespace
    target = targets.workloads_of(instance.spec.target, namespace)
    if target is None:
        return ()
    try:
        return gather_instance.workloads(world.kube, namespace, target)
    except DomainError:
        return ()


def _running(instance: WandbInstance, bodies: tuple[Body, ...]) -> Running:
    labels = ((body["metadata"].get("labels") or {}).get("helm.sh/chart", "") for body in bodies)
    return Running(
        server=versions.server(instance.spec.version, _images(instance, bodies)),
        chart=versions.chart(instance.spec.chart_version, labels),
    )


def _images(instance: WandbInstance, bodies: tuple[Body, ...]) -> Iterator[str]:
    asked = instance.spec.target.workloads if instance.spec.target is not None else None
    for body in bodies:
        try:
            chosen = workloads.choose_containers(body, asked.containers if asked is not None else ())
        except DomainError:
            continue
        yield from workloads.images(body, chosen)


def _keyless(world: World, instance: WandbInstance, bodies: tuple[Body, ...]) -> Keyless | None:
    if not bodies:
        return None
    namespace = instance.metadata.namespace
    secret = world.kube.get(SECRETS, namespace, KEYLESS_SECRET) or {}
    data = secret.get("data") or {}
    return Keyless(
        namespace=namespace,
        present=frozenset(key for key in KEYLESS_KEYS if _holds(data.get(key))),
        read=any(_reads(container) for body in bodies for container in body["spec"]["template"]["spec"]["containers"]),
    )


def _holds(data: str | None) -> bool:
    try:
        return bool(decoded(data or "").strip())
    except ValueError:
        return False


def _reads(container: Body) -> bool:
    """Say whether a container has the variables, each by its name or all keys of the Secret at once."""
    given = {env["name"] for env in container.get("env") or ()}
    whole = ((each.get("secretRef") or {}).get("name") for each in container.get("envFrom") or ())
    return given.issuperset(KEYLESS_KEYS) or KEYLESS_SECRET in whole
