"""Live reads for a WandbInstance: its target, our Secrets, everything that might still name one of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from wandb_byob.decide.rollouts.configuration import Stored, instance_label, stored
from wandb_byob.kube.client import (
    CONFIG_MAPS,
    CONTROLLER_REVISIONS,
    CRON_JOBS,
    DEPLOYMENTS,
    JOBS,
    PODS,
    REPLICA_SETS,
    SECRETS,
    STATEFUL_SETS,
    WEIGHTS_AND_BIASES,
    Body,
    KubeClient,
    Resource,
)
from wandb_byob.model import names
from wandb_byob.model.api import LabelSelector, WorkloadsTarget
from wandb_byob.model.errors import Waiting
from wandb_byob.model.reasons import Reason

WORKLOADS: Final = (DEPLOYMENTS, STATEFUL_SETS)

_RUNNING: Final = (PODS, *WORKLOADS)
_MAY_NAME_A_SECRET: Final = (PODS, REPLICA_SETS, CONTROLLER_REVISIONS, DEPLOYMENTS, STATEFUL_SETS, JOBS, CRON_JOBS)


def file_stores(kube: KubeClient, namespace: str, instance: str) -> dict[str, Stored]:
    """Return our file-store Secrets of an instance by name; damaged ones are left out."""
    found = kube.list(SECRETS, namespace, labels=f"{names.INSTANCE}={instance_label(instance)}")
    read = (stored(secret) for secret in found)
    return {each.name: each for each in read if each is not None}


def workloads(kube: KubeClient, namespace: str, target: WorkloadsTarget) -> tuple[dict[str, Any], ...]:
    """Return the Deployments and StatefulSets of the target; raises `Waiting` where one, or all of them, are not there."""
    if target.selector is not None:
        labels = selector_text(target.selector)
        found = [
            _typed(body, resource.kind)
            for resource in WORKLOADS
            for body in kube.list(resource, namespace, labels=labels)
        ]
        where = f"has the labels of spec.target.workloads.selector ({labels})"
    else:
        found = [body for name in target.names for body in _named(kube, namespace, name)]
        missing = [name for name in target.names if name not in {body["metadata"]["name"] for body in found}]
        where = f"has the name {', '.join(missing)} of spec.target.workloads.names"
        if missing:
            found = []
    if not found:
        raise Waiting(
            Reason.TARGET_NOT_FOUND,
            f"No Deployment or StatefulSet in namespace {namespace} {where}. Correct spec.target, or install W&B.",
        )
    return tuple(sorted(found, key=lambda body: (body["kind"], body["metadata"]["name"])))


def weights_and_biases(kube: KubeClient, namespace: str, name: str) -> tuple[Resource, dict[str, Any]]:
    """Return the object of W&B's own operator in the version in which it is stored; raises `Waiting` where it is not there."""
    resource = kube.stored_version(tuple(WEIGHTS_AND_BIASES.values()))
    body = kube.get(resource, namespace, name) if resource is not None else None
    if resource is None or body is None:
        there = "there is none" if resource is not None else "this cluster does not have the kind (apps.wandb.com)"
        raise Waiting(
            Reason.TARGET_NOT_FOUND,
            f"spec.target names WeightsAndBiases {name} in namespace {namespace}, and {there}. Correct spec.target.weightsAndBiases.name, "
            "or install W&B.",
        )
    return resource, body


def owners(kube: KubeClient, namespace: str) -> tuple[str, ...]:
    """Return the names of the objects of W&B's own operator in a namespace, none where the cluster does not have the kind."""
    resource = kube.stored_version(tuple(WEIGHTS_AND_BIASES.values()))
    found = kube.list(resource, namespace) if resource is not None else ()
    return tuple(sorted(body["metadata"]["name"] for body in found))


def _named(kube: KubeClient, namespace: str, name: str) -> Iterator[dict[str, Any]]:
    for resource in WORKLOADS:
        body = kube.get(resource, namespace, name)
        if body is not None:
            yield _typed(body, resource.kind)


def _typed(body: Body, kind: str) -> dict[str, Any]:
    """Return the object with its kind, which the items of a list do not carry."""
    return {**body, "kind": kind}


def selector_text(selector: LabelSelector) -> str:
    """Return a label selector as the API's query parameter takes it."""
    parts = [f"{key}={value}" for key, value in sorted(selector.match_labels.items())]
    for each in selector.match_expressions:
        values = f"({','.join(each.values)})"
        parts.append(
            {
                "In": f"{each.key} in {values}",
                "NotIn": f"{each.key} notin {values}",
                "Exists": each.key,
                "DoesNotExist": f"!{each.key}",
            }[each.operator]
        )
    return ",".join(parts)


def sources(
    kube: KubeClient, namespace: str, wanted: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], dict[str, Any] | None]:
    """Return the Secrets and ConfigMaps (kind, name) that containers have the variable from, None for what is not there."""
    found: dict[tuple[str, str], dict[str, Any] | None] = {}
    for kind, name in sorted(set(wanted)):
        body = kube.get(SECRETS if kind == "Secret" else CONFIG_MAPS, namespace, name)
        found[kind, name] = None if body is None else {**body, "kind": kind}
    return found


def run_with(kube: KubeClient, namespace: str, identity: str) -> bool:
    """Say whether a pod or workload of the namespace has the bucket by one of our Secrets, whichever WandbInstance it was made for."""
    found = (stored(secret) for secret in kube.list(SECRETS, namespace, labels=names.INSTANCE))
    holding = [each.name for each in found if each is not None and identity in each.configuration.provenance]
    return bool(holding) and bool(named_anywhere(kube, namespace, holding, among=_RUNNING))


def named_anywhere(
    kube: KubeClient, namespace: str, secrets: Iterable[str], *, among: Sequence[Resource] = _MAY_NAME_A_SECRET
) -> frozenset[str]:
    """Return those of the Secrets that some pod, or something that makes pods (old revisions too), of the namespace names."""
    wanted = frozenset(secrets)
    found: set[str] = set()
    for resource in among:
        if found == wanted:
            break
        for body in kube.list(resource, namespace):
            found.update(wanted.intersection(_texts(body)))
    return frozenset(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _texts(each)
