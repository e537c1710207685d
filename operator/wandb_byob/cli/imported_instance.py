"""The WandbInstance of what `byob import` writes: the one that is there, which stays what it is, or a new one."""

import argparse
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from wandb_byob.cli import output
from wandb_byob.cli.sources import Source, SourceError
from wandb_byob.kube import gather, gather_instance
from wandb_byob.kube.client import WANDB_INSTANCES, Body
from wandb_byob.model import names
from wandb_byob.model.api import Target, WandbInstance

_NAME: Final = "wandb"
_RELEASE: Final = "wandb"
_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, kw_only=True, repr=False)
class Imported:
    """The WandbInstance as it is, or is to be; `there` is the object of the cluster, None where there is none yet."""

    instance: WandbInstance
    there: Body | None = None

    @property
    def name(self) -> str:
        """Return its name."""
        return self.instance.metadata.name

    @property
    def spec(self) -> dict[str, Any]:
        """Return its specification word for word."""
        return dict(self.there["spec"]) if self.there is not None else output.wire(self.instance.spec)

    def added(self, storage: dict[str, Any], *, take_ownership: bool) -> dict[str, Any]:
        """Return the fields of `spec` that it is to have and has not: nothing is taken away, or made wider."""
        file_stores = self.spec.get("fileStores") or {}
        owning = take_ownership and not file_stores.get("takeOwnership")
        return {
            **({} if "storage" in self.spec else storage),
            **({"fileStores": {**file_stores, "takeOwnership": True}} if owning else {}),
        }

    def manifest(self, added: dict[str, Any]) -> dict[str, Any] | None:
        """Return the object to be written with these fields, None where the one that is there stays as it is."""
        if self.there is not None and not added:
            return None
        metadata = {"name": self.name, "namespace": self.instance.metadata.namespace}
        spec = {**self.spec, **added}
        return {
            "apiVersion": names.API_VERSION,
            "kind": "WandbInstance",
            "metadata": metadata | _marks(self.there),
            "spec": spec,
        }

    def told(self, added: dict[str, Any]) -> str:
        """Return what becomes of the one that is there, "" where there is none."""
        if self.there is None:
            return ""
        if not added:
            return f"WandbInstance {self.name} is there, and stays as it is."
        # Of spec.fileStores it can only be this.
        names_ = {"fileStores": "spec.fileStores.takeOwnership", "storage": "spec.storage"}
        fields = " and ".join(names_[field] for field in sorted(added))
        return f"WandbInstance {self.name} is there: wandbinstance.yaml is the same with {fields} added, and nothing else changed."


def _marks(body: Body | None) -> dict[str, Any]:
    """Return labels and annotations: `kubectl apply` takes away what it has once applied and is missing now."""
    metadata = body["metadata"] if body is not None else {}
    notes = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != _APPLIED}
    more = {"labels": metadata.get("labels"), "annotations": notes}
    return {key: value for key, value in more.items() if value}


def find(arguments: argparse.Namespace, source: Source) -> Imported:
    """Return the one that is meant; raises `SourceError` where that cannot be told, or where the arguments say something else."""
    there = {body["metadata"]["name"]: body for body in source.kube.list(WANDB_INSTANCES, source.namespace)}
    if arguments.name is None and len(there) > 1:
        raise SourceError(f"There are several WandbInstances: {', '.join(sorted(there))}. Name one with --name.")
    name = arguments.name or next(iter(there), _NAME)
    if name not in there:
        return Imported(instance=_new(arguments, source, name))
    instance = gather.typed(there[name], WandbInstance)
    if instance.spec.deployment_type != "SelfManaged":
        raise SourceError(
            f"WandbInstance {name} is of a W&B on {instance.spec.deployment_type}, whose configuration is not in this cluster. For "
            "another W&B that is, give --name."
        )
    _require_agreement(arguments, source, instance)
    return Imported(instance=instance, there=there[name])


def _require_agreement(arguments: argparse.Namespace, source: Source, instance: WandbInstance) -> None:
    """Raise `SourceError` for an argument that says something else than the WandbInstance that is there."""
    spec, chosen = instance.spec, _chosen(arguments)
    target = msgspec.convert(chosen, Target) if chosen is not None else None
    asked: tuple[tuple[str, Any, Any], ...] = (
        ("spec.host", arguments.host, spec.host.rstrip("/")),
        ("spec.fileStores.separator", arguments.separator, spec.file_stores.separator),
        ("spec.target", target, spec.target),
    )
    for field, given, present in asked:
        if given is not None and given != present:
            raise SourceError(
                f"WandbInstance {instance.metadata.name} is there, and its {field} says something else. Leave out what asks for another, "
                "change it there first, or, for another W&B, give another --name."
            )


def _new(arguments: argparse.Namespace, source: Source, name: str) -> WandbInstance:
    if arguments.host is None:
        raise SourceError("There is no WandbInstance yet. Say where W&B is, with --host https://….")
    spec = {
        "deploymentType": "SelfManaged",
        "host": arguments.host,
        "target": _chosen(arguments) or _found(source),
    }
    if arguments.separator not in (None, ","):
        spec["fileStores"] = {"separator": arguments.separator}
    metadata = {"name": name, "namespace": source.namespace}
    body = {"apiVersion": names.API_VERSION, "kind": "WandbInstance", "metadata": metadata, "spec": spec}
    return gather.typed(body, WandbInstance)


def _chosen(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """Return the target that the arguments name, None where they name none."""
    if arguments.workloads:
        return {"workloads": {"names": [name.strip() for name in arguments.workloads.split(",")]}}
    if arguments.weights_and_biases:
        return {"weightsAndBiases": {"name": arguments.weights_and_biases}}
    return _release(arguments.release) if arguments.release else None


def _release(name: str) -> dict[str, Any]:
    """Return a release's workloads but those that never read files: they need not be restarted for a bucket."""
    others = {"key": "app.kubernetes.io/name", "operator": "NotIn", "values": ["console", "weave", "weave-trace"]}
    selector = {"matchLabels": {"app.kubernetes.io/instance": name}, "matchExpressions": [others]}
    return {"workloads": {"selector": selector}}


def _found(source: Source) -> dict[str, Any]:
    """Return the only object of W&B's own operator, whose workloads are not to be written to; where there is none, W&B's release."""
    owners = gather_instance.owners(source.kube, source.namespace)
    if len(owners) > 1:
        raise SourceError(
            f"There are several WeightsAndBiases: {', '.join(owners)}. Name one with --weights-and-biases."
        )
    return {"weightsAndBiases": {"name": owners[0]}} if owners else _release(_RELEASE)
