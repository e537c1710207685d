"""Back from a failed configuration to what was there before it: all workloads together, or none."""

from collections.abc import Mapping, Sequence

from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.rollouts.configuration import Stored
from wandb_byob.decide.rollouts.plan import POLL, Plan, Write, configured, rolled_out
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.rollouts.variable import EnvVar, Reading, Slot, secret_of
from wandb_byob.decide.rollouts.workloads import State, Workload
from wandb_byob.model.reasons import Reason


def blocked(situation: Situation, failed: Stored) -> str:
    """Return what keeps the target from going back by itself, "" where it can."""
    touching = [workload for workload in situation.workloads if workload.touches(failed)]
    changed = [workload.key for workload in touching if _changed(workload, failed)]
    if changed:
        return f"{', '.join(changed)} was changed in more than {failed.name} since the rollout began"
    gone = {name for workload in touching for name in _gone(workload, situation, failed)}
    return f"Secret {', '.join(sorted(gone))}, which was there before, is gone" if gone else ""


def _changed(workload: Workload, failed: Stored) -> bool:
    before = failed.configuration.before.get(workload.key)
    return before is not None and before.template != workload.template


def _gone(workload: Workload, situation: Situation, failed: Stored) -> Sequence[str]:
    names = [secret_of(env) for env in _restores(workload, situation, failed).values()]
    return [name for name in names if name.startswith(situation.ours) and name not in situation.stored]


def _restores(workload: Workload, situation: Situation, failed: Stored) -> Mapping[Slot, EnvVar | None]:
    """Return what the slots of a workload get back that have what the failed configuration wants there."""
    had = (each for each in workload.readings if failed.governs(each.slot) and failed.stands_in(each))
    given = ((reading, _restored(reading, situation, failed)) for reading in had)
    return {reading.slot: env for reading, env in given if env != reading.env}


def plan(situation: Situation, failed: Stored) -> Plan:
    """Return the writes that restore what stood in each slot before the failed configuration."""
    envs = {workload.key: _restores(workload, situation, failed) for workload in situation.workloads}
    writes = [
        Write(workload=workload, envs=envs[workload.key]) for workload in situation.workloads if envs[workload.key]
    ]
    restored = {secret_of(env) for given in envs.values() for env in given.values()} & situation.stored.keys()
    memory = situation.memory
    return Plan(
        configured=configured("False", Reason.ROLLED_BACK, explanation(situation)),
        rolled_out=rolled_out(
            "Unknown", Reason.ROLLING_BACK, "W&B's pods are being returned to the configuration before."
        ),
        progress=Progress.RECONCILING,
        secret=next(iter(restored)) if len(restored) == 1 else "",
        writes=tuple(writes),
        states={
            workload.key: (State.PROGRESSING, "") if envs[workload.key] else _state(workload)
            for workload in situation.workloads
        },
        last_good=memory.last_good,
        failed=memory.failed,
        again=POLL,
    )


def explanation(situation: Situation) -> str:
    """Return why the wanted configuration is not in the target, and what to do."""
    failed = situation.memory.failed
    happened = failed.message if failed is not None else ""
    return (
        f"The rollout of the last configuration failed, and W&B goes on with the one before. {happened} It is not tried again "
        "until a bucket or credential changes, or the annotation byob.wandb.com/reconcile-requested-at gets a new value."
    )


def _restored(reading: Reading, situation: Situation, failed: Stored) -> EnvVar | None:
    known, env = failed.configuration.restores(reading.slot)
    if known:
        return env
    # A container that joined while the failed configuration was being rolled out: it gets what the others had.
    good = situation.stored.get(situation.memory.last_good)
    return good.entry(reading.slot) if good is not None and good.governs(reading.slot) else None


def _state(workload: Workload) -> tuple[State, str]:
    return workload.health.state, workload.health.message
