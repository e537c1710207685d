"""Which bucket a container of W&B keeps the instance's own files in, whoever has set it, and in whatever form.

W&B's own operator ends up with the same variables in the pods as plain workloads have. Its chart writes the address with
`$(BUCKET_NAME)/$(BUCKET_PATH)` in it, which Kubernetes fills in; keys are left alone, since they say nothing of the place.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from wandb_byob.decide import storage
from wandb_byob.decide.rollouts.variable import BUCKET, IN_VARIABLES, SAME_AS_BUCKET
from wandb_byob.decide.storage import Present
from wandb_byob.model.errors import Stalled
from wandb_byob.sinks import workloads

Wire = Mapping[str, Any]

_REFERENCE: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_ADDRESSES: Final = (BUCKET, *SAME_AS_BUCKET)


def sources(workload: Wire) -> frozenset[workloads.Source]:
    """Return the Secrets and ConfigMaps that must be read to know the buckets of a workload's containers."""
    return workloads.sources(workload, _containers(workload), _settings(workload))


def buckets(workload: Wire, found: Mapping[workloads.Source, Wire | None]) -> Iterator[Present]:
    """Yield the bucket of each container that has one; `found` as `sources` asks for. What cannot be read is left out."""
    for container in _containers(workload):
        try:
            readings = workloads.readings(workload, [container], _settings(workload), found=found, ours="")
        except Stalled:
            continue  # it refers to what is not there, so that no pod starts with it
        values = {reading.slot.setting: reading.value for reading in readings}
        filled_in = {name: _filled_in(values.get(name), values) for name in _ADDRESSES}
        present = storage.from_variables({**values, **filled_in})
        if present is not None:
            yield present


def _containers(workload: Wire) -> list[str]:
    return list(workloads.entries(workload, BUCKET))


def _settings(workload: Wire) -> tuple[str, ...]:
    """Return the variables of the bucket, and those that its address refers to."""
    given = (env for name in _ADDRESSES for env in workloads.entries(workload, name).values() if env is not None)
    names = (name for env in given for name in _REFERENCE.findall(str(env.get("value", ""))))
    return tuple(dict.fromkeys((*IN_VARIABLES, *names)))


def _filled_in(text: str | None, values: Mapping[str, str | None]) -> str | None:
    if text is None:
        return None
    keys, at, place = text.rpartition("@")
    scheme, separator, rest = ("", "", place) if at else place.rpartition("://")
    return f"{keys}{at}{scheme}{separator}{_REFERENCE.sub(lambda found: values.get(found[1]) or found[0], rest)}"
