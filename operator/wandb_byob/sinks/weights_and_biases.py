"""W&B's own operator as the target: one object to write to, and Deployments that show whether it was heeded.

To the rollout it is one workload. It has the configuration when the object says so; it runs with it when every Deployment
that reads files does. The object's own status proves nothing: it says `Completed` also where reconciliation has stopped.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from wandb_byob.decide import versions
from wandb_byob.decide.bucket_forms import FORMS, dumps
from wandb_byob.decide.rollouts.configuration import Stored
from wandb_byob.decide.rollouts.variable import MARK, VARIABLE, VARIABLES, EnvVar, Origin, Reading, Slot, secret_of
from wandb_byob.decide.rollouts.workloads import Health, Part, State, Workload
from wandb_byob.decide.wandb_values import PLAIN, Values
from wandb_byob.decide.wandb_values import part as part_of
from wandb_byob.model import names
from wandb_byob.model.errors import Stalled
from wandb_byob.sinks import health, wandb_v1, wandb_v1_bucket, wandb_v2, workloads
from wandb_byob.sinks.environment import Source

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
    def BUCKET(self) -> str:  # noqa: N802 (a constant of the module)
        """The setting of the instance's own bucket."""

    def fields(self, setting: str) -> Sequence[str]:
        """Return where `managedFields` have a setting."""

    def container(self, body: Wire) -> Wire:
        """Return what stands for a container, with the variables that are ours."""

    def bucket(self, body: Wire) -> EnvVar | None:
        """Return what stands in the bucket's place."""

    def patch(self, body: Wire, envs: Mapping[str, EnvVar | None]) -> dict[str, Any]:
        """Return the change of `spec` by settings."""

    def strike(self, spec: dict[str, Any]) -> None:
        """Take our settings out of a copy of `spec`."""


_FORMS: Final[Mapping[str, _Form]] = {"v1": wandb_v1, "v2": wandb_v2}


@dataclass(frozen=True, kw_only=True, repr=False)
class Owner:
    """A WeightsAndBiases object as it was read, in the version in which it is stored.

    `user` are the values that the System Console has set, `active` those that W&B's operator has applied; both only for v1.
    `deployments` are what it has made, `chart` is the chart's version where spec.chartVersion says it.
    """

    body: Wire
    version: Literal["v1", "v2"]
    deployments: tuple[Wire, ...]
    user: Values
    active: Values
    chart: str | None = None


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a reading is made with: `found` has the objects of `sources`, `stored` our Secrets, whose names begin with `ours`.

    `settings` are those that are read, `since` is when the present configuration was made.
    """

    settings: Sequence[str]
    ours: str
    stored: Mapping[str, Stored]
    found: Mapping[Source, Wire | None]
    pods: Sequence[Wire]
    since: datetime | None
    now: datetime


def _as_workload(owner: Owner) -> Wire:
    """Return the object in the form of a workload with one container, so that its variables are read as of one."""
    spec = {"template": {"spec": {"containers": [_FORMS[owner.version].container(owner.body)]}}}
    return {"kind": KIND, "metadata": owner.body["metadata"], "spec": spec}


def sources(owner: Owner, settings: Sequence[str], *, ours: str) -> frozenset[Source]:
    """Return the Secrets and ConfigMaps that must be read to know what is set."""
    form = _as_workload(owner)
    variables = [setting for setting in settings if setting in VARIABLES]
    found = workloads.sources(form, list(workloads.entries(form, VARIABLE)), variables)
    if not set(settings) & set(FORMS):
        return found
    if owner.version == "v2":
        return found | wandb_v2.sources(owner.body)
    secret = wandb_v1_bucket.source(_effective(owner, ours))
    return found | ({secret} if secret is not None else set())


def patch(owner: Owner, envs: Mapping[Slot, EnvVar | None]) -> dict[str, Any]:
    """Return the merge patch that puts these into their places (None: takes it out), and changes nothing else."""
    metadata = {key: owner.body["metadata"][key] for key in ("uid", "resourceVersion")}
    given = {slot.setting: env for slot, env in envs.items()}
    return {"metadata": metadata, "spec": _FORMS[owner.version].patch(owner.body, given)}


def workload(owner: Owner, means: Means) -> Workload:
    """Return the target as the rollout deals with it; raises `Stalled` as `workloads.readings` does."""
    metadata = owner.body["metadata"]
    readings = tuple(replace(each, setters=_setters(owner, each.slot.setting)) for each in _readings(owner, means))
    parts = tuple(
        _part(each, all(_heeds(each, reading, ours=means.ours) for reading in readings), means)
        for each in readers(owner.deployments)
    )
    return Workload(
        kind=KIND,
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        readings=readings,
        template=_digest(owner),
        health=_health(owner, parts),
        writers=workloads.writers(metadata, since=means.since),
        managers=workloads.managers(metadata),
        parts=parts,
    )


def _readings(owner: Owner, means: Means) -> Iterator[Reading]:
    form = _as_workload(owner)
    variables = [setting for setting in means.settings if setting in (VARIABLE, MARK)]
    place = list(workloads.entries(form, VARIABLE))
    for reading in workloads.readings(form, place, variables, found=means.found, ours=means.ours):
        trap = _refusal(owner, reading.slot.setting)
        yield replace(_with_inherited(reading, owner), refusal=trap)
    bucket = _FORMS[owner.version].BUCKET
    if bucket in means.settings:
        yield _bucket(owner, Slot(KIND, owner.body["metadata"]["name"], bucket, bucket), means)


def _bucket(owner: Owner, slot: Slot, means: Means) -> Reading:
    env = _FORMS[owner.version].bucket(owner.body)
    if owner.version == "v1":
        present = wandb_v1_bucket.present(_effective(owner, means.ours), means.found)
        trap = wandb_v1_bucket.refusal(_layers(owner))
    else:
        present, trap = wandb_v2.present(owner.body, means.found), wandb_v2.bucket_refusal(owner.body)
    value = dumps(present) if present is not None else None
    reading = Reading(slot=slot, origin=Origin.ABSENT, env=env, value=value, refusal=trap)
    if not env or present is None:
        return reading if present is None else replace(reading, origin=Origin.INHERITED)
    given = (each.name for each in means.stored.values() if each.governs(slot) and each.stands_in(reading))
    secret = next(given, "") or (secret_of(env) if secret_of(env).startswith(means.ours) else "")
    return replace(reading, origin=Origin.SECRET if secret else Origin.LITERAL, secret=secret)


def _effective(owner: Owner, ours: str) -> Values:
    own = part_of(owner.body, "spec", "values") or {}
    return wandb_v1_bucket.effective(own, user=owner.user, active=owner.active, ours=ours)


def _layers(owner: Owner) -> Mapping[str, Values]:
    return wandb_v1.layers_of(owner.body, user=owner.user, active=owner.active)


def _refusal(owner: Owner, variable: str) -> Stalled | None:
    """Return why setting a variable would fail, or harm what others have set; None where it would not."""
    if owner.version == "v1":
        return wandb_v1.refusal(_layers(owner), variable, chart=_chart(owner))
    return wandb_v2.refusal(owner.body, variable)


def readers(deployments: Sequence[Wire]) -> tuple[Wire, ...]:
    """Return the Deployments that read files; all where none is known to."""
    known = tuple(each for each in deployments if (each["metadata"].get("labels") or {}).get(_COMPONENT) in _READERS)
    return known or tuple(deployments)


def _with_inherited(reading: Reading, owner: Owner) -> Reading:
    listed = owner.version == "v1" and reading.slot.setting == VARIABLE
    value = wandb_v1.inherited(owner.body, owner.user, owner.active) if listed else None
    if reading.origin is not Origin.ABSENT or value is None:
        return reading
    return replace(reading, origin=Origin.INHERITED, value=value)


def _part(deployment: Wire, heeded: bool, means: Means) -> Part:
    given = workloads.entries(deployment, VARIABLE)
    marked = workloads.entries(deployment, MARK)
    holding = [name for name in given if given[name] is not None or marked[name] is not None]
    health_ = health.health(deployment, holding or list(given), pods=means.pods, now=means.now)
    return Part(kind=deployment["kind"], name=deployment["metadata"]["name"], health=health_, heeded=heeded)


def _heeds(deployment: Wire, reading: Reading, *, ours: str) -> bool:
    """Say whether a Deployment has the variable that the object says; where that says nothing, other levels may, but not we.

    The bucket itself looks otherwise in a Deployment; the mark beside it tells.
    """
    if reading.slot.setting not in VARIABLES:
        return True
    wanted = reading.env
    given = [env for env in workloads.entries(deployment, reading.slot.setting).values() if env is not None]
    if wanted is None:
        return not any(secret_of(env).startswith(ours) for env in given)
    return any(_plain(env) == _plain(wanted) for env in given)


def _plain(env: EnvVar) -> EnvVar:
    return {key: value for key, value in env.items() if key != PLAIN and value is not None}


def _health(owner: Owner, parts: Sequence[Part]) -> Health:
    # A Deployment that is paused, or has no replicas, is not waited for, and stays so for as long as somebody wants it.
    live = all(part.heeded and (part.health.live or part.health.state is State.NOT_WAITED_FOR) for part in parts)
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


def _chart(owner: Owner) -> str | None:
    labels = ((each["metadata"].get("labels") or {}).get("helm.sh/chart", "") for each in owner.deployments)
    return versions.chart(owner.chart, labels)


def _setters(owner: Owner, setting: str) -> tuple[str, ...]:
    path = _FORMS[owner.version].fields(setting)
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
