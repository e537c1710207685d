"""Rollouts that fail, writers that compete, and what becomes of old Secrets, on a real control plane."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cluster.instance_world import InstanceWorld, address, stateful
from testbed import wandb
from testbed.processes import wait_for
from testbed.stages import Failure, PodSelector
from testbed.wandb import VARIABLE
from wandb_byob.kube.client import ConflictError, ForbiddenError, PatchType, Resource, UnavailableError
from wandb_byob.kube.once import Once

Made = Callable[..., InstanceWorld]


def running(made: Made, **rest: Any) -> InstanceWorld:
    """A W&B that runs with one bucket."""
    here = made(**rest)
    here.bucket("one")
    here.team("one")
    here.settle()
    return here


def new_pods(here: InstanceWorld) -> PodSelector:
    """Pods with a configuration that is not there yet."""
    return PodSelector(namespace=here.namespace, other_secrets=list(here.secrets()))


def test_a_literal_comes_back_as_it_was(made: Made) -> None:
    """The rollback of a takeover restores the plain value, byte for byte."""
    literal = {"name": VARIABLE, "value": "gs://a,,odd"}
    here = made(env=[literal], fileStores={"takeOwnership": True})
    with here.cluster.fail_pods(Failure.CRASH, new_pods(here)):
        here.bucket("one")
        here.team("one")
        here.settle("Configured", "False", reason="RolledBack")
    assert here.env("app") == here.env("api") == literal


def test_a_workload_that_was_changed_meanwhile_is_not_taken_back(made: Made) -> None:
    """Somebody else's new image would go with the rollback: it is told, and left to a person."""
    here = running(made)
    with here.cluster.fail_pods(Failure.CRASH, new_pods(here)):
        here.bucket("two")
        here.team("two")
        here.look()
        image = {"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "example.com/wandb:0.86.0"}]}}}}
        here.cluster.patch(here.deployment_path("api"), image, content_type="application/strategic-merge-patch+json")
        told = here.settle("RolledOut", "False", reason="RollbackBlocked")
    assert "wandb-api" in told["message"]
    assert here.deployment("api")["spec"]["template"]["spec"]["containers"][0]["image"].endswith("0.86.0")


def test_stateful_sets_and_what_stops_first_are_rolled_out_last(made: Made) -> None:
    """A Recreate Deployment waits for the StatefulSet; a paused Deployment is written, named, and not waited for."""
    here = made(deploy=False)
    paused = wandb.workload("filestream")
    here.apply(wandb.workload("executor", strategy="Recreate"), stateful("glue"), paused)
    here.stand_in.components = ("executor", "filestream")
    here.stand_in.wait_available()
    here.cluster.patch(here.deployment_path("filestream"), {"spec": {"paused": True}})
    here.bucket("one")
    here.team("one")
    here.look()
    assert here.env("executor") is None
    states = {workload["name"]: workload["state"] for workload in here.status()["workloads"]}
    assert states["wandb-executor"] == "Pending"
    here.settle()
    assert here.env("executor") == here.env("filestream") is not None
    workloads = {workload["name"]: workload for workload in here.status()["workloads"]}
    assert workloads["wandb-filestream"]["state"] == "NotWaitedFor"
    assert "paused" in workloads["wandb-filestream"]["message"]
    assert workloads["wandb-glue"]["state"] == workloads["wandb-executor"]["state"] == "Current"
    glue = here.cluster.get(f"/apis/apps/v1/namespaces/{here.namespace}/statefulsets/wandb-glue")
    assert here.env("executor") in glue["spec"]["template"]["spec"]["containers"][0]["env"]


def test_a_secret_that_a_cron_job_names_stays(made: Made) -> None:
    here = running(made)
    (first,) = here.secrets()
    env = [{"name": "X", "valueFrom": {"secretKeyRef": {"name": first, "key": VARIABLE}}}]
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i", "env": env}]}
    job = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    here.apply({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "theirs"}, "spec": job})
    for component in ("app", "api"):
        here.cluster.patch(here.deployment_path(component), {"spec": {"revisionHistoryLimit": 0}})
    here.bucket("two")
    here.team("two")
    here.look()
    here.settle()
    sets = f"/apis/apps/v1/namespaces/{here.namespace}/replicasets"
    wait_for(lambda: len(here.cluster.get(sets)["items"]) == 2, timeout=30, what="old ReplicaSets are gone")
    here.look()
    assert first in here.secrets()


class Meddling(Once):
    """A client before whose first patch of a workload somebody else does something."""

    def __init__(self, here: InstanceWorld, meddle: Callable[[], None]) -> None:
        super().__init__(here.world.kube)
        self._meddle: Callable[[], None] | None = meddle

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        patch_type: PatchType,
        subresource: str = "",
    ) -> dict[str, Any]:
        if self._meddle is not None and resource.plural == "deployments":
            meddle, self._meddle = self._meddle, None
            meddle()
        return super().patch(resource, namespace, name, body, patch_type=patch_type, subresource=subresource)


def test_a_competing_write_is_neither_lost_nor_overwritten(made: Made) -> None:
    """The patch carries the version that was read: the look ends in a conflict, the next one starts from what is there."""
    here = made()
    here.bucket("one")
    here.team("one")
    image = {"spec": {"template": {"spec": {"containers": [{"name": "api", "image": "example.com/wandb:0.86.0"}]}}}}

    def meddle() -> None:
        here.cluster.patch(here.deployment_path("api"), image, content_type="application/strategic-merge-patch+json")

    with pytest.raises(ConflictError):
        here.look(kube=Meddling(here, meddle))
    assert here.env("api") is None
    here.stand_in.wait_available()
    here.settle()
    assert here.entries() == [address("one")]
    assert here.deployment("api")["spec"]["template"]["spec"]["containers"][0]["image"].endswith("0.86.0")


def test_a_target_that_was_replaced_meanwhile_is_not_written_to(made: Made) -> None:
    """Deleted and created anew under the same name between read and write: no ghost, no stale patch."""
    here = made()
    here.bucket("one")
    here.team("one")

    def meddle() -> None:
        here.cluster.delete(here.deployment_path("api"))
        here.cluster.wait(here.deployment_path("api"), lambda found: found is None)
        here.apply(wandb.workload("api"))

    with pytest.raises(ConflictError):
        here.look(kube=Meddling(here, meddle))
    assert here.env("api") is None
    here.stand_in.wait_available()
    here.settle()
    assert here.entries() == [address("one")]


class Broken(Once):
    """A client for which one list fails."""

    def __init__(self, here: InstanceWorld, plural: str, error: Exception) -> None:
        super().__init__(here.world.kube)
        self._plural, self._error = plural, error

    def list(self, resource: Resource, namespace: str, *, labels: str = "", fields: str = "") -> Any:
        if resource.plural == self._plural:
            raise self._error
        return super().list(resource, namespace, labels=labels, fields=fields)


@pytest.mark.parametrize("plural", ["bucketstores", "teamstorages", "secrets", "deployments", "pods"])
def test_a_read_that_fails_stops_composing(made: Made, plural: str) -> None:
    """Unavailable: nothing is written and the look is tried again. Forbidden: the condition names the verb."""
    here = running(made)
    here.bucket("two")
    here.team("two")
    since = here.cluster.audit_position()
    with pytest.raises(UnavailableError):
        here.look(kube=Broken(here, plural, UnavailableError("list failed", status=503)))
    assert here.writes(since) == []
    here.look(kube=Broken(here, plural, ForbiddenError(f"cannot list {plural}", status=403)))
    told = here.condition("Configured")
    assert (told["status"], told["reason"]) == ("False", "Forbidden")
    assert f"list {plural}" in told["message"]
    assert here.condition("RolledOut")["status"] == "True"
    assert [entry["bucketStoreRef"]["name"] for entry in here.status()["entries"]] == ["one"]
    assert here.entries() == [address("one")]


def test_a_target_that_was_installed_anew_gets_everything_back(made: Made) -> None:
    """While it is away the status keeps what it knew; when it is there again, so is the variable, kept entries included."""
    here = made(deploy=False)
    here.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs"}, "stringData": {"stores": "gs://kept"}}
    )
    here.stand_in.deploy(env=[{"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "stores"}}}])
    here.bucket("one")
    here.team("one")
    here.settle()
    for component in ("app", "api"):
        here.cluster.delete(here.deployment_path(component))
    here.look()
    assert here.condition("Configured")["reason"] == "TargetNotFound"
    assert len(here.status()["entries"]) == 2
    here.stand_in.deploy()
    here.settle()
    assert here.entries() == ["gs://kept", address("one")]
