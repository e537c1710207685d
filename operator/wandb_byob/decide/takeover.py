"""What stands in the way of writing the variable where somebody else has set it, and what to tell him afterwards."""

from collections.abc import Sequence

from wandb_byob.decide.variable import VARIABLE, Origin, Reading
from wandb_byob.decide.workloads import Workload
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


def refusal(workloads: Sequence[Workload], *, take_ownership: bool) -> Stalled | None:
    """Return why the variable must not be written in these workloads, None where it may."""
    for workload in workloads:
        if workload.refusal is not None:
            return workload.refusal
        for reading in workload.readings:
            found = _refusal(reading, take_ownership=take_ownership)
            if found is not None:
                return found
    return None


def _refusal(reading: Reading, *, take_ownership: bool) -> Stalled | None:
    where = reading.slot.place
    if reading.origin is Origin.OTHER:
        return Stalled(
            Reason.VARIABLE_INVALID,
            f"{where} takes {VARIABLE} from a field of its pod, so that its entries cannot be kept. Remove it there.",
        )
    if reading.origin is not Origin.LITERAL:
        return None
    if not take_ownership:
        return Stalled(
            Reason.LITERAL_PRESENT,
            f"{where} has {VARIABLE} as a plain value. Remove it where it was set (chart, manifest), or set "
            "spec.fileStores.takeOwnership: true to have its entries kept and the value replaced by a reference to a Secret.",
        )
    if any(mark in (reading.value or "") for mark in ("$(", "$$")):
        return Stalled(
            Reason.VARIABLE_INVALID,
            f"{where} has {VARIABLE} as a plain value with $( or $$ in it, which Kubernetes expands in plain values only. "
            "Write the values of those variables out (percent-encoded), then the entries can be kept.",
        )
    return None


def advice(workloads: Sequence[Workload]) -> str:
    """Return what to tell where a chart or manifest still sets the variable, else nothing."""
    found = [(workload, manager) for workload in workloads for manager in workload.setters]
    if not found:
        return ""
    names = ", ".join(sorted({f"{workload.kind} {workload.name}" for workload, _ in found}))
    managers = ", ".join(sorted({manager for _, manager in found}))
    return (
        f"{VARIABLE} was also set by {managers} in {names}: remove it there (chart, manifest), or the next upgrade "
        "fails or takes the buckets out again."
    )
