"""Two WandbInstances on the same workloads, as a copy that somebody forgot to remove makes them."""

from collections.abc import Callable

from cluster.instance_world import InstanceWorld, address
from testbed import wandb

Made = Callable[..., InstanceWorld]


def test_a_second_instance_on_the_same_workloads_gives_way_and_takes_over_when_the_first_is_gone(made: Made) -> None:
    """Both would write the variable, each with the other's old keys, and restart W&B for ever once a key is rotated."""
    here = made(rollout={"maxWait": "0s"})
    second = wandb.instance(here.namespace, rollout={"maxWait": "0s"})
    second["metadata"]["name"] = "second"
    here.bucket("one", instanceRef={"name": "wandb"})
    here.team("one")
    here.settle()
    here.apply(second)
    here.bucket("two", instanceRef={"name": "second"})
    here.team("two")
    here.look("second")
    told = {each["type"]: each for each in here.get("WandbInstance", "second")["status"]["conditions"]}
    assert told["Stalled"]["reason"] == "TargetConflict"
    assert "WandbInstance wandb" in told["Stalled"]["message"]
    assert here.entries() == [address("one")]

    here.cluster.delete(here.path)
    here.look("second")
    here.stand_in.wait_available()
    assert here.entries() == [address("one"), address("two")], "what was there is kept"
