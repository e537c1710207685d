"""What can be shown of the way by kind without a Docker engine: how its API server's static pod is changed."""

from testbed.kind import audited


def test_the_static_pod_gets_an_audit_log_and_keeps_all_else() -> None:
    container = {
        "name": "kube-apiserver",
        "command": ["kube-apiserver", "--a=b"],
        "volumeMounts": [{"name": "certs", "mountPath": "/certs"}],
    }
    pod = {"kind": "Pod", "spec": {"hostNetwork": True, "containers": [container], "volumes": [{"name": "certs"}]}}
    spec = audited(pod)["spec"]
    assert spec["hostNetwork"]
    assert spec["containers"][0]["command"][:2] == ["kube-apiserver", "--a=b"]
    assert "--audit-log-path=/var/log/kubernetes-audit/audit.log" in spec["containers"][0]["command"]
    assert [each["name"] for each in spec["containers"][0]["volumeMounts"]] == ["certs", "audit"]
    assert spec["volumes"][1]["hostPath"]["path"] == "/var/log/kubernetes-audit"
