"""`verification.from: Workload`: the data path is tried by a Job under W&B's ServiceAccount, on the real API server and a real store."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cluster.scenario import Scenario
from testbed.processes import child_environment, wait_for
from testbed.stores import VersityGW, start_versitygw

pytestmark = pytest.mark.long

FROM_WORKLOAD: Mapping[str, Any] = {"verification": {"interval": "30s", "from": "Workload"}}
LABEL = "byob.wandb.com/probe"


def _of_probes(scenario: Scenario) -> list[str]:
    """What there is of probes: Jobs, their pods and their Secrets."""
    found = []
    for path in ("/apis/batch/v1/namespaces/{}/jobs", "/api/v1/namespaces/{}/pods", "/api/v1/namespaces/{}/secrets"):
        listed = scenario.cluster.get(f"{path.format(scenario.namespace)}?labelSelector={LABEL}")["items"]
        found += [each["metadata"]["name"] for each in listed]
    return found


def _wait_nothing_left(scenario: Scenario) -> None:
    wait_for(
        lambda: not _of_probes(scenario),
        timeout=60,
        what="nothing of the probe is left",
        detail=lambda: str(_of_probes(scenario)),
    )


def test_a_bucket_is_proved_by_a_job_under_wandbs_service_account(scenario: Scenario, versitygw: VersityGW) -> None:
    """Ready, every result says from where it was seen, no key is outside Secrets, and nothing is left."""
    seen: list[Any] = []
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.bucket_store("data", versitygw, **FROM_WORKLOAD),
        scenario.team("ml-research", "data", path="teams/ml-research"),
    )

    def made() -> bool:
        seen.extend(scenario.cluster.get(f"/apis/batch/v1/namespaces/{scenario.namespace}/jobs")["items"])
        return bool(seen)

    wait_for(made, timeout=60, what="a Job is made")
    scenario.wait_ready("TeamStorage", "ml-research")

    (pod,) = {each["metadata"]["uid"]: each["spec"]["template"]["spec"] for each in seen}.values()
    assert pod["serviceAccountName"] == "default"
    assert pod["automountServiceAccountToken"] is False
    assert versitygw.keys.secret_key not in str(seen)
    told = scenario.condition("BucketStore", "data", "DataPathVerified")
    assert (told["status"], told["reason"]) == ("True", "Verified")
    assert "Job under ServiceAccount default of Deployment/wandb-api" in told["message"]
    checks = scenario.get("BucketStore", "data")["status"]["checks"]
    own = [check for check in checks if check["path"] or check["name"] == "Preflight"]
    assert len(own) > 8
    assert all(check["message"].startswith("From W&B's workload: ") for check in own)
    assert {check["result"] for check in own} == {"Passed"}
    _wait_nothing_left(scenario)
    client = versitygw.client()
    left = client.list_object_versions(Bucket=f"{scenario.namespace}-data")
    assert not [*left.get("Versions", ()), *left.get("DeleteMarkers", ())], "the probe left something behind"
    client.close()


def test_an_image_that_cannot_be_pulled_is_told_in_kubernetes_words(
    scenario_in: Callable[..., Scenario], versitygw: VersityGW
) -> None:
    """At once why the Job does not start, after a minute that it failed and what to do; nothing is left, also after a deletion."""
    scenario = scenario_in(values={"image": {"tag": "missing"}})
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.bucket_store("data", versitygw, probePath="probe", **FROM_WORKLOAD),
    )
    told = scenario.wait_condition("BucketStore", "data", "DataPathVerified", "Unknown", reason="ProbingFromWorkload")

    def explained() -> str:
        message: str = scenario.condition("BucketStore", "data", "DataPathVerified")["message"]
        return message if "ImagePullBackOff" in message else ""

    assert "has not started yet. ImagePullBackOff" in wait_for(explained, timeout=30, what=f"why, after {told}")
    failed = scenario.wait_condition("BucketStore", "data", "DataPathVerified", "False", timeout=120)
    assert 'Back-off pulling image "wandb-byob:missing"' in failed["message"]
    assert "imagePullSecrets" in failed["message"]
    assert {name for name, check in scenario.checks("data").items() if check["result"] == "Failed"} == {"WorkloadProbe"}
    scenario.cluster.delete(scenario.path("BucketStore", "data"))
    scenario.cluster.wait(scenario.path("BucketStore", "data"), lambda found: found is None, timeout=60)
    _wait_nothing_left(scenario)


def test_a_pod_that_is_not_admitted_is_told_and_the_job_goes_with_the_bucketstore(
    scenario: Scenario, versitygw: VersityGW
) -> None:
    """A quota keeps the Job from having a pod, which only Events say; deleting the BucketStore takes the Job away."""
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}}
    scenario.cluster.post(f"/api/v1/namespaces/{scenario.namespace}/resourcequotas", quota)
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.bucket_store("data", versitygw, probePath="probe", **FROM_WORKLOAD),
    )

    def explained() -> bool:
        return "FailedCreate" in scenario.condition("BucketStore", "data", "DataPathVerified").get("message", "")

    wait_for(explained, timeout=60, what="the message says what keeps the Job from its pod")
    message = scenario.condition("BucketStore", "data", "DataPathVerified")["message"]
    assert "exceeded quota" in message
    scenario.cluster.delete(scenario.path("BucketStore", "data"))
    scenario.cluster.wait(scenario.path("BucketStore", "data"), lambda found: found is None, timeout=60)
    _wait_nothing_left(scenario)


def test_doctor_tries_the_data_path_from_there_too(scenario: Scenario, versitygw: VersityGW, tmp_path: Path) -> None:
    """By the user's own kubeconfig, with the image of the installed operator; waited for, told, and nothing left behind."""
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.bucket_store("data", versitygw, probePath="probe"),
    )
    scenario.wait_ready("BucketStore", "data")
    flags = ["data", "--from=workload", "-o=json", f"--namespace={scenario.namespace}"]
    done = subprocess.run(
        [sys.executable, "-m", "wandb_byob", "doctor", *flags, f"--kubeconfig={scenario.cluster.kubeconfig}"],
        capture_output=True,
        text=True,
        env=child_environment(),
        cwd=tmp_path,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "A Job under ServiceAccount default of Deployment/wandb-api" in done.stderr
    told = json.loads(done.stdout)
    assert told["seenFrom"].endswith("the data path from W&B's pods")
    checks = {check["name"]: check for each in told["bucketStores"] for check in each["checks"]}
    assert checks["SignedPut"]["message"].startswith("From W&B's workload: ")
    assert checks["WorkloadProbe"]["result"] == "Passed"
    assert versitygw.keys.secret_key not in done.stdout + done.stderr
    _wait_nothing_left(scenario)


def _patch_api(scenario: Scenario, pod: Mapping[str, Any]) -> None:
    """Change the pod template of W&B's API by a strategic merge."""
    path = f"/apis/apps/v1/namespaces/{scenario.namespace}/deployments/wandb-api"
    patch = {"spec": {"template": {"spec": dict(pod)}}}
    scenario.cluster.patch(path, patch, content_type="application/strategic-merge-patch+json")


def test_nodes_that_nobody_has_are_told_and_a_restarted_operator_goes_on(
    scenario: Scenario, versitygw: VersityGW
) -> None:
    """W&B's node selector holds for the probe; once a node has the label, the Job that was there all the time is read."""
    since = scenario.cluster.audit_position()
    _patch_api(scenario, {"nodeSelector": {"testbed/pool": scenario.namespace}})
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.bucket_store("data", versitygw, probePath="probe", **FROM_WORKLOAD),
    )

    def explained() -> bool:
        return "Unschedulable" in scenario.condition("BucketStore", "data", "DataPathVerified").get("message", "")

    wait_for(explained, timeout=60, what="the message says that no node fits")
    assert "didn't match" in scenario.condition("BucketStore", "data", "DataPathVerified")["message"]
    scenario.installation.kill()
    nodes = scenario.cluster.get("/api/v1/nodes")["items"]
    node = next(each for each in nodes if "taints" not in each["spec"])["metadata"]["name"]
    scenario.cluster.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {"testbed/pool": scenario.namespace}}})
    scenario.wait_ready("BucketStore", "data")
    _wait_nothing_left(scenario)
    made = [event for event in scenario.writes(since) if event.resource.startswith("jobs") and event.verb == "create"]
    assert len(made) == 1


def test_whether_wandbs_pods_trust_a_private_authority_is_seen(scenario: Scenario, tmp_path: Path) -> None:
    """The BucketStore's bundle alone is a warning; with the certificates mounted into W&B's pods it is proved."""
    store = start_versitygw(tmp_path, tls=True)
    try:
        assert store.authority is not None
        bundle = {"kind": "ConfigMap", "name": "authority", "key": "ca.crt"}
        body = scenario.bucket_store("data", store, probePath="probe", **FROM_WORKLOAD)
        body["spec"]["s3Compatible"]["caBundleRef"] = bundle
        authority = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "authority"},
            "data": {"ca.crt": store.authority.read_text()},
        }
        scenario.apply(scenario.keys("versitygw-keys", store.keys), authority, body)
        scenario.wait_ready("BucketStore", "data")
        told = scenario.checks("data")
        assert told["WorkloadProbe"]["result"] == "Warning"
        assert "global.caCertsConfigMap" in told["WorkloadProbe"]["remedy"]
        assert told["Trust"]["result"] == "Skipped"

        mount = {"name": "ca", "mountPath": "/usr/local/share/ca-certificates/custom"}
        _patch_api(
            scenario,
            {
                "volumes": [{"name": "ca", "configMap": {"name": "authority"}}],
                "containers": [{"name": "api", "volumeMounts": [mount]}],
            },
        )
        annotation = {"byob.wandb.com/reconcile-requested-at": "now"}
        scenario.cluster.patch(scenario.path("BucketStore", "data"), {"metadata": {"annotations": annotation}})
        wait_for(
            lambda: (
                "WorkloadProbe" not in scenario.checks("data")
                and scenario.condition("BucketStore", "data", "Ready")["status"] == "True"
            ),
            timeout=60,
            what="W&B's own trust is proved",
            detail=lambda: str(scenario.get("BucketStore", "data")["status"]),
        )
        _wait_nothing_left(scenario)
    finally:
        store.stop()
