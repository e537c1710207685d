"""Which workloads a WandbInstance means, and who may write into them: two that both did would restart W&B for ever."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from wandb_byob.decide.grants import matches
from wandb_byob.decide.teams import created
from wandb_byob.model.api import LabelSelector, LabelSelectorRequirement, Target, WandbInstance, WorkloadsTarget
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

MISSING: Final = (
    "deploymentType SelfManaged needs spec.target. Name W&B's workloads, or its WeightsAndBiases object, there."
)
_INSTANCE_LABEL: Final = "app.kubernetes.io/instance"


def selects(target: WorkloadsTarget, *, name: str, labels: Mapping[str, str]) -> bool:
    """Say whether a workload is one of those that the target names or selects."""
    return name in target.names if target.selector is None else matches(target.selector, labels)


def workloads_of(target: Target | None, namespace: str) -> WorkloadsTarget | None:
    """Return which workloads `spec.target` means, None where W&B does not run in this cluster.

    W&B's own operator names the release (v1) like its object, and (v2) sets the label to the namespace.
    """
    if target is None or target.weights_and_biases is None:
        return target.workloads if target is not None else None
    values = (target.weights_and_biases.name, namespace)
    expression = LabelSelectorRequirement(key=_INSTANCE_LABEL, operator="In", values=tuple(sorted(set(values))))
    return WorkloadsTarget(selector=LabelSelector(match_expressions=(expression,)))


def made_by_operator(
    workload: str, labels: Mapping[str, str], *, namespace: str, owners: Collection[str]
) -> Stalled | None:
    """Return why a workload must not be written to that W&B's own operator makes; `owners` are its objects in the namespace.

    It sets back what others write there (v2), or leaves it until its next upgrade (v1).
    """
    label = labels.get(_INSTANCE_LABEL)
    named = sorted(name for name in owners if label in (name, namespace))
    if not named:
        return None
    return Stalled(
        Reason.TARGET_MANAGED,
        f"{workload} is made by W&B's own operator from WeightsAndBiases {', '.join(named)}, and what is written there would be lost. Name "
        f"that object in spec.target.weightsAndBiases instead of its workloads.",
    )


def rank(instance: WandbInstance) -> tuple[bool, float, str]:
    """Return the order in which WandbInstances of a namespace win: already configured, then older, then by name."""
    return (instance.status.secret_name is None, created(instance.metadata), instance.metadata.name)


def require_own(
    instance: WandbInstance, others: Iterable[WandbInstance], workloads: Collection[tuple[str, Mapping[str, str]]]
) -> None:
    """Raise `Stalled` where another WandbInstance of the namespace goes first and means one of these workloads, too.

    `workloads` are the name and labels of each.
    """
    for other in others:
        target = workloads_of(other.spec.target, other.metadata.namespace)
        if (
            target is None
            or other.metadata.uid == instance.metadata.uid
            or other.metadata.deletion_timestamp is not None
        ):
            continue
        shared = next((name for name, labels in workloads if selects(target, name=name, labels=labels)), None)
        if shared is not None and rank(other) < rank(instance):
            raise Stalled(
                Reason.TARGET_CONFLICT,
                f"WandbInstance {other.metadata.name} configures {shared} already, and two would restart W&B again and again. "
                "Delete one of the two (BucketStores name the one that stays in spec.instanceRef), or choose other workloads in "
                "spec.target.",
            )
