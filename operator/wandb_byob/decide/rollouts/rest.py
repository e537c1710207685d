"""What to do where no rollout is going on: leave the target alone, put it right, wait, or begin a rollout."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from wandb_byob.decide.attachments import Pending
from wandb_byob.decide.compose import Source, doubts, size, size_warning
from wandb_byob.decide.conditions import Progress, Verdict
from wandb_byob.decide.rollouts import quarrel, rollback
from wandb_byob.decide.rollouts.configuration import Before, Configuration, Stored
from wandb_byob.decide.rollouts.plan import POLL, Plan, configured, rolled_out
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.rollouts.stages import DONE, complete, next_writes, not_blamed, under_way
from wandb_byob.decide.rollouts.takeover import advice, refusal
from wandb_byob.decide.rollouts.timing import hold
from wandb_byob.decide.rollouts.variable import VARIABLE, Settings
from wandb_byob.decide.rollouts.wanted import Wanted, differing, restarting, settings
from wandb_byob.decide.rollouts.workloads import State, Workload
from wandb_byob.model.api import FailedConfiguration, Reverted
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

_HAD_IT: Final = frozenset({State.CURRENT, State.PROGRESSING, State.FAILED, State.NOT_WAITED_FOR})


@dataclass(frozen=True, kw_only=True)
class _Look:
    """`obstacle` is None where no failed configuration stands in the target, else why it was not taken back ("": as asked)."""

    situation: Situation
    current: Stored | None
    obstacle: str | None

    @property
    def lacking(self) -> tuple[Workload, ...]:
        """Return the workloads that do not have the current configuration, from its Secret or word for word from elsewhere."""
        if self.current is None:
            return ()
        return restarting(self.situation, self.current.configuration.values)

    @property
    def set_back(self) -> tuple[Workload, ...]:
        """Return those of them that had it when they were last looked at, and that somebody has set back since."""
        memory, current = self.situation.memory, self.current
        if current is None or memory.secret != current.name:
            return ()
        return tuple(
            w
            for w in self.lacking
            if memory.states.get(w.key) in _HAD_IT and self.situation.set_back(w, current, memory.configured)
        )


def plan(
    situation: Situation,
    wish: Wanted | Stalled,
    *,
    pending: Sequence[Pending],
    progressing: bool,
    obstacle: str | None = None,
) -> Plan:
    """Return what to do; `obstacle` as in `_Look`."""
    look = _Look(situation=situation, current=situation.current, obstacle=obstacle)
    if isinstance(wish, Stalled):
        verdict = configured("False", wish.reason, wish.message)
        return _resting(look, verdict, progress=Progress.STALLED)
    trap = _trap(look)
    if trap is not None:
        return _resting(look, configured("False", trap.reason, trap.message), progress=Progress.STALLED)
    values = settings(situation, wish)
    due = differing(situation, values)
    if not due:
        return _there(look, wish)
    failed = situation.failed
    if failed is not None and not situation.touched(failed) and failed.configuration.values == values:
        verdict = configured("False", Reason.ROLLED_BACK, rollback.explanation(situation))
        return _resting(look, verdict, progress=Progress.STALLED)
    refused = refusal(due, values, takes=situation.policy.takes)
    if refused is not None:
        return _resting(look, configured("False", refused.reason, refused.message), progress=Progress.STALLED)
    if look.current is not None and look.current.configuration.values == values:
        return _repair(look, look.current)
    return _change(look, wish, values, pending=pending, progressing=progressing)


def _trap(look: _Look) -> Stalled | None:
    """Return what has come to be in the way of a setting of ours that is there already."""
    current = look.current
    readings = [reading for workload in look.situation.workloads for reading in workload.readings]
    governed = [reading for reading in readings if current is not None and current.governs(reading.slot)]
    return next((reading.refusal for reading in governed if reading.refusal is not None), None)


def _there(look: _Look, wish: Wanted) -> Plan:
    situation, composition = look.situation, wish.composition
    governed: Settings = look.current.configuration.values if look.current is not None else {}
    ours = sum(1 for entry in composition.entries if entry.source is Source.BUCKET_STORE)
    if VARIABLE in governed or any(entry.source is not Source.KEPT for entry in composition.entries):
        text = f"W&B's workloads have the variable with {len(composition.entries)} entries, {ours} of them from BucketStores."
        notes = [text, doubts(composition.entries), size_warning(size(composition.value))]
    elif governed:
        notes = ["W&B's workloads have the instance's own bucket; no bucket of a team is attached yet."]
    else:
        notes = ["No bucket is attached yet; W&B's workloads are left as they are."]
    notes.append(advice(situation.workloads, governed))
    message = " ".join(note for note in notes if note)
    resting = _resting(look, configured("True", Reason.CONFIGURED, message), progress=Progress.SETTLED)
    failed = situation.memory.failed if look.obstacle is not None else None
    return replace(resting, failed=failed, settled=resting.rolled_out.status == "True")


def _resting(look: _Look, verdict: Verdict, *, progress: Progress) -> Plan:
    """Return a plan without writes: the target stays, and is described as it is."""
    situation, current = look.situation, look.current
    out = _rolled_out(look)
    if progress is Progress.SETTLED and out.status == "Unknown":
        progress = Progress.RECONCILING
    if look.obstacle is not None:
        progress = Progress.STALLED
    good = current is not None and (out.status == "True" or situation.proven(current))
    return Plan(
        configured=verdict,
        rolled_out=out,
        progress=progress,
        secret=current.name if current is not None else "",
        states=_states(look),
        last_good=current.name if current is not None and good else situation.memory.last_good,
        failed=_recorded(situation),
        reverted=_noted(look),
        finished=_finished(look, out),
        again=POLL if out.status == "Unknown" else None,
    )


def _noted(look: _Look) -> Reverted | None:
    """Return the record of a time that is seen now: it counts from here, also where something keeps it from being put right yet."""
    current, set_back = look.current, look.set_back
    if current is None or not set_back or quarrel.lost(look.situation, current, set_back):
        return None
    return quarrel.noted(look.situation, current, set_back)


def _recorded(situation: Situation) -> FailedConfiguration | None:
    """Return the failure that stays on record: until another configuration is rolled out, or somebody asks to try again."""
    return situation.memory.failed if situation.failed is not None else None


def _rolled_out(look: _Look) -> Verdict:
    situation, current = look.situation, look.current
    failed = situation.memory.failed
    if look.obstacle is not None:
        happened = failed.message if failed is not None else "The rollout failed."
        if look.obstacle:
            return rolled_out(
                "False",
                Reason.ROLLBACK_BLOCKED,
                f"{happened} W&B was not returned to the configuration before: {look.obstacle}. Repair it by hand.",
            )
        return rolled_out(
            "False", Reason.ROLLOUT_FAILED, f"{happened} It stays in place, as spec.rollout.onFailure Keep asks."
        )
    if look.lacking or not _runs(look):
        returning = failed is not None and situation.failed is not None
        reason = Reason.ROLLING_BACK if returning else Reason.ROLLOUT_IN_PROGRESS
        return rolled_out("Unknown", reason, "Not all of W&B's pods run with the configuration yet.")
    if current is None:
        return rolled_out("True", Reason.ROLLED_OUT, "There is nothing of ours to roll out.")
    return rolled_out("True", Reason.ROLLED_OUT, "W&B's pods run with the configuration.")


def _runs(look: _Look) -> bool:
    """Say whether the pods have what the target says. Once it was rolled out, a pod that is unwell is not our affair."""
    situation, current = look.situation, look.current
    condition = situation.memory.rolled_out
    if condition is not None and condition.status == "Unknown" and condition.reason == Reason.ROLLING_BACK:
        before = situation.failed.configuration.before if situation.failed is not None else {}
        return all(w.health.state in DONE or not _was_healthy(before.get(w.key)) for w in situation.workloads)
    if current is None:
        return True
    if situation.proven(current):
        before = current.configuration.before
        return all(
            w.health.live or w.health.state is State.NOT_WAITED_FOR or not _was_healthy(before.get(w.key))
            for w in situation.workloads
        )
    return complete(situation, current)


def _was_healthy(before: Before | None) -> bool:
    return before is None or before.healthy


def _states(look: _Look) -> dict[str, tuple[State, str]]:
    lacking = {workload.key for workload in look.lacking}
    before = look.current.configuration.before if look.current is not None else {}
    return {
        workload.key: (State.PENDING, "It does not have the configuration.")
        if workload.key in lacking
        else _state(workload, healthy=_was_healthy(before.get(workload.key)))
        for workload in look.situation.workloads
    }


def _state(workload: Workload, *, healthy: bool) -> tuple[State, str]:
    state, message = workload.health.state, workload.health.message
    if workload.health.live and state is State.PROGRESSING:
        return State.CURRENT, ""
    return not_blamed(state, message) if not healthy else (state, message)


def _finished(look: _Look, out: Verdict) -> str:
    before, current = look.situation.memory.rolled_out, look.current
    if out.status != "True" or before is None or before.status == "True":
        return ""
    if before.reason == Reason.ROLLING_BACK:
        return "rolled-back"
    return "succeeded" if current is not None and look.situation.memory.last_good != current.name else ""


def _repair(look: _Look, current: Stored) -> Plan:
    """Put the variable back where it is not what it was: once, and not again where somebody else disagrees."""
    situation, set_back = look.situation, look.set_back
    if quarrel.lost(situation, current, set_back):
        verdict = configured("False", Reason.TARGET_REVERTED, quarrel.peace_terms(situation, current, set_back))
        return _resting(look, verdict, progress=Progress.STALLED)
    noted = _noted(look)
    if noted is not None:
        where = ", ".join(workload.key for workload in set_back)
        message = f"{quarrel.settings_of(set_back, current)} was set back in {where} by {noted.by}, and is being written again."
        verdict = configured("False", Reason.PROGRESSING, message)
        return replace(_resting(look, verdict, progress=Progress.RECONCILING), again=timedelta(0))
    due = next_writes(situation, current, before=current.configuration.before)
    written = [workload for workload in due if workload in look.lacking]
    return replace(under_way(situation, current, written=written), failed=_recorded(situation))


def _change(look: _Look, wish: Wanted, values: Settings, *, pending: Sequence[Pending], progressing: bool) -> Plan:
    situation, composition = look.situation, wish.composition
    configuration = Configuration(
        values=values,
        separator=composition.separator,
        provenance=composition.provenance if VARIABLE in values else {},
        storage=wish.store if values.keys() & wish.storage.keys() else "",
        before={workload.key: _before(workload) for workload in situation.workloads},
    )
    busy = [w.key for w in situation.workloads if w.health.state is State.PROGRESSING and look.obstacle is None]
    wait = hold(
        pending,
        progressing=progressing,
        busy=busy,
        policy=situation.policy,
        last=situation.last_start,
        now=situation.now,
    )
    if wait is not None:
        resting = _resting(look, configured("False", wait.reason, wait.message), progress=Progress.RECONCILING)
        return replace(resting, again=min(wait.again, resting.again or wait.again))
    same = _made_already(situation, configuration)
    written = next_writes(situation, same, before=configuration.before)
    return under_way(situation, same, written=written, create=None if same is not None else configuration)


def _before(workload: Workload) -> Before:
    return Before(
        template=workload.template,
        healthy=workload.health.state is not State.FAILED,
        env={reading.slot.within: reading.env for reading in workload.readings},
    )


def _made_already(situation: Situation, wanted: Configuration) -> Stored | None:
    """Return a Secret with the very same content, so that an interrupted look leaves none behind."""
    return next((stored for stored in situation.stored.values() if stored.configuration == wanted), None)
