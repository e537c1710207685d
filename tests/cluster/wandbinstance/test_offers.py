"""A cloud that W&B may not offer for a new team, since a container of its own mind, or a workload outside of the target, lacks it."""

from collections.abc import Callable
from typing import Any

from cluster.instance_world import InstanceWorld
from cluster.scenario import condition_of
from testbed.wandb import VARIABLE, workload
from testbed.wandb_operator import Operated

STRATEGIC = "application/strategic-merge-patch+json"


def containers(*env: dict[str, Any]) -> dict[str, Any]:
    """A patch that gives a Deployment one more container, with these variables."""
    extra = {"name": "extra", "image": "example.com/wandb:0.85.0", "env": list(env)}
    return {"spec": {"template": {"spec": {"containers": [extra]}}}}


def test_a_container_and_a_workload_that_are_left_out(made: Callable[..., InstanceWorld]) -> None:
    """W&B is rolled out and Ready all the same; the team is told, too. What is put right is told no more."""
    target = {"workloads": {"names": ["wandb-app", "wandb-api"], "containers": ["app", "api"]}}
    here = made(target=target)
    literal = {"name": VARIABLE, "value": "gs://kept"}
    here.cluster.patch(here.deployment_path("app"), containers(literal), content_type=STRATEGIC)
    here.apply(workload("parquet", env=[literal]))
    here.stand_in.wait_available()
    here.bucket("one")
    here.team("one")
    message = here.settle("RolledOut")["message"]
    assert 'W&B may not offer AWS (BucketStore one) on its page "Create a new team"' in message
    assert "container extra of Deployment wandb-app (a plain value)" in message
    assert "container parquet of Deployment wandb-parquet (a plain value)" in message
    assert "spec.target.workloads.containers" in message
    assert "outside of spec.target" in message
    assert here.status()["notOffered"] == ["AWS"]
    assert here.condition("Ready")["status"] == "True"
    here.look_at_team("one")
    told = condition_of(here.get("TeamStorage", "one"), "RolledOut")
    assert told["status"] == "True"
    assert "may all the same not offer AWS" in told["message"]

    here.cluster.patch(
        here.deployment_path("app"), containers({"name": VARIABLE, "$patch": "delete"}), content_type=STRATEGIC
    )
    here.cluster.delete(here.deployment_path("parquet"))
    here.cluster.wait(here.deployment_path("parquet"), lambda found: found is None, timeout=30, what="it is gone")
    here.stand_in.wait_available()
    assert "not offer" not in here.settle("RolledOut")["message"]
    assert "notOffered" not in here.status()
    mark = here.cluster.audit_position()
    here.look()
    assert here.writes(mark) == []


def test_a_value_of_a_component_that_wins(operated: Callable[..., InstanceWorld]) -> None:
    """Somebody has set one of the application's own since: what it hides is told beside that it is in the way."""
    here = operated()
    here.bucket("one")
    here.team("one")
    here.settle("RolledOut")
    assert "notOffered" not in here.status()
    stand_in = here.stand_in
    assert isinstance(stand_in, Operated)
    own = {"name": VARIABLE, "value": "gs://mine"}
    v1 = {"values": {"app": {"env": {VARIABLE: own["value"]}}}}
    stand_in.edit(v1 if stand_in.version == "v1" else {"wandb": {"legacyOverrides": {"app": {"env": [own]}}}})
    stand_in.rounds_pass(2)
    stand_in.wait_available()
    here.settle("Configured", "False", reason="LevelWins")
    name = "wandb-app" if stand_in.version == "v1" else "app"
    message = here.condition("RolledOut")["message"]
    assert 'W&B may not offer AWS (BucketStore one) on its page "Create a new team"' in message
    assert f"container app of Deployment {name} (a plain value)" in message
    assert "Take GORILLA_SUPPORTED_FILE_STORES out where it is set for one component alone" in message
    assert here.status()["notOffered"] == ["AWS"]
