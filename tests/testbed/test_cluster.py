"""The testbed's cluster does what tests of the operator rely on."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from testbed.cluster import Cluster
from testbed.control_plane import ControlPlane
from testbed.processes import wait_for
from testbed.stages import CRASH_ANNOTATION, HANG_ANNOTATION, Failure, PodSelector


def _deployment(
    name: str = "app", *, annotations: dict[str, str] | None = None, secret: str | None = None
) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "main", "image": "app"}
    if secret:
        container["env"] = [
            {"name": "LITERAL", "value": "x"},
            {"name": "STORES", "valueFrom": {"secretKeyRef": {"name": secret, "key": "stores"}}},
        ]
    template = {
        "metadata": {"labels": {"app": name}, "annotations": annotations or {}},
        "spec": {"containers": [container]},
    }
    spec = {
        "replicas": 3,
        "selector": {"matchLabels": {"app": name}},
        "template": template,
        "progressDeadlineSeconds": 2,
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _path(namespace: str, name: str = "app") -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"


def _available(deployment: Any) -> bool:
    status: dict[str, Any] = deployment["status"]
    return (
        status.get("observedGeneration") == deployment["metadata"]["generation"]
        and status.get("updatedReplicas") == status.get("availableReplicas") == 3
    )


def _deadline_exceeded(deployment: Any) -> bool:
    return any(each.get("reason") == "ProgressDeadlineExceeded" for each in deployment["status"].get("conditions", []))


def _containers(cluster: Cluster, namespace: str) -> list[Any]:
    pods = cluster.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    return [status for pod in pods for status in pod["status"].get("containerStatuses", [])]


def test_a_deployment_of_three_replicas_becomes_available(cluster: Cluster, namespace: str) -> None:
    cluster.apply(_deployment(), namespace=namespace)
    cluster.wait(_path(namespace), _available)


@pytest.mark.parametrize("annotation", [CRASH_ANNOTATION, HANG_ANNOTATION])
def test_a_rollout_to_pods_that_fail_by_annotation_stalls_and_the_old_pods_serve_on(
    cluster: Cluster, namespace: str, annotation: str
) -> None:
    cluster.apply(_deployment(), namespace=namespace)
    cluster.wait(_path(namespace), _available)
    cluster.apply(_deployment(annotations={annotation: "true"}), namespace=namespace)
    stalled = cluster.wait(_path(namespace), _deadline_exceeded)
    assert stalled["status"]["readyReplicas"] == 3
    assert stalled["status"]["updatedReplicas"] == 1


def test_pods_that_crash_are_restarted_again_and_again(cluster: Cluster, namespace: str) -> None:
    cluster.apply(_deployment(annotations={CRASH_ANNOTATION: "true"}), namespace=namespace)

    def crashing() -> bool:
        found = _containers(cluster, namespace)
        return len(found) == 3 and all(
            each["restartCount"] >= 2 and each["state"]["waiting"]["reason"] == "CrashLoopBackOff" for each in found
        )

    wait_for(crashing, timeout=20, what="three pods in CrashLoopBackOff")


def test_only_the_new_configuration_fails_where_a_test_says_so(cluster: Cluster, namespace: str) -> None:
    cluster.apply(_deployment(secret="stores-1"), namespace=namespace)
    cluster.wait(_path(namespace), _available)
    with cluster.fail_pods(Failure.CRASH, PodSelector(namespace=namespace, other_secrets=["stores-1"])):
        cluster.apply(_deployment("second", secret="stores-1"), namespace=namespace)
        cluster.wait(_path(namespace, "second"), _available)
        cluster.apply(_deployment(secret="stores-2"), namespace=namespace)
        assert cluster.wait(_path(namespace), _deadline_exceeded)["status"]["readyReplicas"] == 3
        cluster.apply(_deployment(secret="stores-1"), namespace=namespace)
        cluster.wait(_path(namespace), _available)
    cluster.apply(_deployment(secret="stores-2"), namespace=namespace)
    cluster.wait(_path(namespace), _available)


def test_a_service_account_may_do_what_its_role_says_and_no_more(cluster: Cluster, namespace: str) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader"},
        "rules": rules,
    }
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "reader"},
        "roleRef": ref,
        "subjects": [subject],
    }
    cluster.apply([role, binding], namespace=namespace)
    kubeconfig = cluster.kubeconfig_for(namespace, "default")
    assert "kube-root-ca.crt" in cluster.kubectl("get", "configmaps", kubeconfig=kubeconfig)
    assert "Forbidden" in cluster.kubectl("get", "secrets", kubeconfig=kubeconfig, check=False)


def test_the_audit_log_tells_who_wrote_what_since_a_position(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "configmap", "before", f"--namespace={namespace}")
    position = cluster.audit_position()
    cluster.kubectl("get", "configmaps", f"--namespace={namespace}")
    cluster.kubectl("create", "configmap", "after", f"--namespace={namespace}")
    mine = [event for event in cluster.audit(since=position) if event.user_agent.startswith("kubectl")]
    assert [(event.verb, event.resource, event.namespace, event.name, event.user, event.status) for event in mine] == [
        ("create", "configmaps", namespace, "after", "admin", 201)
    ]


def test_everything_in_etcd_can_be_searched(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl(
        "create", "secret", "generic", "canary", f"--namespace={namespace}", "--from-literal=key=4b1d-canary"
    )
    assert [key for key, value in cluster.etcd_dump().items() if b"4b1d-canary" in value] == [
        f"/registry/secrets/{namespace}/canary"
    ]


def test_the_api_server_can_be_away_and_comes_back_with_what_it_had(cluster: Cluster, namespace: str) -> None:
    with cluster.apiserver_down(), pytest.raises(OSError, match="refused"):
        cluster.request("GET", "/version")
    assert cluster.get(f"/api/v1/namespaces/{namespace}")["status"]["phase"] == "Active"


_OWNER = """
import sys, time
from pathlib import Path
from testbed.control_plane import ControlPlane
ControlPlane.prepare(Path(sys.argv[1])).start()
print("started", flush=True)
time.sleep(600)
"""


def test_nothing_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    """The programs end although their owner had no chance to end them (SIGKILL)."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path)], stdout=subprocess.PIPE, env=env, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "started\n"
        programs = ControlPlane.attach(tmp_path).processes.values()
        assert [program.running for program in programs] == [True] * 4
        owner.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(program.running for program in programs), timeout=10, what="the programs have ended")
