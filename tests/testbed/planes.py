"""What `Cluster` asks of whoever runs the control plane: our own programs, kind, or somebody else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from testbed import http, programs
from testbed.processes import Process, TestbedError, free_port, spawn


@dataclass(frozen=True)
class Endpoint:
    """How the API is called as administrator."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    authority: Path | None = None


class Plane(Protocol):
    """A control plane. What it can't do raises TestbedError with what to do instead."""

    @property
    def folder(self) -> Path:
        """Where files of this cluster may be put."""
        ...

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        ...

    @property
    def endpoint(self) -> Endpoint:
        """How the API is called as administrator."""
        ...

    def run_kwok(self) -> None:
        """Start kwok, after its Stages and nodes are there."""
        ...

    def stop_apiserver(self) -> None:
        """End the API server at once."""
        ...

    def start_apiserver(self) -> None:
        """Start the API server again and wait until it is ready."""
        ...

    def pause_apiserver(self) -> None:
        """Stop the API server without ending it."""
        ...

    def resume_apiserver(self) -> None:
        """Let a paused API server go on and wait until it is ready."""
        ...

    def read_audit(self, since: int) -> bytes:
        """The audit log from this byte on."""
        ...

    def etcd_page(self, start: bytes) -> dict[str, Any]:
        """Some of etcd's keys and values from `start` on: `kvs` with base64 `key` and `value`, and `more`."""
        ...

    def stop(self) -> None:
        """End all that was started for this cluster."""
        ...


def kubectl_proxy(kubeconfig: Path, folder: Path, *, detached: bool = False) -> tuple[Endpoint, Process]:
    """An endpoint that authenticates as this kubeconfig says, in whatever way that is."""
    port = free_port()
    argv: list[str | Path] = [programs.path("kubectl"), f"--kubeconfig={kubeconfig}", "proxy", f"--port={port}"]
    process = spawn("kubectl-proxy", argv, log=folder / "logs" / "kubectl-proxy.log", detached=detached)
    endpoint = Endpoint(f"http://127.0.0.1:{port}")
    process.wait_until(
        lambda: http.answers(f"{endpoint.url}/readyz"),
        timeout=30,
        what=f"the API server that {kubeconfig} names answers",
    )
    return endpoint, process


class NamedPlane:
    """A cluster that the user named with BYOB_KUBECONFIG. It has to be able to run pods; its control plane is not ours to look into or to break."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = kubeconfig
        self.endpoint, self._proxy = kubectl_proxy(kubeconfig, folder)

    def run_kwok(self) -> None:
        """Refused: the nodes are the user's."""
        raise _not_ours()

    def stop_apiserver(self) -> None:
        """Refused."""
        raise _not_ours()

    start_apiserver = pause_apiserver = resume_apiserver = stop_apiserver

    def read_audit(self, since: int) -> bytes:
        """Refused."""
        raise _not_ours()

    def etcd_page(self, start: bytes) -> dict[str, Any]:
        """Refused."""
        raise _not_ours()

    def stop(self) -> None:
        """End our access; the cluster goes on."""
        self._proxy.stop()


def _not_ours() -> TestbedError:
    return TestbedError(
        "This test looks into the control plane or breaks it, which can't be done to the cluster that BYOB_KUBECONFIG names. "
        "Unset the variable, so that the testbed starts one of its own."
    )
