"""Google Cloud Storage: from `kubectl apply` to the address in W&B's running pods."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from cluster.scenario import Scenario
from testbed.gcs import GoogleCloud
from testbed.google_accounts import PROJECT, Account


def _key(name: str, account: Account) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"byob.wandb.com/watch": "true"}},
        "stringData": {"serviceAccount.json": account.key_file()},
    }


def _store(scenario: Scenario, name: str, **spec: Any) -> dict[str, Any]:
    block = {"bucket": f"{scenario.namespace}-{name}", "projectID": PROJECT, "location": "EU"}
    body = scenario.team(name)
    body |= {"kind": "BucketStore", "spec": {"provider": "GCS", "gcs": block, **spec}}
    return body


def test_one_apply_makes_a_verified_bucket_that_wandb_reads(
    scenario_in: Callable[..., Scenario], gcs: GoogleCloud
) -> None:
    """The bucket is made with one key and tried with W&B's; every pod has W&B's, and nobody has the other."""
    scenario = scenario_in(values={"cloudEndpoints": {"gcs": gcs.endpoint}})
    bucket = f"{scenario.namespace}-data"

    scenario.apply(
        _key("wandb-key", gcs.wandb),
        _key("admin-key", gcs.admin),
        _store(
            scenario,
            "data",
            credentials={"secretRef": {"name": "wandb-key"}},
            provisioning={"secretRef": {"name": "admin-key"}},
        ),
        scenario.team("ml-research", "data", path="teams/ml-research"),
    )
    scenario.wait_ready("TeamStorage", "ml-research")

    scenario.wandb.wait_available()
    pem = json.loads(gcs.wandb.key_file())["private_key"]
    assert scenario.entries() == [f"gs://{quote(gcs.wandb.email, safe='')}:{quote(pem, safe='')}@{bucket}"]
    assert scenario.checks("data") == {}
    made = gcs.buckets.resource(bucket)
    assert made is not None
    assert (made["location"], made["versioning"]) == ("EU", {"enabled": True})
    assert gcs.buckets.contents(bucket) == [], "the probe left something behind"
    for kind, name in (("BucketStore", "data"), ("WandbInstance", "wandb"), ("TeamStorage", "ml-research")):
        assert scenario.condition(kind, name, "Ready")["status"] == "True"
    shown = scenario.get("BucketStore", "data")["status"]["bucket"]
    assert (shown["identity"], shown["owner"], shown["created"]) == (f"gs://{bucket}", "424242", True)
