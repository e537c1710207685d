"""Where no rollout is going on: what waits, what is refused, and what is left as it is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from unit.decide.target import BEGIN, Container, Target, bucket, foreign, literal
from wandb_byob.decide.compose import LIMIT_BYTES, Attached, compose
from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.rollouts.situation import base
from wandb_byob.decide.rollouts.variable import VARIABLE
from wandb_byob.decide.rollouts.wanted import Wanted, restarting, settings
from wandb_byob.decide.rollouts.workloads import Health, State
from wandb_byob.model.reasons import Reason

ONE = bucket("one")


def test_new_buckets_wait_for_those_that_are_still_being_prepared() -> None:
    """Until all have a verdict, or maxWait has passed since the first; then one rollout."""
    target = Target(buckets=[ONE])
    plan = target.look(progressing=True, since=BEGIN)
    assert (plan.configured.reason, plan.progress) == (Reason.WAITING_FOR_BUCKETS, Progress.RECONCILING)
    assert plan.again == timedelta(seconds=3)
    plan = target.later(seconds=4).look(progressing=True, since=BEGIN)
    assert plan.again == timedelta(seconds=116)
    assert "2026-01-01T00:02:00Z" in plan.configured.message
    assert target.writes == []
    target.later(seconds=116).look(progressing=True, since=BEGIN)
    assert len(target.writes) == 1


def test_as_soon_as_all_have_a_verdict_it_begins() -> None:
    target = Target(buckets=[ONE]).later(seconds=4)
    target.look(progressing=True, since=BEGIN)
    target.later(seconds=1).look(since=BEGIN)
    assert len(target.writes) == 1


def test_waiting_does_not_write_again_and_again() -> None:
    """What a waiting look says stays the same until something changes."""
    target = Target(buckets=[ONE]).later(seconds=5)
    first = target.look(progressing=True, since=BEGIN)
    second = target.later(seconds=20).look(progressing=True, since=BEGIN)
    assert (first.configured, first.rolled_out, first.states) == (second.configured, second.rolled_out, second.states)


def test_a_bucket_that_is_still_being_prepared_makes_nobody_wait_for_a_repair() -> None:
    target = Target(buckets=[ONE])
    target.look()
    target.come_up().looks()
    target.workloads["Deployment/new"] = Container()
    target.look(progressing=True)
    assert target.writes[-1] == ["Deployment/new"]


def test_the_minimum_interval_is_kept() -> None:
    """Counted from the beginning of the last rollout; the message tells the time."""
    target = Target(buckets=[ONE], policy=replace(Target().policy, minimum_interval=timedelta(hours=1)))
    target.look()
    target.come_up().looks()
    target.buckets.append(bucket("two"))
    plan = target.later(minutes=59).look()
    assert plan.again == timedelta(minutes=1)
    assert "2026-01-01T01:00:00Z" in plan.configured.message
    assert plan.rolled_out.status == "True", "what runs goes on"
    target.later(minutes=1).look()
    assert len(target.writes) == 2


def test_a_rollout_of_wandb_itself_is_waited_for() -> None:
    """A failure could not be told from theirs; but not for ever."""
    target = Target(buckets=[ONE], health={"Deployment/app": Health(state=State.PROGRESSING, live=True)})
    plan = target.look(since=BEGIN)
    plan = target.later(seconds=5).look(since=BEGIN)
    assert "Deployment/app" in plan.configured.message
    assert target.writes == []
    target.later(minutes=15).look(since=BEGIN)
    assert len(target.writes) == 1


def test_a_literal_is_not_touched_unless_that_is_allowed() -> None:
    target = Target(buckets=[ONE], workloads={"Deployment/api": literal("gs://a"), "Deployment/app": Container()})
    plan = target.look()
    assert (plan.configured.reason, plan.progress, target.writes) == (Reason.LITERAL_PRESENT, Progress.STALLED, [])
    assert "takeOwnership" in plan.configured.message
    assert "gs://a" not in plan.configured.message
    target.policy = replace(target.policy, takes=frozenset({VARIABLE}))
    target.look()
    assert target.values() == {f"gs://a,{ONE.address}"}


@pytest.mark.parametrize("value", ["s3://$(AK):$(SK)@h/b", "s3://a:b$$c@h/b"])
def test_a_literal_that_kubernetes_expands_is_not_taken(value: str) -> None:
    """In a Secret `$(AK)` would stay as it is written, and the entry be broken."""
    target = Target(
        buckets=[ONE],
        workloads={"Deployment/api": literal(value)},
        policy=replace(Target().policy, takes=frozenset({VARIABLE})),
    )
    plan = target.look()
    assert (plan.configured.reason, target.writes) == (Reason.VARIABLE_INVALID, [])
    assert "AK" not in plan.configured.message


def test_somebody_elses_secret_with_the_same_entries_stays_referred_to() -> None:
    """After `byob import` everything is as it was: no rollout, and the team is configured."""
    target = Target(buckets=[ONE], workloads={"Deployment/api": foreign(f"gs://a,{ONE.address}")})
    plan = target.looks()
    assert (target.writes, target.stored) == ([], {})
    assert (plan.configured.status, plan.rolled_out.status) == ("True", "True")
    target.buckets[0] = bucket("one", key="rotated")
    target.look()
    assert target.values() == {f"gs://a,{bucket('one', key='rotated').address}"}


def test_workloads_that_differ_get_all_that_any_of_them_had() -> None:
    target = Target(
        buckets=[ONE],
        workloads={"Deployment/api": foreign("gs://a"), "Deployment/app": foreign("gs://b", name="other")},
    )
    target.look()
    assert target.values() == {f"gs://a,gs://b,{ONE.address}"}


def test_too_large_a_variable_changes_nothing() -> None:
    """What runs goes on; the refusal is about the new bucket."""
    target = Target(buckets=[ONE])
    target.look()
    target.come_up().looks()
    large = "k" * LIMIT_BYTES
    target.buckets.append(Attached(identity="gs://big", uid="uid-big", address=f"gs://e:{large}@big"))
    plan = target.look()
    assert (plan.configured.reason, plan.rolled_out.status) == (Reason.VARIABLE_TOO_LARGE, "True")
    assert (plan.last_good, len(target.writes)) == ("wandb-file-stores-1", 1)


def test_a_warning_comes_before_the_limit() -> None:
    large = "k" * (LIMIT_BYTES * 3 // 4)
    target = Target(buckets=[Attached(identity="gs://big", uid="uid-big", address=f"gs://e:{large}@big")])
    target.look()
    target.come_up()
    plan = target.looks()
    assert plan.configured.status == "True"
    assert str(LIMIT_BYTES - 1) in plan.configured.message


def test_a_secret_that_an_interrupted_look_left_behind_is_used() -> None:
    """Compared by content: nothing is made twice."""
    target = Target(buckets=[ONE])
    target.look(writes=0)
    target.look()
    assert list(target.stored) == ["wandb-file-stores-1"]


def test_a_secret_of_the_same_list_but_another_past_is_not() -> None:
    """What a rollback would restore is part of the content."""
    target = Target(buckets=[ONE])
    target.look(writes=0)
    target.workloads["Deployment/api"] = foreign("")
    target.look()
    assert len(target.stored) == 2


def test_malformed_entries_of_others_are_pointed_out() -> None:
    """By their place in the list, and without a word of what stands there."""
    target = Target(
        buckets=[ONE], workloads={"Deployment/api": foreign("gs://fine,s3://AK:se/cret@h/b,,azure://a/c,x")}
    )
    target.look()
    target.come_up()
    told = target.looks().configured
    assert told.status == "True"
    for words in ("no. 2:", "no. 3: it is empty", "no. 4: W&B knows no azure://", "1 more"):
        assert words in told.message
    assert "cret" not in told.message


def test_a_chart_that_sets_the_variable_too_is_named() -> None:
    """Where ours is in force, so that the next upgrade does not undo or break it; not where theirs stays."""
    target = Target(buckets=[ONE], workloads={"Deployment/api": foreign("gs://a")}, setters=("helm",))
    target.look()
    target.come_up()
    assert "helm in Deployment api: remove it" in target.looks().configured.message
    theirs = Target(buckets=[ONE], workloads={"Deployment/api": foreign(ONE.address)}, setters=("helm",))
    assert "helm" not in theirs.looks().configured.message


def _foretold(target: Target) -> list[str]:
    """Return the workloads that `byob plan` says would restart."""
    situation = target.situation()
    composition = compose(base(situation), target.buckets, removals=(), separator=",")
    values = settings(situation, Wanted(composition=composition))
    return [workload.key for workload in restarting(situation, values)]


def test_which_workloads_restart_is_foretold() -> None:
    """One that has the same list from a Secret of somebody else's gets the new one with the others; a repair touches what lacks it alone."""
    target = Target(buckets=[ONE])
    target.workloads["Deployment/api"] = foreign(ONE.address)
    foretold = _foretold(target)
    target.look()
    assert sorted(target.writes[-1]) == sorted(foretold) == ["Deployment/api", "Deployment/app"]
    target.come_up().looks()
    assert _foretold(target) == []
    target.workloads["Deployment/new"] = Container()
    foretold = _foretold(target)
    target.look()
    assert target.writes[-1] == foretold == ["Deployment/new"]
