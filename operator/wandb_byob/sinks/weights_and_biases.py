"""W&B's own operator as the target: one object to write to, and Deployments that show whether it was heeded.

To the rollout it is one workload. It has the configuration when the object says so; it runs with it when every Deployment
that reads files does. The object's own status proves nothing: it says `Completed` also where reconciliation has stopped.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from wandb_byob.decide import rollback
from wandb_byob.decide.variable import VARIABLE, EnvVar, Origin, Reading
from wandb_byob.decide.wandb_values import PLAIN, Values
from wandb_byob.decide.workloads import Health, Part, State, Workload
from wandb_byob.model import names
from wandb_byob.model.errors import Stalled
from wandb_byob.sinks import health, wandb_v1, wandb_v2, workloads

Wire = Mapping[str, Any]

KIND: Final = "WeightsAndBiases"
_COMPONENT: Final = "app.kubernetes.io/name"
# The components of W&B that read files; the variable reaches others too (console, weave), whose fate says nothing about it.
_READERS: Final = frozenset(
    {
        "api", "app", "executor", "filemeta", "filestream", "flat-run-fields-updater", "glue", "history-reader", "history-updater",
        "metric-observer", "parquet", "parquet-metadata-cache",
    }
)  # fmt: skip
_WORST_FIRST: Final = (State.FAILED, State.PROGRESSING)


class _Form(Protocol):
    """What the two versions of the object have in common, each in a module of its own."""

    @property
    def FIELDS(self) -> Sequence[str]:  # noqa: N802 (a constant of the module)
        """Where `managedFields` have the variable."""

    def container(self, body: Wire) -> Wire:
        """Return what stands for a container."""

    def patch(self, body: Wire, env: EnvVar | None) -> dict[str, Any]:
        """Return the change of `spec`."""

    def strike(self, spec: dict[str, Any]) -> None:
        """Take the variable out of a copy of `spec`."""


_FORMS: Final[Mapping[str, _Form]] = {"v1": wandb_v1, "v2": wandb_v2}


@dataclass(frozen=True, kw_only=True, repr=False)
class Owner:
    """A WeightsAndBiases object as it was read, in the version in which it is stored.

    `user` are the values that the System Console has set, `active` those that W&B's operator has applied; both only for v1.
    `deployments` are what it has made.
    """

    body: Wire
    version: Literal["v1", "v2"]
    deployments: tuple[Wire, ...]
    user: Values
    active: Values


def container(owner: Owner) -> Wire:
    """Return what stands for a container: its name is the place in the object, its `env` what is set there."""
    return _FORMS[owner.version].container(owner.body)


def as_workload(owner: Owner) -> Wire:
    """Return the object in the form of a workload with one container, so that it is read as one."""
    spec = {"template": {"spec": {"containers": [container(owner)]}}}
    return {"kind": KIND, "metadata": owner.body["metadata"], "spec": spec}


def patch(owner: Owner, env: EnvVar | None) -> dict[str, Any]:
    """Return the merge patch that sets the variable (None: takes it out), and changes nothing else."""
    metadata = {key: owner.body["metadata"][key] for key in ("uid", "resourceVersion")}
    return {"metadata": metadata, "spec": _FORMS[owner.version].patch(owner.body, env)}


def workload(
    owner: Owner,
    *,
    found: Mapping[workloads.Source, Wire | None],
    ours: str,
    pods: Sequence[Wire],
    since: datetime | None,
    now: datetime,
) -> Workload:
    """Return the target as the rollout deals with it; `since` is when the configuration was made. Raises `Stalled` as `workloads.readings` does."""
    metadata = owner.body["metadata"]
    form = as_workload(owner)
    place = container(owner)["name"]
    (reading,) = workloads.readings(form, [place], (VARIABLE,), found=found, ours=ours)
    parts = tuple(
        _part(each, _heeds(each, reading.env, ours=ours), pods=pods, now=now) for each in readers(owner.deployments)
    )
    return Workload(
        kind=KIND,
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        readings=(replace(_with_inherited(reading, owner), setters=_setters(owner)),),
        template=_digest(owner),
        health=_health(owner, parts),
        writers=workloads.writers(metadata, since=since),
        managers=workloads.managers(metadata),
        refusal=refusal(owner),
        parts=parts,
    )


def refusal(owner: Owner) -> Stalled | None:
    """Return why setting the variable would fail, or harm what others have set; None where it would not."""
    if owner.version == "v1":
        return wandb_v1.refusal(owner.body, user=owner.user, active=owner.active, charts=_charts(owner.deployments))
    return wandb_v2.refusal(owner.body)


def readers(deployments: Sequence[Wire]) -> tuple[Wire, ...]:
    """Return the Deployments that read files; all where none is known to."""
    known = tuple(each for each in deployments if (each["metadata"].get("labels") or {}).get(_COMPONENT) in _READERS)
    return known or tuple(deployments)


def _with_inherited(reading: Reading, owner: Owner) -> Reading:
    value = wandb_v1.inherited(owner.body, owner.user, owner.active) if owner.version == "v1" else None
    if reading.origin is not Origin.ABSENT or value is None:
        return reading
    return replace(reading, origin=Origin.INHERITED, value=value)


def _part(deployment: Wire, heeded: bool, *, pods: Sequence[Wire], now: datetime) -> Part:
    given = workloads.entries(deployment)
    holding = [name for name, env in given.items() if env is not None]
    health_ = health.health(deployment, holding or list(given), pods=pods, now=now)
    return Part(kind=deployment["kind"], name=deployment["metadata"]["name"], health=health_, heeded=heeded)


def _heeds(deployment: Wire, wanted: EnvVar | None, *, ours: str) -> bool:
    """Say whether a Deployment has what the object says; where that says nothing, other levels may, but not we."""
    given = [env for env in workloads.entries(deployment).values() if env is not None]
    if wanted is None:
        return not any(rollback.secret_of(env).startswith(ours) for env in given)
    return any(_plain(env) == _plain(wanted) for env in given)


def _plain(env: EnvVar) -> EnvVar:
    return {key: value for key, value in env.items() if key != PLAIN and value is not None}


def _health(owner: Owner, parts: Sequence[Part]) -> Health:
    live = all(part.heeded and part.health.live for part in parts)
    for state in _WORST_FIRST:
        # What fails with something else than the variable as it is now says nothing about it.
        for part in (part for part in parts if part.heeded and part.health.state is state):
            return Health(state=state, message=f"{part.kind} {part.name}: {part.health.message}", live=live)
    behind = sorted(f"{part.kind} {part.name}" for part in parts if not part.heeded)
    if behind or not parts or _unseen(owner.body):
        return Health(state=State.PROGRESSING, message=_not_heeded(owner, behind), live=live)
    return Health(state=State.CURRENT, live=live)


def _unseen(body: Wire) -> bool:
    """Say whether W&B's operator tells that it has not dealt with the object as it is now; only v2 tells."""
    observed = (body.get("status") or {}).get("observedGeneration")
    return isinstance(observed, int) and observed < body["metadata"].get("generation", 0)


def _not_heeded(owner: Owner, behind: Sequence[str]) -> str:
    status = owner.body.get("status") or {}
    phase = status.get("phase") or status.get("state")
    says = (
        f" Its status says {phase}, which tells nothing about this."
        if isinstance(phase, str) and phase.isalpha()
        else ""
    )
    if not behind:
        what = "has not seen the change" if owner.deployments else "has made no Deployment"
        return f"W&B's operator {what} yet.{says}"
    return f"W&B's operator has not given it to {', '.join(behind)} yet.{says} If that lasts, look at the log of W&B's operator."


def _digest(owner: Owner) -> str:
    """Return a digest of the specification without our variable."""
    spec = json.loads(json.dumps(owner.body["spec"]))
    _FORMS[owner.version].strike(spec)
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()


def _charts(deployments: Sequence[Wire]) -> tuple[str, ...]:
    labels = ((each["metadata"].get("labels") or {}).get("helm.sh/chart", "") for each in deployments)
    return tuple(sorted({label for label in labels if label}))


def _setters(owner: Owner) -> tuple[str, ...]:
    path = _FORMS[owner.version].FIELDS
    return tuple(
        sorted(
            {
                entry["manager"]
                for entry in owner.body["metadata"].get("managedFields") or ()
                if entry["manager"] != names.FIELD_MANAGER and _owns(entry.get("fieldsV1") or {}, path)
            }
        )
    )


def _owns(fields: Any, path: Sequence[str]) -> bool:
    for part in path:
        if not isinstance(fields, Mapping) or part not in fields:
            return False
        fields = fields[part]
    return True
