"""A cluster by kind, for machines with a Docker engine. Pods run on kwok's nodes: kind's own node is cordoned."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from testbed import programs
from testbed.planes import kubectl_proxy
from testbed.processes import Process, TestbedError, spawn, wait_for
from testbed.progress import Progress

_POLICY = Path(__file__).parent / "manifests" / "audit-policy.yaml"
_MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
_ASIDE = "/etc/kubernetes/kube-apiserver.yaml"
_AUDIT_FOLDER = "/var/log/kubernetes-audit"


def there() -> bool:
    """Whether kind and a Docker engine that answers are there."""
    if shutil.which("kind") is None or shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=30).returncode == 0


class KindPlane:
    """A kind cluster that is deleted when this process ends, however it does (unless detached)."""

    def __init__(self, folder: Path, *, detached: bool = False) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.name = f"byob-{uuid.uuid4().hex[:8]}"
        self._node = f"{self.name}-control-plane"
        self._detached = detached
        self._processes: list[Process] = []
        # Deletes the cluster when our end of the pipe closes.
        self._end = (
            None
            if detached
            else subprocess.Popen(
                ["sh", "-c", 'cat > /dev/null; kind delete cluster --name "$0"', self.name],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        )
        try:
            self._create()
        except BaseException:
            self.stop()
            raise

    def run_kwok(self) -> None:
        """Start kwok for the nodes with its annotation only."""
        argv: list[str | Path] = [
            programs.path("kwok"),
            f"--kubeconfig={self.kubeconfig}",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        ]
        argv += ["--enable-crds=Stage", "--node-lease-duration-seconds=600"]
        log = self.folder / "logs" / "kwok.log"
        self._processes.append(spawn("kwok", argv, log=log, env={"HOME": str(self.folder)}, detached=self._detached))

    def stop_apiserver(self) -> None:
        """Take the static pod away from the kubelet."""
        self._in_node("mv", _MANIFEST, _ASIDE)
        wait_for(lambda: not self._answers(), timeout=120, what="kind's API server has ended")

    def start_apiserver(self) -> None:
        """Give the static pod back to the kubelet."""
        self._in_node("mv", _ASIDE, _MANIFEST)
        self._wait_ready()

    def pause_apiserver(self) -> None:
        """SIGSTOP, from inside the node."""
        self._in_node("pkill", "-STOP", "-x", "kube-apiserver")

    def resume_apiserver(self) -> None:
        """SIGCONT, from inside the node."""
        self._in_node("pkill", "-CONT", "-x", "kube-apiserver")
        self._wait_ready()

    def read_audit(self, since: int) -> bytes:
        """The audit log from this byte on."""
        return self._in_node("tail", "-c", f"+{since + 1}", f"{_AUDIT_FOLDER}/audit.log")

    def etcd_page(self, start: bytes) -> dict[str, Any]:
        """All of etcd at once, by the etcdctl of its own pod."""
        if start != b"\0":
            return {}
        pki = "/etc/kubernetes/pki/etcd"
        etcdctl = [
            "etcdctl",
            f"--cacert={pki}/ca.crt",
            f"--cert={pki}/server.crt",
            f"--key={pki}/server.key",
            "get",
            "",
            "--prefix",
            "--write-out=json",
        ]
        argv = [
            programs.path("kubectl"),
            f"--kubeconfig={self.kubeconfig}",
            "--namespace=kube-system",
            "exec",
            f"etcd-{self._node}",
            "--",
            *etcdctl,
        ]
        found: dict[str, Any] = json.loads(_run(*map(str, argv)))
        return found | {"more": False}

    @property
    def state(self) -> dict[str, Any]:
        """What a later process needs to stop a detached cluster."""
        return {"name": self.name, "processes": [process.entry for process in self._processes]}

    def stop(self) -> None:
        """Delete the cluster."""
        if self._end is None:
            stop(self.state)
            return
        for process in self._processes:
            process.stop()
        self._end.communicate()

    def _create(self) -> None:
        with Progress(f"creating the kind cluster {self.name}"):
            _run(
                "kind", "create", "cluster", "--name", self.name, "--kubeconfig", str(self.kubeconfig), "--wait", "180s"
            )
            self._turn_auditing_on()
            kubectl = [str(programs.path("kubectl")), f"--kubeconfig={self.kubeconfig}"]
            wait_for(self._answers, timeout=120, what="kind's API server answers with auditing on")
            _run(*kubectl, "cordon", self._node)
        self.endpoint, proxy = kubectl_proxy(self.kubeconfig, self.folder, detached=self._detached)
        self._processes.append(proxy)

    def _turn_auditing_on(self) -> None:
        self._in_node("mkdir", "-p", _AUDIT_FOLDER)
        self._in_node("tee", f"{_AUDIT_FOLDER}/policy.yaml", stdin=_POLICY.read_bytes())
        manifest = audited(yaml.safe_load(self._in_node("cat", _MANIFEST)))
        self._in_node("rm", _MANIFEST)
        wait_for(
            lambda: not self._answers(), timeout=120, what="kind's API server has ended to be started with auditing"
        )
        self._in_node("tee", _MANIFEST, stdin=yaml.safe_dump(manifest).encode())

    def _wait_ready(self) -> None:
        wait_for(self._answers, timeout=120, what="kind's API server is ready")

    def _answers(self) -> bool:
        argv = [
            str(programs.path("kubectl")),
            f"--kubeconfig={self.kubeconfig}",
            "--request-timeout=5s",
            "get",
            "--raw=/readyz",
        ]
        return subprocess.run(argv, capture_output=True, check=False, timeout=30).returncode == 0

    def _in_node(self, *argv: str, stdin: bytes | None = None) -> bytes:
        return _run("docker", "exec", "--interactive", self._node, *argv, stdin=stdin)


def stop(state: Mapping[str, Any]) -> None:
    """Stop a detached cluster by its `state`."""
    for entry in state["processes"]:
        Process.recall(entry).stop()
    _run("kind", "delete", "cluster", "--name", state["name"])


def audited(pod: dict[str, Any]) -> dict[str, Any]:
    """The API server's static pod with the flags and the volume for its audit log."""
    container = pod["spec"]["containers"][0]
    flags = [
        f"--audit-policy-file={_AUDIT_FOLDER}/policy.yaml",
        f"--audit-log-path={_AUDIT_FOLDER}/audit.log",
        "--audit-log-maxsize=10000",
    ]
    changed = container | {
        "command": [*container["command"], *flags],
        "volumeMounts": [*container["volumeMounts"], {"name": "audit", "mountPath": _AUDIT_FOLDER}],
    }
    volumes = [
        *pod["spec"]["volumes"],
        {"name": "audit", "hostPath": {"path": _AUDIT_FOLDER, "type": "DirectoryOrCreate"}},
    ]
    return pod | {"spec": pod["spec"] | {"containers": [changed], "volumes": volumes}}


def _run(*argv: str, stdin: bytes | None = None) -> bytes:
    done = subprocess.run(argv, input=stdin, capture_output=True, check=False, timeout=600)
    if done.returncode:
        raise TestbedError(f"`{' '.join(argv[:4])} …` failed: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout
