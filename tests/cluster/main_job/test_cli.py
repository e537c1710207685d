"""The command line against a cluster: what it says before, what comes of it, and what it says afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.scenario import Scenario, address, wait_rest
from console.program import Run, byob
from testbed.object_store import Store


class User:
    """Somebody with a kubeconfig and a folder of manifests."""

    def __init__(self, scenario: Scenario, folder: Path, kubeconfig: Path) -> None:
        self.scenario = scenario
        self.folder = folder
        self.environ = {"KUBECONFIG": str(kubeconfig)}

    def byob(self, *words: str) -> Run:
        """Run it in the scenario's namespace."""
        done = byob(self.folder, *words, "-n", self.scenario.namespace, environ=self.environ)
        assert "Traceback" not in done.errors, done.errors
        return done

    def json(self, *words: str) -> Any:
        """What it says as JSON."""
        done = self.byob(*words, "-o", "json")
        return json.loads(done.output or "null") or done


@pytest.fixture
def user(scenario: Scenario, tmp_path: Path) -> User:
    """The administrator."""
    return User(scenario, tmp_path, scenario.cluster.kubeconfig)


def restarted(scenario: Scenario, before: dict[str, int]) -> set[str]:
    """The workloads whose pod template has changed since."""
    now = generations(scenario)
    return {name for name in now if now[name] != before[name]}


def generations(scenario: Scenario) -> dict[str, int]:
    found = {}
    for plural, kind in (("deployments", "Deployment"), ("statefulsets", "StatefulSet")):
        path = f"/apis/apps/v1/namespaces/{scenario.namespace}/{plural}"
        for body in scenario.cluster.get(path)["items"]:
            if not body["metadata"]["name"].startswith("byob-"):
                found[f"{kind}/{body['metadata']['name']}"] = body["metadata"]["generation"]
    return found


def written(scenario: Scenario, since: int) -> list[str]:
    """What the program wrote, which signs as the operator does but is no ServiceAccount."""
    return [
        f"{event.verb} {event.resource}"
        for event in scenario.cluster.audit(since)
        if event.user_agent.startswith("wandb-byob") and not event.user.startswith("system:serviceaccount:")
    ]


def test_the_plan_is_what_happens(scenario: Scenario, user: User, versitygw: Store) -> None:
    """Of manifests on disk, before they are applied: the bucket's changes, the entry, the workloads; then exactly these come about."""
    objects = [
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.bucket_store("data", versitygw),
        scenario.team("ml-research", "data", path="teams/ml-research"),
    ]
    for body in objects:
        body["metadata"]["namespace"] = scenario.namespace
    (user.folder / "new.yaml").write_text(yaml.safe_dump_all(objects))
    stops_first = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
    scenario.cluster.patch(f"/apis/apps/v1/namespaces/{scenario.namespace}/deployments/wandb-api", stops_first)
    scenario.wandb.wait_available()
    before, position = generations(scenario), scenario.cluster.audit_position()

    plan = user.json("plan", "-f", "new.yaml", "--with-cluster")
    (bucket,), (instance,) = plan["bucketStores"], plan["wandbInstances"]
    assert "Create the bucket" in bucket["changes"][0]["message"]
    assert instance["entries"] == [
        {
            "change": "Added",
            "address": f"s3://***:***@127.0.0.1:{versitygw.port}/{scenario.namespace}-data?region=us-east-1&tls=false",
        }
    ]
    *_, last = instance["restarts"]
    assert (last["workload"], "Recreate" in last["notes"][0]) == ("Deployment/wandb-api", True)
    assert written(scenario, position) == []

    scenario.apply(*objects)
    scenario.wait_ready("TeamStorage", "ml-research")
    wait_rest(scenario)
    assert restarted(scenario, before) == {each["workload"] for each in instance["restarts"]}

    after = user.json("plan")
    assert after["bucketStores"][0]["changes"] == []
    assert [entry["change"] for entry in after["wandbInstances"][0]["entries"]] == ["Stays"]
    assert after["wandbInstances"][0]["restarts"] == []
    assert user.byob("plan").status == 0


def test_doctor_tree_and_address_of_what_runs(scenario: Scenario, user: User, minio: Store) -> None:
    """From the cluster's own objects and Secrets: healthy, then with a wrong key; the address is the one that W&B got."""
    scenario.apply(
        scenario.keys("minio-keys", minio.keys),
        scenario.bucket_store("data", minio),
        scenario.team("ml-research", "data", path="teams/ml-research"),
    )
    scenario.wait_ready("TeamStorage", "ml-research")
    wait_rest(scenario)

    doctor = user.json("doctor")
    (bucket,) = doctor["bucketStores"]
    assert (bucket["result"], bucket["plan"]) == ("Passed", [])
    results = {check["name"]: check["result"] for check in bucket["checks"]}
    assert (results["Owner"], results["PutObject"]) == ("Passed", "Passed")
    (tree,) = user.json("tree")["trees"]
    assert (tree["ready"], tree["children"][0]["children"][0]["ready"]) == ("True", "True")
    assert user.byob("tree").status == 0
    revealed = user.byob("address", "ml-research", "--reveal")
    assert revealed.output.strip() == address(minio, f"{scenario.namespace}-data") == scenario.entries()[0]
    assert minio.keys.secret_key not in revealed.errors + user.byob("address").output

    scenario.apply(scenario.keys("minio-keys", minio.keys, secretAccessKey="wrong-secret-access-key"))
    (instance,) = user.json("plan")["wandbInstances"]
    assert [entry["change"] for entry in instance["entries"]] == ["Renewed"]
    done = user.byob("doctor", "data")
    assert done.status == 1
    assert "Credentials" in done.output
    assert "wrong-secret-access-key" not in done.output


def test_who_may_not_read(scenario: Scenario, user: User) -> None:
    """A user without rights, a context that is not there, no cluster: each is one sentence and status 2."""
    nobody = User(scenario, user.folder, scenario.cluster.kubeconfig_for(scenario.namespace, "default"))
    for command in ("doctor", "plan", "tree", "address", "policy"):
        done = nobody.byob(command)
        assert (done.status, done.output) == (2, ""), done
        assert "forbidden" in done.errors
    assert '"nowhere" among its contexts' in user.byob("tree", "--context", "nowhere").errors
    nowhere = byob(user.folder, "tree", "--kubeconfig", "none")
    assert (nowhere.status, "none can't be read" in nowhere.errors) == (2, True)
