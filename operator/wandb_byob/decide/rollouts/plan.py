"""What one look at the target leads to: which containers are written, and what the status will say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from wandb_byob.decide.conditions import ConditionStatus, ConditionType, Progress, Verdict
from wandb_byob.decide.rollouts.configuration import Configuration
from wandb_byob.decide.rollouts.variable import EnvVar, Slot
from wandb_byob.decide.rollouts.workloads import State, Workload
from wandb_byob.model.api import FailedConfiguration, Reverted
from wandb_byob.model.reasons import Reason

POLL: Final = timedelta(seconds=5)
"""How often a running rollout is looked at: pods are not watched, and a crash loop shows in nothing else."""
_SOON: Final = timedelta(seconds=1)
"""When to go on after a conflict: whoever writes all the time must not have us look all the time."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Write:
    """What the slots of one workload get; None takes the entry away.

    Without `envs` all its containers get what the plan's Secret holds.
    """

    workload: Workload
    envs: Mapping[Slot, EnvVar | None] | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Plan:
    """What to do and to say.

    `secret` is the one of our Secrets that the target refers to afterwards ("" for none), `create` is made first and takes
    its place. `states` are the workloads' as they are after the writes. `finished` is the result of a rollout that ended.
    `reverted`: somebody set the variable back, and it will be written again. `settled`: no rollout is going on, so that old Secrets may be collected.
    """

    configured: Verdict
    rolled_out: Verdict
    progress: Progress
    secret: str = ""
    create: Configuration | None = None
    writes: tuple[Write, ...] = ()
    states: Mapping[str, tuple[State, str]] = field(default_factory=dict)
    last_good: str = ""
    failed: FailedConfiguration | None = None
    reverted: Reverted | None = None
    finished: str = ""
    settled: bool = False
    again: timedelta | None = None


def interrupted(plan: Plan, *, done: int) -> Plan:
    """Return the plan with the first `done` of its writes alone, before somebody else wrote to the next workload: what was written is on record."""
    waiting = [write.workload.key for write in plan.writes[done:]]
    verdict = plan.configured
    if verdict.status == "True":
        message = f"{', '.join(waiting)} will get the configuration in a moment: somebody else was writing there."
        verdict = configured("False", Reason.ROLLOUT_IN_PROGRESS, message)
    later = dict.fromkeys(waiting, (State.PENDING, "Somebody else was writing to it."))
    return replace(plan, configured=verdict, writes=plan.writes[:done], states={**plan.states, **later}, again=_SOON)


def configured(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    """Return the condition Configured."""
    return Verdict(type=ConditionType.CONFIGURED, status=status, reason=reason, message=message)


def rolled_out(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    """Return the condition RolledOut; Unknown while a rollout goes on, so that its last transition tells when it began."""
    return Verdict(type=ConditionType.ROLLED_OUT, status=status, reason=reason, message=message)
