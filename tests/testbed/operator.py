"""The operator under test, as a process: started, watched, killed and stopped like a pod of it would be."""

import json
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from testbed import http
from testbed.processes import Process, free_port, spawn, wait_for

_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*(?:\{.*\})?) (?P<value>\S+)$")


class Operator:
    """`byob operator` against one cluster. `namespaces` None watches the release namespace, an empty list watches all.

    What the process writes is appended to `log`, also over restarts; `pod` is what the downward API would give (the name of the pod);
    `program` is what Python runs, by default the real one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kubeconfig: Path,
        release_namespace: str,
        namespaces: Sequence[str] | None = None,
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        pod: str = "operator-0",
        program: Sequence[str | Path] = ("-m", "wandb_byob"),
    ) -> None:
        self.probe_port = free_port()
        self.metrics_port = free_port()
        self.log = folder / f"{pod}.log"
        watched = (
            ["--all-namespaces"]
            if namespaces is not None and not namespaces
            else [f"--namespaces={name}" for name in namespaces or ()]
        )
        ports = [f"--probe-port={self.probe_port}", f"--metrics-port={self.metrics_port}"]
        self._argv = [sys.executable, *program, "operator", *watched, *ports, *arguments]
        self._env = {"KUBECONFIG": str(kubeconfig), "POD_NAMESPACE": release_namespace, "POD_NAME": pod, **(env or {})}
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def process(self) -> Process:
        """The running process, to pause it (SIGSTOP), to read its pid."""
        assert self._process is not None, "The operator was not started."
        return self._process

    def start(self) -> Self:
        """Start the process; a former one must have ended."""
        assert self._process is None or not self._process.running, "The operator runs already."
        self._process = spawn("operator", self._argv, log=self.log, env=self._env)
        return self

    def wait_ready(self, *, timeout: float = 60) -> Self:
        """Wait until `/readyz` says so: all kinds are watched. A standby is ready too."""
        self.process.wait_until(
            lambda: http.answers(f"http://127.0.0.1:{self.probe_port}/readyz"),
            timeout=timeout,
            what="the operator is ready",
        )
        return self

    def wait_leading(self, *, timeout: float = 60) -> Self:
        """Wait until the process holds the Lease and works."""
        self.process.wait_until(self.leading, timeout=timeout, what="the operator leads")
        return self

    def leading(self) -> bool:
        """Whether the process says that it holds the Lease."""
        return self.metrics().get("byob_leader") == 1

    def probe(self, name: str) -> http.Answer:
        """What a probe answers, such as `probe("healthz")`; raises OSError where nothing listens."""
        return http.request(f"http://127.0.0.1:{self.probe_port}/{name}", timeout=5)

    def metrics(self) -> dict[str, float]:
        """All samples by name with labels as they are written, such as `byob_checks{check="CORS",result="Passed"}`; empty where nothing listens."""
        return samples(self.metrics_port)

    def kill(self) -> None:
        """End the process at once (SIGKILL): it releases nothing."""
        if self._process is not None:
            self._process.kill()

    def stop(self, *, timeout: float = 30) -> tuple[int, float]:
        """Ask the process to end (SIGTERM) and return its exit status and the seconds it took; fails when it takes longer than `timeout`."""
        begin = time.monotonic()
        self.process.send(signal.SIGTERM)
        wait_for(
            lambda: not self.process.running,
            timeout=timeout,
            what="the operator ended after SIGTERM",
            detail=self.process.tail,
        )
        popen = self.process.popen
        assert popen is not None
        status = popen.wait()
        self.process.stop()
        return status, time.monotonic() - begin

    def resident_bytes(self) -> int:
        """The process' resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1]) * 1024  # type: ignore[index]

    def records(self) -> list[dict[str, Any]]:
        """The log's records so far; a line that is not JSON is an error, since log collectors would choke on it."""
        return [json.loads(line) for line in self.log.read_text().split("\n") if line]


def samples(port: int) -> dict[str, float]:
    """What `/metrics` on this port of 127.0.0.1 says, by name with labels; empty where nothing listens."""
    try:
        text = http.request(f"http://127.0.0.1:{port}/metrics", timeout=5).body.decode()
    except OSError:
        return {}
    return {match["name"]: float(match["value"]) for line in text.splitlines() if (match := _SAMPLE.match(line))}
