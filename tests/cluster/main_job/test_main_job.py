"""From `kubectl apply` to the variable in W&B's running pods, on the real API server under the chart's own rights."""

from typing import Any

import pytest

from cluster.scenario import Scenario, address
from testbed.object_store import Store


@pytest.mark.parametrize("server", ["moto", "versitygw", "minio"])
def test_one_apply_makes_a_verified_bucket_that_wandb_reads(
    server: str, scenario: Scenario, request: pytest.FixtureRequest
) -> None:
    """A BucketStore and a TeamStorage become Ready, the bucket is really there, and every pod has its address."""
    store: Store = request.getfixturevalue(server)
    bucket = f"{scenario.namespace}-data"

    scenario.apply(
        scenario.keys(f"{server}-keys", store.keys),
        scenario.bucket_store("data", store),
        scenario.team("ml-research", "data", path="teams/ml-research"),
    )
    scenario.wait_ready("TeamStorage", "ml-research")

    scenario.wandb.wait_available()
    assert scenario.entries() == [address(store, bucket)]
    client = store.client()
    assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert client.list_object_versions(Bucket=bucket).get("Versions", []) == [], "the probe left something behind"
    client.close()
    for kind, name in (("BucketStore", "data"), ("WandbInstance", "wandb"), ("TeamStorage", "ml-research")):
        assert scenario.condition(kind, name, "Ready")["status"] == "True"
    _assert_no_unexplained(scenario, server)
    _assert_counted(scenario, "S3" if server == "moto" else "S3Compatible")


def _assert_counted(scenario: Scenario, provider: str) -> None:
    """Queue, looks, calls, checks, probes and rollouts are all in the metrics of the pod that leads."""
    samples, where = scenario.installation.metrics(), f'namespace="{scenario.namespace}"'
    for name in (
        'byob_workqueue_adds_total{lane="edit"}',
        'byob_workqueue_queue_duration_seconds_count{lane="edit"}',
        'byob_reconciles_total{kind="TeamStorage",result="ok"}',
        'byob_reconcile_duration_seconds_count{kind="BucketStore"}',
        f'byob_cloud_calls_total{{operation="PutObject",provider="{provider}",result="ok"}}',
        'byob_checks{check="PutObject",result="Passed"}',
        f'byob_last_probe_timestamp_seconds{{name="data",{where}}}',
        f'byob_rollouts_total{{name="wandb",{where},result="succeeded"}}',
    ):
        assert samples.get(name, 0) > 0, (name, sorted(samples))


def _assert_no_unexplained(scenario: Scenario, server: str) -> None:
    """What did not pass is what this server cannot do, and says so with a remedy or the server's own word."""
    odd: dict[str, Any] = scenario.checks("data")
    assert all(check["result"] in ("Skipped", "Warning") for check in odd.values()), odd
    expected = {
        "moto": set(),
        "versitygw": {"Encryption", "PublicAccess", "Lifecycle", "Policy"},
        "minio": {"CORS", "PublicAccess"},
    }
    assert expected[server] <= set(odd) or not expected[server], odd


def test_a_team_that_refers_to_nothing_is_told_what_is_missing(scenario: Scenario) -> None:
    """The condition names the field and the object that is not there, and W&B is left alone."""
    before = scenario.wandb.revisions()

    scenario.apply(scenario.team("lonely", "nowhere"))
    condition = scenario.wait_condition("TeamStorage", "lonely", "Accepted", "False")

    assert "nowhere" in condition["message"]
    assert scenario.wandb.revisions() == before
