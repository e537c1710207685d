"""Which bucket a container of W&B keeps the instance's own files in, whoever has set it, and in whatever form.

W&B's own operator ends up with the same variables in the pods as plain workloads have.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from wandb_byob.decide import storage
from wandb_byob.decide.rollouts.variable import BUCKET, IN_VARIABLES
from wandb_byob.decide.storage import Present
from wandb_byob.model.errors import Stalled
from wandb_byob.sinks import workloads
from wandb_byob.sinks.environment import Source

Wire = Mapping[str, Any]


def sources(workload: Wire) -> frozenset[Source]:
    """Return the Secrets and ConfigMaps that must be read to know the buckets of a workload's containers."""
    return workloads.sources(workload, _containers(workload), IN_VARIABLES)


def buckets(workload: Wire, found: Mapping[Source, Wire | None]) -> Iterator[Present]:
    """Yield the bucket of each container that has one; `found` as `sources` asks for. What cannot be read is left out."""
    for container in _containers(workload):
        try:
            readings = workloads.readings(workload, [container], IN_VARIABLES, found=found, ours="")
        except Stalled:
            continue  # it refers to what is not there, so that no pod starts with it
        values = {reading.slot.setting: reading.value for reading in readings}
        present = storage.from_variables(values)
        if present is not None:
            yield present


def _containers(workload: Wire) -> list[str]:
    return list(workloads.entries(workload, BUCKET))
