"""The order in which workloads get a configuration, and when they all have it.

Those that stop their pods before they start new ones (`Recreate`) come last: a configuration that does not work never
reaches them.
"""

from collections.abc import Collection, Mapping
from typing import Final

from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.rollouts.configuration import Before, Configuration, Stored
from wandb_byob.decide.rollouts.plan import POLL, Plan, Write, configured, rolled_out
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.rollouts.workloads import State, Workload
from wandb_byob.model.reasons import Reason

DONE: Final = frozenset({State.CURRENT, State.NOT_WAITED_FOR})


def next_writes(situation: Situation, stored: Stored | None, *, before: Mapping[str, Before]) -> tuple[Workload, ...]:
    """Return the workloads that get the configuration now (None: it is still to be made)."""
    lacking = [workload for workload in situation.workloads if stored is None or not workload.has(stored)]
    first = tuple(workload for workload in lacking if not workload.recreate)
    if first:
        return first
    others = [workload for workload in situation.workloads if not workload.recreate]
    if all(state_of(workload, stored, before=before)[0] in DONE for workload in others):
        return tuple(lacking)
    return ()


def state_of(workload: Workload, stored: Stored | None, *, before: Mapping[str, Before]) -> tuple[State, str]:
    """Return how far a workload is on the way to a configuration; one that did not run well before is not waited for."""
    if stored is None or not workload.has(stored):
        waits = "It is restarted last, since it stops before it starts anew." if workload.recreate else ""
        return State.PENDING, waits
    health = workload.health
    earlier = before.get(workload.key)
    if earlier is not None and not earlier.healthy:
        return not_blamed(health.state, health.message)
    return health.state, health.message


def not_blamed(state: State, message: str) -> tuple[State, str]:
    """Return the state of a workload that did not run well before either."""
    if state in DONE:
        return state, message
    return State.NOT_WAITED_FOR, f"It did not run well before this rollout either. {message}".rstrip()


def states(
    situation: Situation, stored: Stored | None, *, before: Mapping[str, Before], written: Collection[str] = ()
) -> dict[str, tuple[State, str]]:
    """Return the state of every workload, `written` ones (by `Kind/name`) as they will be after the write."""
    return {
        workload.key: (State.PROGRESSING, "New pods are being started.")
        if workload.key in written
        else state_of(workload, stored, before=before)
        for workload in situation.workloads
    }


def complete(situation: Situation, stored: Stored) -> bool:
    """Say whether every workload runs with this configuration, as far as it can be waited for."""
    before = stored.configuration.before
    return all(state_of(workload, stored, before=before)[0] in DONE for workload in situation.workloads)


def under_way(
    situation: Situation, stored: Stored | None, *, written: Collection[Workload], create: Configuration | None = None
) -> Plan:
    """Return the plan of a rollout to a configuration, or to the one that is created first, with what is written now."""
    made = create or (stored.configuration if stored is not None else None)
    before = made.before if made is not None else {}
    after = states(situation, stored, before=before, written={workload.key for workload in written})
    waiting = [key for key, (state, _) in after.items() if state is State.PENDING]
    message = (
        f"{', '.join(waiting)} will get the configuration when the other workloads run with it."
        if waiting
        else "The configuration is in W&B's workloads."
    )
    return Plan(
        configured=configured(
            "False" if waiting else "True", Reason.ROLLOUT_IN_PROGRESS if waiting else Reason.CONFIGURED, message
        ),
        rolled_out=rolled_out("Unknown", Reason.ROLLOUT_IN_PROGRESS, "W&B's pods are being replaced."),
        progress=Progress.RECONCILING,
        secret=stored.name if stored is not None else "",
        create=create,
        writes=tuple(Write(workload=workload) for workload in written),
        states=after,
        last_good=situation.memory.last_good,
        again=POLL,
    )
