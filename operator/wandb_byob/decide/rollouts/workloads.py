"""What decisions about W&B's workloads are made from: their readings, and how their rollout goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wandb_byob.decide.rollouts.configuration import Configuration, Stored, entry
from wandb_byob.decide.rollouts.variable import EnvVar, Reading, Slot, refers_to


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

    `template` is a digest of its pod template without our settings. `recreate`: it stops its pods before it starts new ones.
    `writers` are the other field managers that wrote since our configuration was made, `managers` all of them.
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
    writers: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def key(self) -> str:
        """Return `Kind/name`."""
        return f"{self.kind}/{self.name}"

    def of(self, setting: str) -> tuple[Reading, ...]:
        """Return what each of its containers has of one setting."""
        return tuple(reading for reading in self.readings if reading.slot.setting == setting)

    def has(self, stored: Stored) -> bool:
        """Say whether all its containers have this configuration."""
        return all(stored.stands_in(reading) for reading in self.readings if stored.governs(reading.slot))

    def touches(self, stored: Stored) -> bool:
        """Say whether any of its containers takes a setting from this Secret of ours."""
        return any(refers_to(reading.env, stored.name, reading.slot.setting) for reading in self.readings)

    def given(self, configuration: Configuration, *, secret: str) -> Mapping[Slot, EnvVar | None]:
        """Return what its slots get from a configuration, once that is in the Secret of this name."""
        governed = [reading for reading in self.readings if reading.slot.setting in configuration.values]
        entries = ((reading, entry(configuration, reading.slot, secret=secret)) for reading in governed)
        return {reading.slot: env for reading, env in entries if env is not None or reading.env is not None}

    @property
    def setters(self) -> tuple[str, ...]:
        """Return the other field managers that set one of our settings here."""
        return tuple(sorted({setter for reading in self.readings for setter in reading.setters}))
