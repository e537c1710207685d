"""Google Cloud Storage: from `kubectl apply` to the address in W&B's running pods, with key files and with workload identity."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from cluster.scenario import Scenario
from testbed.gcs import GoogleCloud
from testbed.google_accounts import PROJECT, Account

FROM_WORKLOAD = {"from": "Workload"}
AMBIENT = {"source": "Ambient"}


@pytest.fixture
def google(gcs: GoogleCloud) -> Iterator[GoogleCloud]:
    """The stand-in; pods run as the account that may do everything in the project, until a test says otherwise."""
    yield gcs
    gcs.metadata.account = gcs.admin
    gcs.wandb.lacks.clear()


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
    scenario = scenario_in(values={"cloudEndpoints": gcs.endpoints})
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


def test_the_operator_makes_a_bucket_with_its_own_identity(
    scenario_in: Callable[..., Scenario], google: GoogleCloud
) -> None:
    """Where its administrator allows that; W&B gets the key that it signs with, and no token is written anywhere."""
    scenario = scenario_in(values={"cloudEndpoints": google.endpoints, "allowOperatorIdentity": True})
    scenario.apply(
        _key("wandb-key", google.wandb),
        _store(
            scenario,
            "data",
            credentials={"secretRef": {"name": "wandb-key"}},
            provisioning={"source": "Operator"},
        ),
        scenario.team("ml-research", "data"),
    )
    scenario.wait_ready("TeamStorage", "ml-research")
    assert google.buckets.contents(f"{scenario.namespace}-data") == []
    given = list(google.front.accounts.tokens)
    assert given
    everything = scenario.installation.kubelet.logs() + json.dumps(scenario.get("BucketStore", "data"))
    assert not [token for token in given if token in everything]


def test_wandb_reads_a_bucket_with_workload_identity(scenario_in: Callable[..., Scenario], google: GoogleCloud) -> None:
    """A Job under W&B's ServiceAccount proves it; the address holds no key, and what Google does not sign is told until it does."""
    scenario = scenario_in(values={"cloudEndpoints": google.endpoints}, identity=google.wandb.email)
    google.metadata.account = google.wandb
    google.wandb.lacks.add("iam.serviceAccounts.signBlob")
    scenario.apply(
        _key("admin-key", google.admin),
        _store(
            scenario,
            "data",
            credentials=AMBIENT,
            provisioning={"secretRef": {"name": "admin-key"}},
            verification={**FROM_WORKLOAD, "interval": "30s"},
        ),
        scenario.team("ml-research", "data", path="teams/ml-research"),
    )
    told = scenario.wait_condition("BucketStore", "data", "DataPathVerified", "False")
    assert "roles/iam.serviceAccountTokenCreator" in told["message"]
    assert scenario.checks("data")["Signing"]["message"].startswith("From W&B's workload: ")

    google.wandb.lacks.clear()
    scenario.wait_ready("TeamStorage", "ml-research")
    scenario.wandb.wait_available()
    assert scenario.entries() == [f"gs://{scenario.namespace}-data"]
    assert google.buckets.contents(f"{scenario.namespace}-data") == []
    members = google.buckets.policy(f"{scenario.namespace}-data")["bindings"][-1]["members"]
    assert members == [f"serviceAccount:{google.wandb.email}"]


def test_buckets_of_one_project_at_once_keep_googles_limits(
    scenario_in: Callable[..., Scenario], google: GoogleCloud
) -> None:
    """Google refuses who comes too soon, and has no reason to: they come one after the other by themselves."""
    scenario = scenario_in(values={"cloudEndpoints": google.endpoints})
    names = [f"data-{number}" for number in range(6)]
    both = {"credentials": {"secretRef": {"name": "wandb-key"}}, "provisioning": {"secretRef": {"name": "admin-key"}}}
    google.front.forget()
    with google.front.limited():
        scenario.apply(
            _key("wandb-key", google.wandb),
            _key("admin-key", google.admin),
            *(_store(scenario, name, probePath="probe", **both) for name in names),
        )
        scenario.wait_ready("BucketStore", *names)
    statuses = [request.status for request in google.front.requests()]
    assert 429 not in statuses
    assert statuses.count(200) > 6 * 10
