"""Two replicas that look after every namespace: the leader dies in the middle of a rollout, and the standby ends it."""

import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from cluster.scenario import API, Scenario, address, condition_of, wait_rest
from testbed.operator import samples
from testbed.processes import wait_for
from testbed.stores import VersityGW

_OURS = "byob.wandb.com/instance"


def test_the_standby_ends_what_the_leader_began_in_whatever_namespace(
    scenario_in: Callable[..., Scenario], versitygw: VersityGW
) -> None:
    """One Secret, one rollout, two writes to each object, although two processes worked one after the other."""
    scenario = scenario_in(
        values={"replicas": 2, "allNamespaces": True},
        allowedNamespaces={"from": "All"},
        rollout={"minimumInterval": "0s"},
    )
    wait_for(lambda: _ready(scenario) == 2, timeout=30, what="leader and standby are ready")
    assert len(_leaders(scenario)) == 1
    tenant = scenario.cluster.create_namespace(f"tenant-{uuid.uuid4().hex[:6]}")
    revisions, since = scenario.wandb.revisions(), scenario.cluster.audit_position()

    scenario.cluster.apply(
        [
            scenario.keys("versitygw-keys", versitygw.keys),
            _elsewhere(scenario.bucket_store("data", versitygw, instanceRef=_wandb(scenario)), tenant),
            _elsewhere(scenario.team("data"), tenant),
        ],
        namespace=tenant,
    )
    wait_for(lambda: bool(_secrets(scenario)), timeout=60, what="the rollout has begun")
    with scenario.installation.kubelet.not_restarting():
        (leader,) = _leaders(scenario)
        leader.process.kill()
        wait_for(lambda: bool(scenario.installation.metrics()), timeout=40, what="the standby has taken over")
    path = f"{API}/namespaces/{tenant}/teamstorages/data"
    scenario.cluster.wait(path, lambda team: condition_of(team, "Ready").get("status") == "True", timeout=60)
    wait_rest(scenario)

    assert scenario.entries() == [address(versitygw, f"{scenario.namespace}-data")]
    assert scenario.wandb.revisions() == {name: revision + 1 for name, revision in revisions.items()}
    assert len(_secrets(scenario)) == 1
    made = Counter((event.verb, event.resource, event.name) for event in scenario.writes(since))
    assert sum(count for (verb, resource, _), count in made.items() if (verb, resource) == ("create", "secrets")) <= 1
    for name in revisions:
        assert made["patch", "deployments.apps", name] <= 1, made
    assert made["patch", "bucketstores.byob.wandb.com", "data"] == 2, made
    _let_go(scenario, tenant)


def _wandb(scenario: Scenario) -> dict[str, str]:
    return {"name": "wandb", "namespace": scenario.namespace}


def _elsewhere(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    return manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}}


def _ready(scenario: Scenario) -> int:
    path = f"/apis/apps/v1/namespaces/{scenario.namespace}/deployments/byob-wandb-byob"
    return int(scenario.cluster.get(path)["status"].get("readyReplicas", 0))


def _leaders(scenario: Scenario) -> list[Any]:
    return [pod for pod in scenario.installation.pods() if samples(pod.metrics_port).get("byob_leader") == 1]


def _secrets(scenario: Scenario) -> list[Any]:
    found = scenario.cluster.get(f"/api/v1/namespaces/{scenario.namespace}/secrets?labelSelector={_OURS}")
    items: list[Any] = found["items"]
    return items


def _let_go(scenario: Scenario, namespace: str) -> None:
    """With rights everywhere the operator lets a namespace end."""
    path = f"/api/v1/namespaces/{namespace}"
    scenario.cluster.delete(path)
    scenario.cluster.wait(path, lambda found: found is None, timeout=60, what="the tenant's namespace is gone")
