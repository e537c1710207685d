"""A WandbInstance on a real API server, with W&B's stand-in: what a look writes, and what it leaves alone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cluster.instance_world import ESCAPED, InstanceWorld, address
from testbed import wandb
from testbed.wandb import VARIABLE


def test_two_buckets_are_one_secret_and_one_rollout(made: Callable[..., InstanceWorld]) -> None:
    """The variable reaches every pod, from an immutable Secret without an owner; the status tells it without keys."""
    here = made()
    for name in ("one", "two"):
        here.bucket(name)
        here.team(name)
    here.settle()

    assert here.entries() == [address("one"), address("two")]
    assert set(here.stand_in.revisions().values()) == {2}
    (secret,) = here.secrets().values()
    assert secret["immutable"] is True
    assert "ownerReferences" not in secret["metadata"]
    assert secret["metadata"]["name"].startswith("wandb-file-stores-")
    assert {f"byob.wandb.com/{key}" for key in ("instance", "instance-uid")} == set(secret["metadata"]["labels"])
    status = here.status()
    assert status["secretName"] == status["lastGoodSecretName"] == secret["metadata"]["name"]
    assert [entry["address"] for entry in status["entries"]] == [
        f"s3://***:***@store.example.com/bucket-{name}?region=eu-1&tls=true" for name in ("one", "two")
    ]
    assert [entry["bucketStoreRef"]["name"] for entry in status["entries"]] == ["one", "two"]
    assert {workload["state"] for workload in status["workloads"]} == {"Current"}
    assert status["version"] == "0.85.0", "the tag of the workloads' image"
    assert here.condition("Ready")["status"] == "True"
    for kept in (ESCAPED, "AKone"):
        assert kept not in str(here.instance())
        assert kept not in str(here.deployment("app"))

    here.look_at_team("one")
    team = here.get("TeamStorage", "one")
    assert {c["type"]: c["status"] for c in team["status"]["conditions"]}["RolledOut"] == "True"


def test_a_look_at_rest_writes_nothing(made: Callable[..., InstanceWorld]) -> None:
    here = made()
    here.bucket("one")
    here.team("one")
    here.settle()
    here.look()
    since = here.cluster.audit_position()
    here.look()
    here.look()
    assert here.writes(since) == []


def test_a_rollout_costs_one_secret_one_patch_a_workload_and_two_statuses(made: Callable[..., InstanceWorld]) -> None:
    """Counted in the audit log: the status says that it has begun, and that it is done."""
    here = made()
    here.look()
    here.bucket("one")
    here.team("one")
    since = here.cluster.audit_position()
    here.look()
    here.stand_in.wait_available()
    here.settle()
    writes = here.writes(since)
    assert [(verb, resource) for verb, resource, _ in writes] == [
        ("create", "secrets"),
        ("patch", "deployments.apps"),
        ("patch", "deployments.apps"),
        ("patch", "wandbinstances.byob.wandb.com/status"),
        ("patch", "wandbinstances.byob.wandb.com/status"),
    ]


def test_an_unverified_bucket_restarts_nothing(made: Callable[..., InstanceWorld]) -> None:
    """Not one without a verdict, not one whose credentials have changed since it was verified."""
    here = made()
    here.bucket("good")
    here.team("good")
    here.settle()
    here.bucket("unseen", verified=False)
    here.team("unseen")
    here.look()
    here.bucket("good", secret="rotated-key", verified=False)
    here.look()
    assert here.entries() == [address("good")]
    assert set(here.stand_in.revisions().values()) == {2}

    here.verify("good")
    here.ahead = timedelta(minutes=5)  # the other one has made it wait for long enough
    here.look()
    here.settle()
    assert here.entries() == [address("good", secret="rotated-key")]


FOREIGN = "s3://AK:se%2F@old.example:9000/b?region=r?tls=true,, gs://kept ,weird:entry"


def secret(name: str, value: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": {"stores": value, VARIABLE: value},
    }


def test_a_foreign_reference_is_read_and_replaced(made: Callable[..., InstanceWorld]) -> None:
    """Somebody's Secret stays as it is; its entries are kept byte for byte in ours."""
    here = made(deploy=False)
    here.apply(secret("theirs", FOREIGN))
    reference = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "stores"}}}
    here.stand_in.deploy(env=[reference])
    here.bucket("one")
    here.team("one")
    here.settle()
    assert here.stand_in.variable() == {f"{FOREIGN},{address('one')}"}
    assert [entry["source"] for entry in here.status()["entries"]] == ["Kept"] * 4 + ["BucketStore"]
    assert "se%2F" not in str(here.instance())
    (ours,) = here.secrets()
    env = here.env("app")
    assert env == {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": ours, "key": VARIABLE}}}
    told = here.condition("Configured")["message"]
    assert "kubectl" in told, "who else sets it is named, so that it can be removed there"


def test_a_config_map_is_read_and_replaced(made: Callable[..., InstanceWorld]) -> None:
    """The reference changes its kind in one patch: the API server refuses an entry with two sources."""
    here = made(deploy=False)
    here.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}, "data": {"stores": "gs://a"}})
    reference = {"name": VARIABLE, "valueFrom": {"configMapKeyRef": {"name": "theirs", "key": "stores"}}}
    here.stand_in.deploy(env=[reference])
    here.bucket("one")
    here.team("one")
    here.settle()
    assert here.entries() == ["gs://a", address("one")]


def test_what_env_from_brings_is_kept(made: Callable[..., InstanceWorld]) -> None:
    """Our entry would hide the variable that a whole Secret brings in."""
    here = made(deploy=False)
    here.apply(secret("bag", "gs://in-the-bag"))
    for component in ("app", "api"):
        body = wandb.workload(component)
        body["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "bag"}}]
        here.apply(body)
    here.stand_in.wait_available()
    here.bucket("one")
    here.team("one")
    here.settle()
    assert here.entries() == ["gs://in-the-bag", address("one")]


def test_the_same_entries_from_elsewhere_stay_referred_to(made: Callable[..., InstanceWorld]) -> None:
    """What `byob import` finds: the team is configured, and nothing is written to W&B."""
    here = made(deploy=False)
    here.apply(secret("theirs", f"gs://a,{address('one')}"))
    here.stand_in.deploy(env=[{"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "stores"}}}])
    here.bucket("one")
    here.team("one")
    here.settle()
    assert here.secrets() == {}
    assert set(here.stand_in.revisions().values()) == {1}
    assert here.status()["entries"][1]["bucketStoreRef"] == {"name": "one", "namespace": here.namespace}
    here.look_at_team("one")
    assert {c["type"]: c["status"] for c in here.get("TeamStorage", "one")["status"]["conditions"]}["Ready"] == "True"


def test_a_literal_is_taken_in_one_patch_where_that_is_allowed(made: Callable[..., InstanceWorld]) -> None:
    here = made(env=[{"name": VARIABLE, "value": FOREIGN}])
    here.bucket("one")
    here.team("one")
    here.look()
    told = here.condition("Configured")
    assert (told["status"], told["reason"]) == ("False", "LiteralPresent")
    assert here.condition("Stalled")["status"] == "True"
    assert here.secrets() == {}

    here.cluster.patch(here.path, {"spec": {"fileStores": {"takeOwnership": True}}})
    here.settle()
    assert here.stand_in.variable() == {f"{FOREIGN},{address('one')}"}
    assert "value" not in here.env("app")
    assert "kubectl" in here.condition("Configured")["message"]


@pytest.mark.parametrize(
    ("target", "reason", "words"),
    [
        ({"selector": {"matchLabels": {"app": "nothing"}}}, "TargetNotFound", "app=nothing"),
        ({"names": ["wandb-app", "wandb-missing"]}, "TargetNotFound", "wandb-missing"),
        ({"names": ["two-containers"]}, "ContainerAmbiguous", "first, second"),
        ({"names": ["two-containers"], "containers": ["third"]}, "ContainerNotFound", "first, second"),
    ],
    ids=["no labels", "no name", "two containers", "another container"],
)
def test_a_target_that_cannot_be_used_is_explained(
    made: Callable[..., InstanceWorld], target: dict[str, Any], reason: str, words: str
) -> None:
    """Nothing is written to any workload, and the condition says which field to correct."""
    here = made(target={"workloads": target})
    body = wandb.workload("x")
    body["metadata"]["name"] = "two-containers"
    body["spec"]["template"]["spec"]["containers"] = [{"name": name, "image": "i"} for name in ("first", "second")]
    here.apply(body)
    here.bucket("one")
    here.team("one")
    here.look()
    told = here.condition("Configured")
    assert (told["status"], told["reason"]) == ("False", reason)
    assert words in told["message"]
    assert "spec.target" in told["message"]
    assert here.condition("Ready")["status"] == "False"
    assert here.secrets() == {}


def test_one_of_two_containers_is_named(made: Callable[..., InstanceWorld]) -> None:
    """The other one, and what it has, stays as it is."""
    here = made(deploy=False, target={"workloads": {"names": ["wandb-app"], "containers": ["app"]}})
    body = wandb.workload("app")
    body["spec"]["template"]["spec"]["containers"].append(
        {"name": "sidecar", "image": "i", "env": [{"name": "A", "value": "b"}]}
    )
    here.apply(body)
    here.stand_in.wait_available()
    here.bucket("one")
    here.team("one")
    here.settle()
    app, sidecar = here.deployment("app")["spec"]["template"]["spec"]["containers"]
    assert [env["name"] for env in sidecar["env"]] == ["A"]
    assert {env["name"] for env in app["env"]} == {"HOST", VARIABLE}


def test_a_reference_to_nothing_stops_composing(made: Callable[..., InstanceWorld]) -> None:
    """Which entries must be kept is not known, so that nothing is written."""
    here = made(deploy=False)
    body = wandb.workload("app", env=[{"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "gone", "key": "k"}}}])
    here.apply(body)
    here.bucket("one")
    here.team("one")
    here.look()
    told = here.condition("Configured")
    assert (told["status"], told["reason"]) == ("False", "ForeignReference")
    assert "gone" in told["message"]
    assert here.secrets() == {}


@pytest.mark.parametrize(("deployment", "told"), [("DedicatedCloud", True), ("MultiTenantCloud", False)])
def test_elsewhere_nothing_in_the_cluster_is_touched(
    made: Callable[..., InstanceWorld], deployment: str, told: bool
) -> None:
    """Workloads that look like W&B's stay as they are; on Dedicated Cloud the status says whom to tell."""
    here = made()
    here.cluster.delete(here.path)
    body = wandb.instance(here.namespace)
    body["spec"] = {"deploymentType": deployment, "host": "https://api.wandb.ai"}
    here.apply(body)
    here.look()
    assert here.condition("Ready")["status"] == "True"
    assert ("handOver" in here.status()) is told
    assert set(here.stand_in.revisions().values()) == {1}


def test_a_window_that_never_comes_is_told(made: Callable[..., InstanceWorld]) -> None:
    """What the CRD's rule lets through and no clock shows is refused with the name of the field."""
    here = made(deploy=False, rollout={"windows": [{"schedule": "0 25 * * *", "duration": "1h"}]})
    here.look()
    told = here.condition("Accepted")
    assert (told["status"], told["reason"]) == ("False", "InvalidSpec")
    assert "spec.rollout.windows[0].schedule" in told["message"]


def test_a_target_by_names_takes_only_those(made: Callable[..., InstanceWorld]) -> None:
    """Each that is named, by its kind or not, and no other workload of the release."""
    here = made(target={"workloads": {"names": ["wandb-api"]}})
    here.bucket("one")
    here.team("one")
    here.settle()
    assert here.env("api")["valueFrom"]["secretKeyRef"]["name"] in here.secrets()
    assert here.env("app") is None
    assert [workload["name"] for workload in here.status()["workloads"]] == ["wandb-api"]


def test_a_bucket_store_that_was_created_anew_is_known_again(made: Callable[..., InstanceWorld]) -> None:
    """Its entry was written for the former one: the same address, so nothing is restarted, and the status names the new one."""
    here = made()
    here.bucket("one")
    here.team("one")
    here.settle()
    here.cluster.delete(f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/bucketstores/one")
    here.look()
    assert "bucketStoreRef" not in here.status()["entries"][0]
    here.bucket("one")
    here.look()
    (entry,) = here.status()["entries"]
    assert (entry["source"], entry["bucketStoreRef"]["name"]) == ("BucketStore", "one")
    assert set(here.stand_in.revisions().values()) == {2}


def test_deleting_the_instance_leaves_everything(made: Callable[..., InstanceWorld]) -> None:
    """It goes at once, without a finalizer; W&B keeps its variable and the Secret."""
    here = made()
    here.bucket("one")
    here.team("one")
    here.settle()
    here.cluster.delete(here.path)
    assert here.cluster.get(here.path) is None
    here.look()
    assert here.entries() == [address("one")]
    assert len(here.secrets()) == 1


def test_all_statuses_may_be_lost(made: Callable[..., InstanceWorld]) -> None:
    """A restore from a backup: nothing is written to W&B, nothing doubled, and the status comes back."""
    here = made()
    here.bucket("one")
    here.team("one")
    here.settle()
    before = here.status()
    for kind, name in (("WandbInstance", "wandb"), ("BucketStore", "one"), ("TeamStorage", "one")):
        plural = {"WandbInstance": "wandbinstances", "BucketStore": "bucketstores", "TeamStorage": "teamstorages"}[kind]
        path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/{plural}/{name}/status"
        here.cluster.patch(path, {"status": None})
    since = here.cluster.audit_position()
    here.look()
    here.look()
    assert {resource for _, resource, _ in here.writes(since)} == {"wandbinstances.byob.wandb.com/status"}
    status = here.status()
    for field in ("entries", "secretName", "lastGoodSecretName", "variableBytes", "workloads"):
        assert status[field] == before[field]
