"""A Kubernetes control plane of real programs on 127.0.0.1, with kwok for the nodes."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization

from testbed import certificates, http, programs
from testbed.planes import Endpoint
from testbed.processes import Process, TestbedError, free_port, listening, spawn, wait_for

_MANIFESTS = Path(__file__).parent / "manifests"
# Started in this order, stopped in the reverse one.
_ORDER = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
_USERS = ("admin", "system:kube-controller-manager", "system:kube-scheduler", "kwok", "testbed")
_STATE = "state.json"


@dataclass
class ControlPlane:
    """The programs and where they listen. Everything on disk lies in `folder`; `state.json` in there lets a later process find the programs."""

    folder: Path
    detached: bool = False
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)

    @classmethod
    def prepare(cls, folder: Path, *, detached: bool = False) -> "ControlPlane":
        """Write keys, certificates, tokens and kubeconfigs; nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        plane = cls(folder, detached, {name: free_port() for name in ("etcd", "etcd-peer", "kube-apiserver")})
        certificates.Authority(folder).issue("apiserver", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
        public = certificates.write_key(folder / "service-accounts.key").public_key()
        (folder / "service-accounts.pub").write_bytes(
            public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        tokens = {user: secrets.token_hex(16) for user in _USERS}
        _write_private(
            folder / "tokens.csv",
            "".join(f'{token},{user},{user},"system:masters"\n' for user, token in tokens.items()),
        )
        for user, token in tokens.items():
            write_kubeconfig(plane.kubeconfig_of(user), user=user, token=token, cluster=plane.kubeconfig_cluster)
        return plane

    @classmethod
    def attach(cls, folder: Path) -> "ControlPlane":
        """The control plane that was started in `folder`, perhaps by another process."""
        try:
            state: dict[str, Any] = json.loads((folder / _STATE).read_text())
        except FileNotFoundError as error:
            raise TestbedError(f"No cluster was started in {folder}.") from error
        processes = {entry["name"]: Process.recall(entry) for entry in state["processes"]}
        return cls(folder, True, state["ports"], processes)

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def etcd(self) -> str:
        """Where etcd answers (plain HTTP: the gRPC gateway answers there too)."""
        return f"http://127.0.0.1:{self.ports['etcd']}"

    @property
    def kubeconfig_cluster(self) -> dict[str, str]:
        """The `cluster` of a kubeconfig."""
        return {"server": self.server, "certificate-authority": str(self.authority)}

    @property
    def authority(self) -> Path:
        """The certificate that the API server's own is checked against."""
        return self.folder / "ca.crt"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.kubeconfig_of("admin")

    @property
    def endpoint(self) -> Endpoint:
        """How the API is called as administrator."""
        token = yaml.safe_load(self.kubeconfig.read_text())["users"][0]["user"]["token"]
        return Endpoint(self.server, {"Authorization": f"Bearer {token}"}, self.authority)

    def kubeconfig_of(self, user: str) -> Path:
        """The kubeconfig of one of the control plane's own users."""
        return self.folder / ("kubeconfig" if user == "admin" else f"{user.rpartition(':')[2]}.kubeconfig")

    def start(self) -> None:
        """Start what does not run, in order. kwok is not part of it: it needs its Stages first."""
        self.start_one("etcd")
        self.processes["etcd"].wait_until(lambda: http.answers(f"{self.etcd}/readyz"))
        self.start_one("kube-apiserver")
        self.wait_ready()
        self.start_one("kube-controller-manager")
        self.start_one("kube-scheduler")

    def start_one(self, name: str) -> None:
        """Start one program, unless it runs."""
        running = self.processes.get(name)
        if running is not None and running.running:
            return
        argv = [programs.path(name), *getattr(self, "_" + name.replace("-", "_"))()]
        log = self.folder / "logs" / f"{name}.log"
        # kwok and others look for configuration of the user's in HOME: here it is our folder.
        self.processes[name] = spawn(
            name, argv, log=log, env={"HOME": str(self.folder), "KUBECONFIG": ""}, detached=self.detached
        )
        self._save()

    def wait_ready(self) -> None:
        """Wait until the API server says that it is ready."""
        server = self.processes["kube-apiserver"]
        server.wait_until(lambda: http.answers(f"{self.server}/readyz", authority=self.authority), timeout=90)

    def run_kwok(self) -> None:
        """Start kwok, after its Stages and nodes are there."""
        self.start_one("kwok")

    def stop_apiserver(self) -> None:
        """Kill the API server, and wait until its port is closed: its threads may outlive the zombie of its first one."""
        self.processes["kube-apiserver"].kill()
        port = self.ports["kube-apiserver"]
        wait_for(lambda: not listening(port), timeout=10, what="the API server's port is closed")

    def start_apiserver(self) -> None:
        """Start the API server again, on the same port, and wait until it is ready."""
        self.start_one("kube-apiserver")
        self.wait_ready()

    def pause_apiserver(self) -> None:
        """The API server keeps its connections and answers nothing."""
        self.processes["kube-apiserver"].pause()

    def resume_apiserver(self) -> None:
        """Let a paused API server go on and wait until it is ready."""
        self.processes["kube-apiserver"].resume()
        self.wait_ready()

    def read_audit(self, since: int) -> bytes:
        """The audit log from this byte on."""
        with (self.folder / "audit.log").open("rb") as log:
            log.seek(since)
            return log.read()

    def etcd_page(self, start: bytes) -> dict[str, Any]:
        """Some of etcd's keys and values, from `start` on."""
        body = {"key": base64.b64encode(start).decode(), "range_end": "AA==", "limit": 500}
        page: dict[str, Any] = http.request(
            f"{self.etcd}/v3/kv/range", method="POST", body=json.dumps(body).encode()
        ).json()
        return page

    def stop(self) -> None:
        """Stop everything, at once where it does not end by itself soon."""
        for name in reversed(_ORDER):
            if name in self.processes:
                self.processes[name].stop()

    def _save(self) -> None:
        entries = [process.entry for process in self.processes.values()]
        (self.folder / _STATE).write_text(json.dumps({"ports": self.ports, "processes": entries}))

    def _etcd(self) -> list[str]:
        peer = f"http://127.0.0.1:{self.ports['etcd-peer']}"
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={self.etcd}",
            f"--advertise-client-urls={self.etcd}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _kube_apiserver(self) -> list[str]:
        return [
            f"--etcd-servers={self.etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports['kube-apiserver']}",
            f"--tls-cert-file={self.folder / 'apiserver.crt'}",
            f"--tls-private-key-file={self.folder / 'apiserver.key'}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'service-accounts.pub'}",
            f"--service-account-signing-key-file={self.folder / 'service-accounts.key'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={_MANIFESTS / 'audit-policy.yaml'}",
            f"--audit-log-path={self.folder / 'audit.log'}",
            "--audit-log-maxsize=10000",
            "--allow-privileged=true",
            "--profiling=false",
            "--shutdown-delay-duration=0s",
        ]

    def _kube_controller_manager(self) -> list[str]:
        # A paused API server must not make the nodes look dead; nodelifecycle itself is needed: it takes the not-ready taint off the nodes.
        controllers = "*,-node-ipam-controller,-kube-apiserver-serving-clustertrustbundle-publisher-controller,-taint-eviction-controller"
        return [
            f"--kubeconfig={self.kubeconfig_of('system:kube-controller-manager')}",
            f"--service-account-private-key-file={self.folder / 'service-accounts.key'}",
            f"--root-ca-file={self.authority}",
            f"--controllers={controllers}",
            "--node-monitor-grace-period=1h",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--profiling=false",
        ]

    def _kube_scheduler(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig_of('system:kube-scheduler')}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--profiling=false",
        ]

    def _kwok(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig_of('kwok')}",
            "--manage-all-nodes",
            "--enable-crds=Stage",
            "--node-lease-duration-seconds=600",
        ]


def write_kubeconfig(path: Path, *, user: str, token: str, cluster: dict[str, str], namespace: str = "default") -> Path:
    """Write a kubeconfig with this token, readable by the owner only."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": user, "namespace": namespace}}],
        "current-context": "testbed",
    }
    _write_private(path, yaml.safe_dump(content, sort_keys=False))
    return path


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
