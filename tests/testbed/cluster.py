"""A Kubernetes cluster for tests and the demo, with what a test needs to look behind it and to break it."""

import base64
import json
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from testbed import audit, http, programs, stages
from testbed.audit import WriteEvent
from testbed.control_plane import ControlPlane, write_kubeconfig
from testbed.planes import Plane
from testbed.processes import TestbedError, child_environment, wait_for

if TYPE_CHECKING:
    import kubernetes.client

_MANIFESTS = Path(__file__).parent / "manifests"
_STAGES = "/apis/kwok.x-k8s.io/v1alpha1/stages"
_MARKER_AGENT = "testbed-audit-marker"
_CANARY_LABEL = "testbed.byob.wandb.com/canary"
_NODE_ANNOTATIONS = {"kwok.x-k8s.io/node": "fake"}
_NODES = 3


class Cluster:
    """A running cluster. `source` says in words which one it is."""

    def __init__(self, plane: Plane, *, source: str) -> None:
        self.plane = plane
        self.source = source
        self.kubeconfig = plane.kubeconfig
        self._endpoint = plane.endpoint
        self._audit_end = 0

    @classmethod
    def start(cls, folder: Path, *, nodes: int = _NODES, detached: bool = False) -> "Cluster":
        """Start a control plane of our own in `folder`. A detached one outlives this process, until `Cluster.attach(folder).stop()`."""
        plane = ControlPlane.prepare(folder, detached=detached)
        try:
            plane.start()
            cluster = cls(plane, source=f"control plane of our own: {programs.origin()}")
            cluster.start_nodes(nodes)
        except BaseException:
            plane.stop()
            raise
        return cluster

    @classmethod
    def attach(cls, folder: Path) -> "Cluster":
        """The cluster of our own that was started in `folder`, perhaps by another process."""
        return cls(ControlPlane.attach(folder), source=f"already running, in {folder}")

    def stop(self) -> None:
        """End all that was started for the cluster."""
        self.plane.stop()

    @contextmanager
    def apiserver_down(self) -> Iterator[None]:
        """The API server is killed for the length of the block, then started anew at the same address."""
        self.plane.stop_apiserver()
        try:
            yield
        finally:
            self.plane.start_apiserver()

    @contextmanager
    def apiserver_paused(self) -> Iterator[None]:
        """The API server keeps its connections and answers nothing for the length of the block (SIGSTOP)."""
        self.plane.pause_apiserver()
        try:
            yield
        finally:
            self.plane.resume_apiserver()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        user_agent: str = "testbed",
    ) -> http.Answer:
        """One call of the API as administrator, such as `request("GET", "/api/v1/namespaces")`; any status is an answer."""
        headers = {**self._endpoint.headers, "Content-Type": content_type, "User-Agent": user_agent}
        data = None if body is None else json.dumps(body).encode()
        url, authority = f"{self._endpoint.url}{path}", self._endpoint.authority
        return http.request(url, method=method, body=data, headers=headers, authority=authority)

    def get(self, path: str) -> Any:
        """The object at this path of the API, or None where there is none."""
        answer = self.request("GET", path)
        return None if answer.status == 404 else _checked(answer, f"GET {path}")

    def post(self, path: str, body: Any) -> Any:
        """Create an object; raises TestbedError with the API server's words where it is refused."""
        return _checked(self.request("POST", path, body), f"POST {path}")

    def patch(self, path: str, body: Any, *, content_type: str = "application/merge-patch+json") -> Any:
        """Patch an object, by default with a merge patch."""
        return _checked(self.request("PATCH", path, body, content_type=content_type), f"PATCH {path}")

    def delete(self, path: str) -> None:
        """Delete an object; it may be gone already."""
        answer = self.request("DELETE", path)
        if answer.status != 404:
            _checked(answer, f"DELETE {path}")

    def wait(self, path: str, condition: Callable[[Any], Any], *, timeout: float = 30, what: str | None = None) -> Any:
        """Wait until the object at this path satisfies `condition` (it gets None while there is none); returns the object."""
        seen: list[Any] = [None]

        def check() -> bool:
            seen[0] = self.get(path)
            return bool(condition(seen[0]))

        def shown() -> str:
            return f"It is: {json.dumps(_readable(seen[0]))[:4000]}"

        wait_for(check, timeout=timeout, what=what or f"{path} is as expected", detail=shown)
        return seen[0]

    def client(self, kubeconfig: Path | None = None) -> "kubernetes.client.ApiClient":
        """The official client as administrator, or with another kubeconfig. The caller closes it."""
        import kubernetes.client  # a second of work, and most do not need it
        import kubernetes.config

        configuration = kubernetes.client.Configuration()
        path = str(kubeconfig or self.kubeconfig)
        kubernetes.config.load_kube_config(path, client_configuration=configuration)  # type: ignore[no-untyped-call]
        configuration.proxy = None
        return kubernetes.client.ApiClient(configuration)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None, check: bool = True
    ) -> str:
        """Run kubectl as administrator, or with another kubeconfig, and return what it writes to both streams."""
        argv = [str(programs.path("kubectl")), f"--kubeconfig={kubeconfig or self.kubeconfig}", *arguments]
        env = child_environment({"KUBECACHEDIR": str(self.plane.folder / "kubectl-cache"), "KUBECTL_KUBERC": "false"})
        done = subprocess.run(
            argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, timeout=120
        )
        if check and done.returncode:
            raise TestbedError(f"kubectl {' '.join(arguments)} failed: {done.stdout}")
        return done.stdout

    def apply(
        self,
        manifests: str | Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        namespace: str | None = None,
        kubeconfig: Path | None = None,
    ) -> str:
        """`kubectl apply --server-side` of YAML text, one object or several. Raises TestbedError with kubectl's words."""
        objects = [manifests] if isinstance(manifests, Mapping) else manifests
        text = objects if isinstance(objects, str) else yaml.safe_dump_all(objects)
        where = [f"--namespace={namespace}"] if namespace else []
        arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-", *where]
        return self.kubectl(*arguments, stdin=text, kubeconfig=kubeconfig)

    def create_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> str:
        """Create a namespace and wait until pods can be made in it (its default ServiceAccount is there)."""
        self.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": dict(labels or {})}})
        self.wait(f"/api/v1/namespaces/{name}/serviceaccounts/default", bool)
        return name

    def kubeconfig_for(self, namespace: str, service_account: str, *, seconds: int = 86400) -> Path:
        """A kubeconfig with a token that the API server made for this ServiceAccount: what a pod of it may do, this may do."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        token = self.post(path, {"spec": {"expirationSeconds": seconds}})["status"]["token"]
        view = json.loads(self.kubectl("config", "view", "--minify", "--flatten", "--raw", "--output=json"))
        file = self.plane.folder / f"{namespace}-{service_account}-{uuid.uuid4().hex[:6]}.kubeconfig"
        server = view["clusters"][0]["cluster"]
        return write_kubeconfig(file, user=service_account, token=token, cluster=server, namespace=namespace)

    @contextmanager
    def fail_pods(self, failure: stages.Failure, pods: stages.PodSelector) -> Iterator[None]:
        """Within the block, new pods like these fail. Pods that run are let be, and what failed stays so until replaced."""
        name = f"test-{uuid.uuid4().hex[:10]}"
        # kwok says nowhere that it has taken up a Stage. It watches them in order: once a pod of our own fails by the
        # second, the first is there too.
        self.post(_STAGES, stages.failing(name, failure, stages.selecting(pods)))
        self.post(_STAGES, stages.failing(f"{name}-canary", failure, {"matchLabels": {_CANARY_LABEL: name}}))
        try:
            self._wait_for_canary(name)
            yield
        finally:
            self.delete(f"{_STAGES}/{name}")
            self.delete(f"{_STAGES}/{name}-canary")

    def audit_position(self) -> int:
        """A place in the audit log behind every write that was answered until now, for `audit(since=…)`."""
        self._audit_end += len(self._flushed_audit(self._audit_end))
        return self._audit_end

    def audit(self, since: int = 0) -> list[WriteEvent]:
        """All writes answered since then: ours (`user_agent="testbed"`) and the control plane's included."""
        return [event for event in audit.parse(self._flushed_audit(since)) if event.user_agent != _MARKER_AGENT]

    def etcd_dump(self) -> dict[str, bytes]:
        """Every key and value in etcd: custom resources are JSON, Kubernetes' own kinds protobuf (strings stand in it as they are)."""
        found: dict[str, bytes] = {}
        start, more = b"\0", True
        while more:
            page = self.plane.etcd_page(start)
            for entry in page.get("kvs", []):
                start = base64.b64decode(entry["key"])
                found[start.decode()] = base64.b64decode(entry.get("value", ""))
            start += b"\0"
            more = bool(page.get("more"))
        return found

    def start_nodes(self, count: int = _NODES) -> None:
        """Make kwok's nodes and let kwok run them."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self.post(path, yaml.safe_load((_MANIFESTS / "stage-crd.yaml").read_text()))
        self.wait(f"{path}/stages.kwok.x-k8s.io", _established)
        for stage in [*yaml.safe_load_all((_MANIFESTS / "stages.yaml").read_text()), *stages.standing()]:
            self.post(_STAGES, stage)
        for number in range(count):
            name = f"node-{number}"
            labels = {"kubernetes.io/hostname": name}
            metadata = {"name": name, "labels": labels, "annotations": _NODE_ANNOTATIONS}
            self.post("/api/v1/nodes", {"metadata": metadata})
        self.plane.run_kwok()
        self.wait("/api/v1/nodes", _all_usable, timeout=60, what="kwok's nodes are ready")
        self.wait("/api/v1/namespaces/default/serviceaccounts/default", bool)

    def _flushed_audit(self, since: int) -> bytes:
        """The log from `since` until now. An event is written after the answer: a dry run of our own marks the place."""
        name = f"marker-{uuid.uuid4().hex}"
        path = "/api/v1/namespaces/default/configmaps?dryRun=All"
        answer = self.request("POST", path, {"metadata": {"name": name}}, user_agent=_MARKER_AGENT)
        _checked(answer, "the audit log's marker")

        def upto() -> bytes | None:
            log = self.plane.read_audit(since)
            return log if name.encode() in log and log.endswith(b"\n") else None

        return wait_for(upto, timeout=10, what="the audit log holds the last request")

    def _wait_for_canary(self, name: str) -> None:
        """Make pods that this Stage means, one after the other, until one of them has failed."""
        pods = "/api/v1/namespaces/default/pods"
        metadata = {"generateName": f"{name}-", "labels": {_CANARY_LABEL: name}}
        pod = {
            "metadata": metadata,
            "spec": {"nodeName": "node-0", "containers": [{"name": "canary", "image": "canary"}]},
        }

        def running(found: Any) -> bool:
            return found is not None and found["status"].get("phase") == "Running"

        def failed() -> bool:
            path = f"{pods}/{self.post(pods, pod)['metadata']['name']}"
            made = self.wait(path, running, what="kwok runs a pod")
            self.delete(path)
            return stages.made_to_fail(made)

        wait_for(failed, timeout=15, what="kwok has taken up the Stage that makes pods fail")


def _all_usable(nodes: Any) -> bool:
    ours = [
        node for node in nodes["items"] if _NODE_ANNOTATIONS.items() <= node["metadata"].get("annotations", {}).items()
    ]
    return all(not node["spec"].get("taints") and _holds(node, "Ready") for node in ours)


def _readable(found: Any) -> Any:
    """An object without what no person reads, its status first."""
    if not isinstance(found, dict) or "metadata" not in found:
        return found
    shown = {name: value for name, value in found.items() if name != "status"}
    metadata = {name: value for name, value in found["metadata"].items() if name != "managedFields"}
    return {"status": found.get("status")} | shown | {"metadata": metadata}


def _established(crd: Any) -> bool:
    return crd is not None and _holds(crd, "Established")


def _holds(subject: Any, condition: str) -> bool:
    conditions = subject.get("status", {}).get("conditions") or []
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


def _checked(answer: http.Answer, what: str) -> Any:
    if answer.status >= 400:
        words = answer.body.decode(errors="replace")[:2000]
        raise TestbedError(f"{what}: the API server answered {answer.status}: {words}")
    return answer.json()
