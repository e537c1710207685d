"""`byob plan` before any change, in each place of W&B's configuration: what it says is what happens then, and it writes nothing."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster.instance_world import InstanceWorld
from cluster.places import BEFORE, KEPT, Place, real_bucket
from cluster.scenario import API
from console.program import byob
from testbed import wandb
from testbed.object_store import Store
from testbed.wandb_operator import NAME, Operated

At = Callable[..., InstanceWorld]
LIST = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "before"}, "stringData": {"stores": ",".join(KEPT)}}


@pytest.fixture
def started(at: At, versitygw: Store) -> Callable[..., InstanceWorld]:
    """`started(**spec)`: a W&B with a list of its own, one component that stops before it starts anew, and a bucket in a real store."""

    def start(**spec: Any) -> InstanceWorld:
        here = at(env=BEFORE, before=[LIST], components=("app", "console", "executor"), **spec)
        if not isinstance(here.stand_in, Operated):
            here.cluster.delete(here.deployment_path("executor"))
            here.cluster.wait(here.deployment_path("executor"), lambda found: found is None)
            here.apply(wandb.workload("executor", env=BEFORE, strategy="Recreate"))
            here.stand_in.wait_available()
        real_bucket(here, versitygw, "one")
        return here

    return start


def plan(here: InstanceWorld, folder: Path, *words: str) -> Any:
    done = byob(folder, "plan", "-n", here.namespace, *words, environ={"KUBECONFIG": str(here.cluster.kubeconfig)})
    assert "Traceback" not in done.errors, done.errors
    return json.loads(done.output) if "json" in words else done.output


def generations(here: InstanceWorld) -> dict[str, int]:
    return {
        f"Deployment/{body['metadata']['name']}": body["metadata"]["generation"] for body in here.stand_in.deployments()
    }


def changes(instance: Any) -> Sequence[str]:
    return [entry["change"] for entry in instance["entries"]]


def test_what_restarts_and_what_the_list_becomes(
    started: Callable[..., InstanceWorld], tmp_path: Path, place: Place
) -> None:
    """The entries redacted, the workloads, the gap of the one that stops first; then exactly these are restarted."""
    here = started()
    before, since = generations(here), here.cluster.audit_position()
    (instance,) = plan(here, tmp_path, "-o", "json")["wandbInstances"]
    assert changes(instance) == [*["Stays"] * len(KEPT), "Added"]
    assert instance["entries"][-1]["address"].startswith("s3://***:***@127.0.0.1:")
    assert "se%2Fcret" not in json.dumps(instance)
    assert instance["inTheWay"] == instance["leftOut"] == instance["warnings"] == []
    (gap,) = [each for each in instance["restarts"] if "Recreate" in "".join(each["notes"])]
    assert gap["workload"].endswith("executor")
    shown = plan(here, tmp_path)
    assert ("in this order" in shown) is (place == "workloads")
    assert ("when W&B's own operator takes up WeightsAndBiases/wandb" in shown) is (place != "workloads")
    assert ("reads no files, and gets the variable too" in shown) is (place != "workloads")
    assert here.writes(since) == []

    here.settle("Configured")
    here.settle()
    here.stand_in.wait_available()
    assert generations(here).keys() == {each["workload"] for each in instance["restarts"]}
    assert all(now > before[name] for name, now in generations(here).items())
    (after,) = plan(here, tmp_path, "-o", "json")["wandbInstances"]
    assert set(changes(after)) == {"Stays"}
    assert after["restarts"] == []


def test_a_new_key_and_a_removal(started: Callable[..., InstanceWorld], versitygw: Store, tmp_path: Path) -> None:
    """One entry is renewed, another is removed, the rest stays."""
    here = started()
    real_bucket(here, versitygw, "two")
    here.settle("Configured")
    here.settle()
    here.look_at_team("two")
    keys = {"accessKeyID": "another", "secretAccessKey": "another-secret-key"}
    here.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one-keys"}, "stringData": keys})
    team = f"{API}/namespaces/{here.namespace}/teamstorages/two"
    here.cluster.patch(team, {"metadata": {"annotations": {"byob.wandb.com/confirm-delete": "two"}}})
    here.cluster.delete(team)
    (instance,) = plan(here, tmp_path, "-o", "json")["wandbInstances"]
    assert changes(instance) == [*["Stays"] * len(KEPT), "Renewed", "Removed"]
    assert instance["entries"][-1]["address"].split("?")[0].endswith(f"{here.namespace}-two")
    assert "1 renewed, 1 removed of 5" in plan(here, tmp_path)


def test_what_else_to_know_before(started: Callable[..., InstanceWorld], tmp_path: Path, place: Place) -> None:
    """When a window opens, that nothing is written for now, and a Job that keeps W&B's chart from being upgraded."""
    opens = datetime.now(UTC) + timedelta(hours=3)
    window = {"schedule": f"{opens.minute} {opens.hour} * * *", "duration": "1h"}
    here = started(rollout={"windows": [window]})
    here.cluster.patch(here.path, {"metadata": {"annotations": {"byob.wandb.com/paused": "true"}}})
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"{NAME}-smj"},
        "spec": {"template": {"spec": pod}},
    }
    here.apply(job)
    shown = plan(here, tmp_path)
    assert f"{opens:%H:%M}:00Z on, and not before (spec.rollout.windows)" in shown
    assert "byob.wandb.com/paused keeps the operator from writing anything" in shown
    assert ("Job wandb-smj is there" in shown) is (place == "v1")
