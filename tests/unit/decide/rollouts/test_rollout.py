"""A rollout from the decision to the last pod, and back: what is written, when, and what the status says meanwhile."""

from dataclasses import replace
from datetime import timedelta

import pytest

from unit.decide.target import Container, Target, bucket, foreign, literal, removal
from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.rollouts.variable import VARIABLE, reference
from wandb_byob.decide.rollouts.workloads import Health, State
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

ONE, TWO = bucket("one"), bucket("two")


def rolled_out(*buckets: object, **rest: object) -> Target:
    """A target that runs with these buckets."""
    target = Target(buckets=list(buckets), **rest)  # type: ignore[arg-type]
    target.look()
    target.later(seconds=5).come_up()
    target.looks()
    assert target.memory.rolled_out is not None
    assert target.memory.rolled_out.status == "True"
    target.writes.clear()
    return target


def test_a_first_bucket_is_one_secret_and_one_write_to_each_workload() -> None:
    target = Target(buckets=[ONE, TWO])
    plan = target.look()
    assert target.writes == [["Deployment/api", "Deployment/app"]]
    assert list(target.stored) == ["wandb-file-stores-1"]
    assert target.values() == {f"{ONE.address},{TWO.address}"}
    assert (plan.configured.status, plan.rolled_out.status) == ("True", "Unknown")
    assert plan.again is not None
    target.later(seconds=5).come_up("Deployment/api")
    assert target.look().rolled_out.status == "Unknown"
    target.come_up()
    plan = target.look()
    assert (plan.rolled_out.status, plan.finished, plan.last_good) == ("True", "succeeded", "wandb-file-stores-1")
    assert target.writes == [["Deployment/api", "Deployment/app"]]


def test_at_rest_a_look_plans_nothing() -> None:
    """Nothing is written, the memory does not change, and old Secrets may be collected."""
    target = rolled_out(ONE)
    plan = target.looks()
    assert (plan.writes, plan.create, plan.settled, plan.again) == ((), None, True, None)
    assert plan.progress is Progress.SETTLED


def test_nothing_attached_leaves_the_target_alone() -> None:
    """Without a bucket of ours a literal, an odd value or workloads that differ are nobody's business here."""
    target = Target(workloads={"Deployment/api": literal("a,,b"), "Deployment/app": Container()})
    plan = target.looks()
    assert (target.writes, target.stored) == ([], {})
    assert (plan.configured.status, plan.rolled_out.status) == ("True", "True")


def test_a_second_rollout_waits_for_the_first() -> None:
    target = Target(buckets=[ONE])
    target.look()
    target.buckets.append(TWO)
    target.later(seconds=30)
    target.look()
    assert len(target.stored) == 1
    target.come_up()
    target.look()
    assert len(target.stored) == 2
    assert target.values() == {f"{ONE.address},{TWO.address}"}


def test_what_stops_before_it_starts_anew_comes_last() -> None:
    """A Recreate workload is written when all others run with the configuration, and never where they do not."""
    target = Target(buckets=[ONE], recreate={"Deployment/app"})
    plan = target.look()
    assert target.writes == [["Deployment/api"]]
    assert plan.states["Deployment/app"][0] is State.PENDING
    assert plan.configured.status == "False"
    target.look()
    assert target.writes == [["Deployment/api"]]
    target.come_up("Deployment/api")
    target.look()
    assert target.writes == [["Deployment/api"], ["Deployment/app"]]
    target.come_up()
    assert target.looks().rolled_out.status == "True"


def test_a_failed_rollout_never_reaches_what_would_stop() -> None:
    target = Target(buckets=[ONE], recreate={"Deployment/app"})
    target.look()
    target.fail("Deployment/api")
    target.looks()
    assert target.writes == [["Deployment/api"], ["Deployment/api"]]
    assert target.workloads["Deployment/app"].env is None


@pytest.mark.parametrize(
    "before",
    [
        {"Deployment/api": Container(), "Deployment/app": Container()},
        {"Deployment/api": foreign("gs://a"), "Deployment/app": foreign("gs://a")},
        {"Deployment/api": literal("gs://a"), "Deployment/app": Container()},
    ],
    ids=["absent", "somebody's Secret", "a literal in one"],
)
def test_a_failed_first_rollout_goes_back_to_what_there_was(before: dict[str, Container]) -> None:
    """All workloads together return to exactly the entries that they had."""
    target = Target(buckets=[ONE], workloads=dict(before), policy=replace(Target().policy, takes=frozenset({VARIABLE})))
    target.look()
    target.fail("Deployment/api")
    plan = target.look()
    assert (plan.rolled_out.status, plan.rolled_out.reason) == ("False", Reason.ROLLOUT_FAILED)
    assert plan.failed is not None
    assert "CrashLoopBackOff" in plan.failed.message
    assert len(target.writes) == 1, "the failure is on record before the rollback begins"
    plan = target.look()
    assert plan.rolled_out.reason == Reason.ROLLING_BACK
    assert {key: container.env for key, container in target.workloads.items()} == {
        key: container.env for key, container in before.items()
    }
    target.come_up()
    plan = target.look()
    assert (plan.configured.status, plan.configured.reason) == ("False", Reason.ROLLED_BACK)
    assert (plan.rolled_out.status, plan.finished) == ("True", "rolled-back")
    assert "CrashLoopBackOff" in plan.configured.message
    assert plan.progress is Progress.STALLED


def failed_second(**rest: object) -> Target:
    """A target that ran with one bucket, failed with a second and is back."""
    target = rolled_out(ONE, **rest)
    target.buckets.append(TWO)
    target.look()
    target.later(seconds=5).fail("Deployment/api")
    target.look()
    target.look()
    target.come_up()
    target.looks()
    return target


def test_a_failed_second_rollout_goes_back_to_the_first() -> None:
    target = failed_second()
    assert target.secrets() == {"wandb-file-stores-1"}
    assert target.values() == {ONE.address}
    assert target.memory.last_good == "wandb-file-stores-1"
    assert target.memory.failed is not None
    assert target.memory.failed.secret_name == "wandb-file-stores-2"


def test_what_failed_is_not_tried_again_by_itself() -> None:
    """Not after a day, not when a look repeats, not when the operator restarts: only other inputs or a request do it."""
    target = failed_second()
    writes = len(target.writes)
    target.later(days=1)
    target.looks()
    assert len(target.writes) == writes


@pytest.mark.parametrize("how", ["other inputs", "a request"])
def test_what_failed_is_tried_again_when_asked(how: str) -> None:
    target = failed_second()
    writes = len(target.writes)
    if how == "other inputs":
        target.buckets[1] = bucket("two", key="corrected")
    else:
        target.memory = replace(target.memory, request="now")
    target.look()
    assert len(target.writes) == writes + 1
    assert target.values() == {f"{ONE.address},{target.buckets[1].address}"}
    target.come_up()
    plan = target.looks()
    assert (plan.configured.status, plan.rolled_out.status, plan.failed) == ("True", "True", None)


def test_a_failed_bucket_that_is_taken_away_leaves_no_trace() -> None:
    """Once what failed is not asked for any more, the target is what was asked for, and Ready says so."""
    target = failed_second()
    target.buckets.pop()
    plan = target.looks()
    assert (plan.configured.status, plan.failed, plan.progress) == ("True", None, Progress.SETTLED)


def test_a_rollout_that_takes_too_long_has_failed() -> None:
    target = Target(buckets=[ONE])
    target.look()
    assert target.later(minutes=14, seconds=59).look().failed is None
    plan = target.later(seconds=1).look()
    assert plan.failed is not None
    assert "spec.rollout.timeout" in plan.failed.message
    assert "Deployment api" in plan.failed.message


def test_the_timeout_counts_from_each_rollouts_own_beginning() -> None:
    """A bucket that is added an hour later gets its whole time."""
    target = rolled_out(ONE).later(hours=1)
    target.buckets.append(TWO)
    target.look()
    assert target.later(minutes=14).look().failed is None


def test_what_did_not_run_well_before_is_not_blamed_on_us() -> None:
    """A workload that was crash-looping before the rollout is named and not waited for."""
    target = Target(buckets=[ONE]).fail("Deployment/app")
    target.look()
    target.come_up("Deployment/api").fail("Deployment/app")
    plan = target.looks()
    assert plan.rolled_out.status == "True"
    assert target.memory.failed is None
    assert len(target.writes) == 1


def test_what_never_finishes_by_design_is_named_and_not_waited_for() -> None:
    target = Target(buckets=[ONE])
    target.look()
    target.come_up("Deployment/api")
    target.health["Deployment/app"] = Health(state=State.NOT_WAITED_FOR, message="It is paused.")
    plan = target.looks()
    assert plan.rolled_out.status == "True"
    assert plan.states["Deployment/app"] == (State.NOT_WAITED_FOR, "It is paused.")


def test_a_rollback_is_held_where_the_workload_was_changed_otherwise() -> None:
    """All workloads together or none: one that somebody changed meanwhile blocks it, and the message names it."""
    target = rolled_out(ONE)
    target.buckets.append(TWO)
    target.look()
    target.fail("Deployment/api").templates["Deployment/app"] = "a new image"
    target.look()
    writes = len(target.writes)
    plan = target.look()
    assert (plan.rolled_out.status, plan.rolled_out.reason) == ("False", Reason.ROLLBACK_BLOCKED)
    assert "Deployment/app" in plan.rolled_out.message
    assert len(target.writes) == writes
    target.come_up()
    plan = target.looks()
    assert (plan.rolled_out.status, plan.failed) == ("True", None), "repaired by hand"


def test_a_rollback_is_held_where_what_was_before_is_gone() -> None:
    target = rolled_out(ONE)
    target.buckets.append(TWO)
    target.look()
    target.fail("Deployment/api")
    target.look()
    del target.stored["wandb-file-stores-1"]
    plan = target.look()
    assert plan.rolled_out.reason == Reason.ROLLBACK_BLOCKED
    assert "wandb-file-stores-1" in plan.rolled_out.message


def test_with_keep_a_failed_configuration_stays_and_may_come_right() -> None:
    target = Target(buckets=[ONE], policy=replace(Target().policy, roll_back=False))
    target.look()
    target.fail("Deployment/api")
    target.look()
    plan = target.look()
    assert (plan.rolled_out.status, plan.rolled_out.reason, plan.progress) == (
        "False",
        Reason.ROLLOUT_FAILED,
        Progress.STALLED,
    )
    assert "Keep" in plan.rolled_out.message
    assert len(target.writes) == 1
    target.come_up()
    plan = target.looks()
    assert (plan.rolled_out.status, plan.failed, plan.last_good) == ("True", None, "wandb-file-stores-1")


def test_with_keep_a_corrected_bucket_is_rolled_out_over_the_failed_one() -> None:
    target = Target(buckets=[ONE], policy=replace(Target().policy, roll_back=False))
    target.look()
    target.later(seconds=5).fail("Deployment/api")
    target.look()
    target.buckets[0] = bucket("one", key="corrected")
    target.later(hours=1)
    target.look()
    assert target.values() == {bucket("one", key="corrected").address}
    target.come_up()
    assert target.looks().rolled_out.status == "True"


def test_a_request_gives_a_kept_failure_its_time_again() -> None:
    target = Target(buckets=[ONE], policy=replace(Target().policy, roll_back=False))
    target.look()
    target.later(minutes=16).look()
    assert target.memory.failed is not None
    target.memory = replace(target.memory, request="now")
    target.look()
    assert target.memory.failed is None
    assert target.later(minutes=14).look().failed is None
    assert target.later(minutes=1).look().failed is not None


@pytest.mark.parametrize("written", [0, 1, 2])
@pytest.mark.parametrize("known", [True, False], ids=["with a status", "first look"])
def test_a_look_that_was_cut_short_goes_on(written: int, known: bool) -> None:
    """Killed after the Secret, after the first workload, after the last but before the status: one Secret, one write each."""
    target = Target()
    if known:
        target.looks()
    target.buckets.append(ONE)
    target.look(writes=written)
    target.later(seconds=2).look()
    target.later(seconds=2).come_up()
    plan = target.looks()
    assert len(target.stored) == 1
    assert sorted(key for writes in target.writes for key in writes) == ["Deployment/api", "Deployment/app"]
    assert (plan.rolled_out.status, plan.configured.status) == ("True", "True")


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_later_look_that_was_cut_short_goes_on(written: int) -> None:
    target = rolled_out(ONE)
    target.buckets.append(TWO)
    target.look(writes=written)
    target.later(seconds=2).look()
    target.later(seconds=2).come_up()
    plan = target.looks()
    assert len(target.stored) == 2
    assert sorted(key for writes in target.writes for key in writes) == ["Deployment/api", "Deployment/app"]
    assert (plan.rolled_out.status, plan.last_good) == ("True", "wandb-file-stores-2")


@pytest.mark.parametrize("written", [0, 1])
def test_a_rollback_that_was_cut_short_goes_on(written: int) -> None:
    """The failure was recorded first, so that the next look does not go forward again."""
    target = rolled_out(ONE)
    target.buckets.append(TWO)
    target.look()
    target.fail("Deployment/api")
    target.look()
    target.look(writes=written)
    target.look()
    target.come_up()
    target.looks()
    assert target.secrets() == {"wandb-file-stores-1"}
    assert len(target.stored) == 2


@pytest.mark.parametrize("when", ["at rest", "in the middle"])
def test_the_loss_of_all_statuses_changes_nothing(when: str) -> None:
    """A restore from a backup: no entry is doubled, nothing is written that was there."""
    target = rolled_out(ONE, workloads={f"Deployment/{name}": foreign("gs://kept,,odd") for name in ("api", "app")})
    if when == "in the middle":
        target.buckets.append(TWO)
        target.look(writes=1)
    value = ",".join(["gs://kept", "", "odd", *(each.address for each in target.buckets)])
    target.lose_status().look()
    target.come_up().looks()
    assert target.values() == {value}
    assert len(target.stored) == len(target.buckets)
    assert len([key for writes in target.writes for key in writes]) == (2 if when == "in the middle" else 0)


def test_after_the_loss_of_the_status_an_old_configuration_is_not_judged_anew() -> None:
    """W&B is unwell for its own reasons: a configuration older than a rollout may take is not taken back."""
    target = rolled_out(ONE).later(days=3).fail("Deployment/api").lose_status()
    target.looks()
    assert target.writes == []
    assert target.memory.failed is None


def test_pods_that_are_unwell_later_are_not_our_affair() -> None:
    """Once rolled out, a crash or a node that drains neither rolls back nor flaps."""
    target = rolled_out(ONE)
    target.health["Deployment/api"] = Health(state=State.PROGRESSING, message="Not all new pods are ready.", live=True)
    target.health["Deployment/app"] = Health(state=State.FAILED, message="Pod app-1 crashes.", live=True)
    plan = target.later(hours=1).looks()
    assert (target.writes, plan.rolled_out.status, plan.progress) == ([], "True", Progress.SETTLED)


def test_a_workload_that_is_set_back_during_the_rollout_fails_it() -> None:
    """No loop of patches: the rollout fails with who did it, and all go back."""
    target = Target(buckets=[ONE])
    target.look()
    target.workloads["Deployment/api"] = Container()
    plan = target.look()
    assert plan.failed is not None
    assert "set back" in plan.failed.message
    target.looks()
    assert target.values() == {None}


def fought() -> Target:
    """A target whose variable was set back, put right, and set back again a moment later."""
    target = rolled_out(ONE).later(hours=1)
    target.workloads["Deployment/api"] = Container()
    assert target.look().again == timedelta(0)
    target.look()
    assert target.writes == [["Deployment/api"]]
    target.come_up().looks()
    target.later(seconds=5).workloads["Deployment/api"] = Container()
    return target


def test_a_workload_that_is_set_back_later_is_repaired_once() -> None:
    """Put right at once the first time; where it happens again, the target is left alone, and who does it is told."""
    target = fought()
    plan = target.look()
    assert (plan.configured.reason, plan.progress) == (Reason.TARGET_REVERTED, Progress.STALLED)
    assert "Deployment/api by helm" in plan.configured.message
    assert "take it out of the chart's values" in plan.configured.message
    for _ in range(10):
        assert target.later(hours=10).look().configured.message == plan.configured.message
    assert target.writes == [["Deployment/api"]]


def test_a_write_before_a_conflict_counts_too() -> None:
    """Whoever sets all workloads back while they are being written is not given more than one write for each of them."""
    target = rolled_out(ONE).later(hours=1)
    target.workloads = dict.fromkeys(target.workloads, Container())
    target.look()
    plan = target.look(conflict=1)
    assert target.writes == [["Deployment/api"]]
    assert (plan.configured.status, plan.again) == ("False", timedelta(seconds=1))
    assert "Deployment/app will get the configuration in a moment" in plan.configured.message
    target.later(seconds=1).workloads["Deployment/api"] = Container()
    assert target.looks().configured.reason == Reason.TARGET_REVERTED
    assert target.writes == [["Deployment/api"]]


def test_a_conflict_in_the_first_rollout_lets_it_go_on() -> None:
    target = Target(buckets=[ONE])
    target.look(conflict=1)
    target.look()
    assert target.writes == [["Deployment/api"], ["Deployment/app"]]
    assert target.come_up().looks().configured.status == "True"


def test_what_is_set_back_beside_a_trap_counts_when_it_is_seen() -> None:
    """The trap keeps it from being put right; once it is out of the way there is one write, and not one more for having waited."""
    target = rolled_out(ONE).later(hours=1)
    target.workloads["Deployment/api"] = Container()
    target.refusal = Stalled(Reason.LEVEL_WINS, "app.env wins.")
    assert target.looks().configured.reason == Reason.LEVEL_WINS
    target.refusal = None
    target.looks()
    assert target.writes == [["Deployment/api"]]
    target.come_up().later(minutes=5).workloads["Deployment/api"] = Container()
    assert target.looks().configured.reason == Reason.TARGET_REVERTED
    assert target.writes == [["Deployment/api"]]


def test_each_workload_has_its_own_first_time() -> None:
    """An upgrade takes the variable out of one workload after the other: that is no quarrel."""
    target = rolled_out(ONE).later(hours=1)
    for key in ("Deployment/api", "Deployment/app"):
        target.workloads[key] = Container()
        target.look()
        target.look()
        target.later(seconds=1)
    assert target.writes == [["Deployment/api"], ["Deployment/app"]]
    assert target.come_up().looks().configured.status == "True"
    target.later(seconds=5).workloads["Deployment/api"] = Container()
    assert target.looks().configured.reason == Reason.TARGET_REVERTED


@pytest.mark.parametrize(
    ("writers", "managers", "words"),
    [
        (("argocd-controller",), ("argocd-controller", "kubectl"), ("by argocd-controller,", "ignoreDifferences")),
        ((), ("Helm", "manager"), ("left no name", "(others who write there: Helm, manager)", "the chart's values; so signs")),
        ((), (), ("left no name in metadata.managedFields,", "have what sets it leave the variable alone")),
    ],
    ids=["named", "one of these", "nobody"],
)  # fmt: skip
def test_who_sets_it_back_is_told_as_well_as_it_is_known(
    writers: tuple[str, ...], managers: tuple[str, ...], words: tuple[str, ...]
) -> None:
    target = replace(fought(), writers=writers, managers=managers)
    told = target.look().configured.message
    for word in words:
        assert word in told


def test_who_made_peace_asks_for_another_try() -> None:
    target = fought()
    target.look()
    target.memory = replace(target.memory, request="now")
    target.look()
    assert target.writes == [["Deployment/api"], ["Deployment/api"]]


def test_peace_is_seen() -> None:
    """Somebody gives the workload its variable back: nothing is left to say."""
    target = fought()
    target.look()
    target.workloads["Deployment/api"] = target.workloads["Deployment/app"]
    assert target.looks().configured.status == "True"
    assert target.writes == [["Deployment/api"]]


def test_after_a_day_of_peace_it_is_the_first_time_again() -> None:
    """Every Helm upgrade may take the variable out; each is put right once."""
    target = fought()
    target.workloads["Deployment/api"] = target.workloads["Deployment/app"]
    target.looks()
    target.later(hours=25).workloads["Deployment/api"] = Container()
    target.look()
    target.look()
    assert target.writes == [["Deployment/api"], ["Deployment/api"]]


def test_a_trap_is_told_before_and_after_the_variable_is_written() -> None:
    """What would lose or clash is never written into, and what comes up later is not kept quiet."""
    trap = Stalled(Reason.LEVEL_WINS, "app.env wins.")
    target = Target(buckets=[ONE], refusal=trap)
    assert target.looks().configured.reason == Reason.LEVEL_WINS
    assert target.writes == []
    target.refusal = None
    target.looks()
    target.come_up().looks()
    written = len(target.writes)
    target.refusal = trap
    plan = target.looks()
    assert (plan.configured.status, plan.configured.reason) == ("False", Reason.LEVEL_WINS)
    assert len(target.writes) == written


def test_a_workload_that_joins_gets_the_configuration() -> None:
    target = rolled_out(ONE).later(seconds=1)
    target.workloads["Deployment/new"] = Container()
    plan = target.look()
    assert target.writes == [["Deployment/new"]]
    assert plan.states["Deployment/api"][0] is State.CURRENT
    target.come_up()
    assert target.looks().rolled_out.status == "True"


def test_a_target_that_was_installed_anew_gets_everything_back() -> None:
    """Also what others had put there before us, which now stands in our Secret only."""
    target = rolled_out(ONE, workloads={"Deployment/api": foreign("gs://kept")})
    value = target.values()
    for lose in (False, True):
        target.later(minutes=1).workloads["Deployment/api"] = Container()
        target.created["Deployment/api"] = target.now
        if lose:
            target.lose_status()
        target.look()
        target.come_up().looks()
        assert target.values() == value


def test_an_older_configuration_of_ours_is_not_mistaken_for_somebody_elses() -> None:
    """`kubectl rollout undo` brings back an old Secret: the removed bucket does not come back with it."""
    target = rolled_out(ONE, TWO)
    target.removals = [removal(TWO.identity)]
    target.buckets.remove(TWO)
    target.look()
    target.come_up().looks()
    target.removals = []
    assert target.values() == {ONE.address}
    target.workloads["Deployment/api"] = Container(env=reference("wandb-file-stores-1"))
    target.later(minutes=20).look()
    assert target.values() == {ONE.address}
