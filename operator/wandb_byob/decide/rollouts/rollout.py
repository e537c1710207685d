"""How W&B comes to a configuration: once for many teams, all workloads together, and back by itself when it fails.

Level-triggered: each look decides from what the target, our Secrets and the status show, so that it makes no difference
where the look before was interrupted.
"""

from datetime import datetime

from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.rollouts import rollback
from wandb_byob.decide.rollouts.configuration import Stored
from wandb_byob.decide.rollouts.plan import POLL, Plan, configured, rolled_out
from wandb_byob.decide.rollouts.quarrel import settings_of
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.rollouts.stages import complete, next_writes, state_of, states, under_way
from wandb_byob.decide.rollouts.takeover import refusal
from wandb_byob.decide.rollouts.workloads import State, Workload
from wandb_byob.model.api import FailedConfiguration
from wandb_byob.model.reasons import Reason


def obstacle(situation: Situation) -> str | None:
    """Return None unless a failed configuration stays in the target, else why it was not taken back ("": as asked)."""
    failed = situation.failed
    if failed is None or not situation.touched(failed) or complete(situation, failed):
        return None
    if not situation.policy.roll_back:
        return ""
    return rollback.blocked(situation, failed) or None


def going_on(situation: Situation) -> Plan | None:
    """Return what to do while a rollout, or the return from one, goes on; None at rest, when `rest.plan` decides."""
    failed = situation.failed
    if failed is not None and situation.touched(failed) and not complete(situation, failed):
        return rollback.plan(situation, failed) if obstacle(situation) is None else None
    current = situation.current
    if current is None or situation.proven(current) or not _begun(situation, current) or complete(situation, current):
        return None
    # After a failure, somebody asked to try again: it gets its time once more.
    failure = "" if _status_of(situation) == "False" else _failure(situation, current)
    return _failed(situation, current, failure) if failure else _next_step(situation, current)


def _status_of(situation: Situation) -> str:
    return situation.memory.rolled_out.status if situation.memory.rolled_out is not None else ""


def _begun(situation: Situation, current: Stored) -> bool:
    """Say whether the status knows of this rollout, or nothing at all (it was lost)."""
    return situation.memory.secret == current.name or situation.memory.rolled_out is None


def _since(situation: Situation, current: Stored) -> datetime:
    condition = situation.memory.rolled_out
    known = condition is not None and condition.status == "Unknown" and situation.memory.secret == current.name
    return max(condition.last_transition_time, current.created) if condition is not None and known else current.created


def _failure(situation: Situation, current: Stored) -> str:
    """Return in plain words why the rollout has failed, "" for as long as it has not."""
    before = current.configuration.before
    for workload in situation.workloads:
        state, message = state_of(workload, current, before=before)
        if state is State.FAILED:
            return f"{workload.kind} {workload.name}: {message}"
        if state is State.PENDING and _set_back(situation, workload, current):
            setters = f" by {', '.join(workload.setters)}" if workload.setters else ""
            settings = settings_of([workload], current)
            return f"{workload.kind} {workload.name}: {settings} was set back{setters} while it was being rolled out."
    if situation.now - _since(situation, current) < situation.policy.timeout:
        return ""
    late = [
        f"{workload.kind} {workload.name}: {message or 'it did not get the configuration.'}"
        for workload in situation.workloads
        for state, message in [state_of(workload, current, before=before)]
        if state in (State.PROGRESSING, State.PENDING)
    ]
    return f"It took longer than spec.rollout.timeout. {' '.join(late)}" if late else ""


def _set_back(situation: Situation, workload: Workload, current: Stored) -> bool:
    """Say whether a workload that lacks the configuration had been given it."""
    had_it = situation.memory.states.get(workload.key) in (State.PROGRESSING, State.CURRENT)
    return had_it and situation.set_back(workload, current, situation.memory.rolled_out)


def _failed(situation: Situation, current: Stored, failure: str) -> Plan:
    roll_back = situation.policy.roll_back
    return Plan(
        configured=configured("True", Reason.CONFIGURED, "The configuration is in W&B's workloads."),
        rolled_out=rolled_out("False", Reason.ROLLOUT_FAILED, failure),
        progress=Progress.RECONCILING if roll_back else Progress.STALLED,
        secret=current.name,
        states=states(situation, current, before=current.configuration.before),
        last_good=situation.memory.last_good,
        failed=FailedConfiguration(
            secret_name=current.name,
            reason=Reason.ROLLOUT_FAILED,
            message=failure,
            time=situation.now.replace(microsecond=0),
            reconcile_request=situation.memory.request,
        ),
        finished="failed",
        # The failure is on record first: a rollback that is interrupted then goes on, and is not tried forward again.
        again=POLL / 100 if roll_back else None,
    )


def _next_step(situation: Situation, current: Stored) -> Plan:
    due = next_writes(situation, current, before=current.configuration.before)
    values, takes = current.configuration.values, situation.policy.takes
    writable = [each for each in due if refusal([each], values, takes=takes) is None]
    return under_way(situation, current, written=writable)
