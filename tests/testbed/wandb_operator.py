"""A stand-in for W&B's own operator: it makes Deployments from a WeightsAndBiases object as W&B's does, traps included.

v1: the values of W&B's deployer, of the Secret `<name>-spec-user` and of the object are merged (the last wins), rendered by the
precedence of W&B's chart into the Deployments' env, and kept in `<name>-spec-active`. A text that meets a map, or a value beside a valueFrom, stops
reconciliation, and the status goes on saying `Completed`. The bucket reaches the pods as by W&B's chart: its name by a ConfigMap, its keys
by a Secret, put together by Kubernetes; so that another name alone restarts nothing. v2: the list of variables, those of a component before
the global ones; what somebody else changes in a Deployment is set back. The bucket is put together in a Secret that always has the same name.
"""

import base64
import copy
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from testbed import wandb
from testbed.cluster import Cluster
from testbed.processes import TestbedError, wait_for
from testbed.wandb_chart import ClashError, chart_bucket, chart_env, connection_url, merged

NAME = "wandb"
CONNECTION = "wandb-objectstore-connection"
CHART = "operator-wandb-0.43.8"
_CRD = Path(__file__).parent / "manifests" / "wandb-crd.yaml"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_PAUSE = 0.1
Version = Literal["v1", "v2"]


def crd(stored: Version) -> Any:
    """The stand-in for W&B's CRD, whose objects are stored in this version."""
    definition = yaml.safe_load(_CRD.read_text())
    for version in definition["spec"]["versions"]:
        version["storage"] = version["name"] == stored
    return definition


def install_crd(cluster: Cluster, stored: Version) -> None:
    """Make the kind, and wait until it is served."""
    cluster.post(_DEFINITIONS, crd(stored))
    path = f"/apis/apps.wandb.com/{stored}/weightsandbiases"
    wait_for(lambda: cluster.request("GET", path).status == 200, timeout=30, what="WeightsAndBiases is served")


def remove_crd(cluster: Cluster) -> None:
    """Remove the kind, with its objects."""
    path = f"{_DEFINITIONS}/weightsandbiases.apps.wandb.com"
    cluster.delete(path)
    cluster.wait(path, lambda found: found is None)


@dataclass
class Operated(wandb.StandIn):
    """W&B in one namespace, run by the stand-in of its operator.

    `chart` is what the Deployments are labelled with; `deployer` are the values that W&B itself gives (v1), which are in no object of
    the cluster; the components of `stop_first` have the strategy Recreate; `stopped` makes it do nothing more, while its status stays as it is.
    """

    version: Version = "v1"
    chart: str = CHART
    deployer: Mapping[str, Any] = field(default_factory=dict)
    replicas: int = 2
    stop_first: Sequence[str] = ()
    stopped: bool = False
    rounds: int = 0
    errors: list[str] = field(default_factory=list)
    _kept: dict[str, Any] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def path(self) -> str:
        """Where the WeightsAndBiases object is, in the version in which it is stored."""
        return f"/apis/apps.wandb.com/{self.version}/namespaces/{self.namespace}/weightsandbiases/{NAME}"

    def start(self, spec: Mapping[str, Any] | None = None) -> None:
        """Create the object and run until `stop`; returns when the Deployments are rolled out."""
        body = {"apiVersion": f"apps.wandb.com/{self.version}", "kind": "WeightsAndBiases"}
        metadata = {"name": NAME, "namespace": self.namespace}
        self.cluster.apply({**body, "metadata": metadata, "spec": dict(spec or {})}, namespace=self.namespace)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_for(
            lambda: len(self.deployments()) == len(self.components),
            timeout=30,
            what="W&B's Deployments are made",
            detail=lambda: str(self.errors[:1]),
        )
        self.wait_available()

    def stop(self) -> None:
        """End it, and raise what it did not expect."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(10)
        if self.errors:
            raise TestbedError(f"The stand-in of W&B's operator failed: {self.errors[0]}")

    def body(self) -> Any:
        """The object as it is."""
        return self.cluster.get(self.path)

    def edit(self, spec: Mapping[str, Any], *, manager: str = "terraform") -> None:
        """Merge something into the specification, as somebody else."""
        self.cluster.patch(f"{self.path}?fieldManager={manager}", {"spec": spec})

    def console(self, values: Mapping[str, Any]) -> None:
        """Save values as the System Console does."""
        self._save("spec-user", values)

    def rounds_pass(self, count: int) -> None:
        """Wait until it has looked at the object this many times more."""
        before = self.rounds
        wait_for(lambda: self.rounds >= before + count, timeout=30, what=f"W&B's operator has looked {count} times")

    @property
    def instance(self) -> str:
        """Which `app.kubernetes.io/instance` its workloads are labelled with."""
        return NAME if self.version == "v1" else self.namespace

    # --- what W&B's operator does --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._end.wait(_PAUSE):
            if self.stopped:
                continue
            try:
                body = self.body()
                if body is not None:
                    self._reconcile(body)
            except ClashError:
                pass  # as W&B's: a line in its log, and `Completed` in the status
            except Exception as error:  # the test is told at its end
                if not self._end.is_set():
                    self.errors.append(repr(error))
            self.rounds += 1

    def _reconcile(self, body: Any) -> None:
        envs = self._envs_v1(body) if self.version == "v1" else self._envs_v2(body)
        for component, env in envs.items():
            self._give(component, env)
        status = {"phase": "Completed", "version": "0.85.0"}
        if self.version == "v2":
            status = {"state": "Ready", "observedGeneration": body["metadata"]["generation"]}
        if body.get("status") != status:
            self.cluster.patch(f"{self.path}/status", {"status": status})

    def _envs_v1(self, body: Any) -> dict[str, list[dict[str, Any]]]:
        values = merged(merged(self.deployer, self._load("spec-user")), body["spec"].get("values") or {})
        place, keys = chart_bucket(values, NAME)
        if place:
            self._keep("ConfigMap", f"{NAME}-bucket-configmap", {"data": place})
        envs = {component: [*keys, *chart_env(values, component, old=self._old)] for component in self.components}
        if self._load("spec-active") != values:
            self._save("spec-active", values)
        return envs

    @property
    def _old(self) -> bool:
        numbers = tuple(int(part) for part in self.chart.rpartition("-")[2].split("."))
        return numbers < (0, 33, 0)

    def _envs_v2(self, body: Any) -> dict[str, list[dict[str, Any]]]:
        keys = self._connection(body)
        overrides = ((body["spec"].get("wandb") or {}).get("legacyOverrides")) or {}
        found = {}
        for component in self.components:
            env = {each["name"]: each for each in (overrides.get("global") or {}).get("env") or ()}
            env |= {each["name"]: each for each in (overrides.get(component) or {}).get("env") or ()}
            found[component] = [*keys, *env.values()]
        return found

    def _connection(self, body: Any) -> list[dict[str, Any]]:
        """Put the bucket that the object's selectors mean into W&B's connection Secret; return the variables that refer to it."""
        stores = (body["spec"].get("objectStore") or {}).get("default") or {}
        values = {}
        for field_, selector in (stores.get("externalObjectStore") or {}).items():
            path = f"/api/v1/namespaces/{self.namespace}/secrets/{selector['name']}"
            data = (self.cluster.get(path) or {"data": {}})["data"]
            if selector["key"] in data:
                values[field_] = base64.b64decode(data[selector["key"]]).decode()
        if not values:
            return []
        secret = {"url": connection_url(values), "Region": values.get("region", "")}
        self._keep("Secret", CONNECTION, {"stringData": secret})
        return [
            {"name": name, "valueFrom": {"secretKeyRef": {"name": CONNECTION, "key": key}}}
            for name, key in (("BUCKET", "url"), ("AWS_REGION", "Region"))
        ]

    def _keep(self, kind: str, name: str, content: Mapping[str, Any]) -> None:
        """Make an object what it is to be; without a write where it is so."""
        if self._kept.get(name) != content:
            body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": self.namespace}}
            self.cluster.apply({**body, **content}, namespace=self.namespace)
            self._kept[name] = content

    def _give(self, component: str, env: Sequence[Mapping[str, Any]]) -> None:
        for each in env:
            if "value" in each and "valueFrom" in each:
                raise ClashError(f"{each['name']} has a value and a valueFrom")
        strategy = "Recreate" if component in self.stop_first else "RollingUpdate"
        wanted = wandb.workload(component, env=env, replicas=self.replicas, strategy=strategy)
        if self.version == "v1":
            source = {"configMapRef": {"name": f"{NAME}-bucket-configmap", "optional": True}}
            wanted["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [source]
        if self.version == "v2":
            _relabel(wanted, component, self.namespace)
        wanted["metadata"]["labels"]["helm.sh/chart"] = self.chart
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments"
        there = self.cluster.get(f"{path}/{wanted['metadata']['name']}")
        if there is None:
            self.cluster.post(path, wanted)
            return
        mine = wanted["spec"]["template"]["spec"]["containers"][0]["env"]
        if there["spec"]["template"]["spec"]["containers"][0].get("env") != mine:
            changed = copy.deepcopy(there)
            changed["spec"]["template"]["spec"]["containers"][0]["env"] = mine
            answer = self.cluster.request("PUT", f"{path}/{wanted['metadata']['name']}", changed)
            if answer.status not in (200, 409):
                raise ClashError(answer.body.decode())

    def _load(self, suffix: str) -> dict[str, Any]:
        secret = self.cluster.get(f"/api/v1/namespaces/{self.namespace}/secrets/{NAME}-{suffix}")
        return json.loads(base64.b64decode(secret["data"]["values"])) if secret is not None else {}

    def _save(self, suffix: str, values: Mapping[str, Any]) -> None:
        name = f"{NAME}-{suffix}"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": self.namespace}}
        self.cluster.apply({**secret, "stringData": {"values": json.dumps(values)}}, namespace=self.namespace)


def _relabel(workload: dict[str, Any], component: str, namespace: str) -> None:
    """v2: no prefix, and the instance is the namespace."""
    labels = {"app.kubernetes.io/name": component, "app.kubernetes.io/instance": namespace}
    workload["metadata"] |= {"name": component, "labels": dict(labels)}
    workload["spec"]["selector"]["matchLabels"] = labels
    workload["spec"]["template"]["metadata"]["labels"] = labels
