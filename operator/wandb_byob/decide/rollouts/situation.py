"""What a decision about a rollout is made from: the target, our Secrets, what the status remembers, and the policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from wandb_byob.decide.compose import KEPT, Entry, read, union
from wandb_byob.decide.conditions import ConditionType
from wandb_byob.decide.looks import request
from wandb_byob.decide.rollouts.configuration import Configuration, Stored
from wandb_byob.decide.rollouts.variable import STORAGE, VARIABLE
from wandb_byob.decide.rollouts.windows import Window, windows
from wandb_byob.decide.rollouts.workloads import Workload
from wandb_byob.decide.schedule import duration
from wandb_byob.model.api import Condition, FailedConfiguration, Reverted, WandbInstance

_AMONG_OTHERS: Final = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When and how W&B may be restarted (`spec.rollout`); `takes` are the settings of which a plain value may be replaced."""

    max_wait: timedelta
    minimum_interval: timedelta
    timeout: timedelta
    roll_back: bool
    takes: frozenset[str] = frozenset()
    separator: str
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the status remembers. All of it may be lost: then the target and our Secrets tell what is needed.

    `states` are those of `status.workloads` by `Kind/name`; `request` is the annotation reconcile-requested-at as it is now.
    """

    secret: str = ""
    last_good: str = ""
    failed: FailedConfiguration | None = None
    reverted: Reverted | None = None
    configured: Condition | None = None
    rolled_out: Condition | None = None
    states: Mapping[str, str]
    request: str | None = None


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One look at the target: its workloads, and our Secrets by name; `ours` is how their names begin."""

    workloads: tuple[Workload, ...]
    stored: Mapping[str, Stored]
    ours: str
    memory: Memory
    policy: Policy
    now: datetime

    @property
    def failed(self) -> Stored | None:
        """Return the configuration whose rollout failed, for as long as nobody asked to try it again."""
        failed = self.memory.failed
        if failed is None or failed.reconcile_request != self.memory.request:
            return None
        return self.stored.get(failed.secret_name)

    @property
    def current(self) -> Stored | None:
        """Return the configuration that the target has or should have, None before the first.

        It is what the status names, also where the target was installed anew or set back to an older one; or what the target
        has, if that is newer: a look was interrupted before it could write the status, or the status was lost.
        """
        given_up = self.failed
        ruled_out = given_up.name if given_up is not None and not self.touched(given_up) else None
        known = [
            each
            for each in self.stored.values()
            if each.name != ruled_out and (each.name == self.memory.secret or self.touched(each))
        ]
        return max(known, key=lambda each: (each.created, each.name == self.memory.secret, each.name), default=None)

    def configuration(self, secret: str) -> Configuration | None:
        """Return what this Secret of ours holds, None where there is none."""
        stored = self.stored.get(secret)
        return stored.configuration if stored is not None else None

    def touched(self, stored: Stored) -> bool:
        """Say whether any container of the target has this configuration."""
        return any(workload.touches(stored) for workload in self.workloads)

    def set_back(self, workload: Workload, stored: Stored, condition: Condition | None) -> bool:
        """Say whether somebody has taken a setting out, or set it otherwise, in a workload that had this configuration.

        One that was created after `condition` became what it is was installed anew, which is no quarrel.
        """
        anew = condition is not None and workload.created > condition.last_transition_time
        governed = [reading for reading in workload.readings if stored.governs(reading.slot)]
        return not anew and any(
            reading.secret not in self.stored for reading in governed if not stored.stands_in(reading)
        )

    def proven(self, stored: Stored) -> bool:
        """Say whether this configuration was rolled out once: what happens to W&B later is not its fault.

        Where the status was lost, one that is older than a rollout may take counts as proven.
        """
        if self.memory.last_good == stored.name:
            return True
        return self.memory.rolled_out is None and self.now - stored.created >= self.policy.timeout

    @property
    def last_start(self) -> datetime | None:
        """Return when the last rollout began, as the newest of our Secrets tells."""
        return max((each.created for each in self.stored.values()), default=None)


def policy(instance: WandbInstance) -> Policy:
    """Return the policy of an instance; raises `Stalled` for a window that never comes."""
    rollout, file_stores, storage = instance.spec.rollout, instance.spec.file_stores, instance.spec.storage
    return Policy(
        max_wait=duration(rollout.max_wait),
        minimum_interval=_minimum_interval(instance),
        timeout=duration(rollout.timeout),
        roll_back=rollout.on_failure == "RollBack",
        takes=frozenset(
            [
                *((VARIABLE,) if file_stores.take_ownership else ()),
                *(STORAGE if storage is not None and storage.take_ownership else ()),
            ]
        ),
        separator=file_stores.separator,
        windows=windows(rollout),
    )


def _minimum_interval(instance: WandbInstance) -> timedelta:
    """Return what is stated, else no limit for W&B's own namespace, and one that keeps W&B running where others may have it restarted."""
    stated = instance.spec.rollout.minimum_interval
    if stated is not None:
        return duration(stated)
    return timedelta(0) if instance.spec.allowed_namespaces.from_ == "Same" else _AMONG_OTHERS


def memory(instance: WandbInstance) -> Memory:
    """Return what the status of an instance remembers."""
    status = instance.status
    return Memory(
        secret=status.secret_name or "",
        last_good=status.last_good_secret_name or "",
        failed=status.failed,
        reverted=status.reverted,
        configured=_condition(status.conditions, ConditionType.CONFIGURED),
        rolled_out=_condition(status.conditions, ConditionType.ROLLED_OUT),
        states={f"{workload.kind}/{workload.name}": workload.state for workload in status.workloads},
        request=request(instance.metadata.annotations),
    )


def _condition(conditions: Sequence[Condition], type_: ConditionType) -> Condition | None:
    return next((condition for condition in conditions if condition.type == type_), None)


def base(situation: Situation) -> tuple[Entry, ...]:
    """Return the entries to start from: those of the current configuration, and what others have put into the target.

    Where our status was lost and the target was installed anew, nothing names the current one of our Secrets; what they
    tell about kept entries still counts.
    """
    current = situation.current
    if current is not None:
        first = _entries(current)
    elif situation.memory.configured is None:
        first = tuple(entry for entry in _latest(situation) if entry.provenance == KEPT)
    else:
        first = ()
    foreign = [
        read(reading.value, provenance={}, separator=situation.policy.separator)
        for workload in situation.workloads
        for reading in workload.of(VARIABLE)
        if reading.secret not in situation.stored
    ]
    return union(first, foreign)


def _latest(situation: Situation) -> tuple[Entry, ...]:
    latest = max(situation.stored.values(), key=lambda each: (each.created, each.name), default=None)
    return () if latest is None else _entries(latest)


def _entries(stored: Stored) -> tuple[Entry, ...]:
    configuration = stored.configuration
    return read(configuration.value, provenance=configuration.provenance, separator=configuration.separator)
