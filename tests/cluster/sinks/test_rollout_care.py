"""How W&B is restarted with care, in each place of its configuration: when, for how long, and what becomes of a failure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cluster.instance_world import InstanceWorld, address
from cluster.places import BEFORE, has_ours
from testbed.processes import wait_for
from testbed.stages import Failure, PodSelector

At = Callable[..., InstanceWorld]
OTHERS = [each for each in BEFORE if "GORILLA" not in each["name"]]
ASKED = {"metadata": {"annotations": {"byob.wandb.com/reconcile-requested-at": "now"}}}


def attach(here: InstanceWorld, *names: str) -> None:
    for name in names:
        here.bucket(name)
        here.team(name)


def running(at: At, **options: object) -> InstanceWorld:
    """A W&B that runs with one bucket."""
    here = at(env=OTHERS, **options)
    attach(here, "one")
    here.settle()
    return here


def new_pods(here: InstanceWorld) -> PodSelector:
    """Pods with a configuration of ours that is not there yet."""
    return PodSelector(namespace=here.namespace, other_secrets=["theirs", *here.secrets()])


def test_a_bucket_without_a_verdict_holds_up_the_others_for_max_wait_only(at: At) -> None:
    """Debounce: the verified one waits, so that W&B is restarted once, and goes on alone when the time is over."""
    here = at(env=OTHERS, rollout={"maxWait": "5m"})
    here.bucket("hangs", verified=False)
    here.team("hangs")
    attach(here, "quick")
    again = here.look().after
    assert here.condition("Configured")["reason"] == "WaitingForBuckets"
    assert "spec.rollout.maxWait" in here.condition("Configured")["message"]
    assert again is not None
    assert again < timedelta(minutes=5)
    assert here.secrets() == {}
    here.ahead += timedelta(minutes=5)
    here.settle()
    assert here.entries() == [address("quick")]
    assert set(here.stand_in.revisions().values()) == {2}


def test_rollouts_keep_their_distance(at: At) -> None:
    here = running(at, rollout={"minimumInterval": "1h", "maxWait": "0s"})
    attach(here, "two")
    here.look()
    assert here.condition("Configured")["reason"] == "WaitingForBuckets"
    assert "spec.rollout.minimumInterval" in here.condition("Configured")["message"]
    here.ahead += timedelta(hours=1)
    here.settle("Configured")
    here.settle()
    assert here.entries() == [address("one"), address("two")]


def test_a_maintenance_window_is_kept_in_its_time_zone(at: At) -> None:
    """The schedule is in Tokyo's time, the message in UTC; nothing is written before it opens."""
    opens = datetime.now(UTC) + timedelta(hours=3)
    there = opens.astimezone(ZoneInfo("Asia/Tokyo"))
    window = {"schedule": f"{there.minute} {there.hour} * * *", "duration": "1h", "timeZone": "Asia/Tokyo"}
    here = at(env=OTHERS, rollout={"windows": [window], "maxWait": "0s"})
    attach(here, "one")
    told = here.settle("Configured", "False", reason="WaitingForWindow")
    assert f"{opens:%H:%M}:00Z" in told["message"]
    assert not has_ours(here.stand_in)
    assert here.secrets() == {}
    here.ahead += timedelta(hours=3)
    here.settle("Configured")
    here.settle()
    assert here.entries() == [address("one")]


def test_a_rollout_that_takes_longer_than_its_timeout_goes_back(at: At) -> None:
    """Pods that never become ready are no crash: our own clock judges, and what was not there before is not there afterwards."""
    here = at(env=OTHERS, rollout={"timeout": "5m"})
    with here.cluster.fail_pods(Failure.HANG, new_pods(here)):
        attach(here, "one")
        here.settle("RolledOut", "Unknown", reason="RolloutInProgress")
        here.ahead += timedelta(minutes=6)
        here.settle("Configured", "False", reason="RolledBack")
    here.settle("RolledOut")
    here.stand_in.wait_available()
    assert not has_ours(here.stand_in)
    assert "spec.rollout.timeout" in here.status()["failed"]["message"]


def test_a_crash_goes_back_and_is_tried_again_when_asked(at: At) -> None:
    """The pods of the last good configuration serve on, the failure is on record, and nothing is repeated by itself."""
    here = running(at)
    (good,) = here.secrets()
    with here.cluster.fail_pods(Failure.CRASH, new_pods(here)):
        attach(here, "two")
        here.settle("Configured", "False", reason="RolledBack")
        assert here.stand_in.ready_pods() >= 4
        here.settle("RolledOut")
        here.stand_in.wait_available()
        assert here.status()["secretName"] == here.status()["lastGoodSecretName"] == good
        assert "CrashLoopBackOff" in here.status()["failed"]["message"]
        assert here.condition("Stalled")["status"] == "True"
        assert [entry["bucketStoreRef"]["name"] for entry in here.status()["entries"]] == ["one"]
        revisions, since = here.stand_in.revisions(), here.cluster.audit_position()
        for _ in range(3):
            here.ahead += timedelta(hours=1)
            here.look()
        assert here.writes(since) == []
        assert here.stand_in.revisions() == revisions
    here.cluster.patch(here.path, ASKED)
    here.settle("Ready")
    here.stand_in.wait_available()
    assert here.entries() == [address("one"), address("two")]
    assert "failed" not in here.status()


def test_paused_writes_nothing(at: At) -> None:
    here = running(at)
    attach(here, "two")
    here.cluster.patch(here.path, {"metadata": {"annotations": {"byob.wandb.com/paused": "true"}}})
    since = here.cluster.audit_position()
    here.ahead += timedelta(minutes=10)
    here.look()
    assert here.writes(since) == []
    here.cluster.patch(here.path, {"metadata": {"annotations": {"byob.wandb.com/paused": None}}})
    here.settle("Configured")
    here.settle()
    assert here.entries() == [address("one"), address("two")]


def test_old_secrets_go_when_nothing_names_them_and_the_last_good_one_stays(at: At) -> None:
    """An old ReplicaSet keeps its Secret, so that a person can go back; while a rollout fails, the last good one stays too."""
    here = running(at)
    (first,) = here.secrets()
    attach(here, "two")
    here.settle("Configured")
    here.settle()
    here.look()
    second = here.status()["secretName"]
    assert set(here.secrets()) == {first, second}, "old ReplicaSets still name it"
    _keep_no_old_replica_sets(here)
    here.look()
    assert set(here.secrets()) == {second}
    with here.cluster.fail_pods(Failure.CRASH, new_pods(here)):
        attach(here, "three")
        here.settle("RolledOut", "False", reason="RolloutFailed")
        assert second in here.secrets()
        here.settle("Configured", "False", reason="RolledBack")
        here.settle("RolledOut")
        here.stand_in.wait_available()
        here.look()
        assert second in here.secrets()
    assert here.status()["lastGoodSecretName"] == second


def _keep_no_old_replica_sets(here: InstanceWorld) -> None:
    root = f"/apis/apps/v1/namespaces/{here.namespace}"
    for body in here.stand_in.deployments():
        here.cluster.patch(f"{root}/deployments/{body['metadata']['name']}", {"spec": {"revisionHistoryLimit": 0}})
    sets = f"{root}/replicasets"
    wait_for(lambda: len(here.cluster.get(sets)["items"]) == 2, timeout=30, what="old ReplicaSets are gone")
