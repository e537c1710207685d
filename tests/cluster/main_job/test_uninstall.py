"""The operator goes away in any order, and W&B keeps its configuration."""

import pytest

from cluster.scenario import Scenario, address
from testbed.object_store import Store
from testbed.processes import TestbedError, wait_for


def test_uninstall_and_then_the_namespace_goes(scenario: Scenario, versitygw: Store) -> None:
    """After `helm uninstall` W&B runs on with its configuration and the bucket; then the namespace can be deleted."""
    bucket = _ready(scenario, versitygw)

    scenario.installation.uninstall()
    wait_for(lambda: not scenario.installation.pods(), timeout=30, what="the operator's pods are gone")

    assert scenario.entries() == [address(versitygw, bucket)]
    assert scenario.wandb.settled()
    for kind, name in (("BucketStore", "data"), ("TeamStorage", "data"), ("WandbInstance", "wandb")):
        assert not scenario.get(kind, name)["metadata"].get("finalizers"), f"{kind} is held by nobody"
    _delete_namespace(scenario)
    _assert_bucket(versitygw, bucket)


def test_the_namespace_goes_first_and_then_the_uninstall(scenario: Scenario, versitygw: Store) -> None:
    """`kubectl delete namespace` ends although our objects have finalizers, with the operator inside of it; so does `helm uninstall` after it."""
    bucket = _ready(scenario, versitygw)

    _delete_namespace(scenario)
    with pytest.raises(TestbedError, match="not found"):
        scenario.installation.uninstall()
    _assert_bucket(versitygw, bucket)


def _ready(scenario: Scenario, store: Store) -> str:
    scenario.apply(
        scenario.keys(f"{store.name}-keys", store.keys), scenario.bucket_store("data", store), scenario.team("data")
    )
    scenario.wait_ready("TeamStorage", "data")
    return f"{scenario.namespace}-data"


def _delete_namespace(scenario: Scenario) -> None:
    path = f"/api/v1/namespaces/{scenario.namespace}"
    scenario.cluster.delete(path)
    scenario.cluster.wait(path, lambda found: found is None, timeout=90, what="the namespace is gone")


def _assert_bucket(store: Store, bucket: str) -> None:
    client = store.client()
    assert client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200
    client.close()
