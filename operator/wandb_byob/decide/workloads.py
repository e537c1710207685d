"""What decisions about W&B's workloads are made from: their readings, and how their rollout goes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wandb_byob.decide.variable import Reading, refers_to
from wandb_byob.model.errors import Stalled


class State(StrEnum):
    """How far a workload is, as `status.workloads` says it."""

    CURRENT = "Current"
    PROGRESSING = "Progressing"
    FAILED = "Failed"
    NOT_WAITED_FOR = "NotWaitedFor"
    PENDING = "Pending"


@dataclass(frozen=True, kw_only=True)
class Health:
    """How the rollout of a workload's present template goes; `message` names the pod or the reason.

    `live`: every pod that runs has the variable as the template has it.
    """

    state: State
    message: str = ""
    live: bool = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """A Deployment that W&B's own operator has made; `heeded`: it has the variable as the object that it was made from says."""

    kind: str
    name: str
    health: Health
    heeded: bool


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One Deployment or StatefulSet of the target, or the object that W&B's own operator makes them from (its `parts`).

    `template` is a digest of its pod template without our variable. `recreate`: it stops its pods before it starts new ones.
    `setters` are the other field managers that set our variable here, `writers` those that wrote since our configuration was made, `managers` all of
    them. `refusal` is why it must not be set at all.
    """

    kind: str
    name: str
    uid: str
    resource_version: str
    created: datetime
    readings: tuple[Reading, ...]
    template: str
    health: Health
    recreate: bool = False
    setters: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    refusal: Stalled | None = None
    parts: tuple[Part, ...] = ()

    @property
    def key(self) -> str:
        """Return `Kind/name`."""
        return f"{self.kind}/{self.name}"

    def has(self, secret: str) -> bool:
        """Say whether all its containers take the variable from this Secret of ours."""
        return all(refers_to(reading.env, secret) for reading in self.readings)

    def touches(self, secret: str) -> bool:
        """Say whether any of its containers takes the variable from this Secret of ours."""
        return any(refers_to(reading.env, secret) for reading in self.readings)
