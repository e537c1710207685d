"""Somebody else sets the variable back: it is written again once, then that is told, and never a loop of restarts.

A Helm upgrade that takes it out is put right. A controller that holds another opinion (W&B's operator, Argo CD, a pipeline) would take
it out again each time, and each time W&B would restart twice. Whoever does it to many workloads does so one after the other, so that each
of them has its own first time.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from wandb_byob.decide.rollouts.configuration import Stored
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.rollouts.workloads import Workload
from wandb_byob.model.api import Reverted
from wandb_byob.model.reasons import Reason

PEACE: Final = timedelta(hours=24)
"""How long it must have stayed for the next time to count as the first again."""

_NOBODY: Final = "somebody who left no name in metadata.managedFields"
_MOST_WORKLOADS: Final = 256
"""The CRD's limit."""
_TERMS: Final = {
    "argocd": "add it to ignoreDifferences of the Argo CD Application (with RespectIgnoreDifferences=true), or take it out of the manifests",
    "helm": "take it out of the chart's values",
    "flux": "take it out of what Flux applies",
    "kustomize-controller": "take it out of what Flux applies",
    "terraform": "take it out of the Terraform configuration",
    "kubectl": "take it out of the manifest that is applied",
    "manager": "so signs W&B's own operator: where it makes these workloads, name its object in spec.target.weightsAndBiases instead of them",
}


def remembered(situation: Situation, secret: str) -> Reverted | None:
    """Return what is known of the last time, for as long as this configuration stands and nobody asked to try again."""
    record = situation.memory.reverted
    if record is None or record.secret_name != secret or record.reconcile_request != situation.memory.request:
        return None
    return record


def lost(situation: Situation, current: Stored, set_back: Sequence[Workload]) -> bool:
    """Say whether the variable is not written again: it was, and somebody has set it back once more."""
    record, condition = remembered(situation, current.name), situation.memory.configured
    if record is None:
        return False
    given_up = condition is not None and condition.reason == Reason.TARGET_REVERTED
    return given_up or (
        any(workload.key in record.workloads for workload in set_back) and situation.now - record.time < PEACE
    )


def noted(situation: Situation, current: Stored, set_back: Sequence[Workload]) -> Reverted:
    """Return the record of a time that is put right, with what was put right not long before."""
    record = remembered(situation, current.name)
    recent = record.workloads if record is not None and situation.now - record.time < PEACE else ()
    return Reverted(
        secret_name=current.name,
        time=situation.now.replace(microsecond=0),
        by=_by(set_back),
        workloads=tuple(sorted({*recent, *(workload.key for workload in set_back)}))[:_MOST_WORKLOADS],
        reconcile_request=situation.memory.request,
    )


def peace_terms(situation: Situation, current: Stored, set_back: Sequence[Workload]) -> str:
    """Return who fights, what is not done any more, and how to make peace; the same from look to look."""
    condition = situation.memory.configured
    if condition is not None and condition.reason == Reason.TARGET_REVERTED:
        return condition.message
    where = ", ".join(workload.key for workload in set_back)
    named = {*_managers(set_back), *_others(set_back)}
    advice = [text for name, text in _TERMS.items() if any(each.lower().startswith(name) for each in named)]
    return (
        f"{settings_of(set_back, current)} was set back in {where} by {_by(set_back)}, soon after it had been put right. It is not written again, since W&B "
        f"would restart each time. Make peace: {'; '.join(advice) or 'have what sets it leave the variable alone'}; then give the "
        "annotation byob.wandb.com/reconcile-requested-at a new value."
    )


def _by(workloads: Sequence[Workload]) -> str:
    """Return who set it back; one that only takes something out leaves no name, and then it is told who else writes there."""
    managers, others = _managers(workloads), _others(workloads)
    if managers or not others:
        return ", ".join(managers) or _NOBODY
    return f"{_NOBODY} (others who write there: {', '.join(others)})"


def settings_of(workloads: Sequence[Workload], current: Stored) -> str:
    """Return the settings that these workloads do not have as this configuration says."""
    readings = (reading for workload in workloads for reading in workload.readings if current.governs(reading.slot))
    return ", ".join(sorted({reading.slot.setting for reading in readings if not current.stands_in(reading)}))


def _managers(workloads: Sequence[Workload]) -> tuple[str, ...]:
    setters = {setter for workload in workloads for setter in workload.setters}
    return tuple(sorted(setters or {writer for workload in workloads for writer in workload.writers}))


def _others(workloads: Sequence[Workload]) -> tuple[str, ...]:
    if _managers(workloads):
        return ()
    return tuple(sorted({manager for workload in workloads for manager in workload.managers}))
