"""CoreWeave from `kubectl apply` to the variable in W&B's running pods: with keys of one's own, and with W&B's."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from cluster.scenario import Scenario, wait_rest
from testbed.coreweave import CoreWeave
from wandb_byob.decide.requirements import KEYLESS_KEYS, KEYLESS_SECRET

KEYLESS = {"source": "Ambient"}
FROM_SECRET = [
    {"name": key, "valueFrom": {"secretKeyRef": {"name": KEYLESS_SECRET, "key": key, "optional": True}}}
    for key in KEYLESS_KEYS
]
"""What W&B's chart 0.33.14 and newer gives its pods."""


@pytest.fixture
def scenario(scenario_in: Callable[..., Scenario], coreweave: CoreWeave) -> Scenario:
    """A self-managed W&B, whose operator's administrator says where CoreWeave is."""
    where = {"coreWeave": coreweave.endpoint, "caFile": str(coreweave.authority)}
    found = scenario_in(values={"cloudEndpoints": where}, wandbOrgID="acme", chartVersion="0.43.8")
    found.apply(found.keys("coreweave-keys", coreweave.store.keys))
    return found


def test_with_keys(scenario: Scenario, coreweave: CoreWeave) -> None:
    """The bucket is made, W&B's user is let in for one organization, and W&B gets its address and the shared one."""
    credentials = {"secretRef": {"name": "coreweave-keys"}}
    scenario.apply(scenario.coreweave_store("data", credentials=credentials), scenario.team("ml", "data", path="ml"))
    scenario.wait_ready("TeamStorage", "ml")

    bucket, keys = f"{scenario.namespace}-data", coreweave.store.keys
    secret = f"{quote(keys.access_key, safe='')}:{quote(keys.secret_key, safe='')}"
    assert scenario.entries() == [f"cw://{secret}@cwobject.com/{bucket}?tls=true", "cw://"]
    client = coreweave.client()
    assert "wandb:OrgID" in client.get_bucket_policy(Bucket=bucket)["Policy"]
    assert client.list_object_versions(Bucket=bucket).get("Versions", []) == [], "the probe left something behind"
    client.close()
    steps = {step["field"]: step["value"] for step in scenario.get("TeamStorage", "ml")["status"]["form"]}
    assert "W&B support" in steps["Before you start"]
    assert (steps["Cloud provider"], steps["Bucket name"]) == ("CoreWeave", bucket)
    odd = {name: check["result"] for name, check in scenario.checks("data").items()}
    # The stand-in's certificate is a private authority's, and its store lacks the other three.
    assert odd == {"Trust": "Warning", **dict.fromkeys(("Encryption", "PublicAccess", "Lifecycle"), "Skipped")}


def test_without_keys(scenario: Scenario) -> None:
    """W&B's own keys are looked for before W&B is told; then `cw://` is all that it is told, once for any number of teams."""
    scenario.wandb.deploy(env=FROM_SECRET)
    before = scenario.wandb.revisions()
    scenario.apply(scenario.coreweave_store("data", credentials=KEYLESS), scenario.team("ml", "data"))
    condition = scenario.wait_condition("BucketStore", "data", "Configured", "False", reason="ChecksFailed")
    for words in ("Check KeylessSecret", KEYLESS_SECRET, "W&B support"):
        assert words in condition["message"]
    failed = {name for name, check in scenario.checks("data").items() if check["result"] == "Failed"}
    assert failed == {"KeylessSecret"}
    assert scenario.wandb.revisions() == before, "a bucket that W&B cannot reach restarts nothing"

    scenario.apply(_w_and_bs_keys())
    scenario.wait_ready("TeamStorage", "ml")
    assert scenario.entries() == ["cw://"]
    assert scenario.get("TeamStorage", "ml")["status"]["address"] == "cw://"
    assert scenario.condition("BucketStore", "data", "DataPathVerified")["reason"] == "NotProvableFromHere"
    after = scenario.wandb.revisions()
    assert after == {name: count + 1 for name, count in before.items()}

    scenario.apply(scenario.coreweave_store("more", credentials=KEYLESS), scenario.team("speech", "more"))
    scenario.wait_ready("TeamStorage", "speech")
    assert scenario.wandb.revisions() == after, "the second team needs no rollout"

    _remove(scenario, "ml")
    wait_rest(scenario)
    assert scenario.entries() == ["cw://"], "the other team needs it"
    _remove(scenario, "speech")
    scenario.wandb.wait_available()
    assert scenario.entries() == []


def _w_and_bs_keys() -> dict[str, Any]:
    metadata = {"name": KEYLESS_SECRET, "labels": {"byob.wandb.com/watch": "true"}}
    data = dict.fromkeys(KEYLESS_KEYS, "from-wandb-support")
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def _remove(scenario: Scenario, team: str) -> None:
    path = scenario.path("TeamStorage", team)
    scenario.cluster.patch(path, {"metadata": {"annotations": {"byob.wandb.com/confirm-delete": team}}})
    scenario.cluster.delete(path)
    scenario.cluster.wait(path, lambda found: found is None, timeout=90, what=f"TeamStorage {team} is gone")
