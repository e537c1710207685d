"""A kubelet in small: runs the pods of the operator's chart as processes of this machine, with the rights that the chart gives them.

The chart's pods are bound to a node of their own (`Kubelet.values`) whose pods kwok leaves alone. For each a process is started with the pod's own
arguments, its ServiceAccount's token and nothing else; the pod is Ready when its readiness probe answers, it is restarted when it
dies, it ends (SIGTERM) when the pod goes, and a Job's pod succeeds or fails as its process does. The image and its file system are
the one thing that is not real. The operator's probes (testbed.probe_pods) are run on whatever node they are placed.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from testbed import http, names, probe_pods
from testbed.cluster import Cluster
from testbed.processes import Process, free_port, spawn

_TAINT: Final = "testbed.byob.wandb.com/host"
_INTERVAL = 0.1
# What the real kubelet keeps of a termination message.
_MESSAGE_BYTES: Final = 4096


@dataclass
class RunningPod:
    """One pod and its process. The ports are this machine's, since all pods share its network.

    `kubeconfig` None: the pod has no token. `said`: the file that stands for its termination message. `env`: what webhooks have put in.
    """

    namespace: str
    name: str
    uid: str
    argv: list[str]
    kubeconfig: Path | None
    log: Path
    job: bool
    container: str = "operator"
    said: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    probe_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    restarts: int = 0
    reported: str = ""
    process: Process | None = None

    def start(self) -> None:
        """Start the process; the operator's ports are moved to free ones, a later flag winning over an earlier."""
        if self.kubeconfig is None:
            self.process = spawn(self.name, probe_pods.without_environment(self.argv, self.env), log=self.log)
            return
        ports = [f"--probe-port={self.probe_port}", f"--metrics-port={self.metrics_port}"]
        argv = [sys.executable, "-m", "wandb_byob", *self.argv, *([] if self.job else ports)]
        env = {"KUBECONFIG": str(self.kubeconfig), "POD_NAME": self.name, "POD_NAMESPACE": self.namespace}
        env |= names.environment()
        self.process = spawn(self.name, argv, log=self.log, env=env)

    def ready(self) -> bool:
        """Whether the readiness probe answers."""
        return http.answers(f"http://127.0.0.1:{self.probe_port}/readyz")


class Kubelet:
    """Runs the pods of one node until it is stopped. Two in one cluster need two nodes; kwok's Stages leave out `host` and `demo`."""

    def __init__(self, cluster: Cluster, folder: Path, *, node: str = "host") -> None:
        self._cluster = cluster
        self._folder = folder
        self._node = node
        self._pods: dict[str, RunningPod] = {}
        self._ending: list[RunningPod] = []
        self._webhooks: list[Callable[[Any], Mapping[str, str]]] = []
        self._stopping = threading.Event()
        self._restarting = threading.Event()
        self._restarting.set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)
        self.failure: BaseException | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The chart's values that put its pods on this node."""
        return {
            "nodeSelector": {"kubernetes.io/hostname": self._node},
            "tolerations": [{"key": _TAINT, "operator": "Exists"}],
        }

    def start(self) -> None:
        """Make the node, if it is not there, and begin."""
        if self._cluster.get(f"/api/v1/nodes/{self._node}") is None:
            metadata = {"name": self._node, "labels": {"kubernetes.io/hostname": self._node}}
            node = {"metadata": metadata, "spec": {"taints": [{"key": _TAINT, "effect": "NoSchedule"}]}}
            self._cluster.post("/api/v1/nodes", node)
        self._thread.start()

    def stop(self) -> None:
        """End the processes and the watching; the pods stay as they are."""
        self._stopping.set()
        self._thread.join(30)
        for pod in self.pods():
            if pod.process is not None:
                pod.process.stop()

    def pods(self, namespace: str | None = None) -> list[RunningPod]:
        """The pods that run here (of one namespace), oldest first, Jobs' apart."""
        with self._lock:
            return [pod for pod in self._pods.values() if not pod.job and namespace in (None, pod.namespace)]

    def running(self, namespace: str) -> int:
        """How many processes of this namespace's pods there are, those of deleted pods that have not ended yet included."""
        with self._lock:
            pods = [*self._pods.values(), *self._ending]
        return sum(1 for pod in pods if pod.namespace == namespace and pod.process is not None and pod.process.running)

    def logs(self) -> str:
        """Everything that the processes wrote."""
        return "".join(path.read_text(errors="replace") for path in sorted(self._folder.glob("*.log")))

    @contextmanager
    def not_restarting(self) -> Iterator[None]:
        """Within the block a process that dies stays dead."""
        self._restarting.clear()
        try:
            yield
        finally:
            self._restarting.set()

    @contextmanager
    def putting(self, webhook: Callable[[Any], Mapping[str, str]]) -> Iterator[None]:
        """Within the block probes get what a webhook of a cloud puts into the environment of such pods (testbed.pod_identities)."""
        self._webhooks.append(webhook)
        try:
            yield
        finally:
            self._webhooks.remove(webhook)

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL):
            try:
                self._look()
            except Exception as error:  # the API server may be down for a while: that is what tests do to it
                self.failure = error

    def _look(self) -> None:
        found = self._cluster.get(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self._node}")["items"]
        found += probe_pods.placed(self._cluster, {pod.namespace for pod in self._pods.values()})
        wanted = {pod["metadata"]["uid"]: pod for pod in found if "deletionTimestamp" not in pod["metadata"]}
        for uid in [uid for uid in self._pods if uid not in wanted]:
            with self._lock:
                gone = self._pods.pop(uid)
            if gone.process is not None:
                self._ending.append(gone)
                threading.Thread(target=gone.process.stop, kwargs={"grace": 30}, daemon=True).start()
        for uid, pod in wanted.items():
            if uid not in self._pods and pod["status"].get("phase") in (None, "Pending", "Running"):
                self._admit(uid, pod)
        for uid, running in list(self._pods.items()):
            self._sync(running, wanted[uid])

    def _admit(self, uid: str, pod: Any) -> None:
        meta, spec = pod["metadata"], pod["spec"]
        prepared = probe_pods.prepare(self._cluster, pod, self._folder) if probe_pods.is_probe(pod) else None
        if prepared is None and probe_pods.is_probe(pod):
            return
        running = RunningPod(
            namespace=meta["namespace"],
            name=meta["name"],
            uid=uid,
            argv=prepared.argv if prepared else spec["containers"][0]["args"],
            kubeconfig=None if prepared else self._token(pod),
            log=self._folder / f"{meta['namespace']}-{meta['name']}.log",
            job=any(owner["kind"] == "Job" for owner in meta.get("ownerReferences", ())),
            container=spec["containers"][0]["name"],
            said=prepared.said if prepared else None,
            env={name: value for webhook in tuple(self._webhooks) for name, value in webhook(pod).items()},
        )
        running.start()
        with self._lock:
            self._pods[uid] = running

    def _token(self, pod: Any) -> Path:
        return self._cluster.kubeconfig_for(pod["metadata"]["namespace"], pod["spec"]["serviceAccountName"])

    def _sync(self, pod: RunningPod, seen: Any) -> None:
        process = pod.process
        if process is None or seen["status"].get("phase") in ("Succeeded", "Failed"):
            return
        if process.running:
            self._report(pod, "Running", ready=pod.job or pod.ready())
        elif pod.job:
            status = process.popen.returncode if process.popen is not None else 1
            process.stop()
            self._report(pod, "Failed" if status else "Succeeded", ready=False)
        elif self._restarting.is_set():
            process.stop()
            pod.restarts += 1
            pod.start()

    def _report(self, pod: RunningPod, phase: str, *, ready: bool) -> None:
        state = f"{phase} {ready} {pod.restarts}"
        if pod.reported == state:
            return
        status = {
            "phase": phase,
            "conditions": [
                {"type": kind, "status": str(ready), "lastTransitionTime": _now()}
                for kind in ("Initialized", "ContainersReady", "Ready")
            ],
            "containerStatuses": [_container(pod, phase, ready=ready)],
        }
        self._cluster.patch(f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/status", {"status": status})
        pod.reported = state


def _container(pod: RunningPod, phase: str, *, ready: bool) -> dict[str, Any]:
    end: dict[str, Any] = {"exitCode": 0 if phase == "Succeeded" else 1, "finishedAt": _now(), "startedAt": _now()}
    if pod.said is not None and pod.said.exists():
        end["message"] = pod.said.read_bytes()[:_MESSAGE_BYTES].decode(errors="replace")
    return {
        "name": pod.container,
        "image": "host",
        "imageID": "",
        "ready": ready,
        "restartCount": pod.restarts,
        "state": {"running": {"startedAt": _now()}} if phase == "Running" else {"terminated": end},
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
