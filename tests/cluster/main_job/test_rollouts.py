"""How W&B is rolled out: once for many teams, never for a broken bucket, and back by itself when it fails."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.scenario import Scenario, address, wait_rest
from testbed.object_store import Keys
from testbed.stages import Failure, PodSelector
from testbed.stores import VersityGW
from testbed.wandb import COMPONENTS

_TEAMS = [f"team-{number:02}" for number in range(20)]


def test_twenty_teams_are_one_rollout_and_a_broken_one_is_none(scenario: Scenario, versitygw: VersityGW) -> None:
    """Twenty TeamStorages applied at once restart W&B once; a twenty-first with a wrong key restarts nothing and says why."""
    before = scenario.wandb.revisions()
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        *(scenario.bucket_store(name, versitygw) for name in _TEAMS),
        *(scenario.team(name) for name in _TEAMS),
    )
    scenario.wait_ready("TeamStorage", *_TEAMS, timeout=180)

    assert scenario.wandb.revisions() == {name: revision + 1 for name, revision in before.items()}
    assert sorted(scenario.entries()) == sorted(address(versitygw, f"{scenario.namespace}-{name}") for name in _TEAMS)

    scenario.apply(
        scenario.keys("wrong-keys", Keys(versitygw.keys.access_key, "not-the-secret-of-this-key")),
        scenario.bucket_store("broken", versitygw, secret="wrong-keys"),
        scenario.team("broken"),
    )
    told = scenario.wait_condition("TeamStorage", "broken", "BucketReady", "False")
    store = scenario.wait_condition("BucketStore", "broken", "Ready", "False")
    wait_rest(scenario)

    assert scenario.wandb.revisions() == {name: revision + 1 for name, revision in before.items()}
    assert "Check Credentials" in store["message"], store
    assert "Check Credentials" in told["message"], told
    assert "Put both keys into the Secret" in told["message"], told
    assert scenario.checks("broken")["Credentials"]["result"] == "Failed"
    assert "not-the-secret-of-this-key" not in str(scenario.get("BucketStore", "broken"))


def test_a_failed_rollout_goes_back_by_itself_while_the_pods_keep_serving(
    scenario: Scenario, versitygw: VersityGW
) -> None:
    """New pods that crash are taken away, the last good configuration returns, and at no time are fewer pods ready than the strategy allows."""
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys), scenario.bucket_store("good", versitygw), scenario.team("good")
    )
    scenario.wait_ready("TeamStorage", "good")
    good, secrets = scenario.entries(), scenario.wandb.secret_names()

    failing = PodSelector(namespace=scenario.namespace, other_secrets=[name for name in secrets if name])
    with scenario.cluster.fail_pods(Failure.CRASH, failing), _lowest(scenario) as lowest:
        scenario.apply(scenario.bucket_store("next", versitygw), scenario.team("next"))
        told = scenario.wait_condition("WandbInstance", "wandb", "Configured", "False", reason="RolledBack")
        scenario.wandb.wait_available()
        assert scenario.entries() == good
        assert scenario.wandb.secret_names() == secrets
        revisions = scenario.wandb.revisions()
        team = scenario.wait_condition("TeamStorage", "next", "Ready", "False")
        wait_rest(scenario)

    assert lowest[0] >= 2 * len(COMPONENTS), f"only {lowest[0]} pods were ready at some time"
    assert "CrashLoopBackOff" in told["message"], told
    assert team["status"] == "False"
    assert scenario.wandb.revisions() == revisions, "the failed configuration was tried again by itself"
    assert scenario.condition("TeamStorage", "good", "Ready")["status"] == "True"

    scenario.cluster.patch(
        scenario.path("WandbInstance", "wandb"),
        {"metadata": {"annotations": {"byob.wandb.com/reconcile-requested-at": "now"}}},
    )
    scenario.wait_ready("TeamStorage", "next")
    assert len(scenario.entries()) == 2


@contextmanager
def _lowest(scenario: Scenario) -> Iterator[list[int]]:
    """The smallest number of ready pods seen within the block."""
    seen = [scenario.wandb.ready_pods()]
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen[0] = min(seen[0], scenario.wandb.ready_pods())
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
