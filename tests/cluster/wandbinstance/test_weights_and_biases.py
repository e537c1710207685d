"""W&B run by its own operator, v1 and v2: the bucket enters through its object, and nothing of anybody else's is lost on the way."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from cluster.instance_world import InstanceWorld, address
from testbed.stages import Failure, PodSelector
from testbed.wandb import VARIABLE
from testbed.wandb_operator import Operated, Version

OTHERS = [{"name": "FIRST", "value": "1"}, {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "token", "optional": True}}}]  # fmt: skip


def spec(version: Version, *env: Mapping[str, Any]) -> dict[str, Any]:
    """A specification with these variables for all components, besides other things."""
    if version == "v2":
        return {"wandb": {"hostname": "https://x", "legacyOverrides": {"global": {"env": list(env)}}}}
    listed = {each["name"]: {k: v for k, v in each.items() if k != "name"} for each in env}
    return {"chart": {"version": "0.43.8"}, "values": {"global": {"host": "https://x", "env": listed}, "app": {"size": 1}}}  # fmt: skip


def without_ours(body: Any, version: Version) -> Any:
    """The specification as others have written it."""
    found = body["spec"]
    if version == "v2":
        env = found["wandb"]["legacyOverrides"]["global"]["env"]
        env[:] = [each for each in env if each["name"] != VARIABLE]
    else:
        found["values"]["global"].get("env", {}).pop(VARIABLE, None)
    return found


def stand_in(here: InstanceWorld) -> Operated:
    assert isinstance(here.stand_in, Operated)
    return here.stand_in


def attach(here: InstanceWorld, name: str) -> None:
    here.bucket(name)
    here.team(name)


def test_a_bucket_enters_by_one_rollout_and_all_else_stays(
    operated: Callable[..., InstanceWorld], stored_as: Version
) -> None:
    """Every Deployment that reads files gets the reference; the others' variables are byte for byte as before, in their order."""
    here = operated(spec(stored_as, *OTHERS))
    before = stand_in(here).body()["spec"]
    attach(here, "one")
    here.settle()
    assert here.condition("Ready")["status"] == "True"
    assert here.entries() == [address("one")]
    assert set(here.stand_in.revisions().values()) == {2}
    assert without_ours(stand_in(here).body(), stored_as) == before
    (told,) = here.status()["workloads"]
    assert (told["kind"], told["name"], told["state"]) == ("WeightsAndBiases", "wandb", "Current")
    assert here.status()["version"] == "0.85.0"
    mark = here.cluster.audit_position()
    here.look()
    assert here.writes(mark) == []


def test_a_failed_rollout_goes_back_by_itself(operated: Callable[..., InstanceWorld], stored_as: Version) -> None:
    """The object is as it was before, and so are the Deployments."""
    here = operated(spec(stored_as, *OTHERS))
    before = stand_in(here).body()["spec"]
    attach(here, "one")
    with here.cluster.fail_pods(Failure.CRASH, PodSelector(namespace=here.namespace, other_secrets=[""])):
        here.settle("RolledOut", "False", reason="RolloutFailed")
        assert "Deployment" in here.condition("RolledOut")["message"]
        here.settle("Configured", "False", reason="RolledBack")
        here.settle("RolledOut", "True")
    assert stand_in(here).body()["spec"] == before
    assert here.stand_in.variable() == {None}


def test_an_operator_that_stopped_without_a_word_is_found_out(
    operated: Callable[..., InstanceWorld], stored_as: Version
) -> None:
    """Its status goes on saying that all is well; what counts is that no Deployment got the variable."""
    here = operated(spec(stored_as), rollout={"timeout": "5m"})
    stand_in(here).stopped = True
    attach(here, "one")
    here.settle("RolledOut", "Unknown", reason="RolloutInProgress")
    here.ahead += timedelta(minutes=6)
    told = here.settle("RolledOut", "False", reason="RolloutFailed")
    assert "W&B's operator has not given it to Deployment" in told["message"]
    assert "look at the log of W&B's operator" in told["message"]


def test_a_fighting_owner_gets_two_writes_and_is_named(
    operated: Callable[..., InstanceWorld], stored_as: Version
) -> None:
    """Put back once; set back again it is left alone, with who does it and how to make peace."""
    here = operated(spec(stored_as, *OTHERS))
    attach(here, "one")
    here.settle()

    def take_out(number: int) -> dict[str, Any]:
        if stored_as == "v2":
            return spec(stored_as, *OTHERS, {"name": "SYNC", "value": str(number)})
        return {"values": {"global": {"env": {VARIABLE: None, "SYNC": str(number)}}}}

    mark = here.cluster.audit_position()
    stand_in(here).edit(take_out(1), manager="argocd-controller")
    here.settle()
    assert here.entries() == [address("one")]
    stand_in(here).edit(take_out(2), manager="argocd-controller")
    told = here.settle("Configured", "False", reason="TargetReverted")
    assert "argocd-controller" in told["message"]
    assert "ignoreDifferences" in told["message"]
    for _ in range(5):
        here.ahead += timedelta(hours=9)
        here.look()
    patched = [write for write in here.writes(mark) if "weightsandbiases" in " ".join(map(str, write))]
    assert len(patched) == 1
    assert here.condition("Stalled")["status"] == "True"


def test_an_object_that_is_not_there_is_told(operated: Callable[..., InstanceWorld]) -> None:
    here = operated()
    here.cluster.patch(here.path, {"spec": {"target": {"weightsAndBiases": {"name": "other"}}}})
    told = here.settle("Configured", "False", reason="TargetNotFound")
    assert "WeightsAndBiases other" in told["message"]
