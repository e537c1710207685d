"""Azure Blob Storage: from `kubectl apply` to the address in W&B's running pods, and on Dedicated Cloud to what W&B must be told."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from azure.storage.blob import BlobServiceClient

from cluster.scenario import Scenario
from testbed import entra
from testbed.entra import CLIENT, TENANT
from testbed.kubelet import Kubelet
from testbed.object_store import Keys
from testbed.pod_identities import azure_workload
from testbed.stores import Azurite, start_azurite

EXAMPLE = Path(__file__).parents[3] / "examples" / "azure.yaml"


def _values(azurite: Azurite) -> dict[str, Any]:
    return {"cloudEndpoints": {"azure": f"{azurite.endpoint}/{{account}}"}}


def _service(azurite: Azurite, account: Keys) -> BlobServiceClient:
    return BlobServiceClient(f"{azurite.endpoint}/{account.access_key}", credential=account.secret_key)


def _secret(name: str, account: Keys) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"byob.wandb.com/watch": "true"}},
        "stringData": {"accountKey": account.secret_key},
    }


def _store(scenario: Scenario, name: str, account: Keys) -> dict[str, Any]:
    reference = {"secretRef": {"name": "azure-key"}}
    block = {"storageAccount": account.access_key, "container": f"{scenario.namespace}-{name}"}
    spec = {"provider": "Azure", "azure": block, "credentials": reference, "provisioning": reference}
    return scenario.team(name) | {"kind": "BucketStore", "spec": spec}


def test_one_apply_makes_a_verified_container_that_wandb_reads(
    scenario_in: Callable[..., Scenario], azurite: Azurite
) -> None:
    """Two containers of one account become Ready with one CORS rule between them, and every pod has both addresses with the key."""
    scenario, account = scenario_in(values=_values(azurite)), azurite.account()
    scenario.apply(
        _secret("azure-key", account),
        *(_store(scenario, name, account) for name in ("data", "more")),
        scenario.team("ml-research", "data", path="teams/ml-research"),
        scenario.team("ml-more", "more"),
    )
    scenario.wait_ready("TeamStorage", "ml-research", "ml-more")
    scenario.wait_ready("WandbInstance", "wandb")

    scenario.wandb.wait_available()
    key = quote(account.secret_key, safe="")
    containers = {name: f"{scenario.namespace}-{name}" for name in ("data", "more")}
    assert sorted(scenario.entries()) == [
        f"az://:{key}@{account.access_key}/{container}" for container in sorted(containers.values())
    ]
    service = _service(azurite, account)
    (rule,) = service.get_service_properties()["cors"]
    assert rule.allowed_origins == scenario.get("WandbInstance", "wandb")["spec"]["host"]
    for name, container in containers.items():
        assert list(service.get_container_client(container).list_blobs()) == [], "the probe left something behind"
        assert scenario.checks(name).keys() == {"Versioning", "Lifecycle"}
        shown = scenario.get("BucketStore", name)["status"]["bucket"]
        assert (shown["identity"], shown["created"]) == (f"az://{account.access_key}/{container}", True)
    form = {step["field"]: step["value"] for step in scenario.get("TeamStorage", "ml-research")["status"]["form"]}
    assert (form["Account name"], form["Container name"]) == (account.access_key, containers["data"])
    assert account.secret_key not in scenario.installation.kubelet.logs()


def test_a_managed_identity_is_proved_by_a_job_under_wandbs_service_account(
    scenario_in: Callable[..., Scenario], kubelet: Kubelet, tmp_path: Path
) -> None:
    """W&B signs as a managed identity: a Job with W&B's label becomes it and proves the container; until Entra knows it, its word is told."""
    azurite = start_azurite(tmp_path / "azurite", tls=True)
    with ExitStack() as ends:
        ends.callback(azurite.stop)
        cloud = ends.enter_context(entra.running(tmp_path / "entra"))
        assert azurite.authority is not None
        authorities = tmp_path / "authorities.pem"
        authorities.write_text(azurite.authority.read_text() + cloud.authority.read_text())
        where = {"azure": f"{azurite.endpoint}/{{account}}", "caFile": str(authorities)}
        scenario, account = scenario_in(values={"cloudEndpoints": where}), azurite.account()
        pod = {"metadata": {"labels": {"azure.workload.identity/use": "true"}}}
        api = f"/apis/apps/v1/namespaces/{scenario.namespace}/deployments/wandb-api"
        patch = "application/strategic-merge-patch+json"
        scenario.cluster.patch(api, {"spec": {"template": pod}}, content_type=patch)
        webhook = ends.enter_context(
            azure_workload(scenario.cluster, cloud, tmp_path, namespace=scenario.namespace, client=CLIENT)
        )
        ends.enter_context(kubelet.putting(webhook))
        token = cloud.federated.pop(CLIENT)

        store = _store(scenario, "data", account)
        store["spec"]["azure"] |= {"tenantID": TENANT, "clientID": CLIENT}
        store["spec"] |= {"credentials": {"source": "Ambient"}, "verification": {"from": "Workload", "interval": "30s"}}
        scenario.apply(
            _secret("azure-key", account), store, scenario.team("ml-research", "data", path="teams/ml-research")
        )
        told = scenario.wait_condition("BucketStore", "data", "DataPathVerified", "False")
        assert "AADSTS700016" in told["message"]

        cloud.federated[CLIENT] = token
        scenario.wait_ready("TeamStorage", "ml-research")
        scenario.wandb.wait_available()
        container = f"{scenario.namespace}-data"
        assert scenario.entries() == [f"az://{account.access_key}/{container}"]
        told = scenario.condition("BucketStore", "data", "DataPathVerified")
        assert "Job under ServiceAccount default of Deployment/wandb-api" in told["message"]
        assert {form["client_id"] for form in cloud.asked} == {CLIENT}
        trusted = str(azurite.authority)
        url = f"{azurite.endpoint}/{account.access_key}"
        service = BlobServiceClient(url, credential=account.secret_key, connection_verify=trusted)
        assert list(service.get_container_client(container).list_blobs()) == [], "the probe left something behind"
        said = scenario.installation.kubelet.logs() + json.dumps(scenario.get("BucketStore", "data"))
        assert token not in said


def test_a_container_goes_with_its_bucketstore(scenario_in: Callable[..., Scenario], azurite: Azurite) -> None:
    """Where deletionPolicy says so, and it is empty; and the account's rule for browsers with the last container that needs it, also one that stays."""
    scenario, account = scenario_in(values=_values(azurite)), azurite.account()
    store = _store(scenario, "data", account)
    store["spec"]["deletionPolicy"] = "Delete"
    scenario.apply(_secret("azure-key", account), store, _store(scenario, "kept", account))
    scenario.wait_ready("BucketStore", "data", "kept")
    service, kept = _service(azurite, account), f"{scenario.namespace}-kept"
    _delete(scenario, "data")
    assert [each.name for each in service.list_containers()] == [kept]
    (rule,) = service.get_service_properties()["cors"]
    assert rule.allowed_origins == scenario.get("WandbInstance", "wandb")["spec"]["host"]
    _delete(scenario, "kept")
    assert [each.name for each in service.list_containers()] == [kept]
    assert service.get_service_properties()["cors"] == []


def _delete(scenario: Scenario, name: str) -> None:
    path = scenario.path("BucketStore", name)
    scenario.cluster.delete(path)
    scenario.cluster.wait(path, lambda found: found is None, what=f"BucketStore {name} is gone")


def test_the_example_on_dedicated_cloud(scenario_in: Callable[..., Scenario], azurite: Azurite) -> None:
    """examples/azure.yaml, but for account and key: the container is made, nothing of W&B is patched, and W&B's team is to be told, OIDC issuer and all."""
    scenario, account = scenario_in(values=_values(azurite)), azurite.account()
    before = scenario.wandb.revisions()
    objects = yaml.safe_load_all(
        EXAMPLE.read_text().replace("REPLACE-ME", account.secret_key).replace("acmewandb", account.access_key)
    )
    scenario.apply(*objects)

    scenario.wait_ready("BucketStore", "acme-azure")
    properties = _service(azurite, account).get_container_client("wandb-files").get_container_properties()
    assert properties.metadata["wandbbyobowner"] == scenario.get("BucketStore", "acme-azure")["metadata"]["uid"]
    proved = scenario.condition("BucketStore", "acme-azure", "DataPathVerified")
    assert (proved["status"], proved["reason"]) == ("Unknown", "NotProvableFromHere")

    asked = scenario.wait_condition("TeamStorage", "ml-audio", "Ready", "False", reason="ActionRequired")
    assert "Your W&B account team" in asked["message"]
    told = scenario.get("TeamStorage", "ml-audio")["status"]["handOver"]
    assert told["recipient"] == "Your W&B account team"
    for word in (f"az://{account.access_key}/wandb-files", "OIDC issuer URL", "11111111-2222-3333-4444-555555555555"):
        assert word in told["text"]
    annotations = {"metadata": {"annotations": {"byob.wandb.com/handed-over": "true"}}}
    scenario.cluster.patch(scenario.path("TeamStorage", "ml-audio"), annotations)
    scenario.wait_ready("TeamStorage", "ml-audio")
    assert scenario.wandb.revisions() == before
    assert account.secret_key not in json.dumps(scenario.get("TeamStorage", "ml-audio"))
