"""A stand-in for W&B: the workloads that its chart makes, with the variable in the places where the chart has it.

Nothing of W&B's software runs: kwok keeps the pods. What is real is what the operator deals with: Deployments, a StatefulSet, their
rollouts, their pods and the environment that Kubernetes would give them.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from testbed.cluster import Cluster
from testbed.processes import wait_for

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
VARIABLE = "GORILLA_SUPPORTED_FILE_STORES"
RELEASE = "wandb"
COMPONENTS = ("app", "api", "executor", "filestream", "parquet")


def host(namespace: str) -> str:
    """The front-end origin of the stand-in in this namespace."""
    return f"https://{namespace}.wandb.example.com"


def workload(
    component: str,
    *,
    kind: str = "Deployment",
    replicas: int = 2,
    env: Sequence[Mapping[str, Any]] = (),
    deadline: int = 60,
    strategy: str = "RollingUpdate",
) -> dict[str, Any]:
    """One component as W&B's chart labels it; `deadline` is progressDeadlineSeconds."""
    labels = {"app.kubernetes.io/name": component, "app.kubernetes.io/instance": RELEASE}
    container = {
        "name": component,
        "image": "example.com/wandb:0.85.0",
        "env": [{"name": "HOST", "value": "https://wandb.example.com"}, *env],
    }
    spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    if kind == "Deployment":
        spec |= {"progressDeadlineSeconds": deadline, "strategy": {"type": strategy}}
    else:
        spec |= {"serviceName": component}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": f"{RELEASE}-{component}", "labels": labels},
        "spec": spec,
    }


def instance(namespace: str, **spec: Any) -> dict[str, Any]:
    """A WandbInstance `wandb` whose target is the stand-in."""
    return {
        "apiVersion": "byob.wandb.com/v1alpha1",
        "kind": "WandbInstance",
        "metadata": {"name": RELEASE, "namespace": namespace},
        "spec": {
            "deploymentType": "SelfManaged",
            "host": host(namespace),
            "identity": "arn:aws:iam::123456789012:role/wandb",
            "target": {
                "workloads": {"selector": {"matchLabels": {"app.kubernetes.io/instance": RELEASE}}},
            },
        }
        | spec,
    }


@dataclass
class StandIn:
    """The workloads of one namespace, and what their pods would see."""

    cluster: Cluster
    namespace: str
    components: Sequence[str] = field(default=COMPONENTS)

    @property
    def instance(self) -> str:
        """Which `app.kubernetes.io/instance` its workloads are labelled with."""
        return RELEASE

    def deploy(self, *, env: Sequence[Mapping[str, Any]] = (), replicas: int = 2, deadline: int = 60) -> None:
        """Create the Deployments and wait until their pods are ready."""
        self.cluster.apply(
            [workload(name, env=env, replicas=replicas, deadline=deadline) for name in self.components],
            namespace=self.namespace,
        )
        self.wait_available()

    def wait_available(self, *, timeout: float = 60) -> None:
        """Wait until every Deployment has all its replicas, of the newest template, available."""
        wait_for(self.settled, timeout=timeout, what=f"W&B's stand-in in {self.namespace} is rolled out")

    def settled(self) -> bool:
        """Whether no rollout is under way."""
        return all(_complete(each) for each in self.deployments())

    def deployments(self) -> list[Any]:
        """The Deployments as they are."""
        found = self.cluster.get(f"/apis/apps/v1/namespaces/{self.namespace}/deployments")["items"]
        return [each for each in found if each["metadata"]["labels"].get("app.kubernetes.io/instance") == self.instance]

    def revisions(self) -> dict[str, int]:
        """How often each Deployment's template was rolled out, its creation included."""
        return {
            each["metadata"]["name"]: int(each["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
            for each in self.deployments()
        }

    def pods(self) -> list[Any]:
        """The pods that are not being deleted."""
        pods = self.cluster.get(f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        mine = [pod for pod in pods if pod["metadata"]["labels"].get("app.kubernetes.io/instance") == self.instance]
        return [pod for pod in mine if "deletionTimestamp" not in pod["metadata"]]

    def ready_pods(self) -> int:
        """How many pods serve."""
        return self.serving()[0]

    def serving(self) -> tuple[int, int]:
        """How many pods serve, and how many there are, at one moment."""
        pods = self.pods()
        return sum(map(_ready, pods)), len(pods)

    def variable(self) -> set[str | None]:
        """The distinct values of the variable in all pods, as Kubernetes resolves them; None where a pod has none."""
        return self.seen(VARIABLE)

    def seen(self, variable: str) -> set[str | None]:
        """The distinct values of one variable in all pods, as the process sees it; None where a pod has none."""
        return {self.environment(pod).get(variable) for pod in self.pods()}

    def environment(self, pod: Any) -> dict[str, str]:
        """The environment of a pod's first container, as Kubernetes makes it: what is optional and not there is left out."""
        container, env = pod["spec"]["containers"][0], dict[str, str]()
        for each in container.get("envFrom", []):
            for source, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
                if source in each:
                    env |= self._data(plural, each[source]["name"])
        for entry in container.get("env", []):
            value = self._value(entry, env)
            if value is not None:
                env[entry["name"]] = value
        return env

    def secret_names(self) -> set[str | None]:
        """The Secrets that the pods' variable comes from."""
        return {_reference(pod).get("name") if (_reference(pod)) else None for pod in self.pods()}

    def _value(self, entry: Any, before: Mapping[str, str]) -> str | None:
        for source, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            reference = entry.get("valueFrom", {}).get(source)
            if reference is not None:
                value = self._data(plural, reference["name"]).get(reference["key"])
                assert value is not None or reference.get("optional"), f"{entry['name']}: the container cannot start"
                return value
        return _REFERENCE.sub(
            lambda found: "$" if found[0] == "$$" else before.get(found[1], found[0]), entry.get("value", "")
        )

    def _data(self, plural: str, name: str) -> dict[str, str]:
        found = self.cluster.get(f"/api/v1/namespaces/{self.namespace}/{plural}/{name}") or {}
        data: dict[str, str] = found.get("data") or {}
        return {key: _decoded(value) if plural == "secrets" else value for key, value in data.items()}


def _ready(pod: Any) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))


def _entry(pod: Any) -> Any:
    env = pod["spec"]["containers"][0].get("env", [])
    return next((each for each in env if each["name"] == VARIABLE), None)


def _reference(pod: Any) -> dict[str, str]:
    entry = _entry(pod) or {}
    found: dict[str, str] = entry.get("valueFrom", {}).get("secretKeyRef", {})
    return found


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode()


def _complete(deployment: Any) -> bool:
    status, replicas = deployment.get("status", {}), deployment["spec"]["replicas"]
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == replicas
        and status.get("replicas", 0) == replicas
        and status.get("availableReplicas", 0) == replicas
    )
