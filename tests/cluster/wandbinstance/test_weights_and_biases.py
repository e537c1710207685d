"""W&B run by its own operator, v1 and v2: the bucket enters through its object, and nothing of anybody else's is lost on the way."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from cluster.instance_world import InstanceWorld, address
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


def test_an_object_that_is_not_there_is_told(operated: Callable[..., InstanceWorld]) -> None:
    here = operated()
    here.cluster.patch(here.path, {"spec": {"target": {"weightsAndBiases": {"name": "other"}}}})
    told = here.settle("Configured", "False", reason="TargetNotFound")
    assert "WeightsAndBiases other" in told["message"]


def test_its_workloads_are_no_target(operated: Callable[..., InstanceWorld], stored_as: Version) -> None:
    """W&B's operator makes them anew: its object is what to name, and nothing is written meanwhile."""
    here = operated(spec(stored_as))
    selector = {"matchLabels": {"app.kubernetes.io/instance": stand_in(here).instance}}
    here.cluster.patch(here.path, {"spec": {"target": {"weightsAndBiases": None, "workloads": {"selector": selector}}}})
    attach(here, "one")
    told = here.settle("Configured", "False", reason="TargetManaged")
    assert "spec.target.weightsAndBiases" in told["message"]
    assert here.secrets() == {}
    here.cluster.patch(here.path, {"spec": {"target": {"weightsAndBiases": {"name": "wandb"}, "workloads": None}}})
    here.settle("Configured")
    here.settle()
    assert here.entries() == [address("one")]
