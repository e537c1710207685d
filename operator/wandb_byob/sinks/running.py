"""What the pods that run have as the variable, container by container: W&B reads it when they start, and not from the target."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide.offers import Cause, Seen
from wandb_byob.decide.rollouts.variable import VARIABLE, Origin, Reading
from wandb_byob.model.errors import Stalled
from wandb_byob.sinks import health, workloads
from wandb_byob.sinks.environment import Source

Wire = Mapping[str, Any]

_RELEASE: Final = "app.kubernetes.io/instance"
_SERVING: Final = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet"})


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A workload of the target; `containers` get the variable, and none is named where W&B's own operator hands it out."""

    body: Wire
    containers: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Return kind and name."""
        return f"{self.body['kind']} {self.body['metadata']['name']}"


@dataclass(frozen=True, kw_only=True)
class _Running:
    """A pod that runs, in the form of a workload, so that its variables are read as of one; `reader` None: it is outside of the target."""

    form: Wire
    place: str
    reader: Reader | None


def pods(readers: Sequence[Reader], found: Sequence[Wire]) -> tuple[_Running, ...]:
    """Return the pods of the target, and those of the same release outside of it, of all pods of the namespace."""
    inside = {
        pod["metadata"]["name"]: _Running(form=form(pod), place=reader.place, reader=reader)
        for reader in readers
        for pod in health.pods_of(reader.body, found)
    }
    releases = {(reader.body["metadata"].get("labels") or {}).get(_RELEASE) for reader in readers} - {None}
    return (*inside.values(), *_outside(releases, (pod for pod in found if pod["metadata"]["name"] not in inside)))


def _outside(releases: set[str | None], found: Iterable[Wire]) -> Iterator[_Running]:
    for pod in found:
        labels = pod["metadata"].get("labels") or {}
        owner = next((each for each in pod["metadata"].get("ownerReferences") or () if each.get("controller")), None)
        if health.runs(pod) and labels.get(_RELEASE) in releases and owner is not None and owner["kind"] in _SERVING:
            yield _Running(form=form(pod), place=_maker(owner, labels), reader=None)


def _maker(owner: Wire, labels: Mapping[str, str]) -> str:
    """Return the workload that made a pod: a Deployment makes a ReplicaSet, whose name ends with the label's value."""
    name: str = owner["name"]
    ending = f"-{labels.get('pod-template-hash', '')}"
    if owner["kind"] == "ReplicaSet" and len(ending) > 1 and name.endswith(ending):
        return f"Deployment {name.removesuffix(ending)}"
    return f"{owner['kind']} {name}"


def form(pod: Wire) -> dict[str, Any]:
    """Return a pod in the form of a workload, so that its variables are read as of one."""
    return {"kind": "Pod", "metadata": pod["metadata"], "spec": {"template": {"spec": pod["spec"]}}}


def sources(running: Iterable[_Running]) -> frozenset[Source]:
    """Return the Secrets and ConfigMaps that must be read to know what the pods have."""
    return frozenset(
        source
        for each in running
        for source in workloads.sources(each.form, list(workloads.entries(each.form, VARIABLE)), [VARIABLE])
    )


def seen(running: Iterable[_Running], found: Mapping[Source, Wire | None]) -> Iterator[Seen]:
    """Yield what each container has that reads the variable; what cannot be known is left out."""
    for each in running:
        readings = tuple(_readings(each, found))
        having = {reading.slot.container for reading in readings if reading.origin is not Origin.ABSENT}
        for reading in readings:
            if reading.slot.container in having or _lacks(each, reading, having):
                yield Seen(
                    workload=each.place,
                    container=reading.slot.container,
                    value=reading.value,
                    source=_source(reading),
                    cause=_cause(each, reading),
                )


def _readings(running: _Running, found: Mapping[Source, Wire | None]) -> Iterator[Reading]:
    for container in workloads.entries(running.form, VARIABLE):
        try:
            (reading,) = workloads.readings(running.form, [container], [VARIABLE], found=found, ours="")
        except Stalled:
            continue  # what it was started with is not there any more
        known = reading.value is not None or reading.origin is Origin.ABSENT or _optional(reading)
        if known:
            yield reading


def _optional(reading: Reading) -> bool:
    return any(selector.get("optional") for selector in ((reading.env or {}).get("valueFrom") or {}).values())


def _lacks(running: _Running, reading: Reading, having: set[str]) -> bool:
    """Say whether a container without the variable is one that should have it."""
    if running.reader is None:
        return False
    containers = running.reader.containers
    return reading.slot.container in containers if containers else not having


def _cause(running: _Running, reading: Reading) -> Cause:
    reader, container = running.reader, reading.slot.container
    if reader is None:
        return Cause.OUTSIDE
    if workloads.entries(reader.body, VARIABLE).get(container) != reading.env:
        return Cause.OLDER_POD
    return Cause.LEFT_OUT if reader.containers and container not in reader.containers else Cause.OWN_VALUE


def _source(reading: Reading) -> str:
    """Return where a container has its value from, in words; "" where it has none."""
    if reading.origin is Origin.LITERAL:
        return "a plain value"
    if reading.origin is Origin.SECRET:
        return f"Secret {reading.secret}"
    if reading.origin is Origin.CONFIG_MAP:
        return f"ConfigMap {(reading.env or {})['valueFrom']['configMapKeyRef']['name']}"
    return "envFrom" if reading.origin is Origin.INHERITED else ""
