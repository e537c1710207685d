"""What stands in the way of writing a setting where somebody else has set it, and what to tell him afterwards."""

from collections.abc import Sequence, Set

from wandb_byob.decide.rollouts.variable import VARIABLE, Origin, Reading, Settings
from wandb_byob.decide.rollouts.workloads import Workload
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


def refusal(workloads: Sequence[Workload], values: Settings, *, takes: Set[str]) -> Stalled | None:
    """Return why these settings must not be written in these workloads, None where they may."""
    for workload in workloads:
        for reading in workload.readings:
            found = _refusal(reading, takes=takes) if reading.slot.setting in values else None
            if found is not None:
                return found
    return None


def _refusal(reading: Reading, *, takes: Set[str]) -> Stalled | None:
    where, setting = reading.slot.place, reading.slot.setting
    if reading.refusal is not None:
        return reading.refusal
    if reading.origin is Origin.OTHER:
        return Stalled(
            Reason.VARIABLE_INVALID,
            f"{where} takes {setting} from a field of its pod, so that what it holds is not known. Remove it there.",
        )
    if reading.origin is not Origin.LITERAL:
        return None
    if setting not in takes:
        by = f", set by {', '.join(reading.setters)}" if reading.setters else ""
        return Stalled(Reason.LITERAL_PRESENT, f"{where} has {setting} as a plain value{by}. {_consent(setting)}")
    if setting == VARIABLE and any(mark in (reading.value or "") for mark in ("$(", "$$")):
        return Stalled(
            Reason.VARIABLE_INVALID,
            f"{where} has {VARIABLE} as a plain value with $( or $$ in it, which Kubernetes expands in plain values only. "
            "Write the values of those variables out (percent-encoded), then the entries can be kept.",
        )
    return None


def _consent(setting: str) -> str:
    if setting == VARIABLE:
        return (
            "Remove it where it was set (chart, manifest), or set spec.fileStores.takeOwnership: true to have its entries kept and the "
            "value replaced by a reference to a Secret."
        )
    return (
        "Remove it where it was set (chart, manifest), or set spec.storage.takeOwnership: true to have the value replaced by a reference "
        "to a Secret."
    )


def advice(workloads: Sequence[Workload], values: Settings) -> str:
    """Return what to tell where a chart or manifest still sets one of these settings, else nothing."""
    found = [
        (workload, reading.slot.setting, manager)
        for workload in workloads
        for reading in workload.readings
        for manager in reading.setters
        if reading.slot.setting in values
    ]
    if not found:
        return ""
    names = ", ".join(sorted({f"{workload.kind} {workload.name}" for workload, _, _ in found}))
    settings = ", ".join(sorted({setting for _, setting, _ in found}))
    managers = ", ".join(sorted({manager for _, _, manager in found}))
    return (
        f"{settings} was also set by {managers} in {names}: remove it there (chart, manifest), or the next upgrade "
        "fails or takes the buckets out again."
    )
