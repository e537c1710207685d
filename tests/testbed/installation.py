"""The operator installed as a user installs it: the chart by real Helm, its pods run by `testbed.kubelet` under the chart's own rights."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed import programs
from testbed.cluster import Cluster
from testbed.kubelet import Kubelet, RunningPod
from testbed.operator import samples
from testbed.processes import TestbedError, child_environment, wait_for

CHART = Path(__file__).parents[2] / "charts" / "wandb-byob"
RELEASE = "byob"


class Installation:
    """One Helm release in one namespace."""

    def __init__(self, cluster: Cluster, runner: Kubelet, *, namespace: str) -> None:
        self.cluster = cluster
        self.kubelet = runner
        self.namespace = namespace
        self._folder = cluster.plane.folder / "helm" / namespace

    def install(self, values: Mapping[str, Any] | None = None, *, wait: bool = True) -> None:
        """`helm install` with these values, and wait until one pod leads."""
        given = self._folder / "values.json"
        given.parent.mkdir(parents=True, exist_ok=True)
        given.write_text(json.dumps({**self.kubelet.values, **(values or {})}))
        self.helm("install", RELEASE, str(CHART), f"--values={given}")
        if wait:
            self.wait_leading()

    def uninstall(self) -> str:
        """`helm uninstall`, its hook included, and what Helm says."""
        return self.helm("uninstall", RELEASE, "--timeout=90s")

    def helm(self, *arguments: str) -> str:
        """Run Helm as administrator in the release's namespace and return what it says; raises TestbedError with its words."""
        # What Helm learns of the API before our kinds are there is not for the user's own kubectl to believe.
        names = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "KUBECACHEDIR")
        folders = {name: str(self._folder) for name in names}
        argv = [str(programs.path("helm")), f"--kubeconfig={self.cluster.kubeconfig}", f"--namespace={self.namespace}"]
        done = subprocess.run(
            [*argv, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=child_environment(folders),
            check=False,
            timeout=180,
        )
        if done.returncode:
            raise TestbedError(f"helm {' '.join(arguments)} failed: {done.stdout}")
        return done.stdout

    def pods(self) -> list[RunningPod]:
        """The operator's pods that run."""
        return self.kubelet.pods(self.namespace)

    def metrics(self) -> dict[str, float]:
        """The samples of the pod that leads; empty while none does."""
        found = (samples(pod.metrics_port) for pod in self.pods())
        return next((each for each in found if each.get("byob_leader") == 1), {})

    def wait_leading(self, *, timeout: float = 60) -> None:
        """Wait until a pod leads."""
        wait_for(
            lambda: bool(self.metrics()),
            timeout=timeout,
            what="a pod of the operator leads",
            detail=lambda: f"{self.kubelet.failure!r} {self.kubelet.logs()[-4000:]}",
        )

    def kill(self) -> None:
        """SIGKILL the operator's processes, as an out-of-memory kill does; the kubelet starts them anew."""
        for pod in self.pods():
            if pod.process is not None:
                pod.process.kill()

    def records(self) -> list[dict[str, Any]]:
        """The log records of this installation's running pods; each line must be JSON."""
        text = "".join(pod.log.read_text() for pod in self.pods() if pod.log.exists())
        return [json.loads(line) for line in text.splitlines()]
