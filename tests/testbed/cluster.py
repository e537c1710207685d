"""A Kubernetes cluster for tests and the demo, with what a test needs to look behind it and to break it."""

import base64
import json
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes.client
import kubernetes.config
import yaml

from testbed import http, programs, stages
from testbed.control_plane import ControlPlane
from testbed.processes import Process, TestbedError, child_environment, wait_for

_MANIFESTS = Path(__file__).parent / "manifests"
_MARKER_AGENT = "testbed-audit-marker"
_CANARY_LABEL = "testbed.byob.wandb.com/canary"
_NODES = 3


@dataclass(frozen=True)
class WriteEvent:
    """One write that the API server answered, from its audit log. `user_agent` starts with the program's name."""

    verb: str
    user: str
    user_agent: str
    resource: str
    subresource: str
    namespace: str
    name: str
    status: int
    uri: str
    time: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "WriteEvent":
        """From an audit event (audit.k8s.io/v1)."""
        ref = event.get("objectRef", {})
        group = ref.get("apiGroup", "")
        return cls(
            verb=event["verb"],
            user=event["user"]["username"],
            user_agent=event.get("userAgent", ""),
            resource=f"{ref.get('resource', '')}.{group}" if group else ref.get("resource", ""),
            subresource=ref.get("subresource", ""),
            namespace=ref.get("namespace", ""),
            name=ref.get("name", ""),
            status=event.get("responseStatus", {}).get("code", 0),
            uri=event["requestURI"],
            time=event["requestReceivedTimestamp"],
        )


class Cluster:
    """A running cluster. `source` says in words which one it is."""

    def __init__(self, plane: ControlPlane, *, source: str) -> None:
        self.plane = plane
        self.source = source
        self.kubeconfig = plane.kubeconfig_of("admin")
        self._token = yaml.safe_load(self.kubeconfig.read_text())["users"][0]["user"]["token"]

    @classmethod
    def start(
        cls, folder: Path, *, nodes: int = _NODES, detached: bool = False, source: str = "built from Go modules"
    ) -> "Cluster":
        """Start a control plane in `folder`. A detached one goes on when this process ends, until `Cluster.attach(folder).stop()`."""
        plane = ControlPlane.prepare(folder, detached=detached)
        try:
            plane.start()
            cluster = cls(plane, source=source)
            cluster._start_nodes(nodes)
        except BaseException:
            plane.stop()
            raise
        return cluster

    @classmethod
    def attach(cls, folder: Path) -> "Cluster":
        """The cluster that was started in `folder`, perhaps by another process."""
        return cls(ControlPlane.attach(folder), source=f"already running, in {folder}")

    def stop(self) -> None:
        """End all of the cluster's programs."""
        self.plane.stop()

    @property
    def server(self) -> str:
        """The API server's address."""
        return self.plane.server

    @property
    def apiserver(self) -> Process:
        """The API server's process, to pause, resume or kill it."""
        return self.plane.processes["kube-apiserver"]

    @contextmanager
    def apiserver_down(self) -> Iterator[None]:
        """The API server is killed for the length of the block, then started anew on the same port."""
        self.apiserver.kill()
        try:
            yield
        finally:
            self.restart("kube-apiserver")

    @contextmanager
    def apiserver_paused(self) -> Iterator[None]:
        """The API server keeps its connections and answers nothing for the length of the block."""
        self.apiserver.pause()
        try:
            yield
        finally:
            self.apiserver.resume()
            self.plane.wait_ready()

    def restart(self, program: str) -> None:
        """Kill one of the control plane's programs where it runs, start it anew and wait for the API server."""
        if program in self.plane.processes:
            self.plane.processes[program].kill()
        self.plane.start_one(program)
        self.plane.wait_ready()

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
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type, "User-Agent": user_agent}
        data = None if body is None else json.dumps(body).encode()
        return http.request(
            f"{self.server}{path}", method=method, body=data, headers=headers, authority=self.plane.authority
        )

    def get(self, path: str) -> Any:
        """The object at this path of the API, or None where there is none."""
        answer = self.request("GET", path)
        if answer.status == 404:
            return None
        return _checked(answer, f"GET {path}")

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
        """Wait until the object at this path satisfies `condition` (it gets None while there is none), and return the object."""
        seen: list[Any] = [None]

        def check() -> bool:
            seen[0] = self.get(path)
            return bool(condition(seen[0]))

        wait_for(
            check,
            timeout=timeout,
            what=what or f"{path} is as expected",
            detail=lambda: f"It is: {json.dumps(seen[0], indent=1)[:4000]}",
        )
        return seen[0]

    def client(self, kubeconfig: Path | None = None) -> kubernetes.client.ApiClient:
        """The official client as administrator, or with another kubeconfig. The caller closes it."""
        configuration = kubernetes.client.Configuration()
        kubernetes.config.load_kube_config(str(kubeconfig or self.kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
        configuration.proxy = None
        return kubernetes.client.ApiClient(configuration)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, kubeconfig: Path | None = None, check: bool = True
    ) -> str:
        """Run kubectl as administrator, or with another kubeconfig, and return what it writes to both streams."""
        argv = [str(programs.path("kubectl")), f"--kubeconfig={kubeconfig or self.kubeconfig}", *arguments]
        env = child_environment({"KUBECACHEDIR": str(self.plane.folder / "kubectl-cache"), "KUBECTL_KUBERC": "false"})
        done = subprocess.run(
            argv,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
            check=False,
            timeout=120,
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
        return self.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", *where, stdin=text, kubeconfig=kubeconfig
        )

    def create_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> str:
        """Create a namespace and wait until pods can be made in it (its default ServiceAccount is there)."""
        self.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": dict(labels or {})}})
        self.wait(f"/api/v1/namespaces/{name}/serviceaccounts/default", bool)
        return name

    def kubeconfig_for(self, namespace: str, service_account: str, *, seconds: int = 86400) -> Path:
        """A kubeconfig with a token that the API server made for this ServiceAccount (TokenRequest): what a pod of it may do, this may do."""
        body = {"spec": {"expirationSeconds": seconds}}
        answer = self.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token", body)
        with tempfile.NamedTemporaryFile(
            dir=self.plane.folder, prefix=f"{namespace}-{service_account}-", suffix=".kubeconfig", delete=False
        ) as file:
            path = Path(file.name)
        return self.plane.write_kubeconfig(
            path, user=service_account, token=answer["status"]["token"], namespace=namespace
        )

    @contextmanager
    def fail_pods(self, failure: stages.Failure, pods: stages.PodSelector) -> Iterator[None]:
        """Within the block, new pods like these fail. Pods that run already are let be, and what failed stays so until it is replaced."""
        name = f"test-{uuid.uuid4().hex[:10]}"
        path = "/apis/kwok.x-k8s.io/v1alpha1/stages"
        # kwok says nowhere that it has taken up a Stage. It watches them in order: once a pod of our own fails by the second, the first is there too.
        self.post(path, stages.failing(name, failure, stages.selecting(pods)))
        self.post(path, stages.failing(f"{name}-canary", failure, {"matchLabels": {_CANARY_LABEL: name}}))
        try:
            self._wait_for_canary(name)
            yield
        finally:
            self.delete(f"{path}/{name}")
            self.delete(f"{path}/{name}-canary")

    def audit_position(self) -> int:
        """A place in the audit log behind everything that was written until now, for `audit(since=…)`."""
        self._flush_audit()
        return self.plane.audit_log.stat().st_size

    def audit(self, since: int = 0) -> list[WriteEvent]:
        """All writes that the API server has answered since then, ours (`user_agent="testbed"`) and the control plane's included."""
        self._flush_audit()
        with self.plane.audit_log.open("rb") as log:
            log.seek(since)
            lines = [line for line in log if line.endswith(b"\n")]
        events = (WriteEvent.of(json.loads(line)) for line in lines)
        return [event for event in events if event.user_agent != _MARKER_AGENT]

    def etcd_dump(self) -> dict[str, bytes]:
        """Every key and value in etcd: custom resources are JSON, Kubernetes' own kinds protobuf (strings stand in it as they are)."""
        found: dict[str, bytes] = {}
        start = b"\0"
        while True:
            body = {"key": base64.b64encode(start).decode(), "range_end": "AA==", "limit": 500}
            answer = http.request(
                f"{self.plane.etcd}/v3/kv/range", method="POST", body=json.dumps(body).encode()
            ).json()
            for entry in answer.get("kvs", []):
                start = base64.b64decode(entry["key"])
                found[start.decode()] = base64.b64decode(entry.get("value", ""))
            if not answer.get("more"):
                return found
            start += b"\0"

    def _flush_audit(self) -> None:
        """The API server writes an event after it has answered: a request of our own that changes nothing (dry run) marks the place."""
        name = f"marker-{uuid.uuid4().hex}"
        path = "/api/v1/namespaces/default/configmaps?dryRun=All"
        _checked(
            self.request("POST", path, {"metadata": {"name": name}}, user_agent=_MARKER_AGENT), "the audit log's marker"
        )
        size = max(0, self.plane.audit_log.stat().st_size - 65536)

        def seen() -> bool:
            with self.plane.audit_log.open("rb") as log:
                log.seek(size)
                return name.encode() in log.read()

        wait_for(seen, timeout=10, what="the audit log holds the last request")

    def _wait_for_canary(self, name: str) -> None:
        """Make pods that this Stage means, one after the other, until one of them has failed."""
        pods = "/api/v1/namespaces/default/pods"
        pod = {
            "metadata": {"generateName": f"{name}-", "labels": {_CANARY_LABEL: name}},
            "spec": {"nodeName": "node-0", "containers": [{"name": "canary", "image": "canary"}]},
        }

        def failed() -> bool:
            path = f"{pods}/{self.post(pods, pod)['metadata']['name']}"
            made = self.wait(
                path, lambda found: found and found["status"].get("phase") == "Running", what="kwok runs a pod"
            )
            self.delete(path)
            return stages.made_to_fail(made)

        wait_for(failed, timeout=15, what="kwok has taken up the Stage that makes pods fail")

    def _start_nodes(self, count: int) -> None:
        """Make the nodes and let kwok run them."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self.post(path, yaml.safe_load((_MANIFESTS / "stage-crd.yaml").read_text()))
        self.wait(f"{path}/stages.kwok.x-k8s.io", _established)
        for stage in [*yaml.safe_load_all((_MANIFESTS / "stages.yaml").read_text()), *stages.standing()]:
            self.post("/apis/kwok.x-k8s.io/v1alpha1/stages", stage)
        for number in range(count):
            self.post(
                "/api/v1/nodes",
                {"metadata": {"name": f"node-{number}", "labels": {"kubernetes.io/hostname": f"node-{number}"}}},
            )
        self.plane.start_one("kwok")
        nodes = "/api/v1/nodes"
        self.plane.processes["kwok"].wait_until(
            lambda: all(not node["spec"].get("taints") for node in self.get(nodes)["items"]), what="the nodes are ready"
        )
        self.wait("/api/v1/namespaces/default/serviceaccounts/default", bool)


def _established(crd: Any) -> bool:
    return any(
        each["type"] == "Established" and each["status"] == "True"
        for each in (crd or {}).get("status", {}).get("conditions") or ()  # null until the API server has looked at it
    )


def _checked(answer: http.Answer, what: str) -> Any:
    if answer.status >= 400:
        raise TestbedError(
            f"{what}: the API server answered {answer.status}: {answer.body.decode(errors='replace')[:2000]}"
        )
    return answer.json()
