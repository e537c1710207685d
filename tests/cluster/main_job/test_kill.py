"""SIGKILL at every write: the end is the same as without, and nothing is doubled."""

from collections.abc import Callable
from typing import Any

import pytest

from cluster.scenario import Scenario, address, wait_rest
from testbed.object_store import Store
from testbed.processes import wait_for
from testbed.proxy import Fault, FaultyProxy
from testbed.wandb import VARIABLE

pytestmark = pytest.mark.long

_SLOW = Fault(method="PUT|POST|DELETE", delay=0.3)


def test_killed_at_every_cloud_write(scenario: Scenario, moto: Store, faulty: Callable[[Store], FaultyProxy]) -> None:
    """The operator dies while each of its writes to the store is under way, one bucket a write; all buckets end alike."""
    proxy = faulty(moto)
    scenario.apply(scenario.keys("moto-keys", moto.keys), scenario.bucket_store("whole", moto, endpoint=proxy.endpoint))
    scenario.wait_ready("BucketStore", "whole")
    writes = len(_writes(proxy, f"{scenario.namespace}-whole"))
    assert writes >= 5
    whole = _state(moto, f"{scenario.namespace}-whole")

    proxy.add(_SLOW)
    for number in range(writes):
        name = f"killed-{number}"
        scenario.apply(scenario.bucket_store(name, moto, endpoint=proxy.endpoint))
        wait_for(
            lambda name=name, number=number: len(_writes(proxy, f"{scenario.namespace}-{name}")) >= number,  # type: ignore[misc]
            timeout=30,
            what=f"write {number} was answered",
        )
        scenario.installation.kill()
        scenario.wait_ready("BucketStore", name)
        state = _state(moto, f"{scenario.namespace}-{name}")
        assert _comparable(state, name) == _comparable(whole, "whole")
        assert scenario.get("BucketStore", name)["status"]["bucket"]["created"] is True


def test_killed_in_the_middle_of_a_rollout(scenario: Scenario, versitygw: Store) -> None:
    """The operator dies when its Secret is written, and again at each Deployment: one Secret, one rollout, the same variable."""
    before = scenario.wandb.revisions()
    since = scenario.cluster.audit_position()
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys), scenario.bucket_store("data", versitygw), scenario.team("data")
    )
    for patched in range(len(before) + 1):
        wait_for(
            lambda patched=patched: _secrets(scenario) and _patched(scenario) >= patched,  # type: ignore[misc]
            timeout=60,
            what=f"the Secret and {patched} Deployments are written",
            detail=lambda: scenario.installation.kubelet.logs()[-4000:],
        )
        scenario.installation.kill()
    scenario.wait_ready("TeamStorage", "data")
    wait_rest(scenario)

    assert scenario.entries() == [address(versitygw, f"{scenario.namespace}-data")]
    assert scenario.wandb.revisions() == {name: revision + 1 for name, revision in before.items()}
    assert len(_secrets(scenario)) == 1
    made = [event for event in scenario.writes(since) if event.resource == "secrets" and event.verb == "create"]
    assert len(made) <= 1, made


def _secrets(scenario: Scenario) -> list[str]:
    """The operator's Secrets for W&B."""
    path = f"/api/v1/namespaces/{scenario.namespace}/secrets?labelSelector=byob.wandb.com/instance"
    return [found["metadata"]["name"] for found in scenario.cluster.get(path)["items"]]


def _patched(scenario: Scenario) -> int:
    """How many of W&B's Deployments have the variable. (The audit log lacks a write whose client died before the answer.)"""
    containers = (each["spec"]["template"]["spec"]["containers"][0] for each in scenario.wandb.deployments())
    return sum(1 for container in containers if any(env["name"] == VARIABLE for env in container["env"]))


def _writes(proxy: FaultyProxy, bucket: str) -> list[Any]:
    found = proxy.requests(method="PUT|POST|DELETE", target=f"^/{bucket}([/?]|$)")
    return [request for request in found if "/.wandb-byob-probe" not in request.path]


def _state(store: Store, bucket: str) -> dict[str, Any]:
    client = store.client()
    try:
        return {
            "tags": sorted((tag["Key"], tag["Value"]) for tag in client.get_bucket_tagging(Bucket=bucket)["TagSet"]),
            "cors": client.get_bucket_cors(Bucket=bucket)["CORSRules"],
            "policy": client.get_bucket_policy(Bucket=bucket)["Policy"],
            "versioning": client.get_bucket_versioning(Bucket=bucket)["Status"],
            "encryption": client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
            "public": client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
            "objects": client.list_object_versions(Bucket=bucket).get("Versions", []),
        }
    finally:
        client.close()


def _comparable(state: dict[str, Any], name: str) -> dict[str, Any]:
    """The state without what names the one bucket: its name in the policy, and the owner's UID in the tag."""
    return state | {"policy": state["policy"].replace(f"-{name}", ""), "tags": [key for key, _ in state["tags"]]}
