"""The bucket for the instance among what else there is: teams in it, its BucketStore that is deleted, W&B's own page."""

from collections.abc import Callable
from typing import Any

import pytest

from cluster.instance_world import ESCAPED, HOST, InstanceWorld, address
from cluster.scenario import API, condition_of
from testbed.wandb_operator import Operated
from wandb_byob.cli import rollouts
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.reconcile import store_deletion

Made = Callable[..., InstanceWorld]


def storage(path: str = "") -> dict[str, Any]:
    return {"storage": {"bucketStoreRef": {"name": "main"}, **({"path": path} if path else {})}}


def team(here: InstanceWorld, name: str) -> dict[str, Any]:
    found: dict[str, Any] = here.get("TeamStorage", name)
    return found


def test_teams_lie_below_the_instances_files_and_not_above(made: Made) -> None:
    """A team under a sub-path of the instance's bucket is fine; one with the same path, or one above it, is refused."""
    here = made(**storage("wandb"))
    here.bucket("main", verified=False)
    here.verify("main", paths=["wandb", "wandb/teams/a", "", "apart"])
    here.settle("Ready")
    for name, path in {"below": "wandb/teams/a", "apart": "apart"}.items():
        here.team(name, bucket="main", path=path)
        assert condition_of(team(here, name), "Accepted")["status"] == "True", name
    here.team("same", bucket="main", path="wandb")
    here.team("above", bucket="main")
    for name in ("same", "above"):
        told = condition_of(team(here, name), "Accepted")
        assert (told["status"], told["reason"]) == ("False", "PathConflict"), name
    assert "below or apart" in condition_of(team(here, "same"), "Accepted")["message"]


def test_an_instance_does_not_move_in_above_a_team(made: Made) -> None:
    """The team was there first, and its files would lie among the instance's."""
    here = made()
    here.bucket("main", verified=False)
    here.verify("main", paths=["", "wandb"])
    here.team("whole", bucket="main")
    here.settle("Ready")
    here.look_at_team("whole")
    here.cluster.patch(here.path, {"spec": storage("wandb")})
    here.look()
    told = here.condition("StorageConfigured")
    assert (told["status"], told["reason"]) == ("False", "PathConflict")
    assert "TeamStorage whole" in told["message"]
    assert here.stand_in.seen("BUCKET") == {None}


def test_a_team_that_has_its_place_and_is_not_in_wandb_yet_gives_way(made: Made) -> None:
    """The instance's files come to lie in it before W&B has its bucket: both would come by one rollout, and lie among each other."""
    here = made()
    here.bucket("main", verified=False)
    here.verify("main", paths=["", "wandb", "teams/b"])
    here.team("whole", bucket="main")
    assert condition_of(team(here, "whole"), "Accepted")["status"] == "True"
    here.cluster.patch(here.path, {"spec": storage("wandb")})
    here.settle("Ready")
    here.stand_in.wait_available()
    assert here.condition("StorageConfigured")["status"] == "True"
    assert here.stand_in.variable() == {None}
    here.look_at_team("whole")
    told = condition_of(team(here, "whole"), "Accepted")
    assert (told["status"], told["reason"]) == ("False", "PathConflict")
    assert "W&B keeps the instance's own files there under path wandb" in told["message"]
    here.cluster.patch(f"{API}/namespaces/{here.namespace}/teamstorages/whole", {"spec": {"path": "teams/b"}})
    here.look_at_team("whole")
    here.settle("Ready")
    here.stand_in.wait_available()
    assert here.entries() == [address("main")]
    here.look_at_team("whole")
    assert condition_of(team(here, "whole"), "Ready")["status"] == "True"


def test_where_wandb_has_its_files_is_nobodys_while_a_change_waits(made: Made) -> None:
    """The refusal of another path leaves the files where they are."""
    url = f"s3://AKmain:{ESCAPED}@{HOST}:443/bucket-main/old?region=eu-1&tls=true"
    here = made(env=[{"name": "BUCKET", "value": url}], **storage("new"))
    here.bucket("main", verified=False)
    here.verify("main", paths=["old", "new", "apart"])
    here.settle("Stalled", "True", reason="StorageWouldChange")
    for name in ("old", "new", "apart"):
        here.team(name, bucket="main", path=name)
    found = {name: condition_of(team(here, name), "Accepted")["reason"] for name in ("old", "new", "apart")}
    assert found == {"old": "PathConflict", "new": "PathConflict", "apart": "Accepted"}


def test_its_bucket_store_is_held(made: Made) -> None:
    """As long as spec.storage names it, and as long as W&B has the bucket."""
    here = made(**storage())
    here.bucket("main")
    here.settle("Ready")
    path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/bucketstores/main"
    here.cluster.patch(path, {"metadata": {"finalizers": ["byob.wandb.com/finalizer"]}})
    here.cluster.delete(path)

    def look() -> dict[str, Any] | None:
        key = ObjectKey(Kind.BUCKET_STORE, here.namespace, "main")
        body = here.cluster.get(path)
        store_deletion.reconcile(here.world, key, body)
        found: dict[str, Any] | None = here.cluster.get(path)
        return found

    held = look()
    assert held is not None
    told = condition_of(held, "Ready")
    assert told["reason"] == "DeletionBlocked"
    assert "spec.storage" in told["message"]
    here.cluster.patch(here.path, {"spec": {"storage": None}})
    here.look()
    assert look() is not None, "W&B still has the bucket"
    here.cluster.patch(path, {"metadata": {"annotations": {"byob.wandb.com/confirm-delete": "main"}}})
    assert look() is None


def test_a_team_does_not_wait_for_the_instances_bucket(made: Made) -> None:
    """That the instance's own is refused is no word against a team's."""
    here = made(env=[{"name": "BUCKET", "value": "gs://old"}], **storage())
    here.bucket("main")
    here.bucket("one")
    here.team("one")
    here.settle("RolledOut")
    here.settle("Stalled", "True", reason="StorageWouldChange")
    here.look_at_team("one")
    assert condition_of(team(here, "one"), "Ready")["status"] == "True"
    here.bucket("two", verified=False)
    here.team("two")
    here.look()
    assert condition_of(team(here, "two"), "Stalled")["status"] == "False"


@pytest.mark.parametrize("stored_as", ["v1"], indirect=True)
def test_what_the_system_console_must_show(operated: Callable[..., InstanceWorld]) -> None:
    """Provider, bucket and path; and what a bucket does that is saved there and is another one."""
    here = operated({"values": {"global": {"host": "https://x"}}})
    stand_in = here.stand_in
    assert isinstance(stand_in, Operated)
    here.bucket("main", verified=False)
    here.verify("main", paths=["wandb"])
    here.cluster.patch(here.path, {"spec": storage("wandb")})
    here.settle("Ready")
    form = here.status()["form"]
    assert form["bucketName"] == "store.example.com:443/bucket-main"
    assert form["path"] == "wandb"
    assert form["provider"].startswith("AWS")
    assert "warning" not in form
    stand_in.console({"global": {"bucket": {"provider": "gcs", "name": "saved"}}})
    here.look()
    assert "gs://saved, in Secret wandb-spec-user" in here.status()["form"]["warning"]


def test_garbage_collection_that_is_off_is_told(made: Made) -> None:
    """Only where the bucket keeps what is deleted, so that it would be safe."""
    here = made(**storage())
    here.bucket("main")
    here.settle("Ready")
    assert "garbage" not in here.condition("StorageConfigured")["message"]
    checks = [{"name": name, "result": "Passed", "message": "m"} for name in ("PutObject", "Versioning")]
    path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/bucketstores/main/status"
    here.cluster.patch(path, {"status": {"checks": checks}})
    here.look()
    assert "GORILLA_ARTIFACT_GC_ENABLED" in here.condition("StorageConfigured")["message"]


def test_byob_plan_tells_what_becomes_of_it(made: Made) -> None:
    """Before anything is verified or written: set, left, or refused, and which workloads restart for it."""
    here = made(**storage("wandb"))
    here.bucket("main", verified=False)
    key = ObjectKey(Kind.WANDB_INSTANCE, here.namespace, "wandb")
    found = rollouts.rollout(here.world, key)
    assert found is not None
    assert found.storage == "Set to bucket-main/wandb."
    assert [each.workload for each in found.restarts] == ["Deployment/wandb-api", "Deployment/wandb-app"]
    here.cluster.patch(here.path, {"spec": {"storage": {"bucketStoreRef": {"name": "gone"}}}})
    refused = rollouts.rollout(here.world, key)
    assert refused is not None
    assert refused.storage_refusal.startswith("BucketStore gone")
    assert refused.in_the_way == (refused.storage_refusal,)
    assert refused.restarts == ()
