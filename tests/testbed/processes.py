"""Start, watch and end the testbed's programs."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

_GUARD = Path(__file__).with_name("guard.py")
# Below Linux' range of ephemeral ports (32768 and up), so that no outgoing connection takes a port while its server is being restarted.
_PORTS = range(20000, 32000)


T = TypeVar("T")


class TestbedError(Exception):
    """The testbed could not do what was asked; the text says why and what to do."""

    __test__ = False


def wait_for(
    condition: Callable[[], T | None],
    *,
    timeout: float,
    what: str,
    detail: Callable[[], str] = str,
    longest: float = 0.1,
) -> T:
    """Return the first truthy result of `condition`, or raise TestbedError after `timeout` seconds; `longest` is the longest pause between two tries."""
    deadline = time.monotonic() + timeout
    pause = 0.01
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TestbedError(f"{what}: not after {timeout:g} s. {detail()}")
        time.sleep(pause)
        pause = min(pause * 1.5, longest)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on now."""
    for port in random.sample(_PORTS, 200):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise TestbedError("No free TCP port between 20000 and 32000 on 127.0.0.1.")


def listening(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child: ours without proxies, since everything in the testbed is on 127.0.0.1, plus `extra`.

    Programs written in Go, which are most of them, spend memory of which there is enough, and not a fifth of their time on giving it back.
    """
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | {"GOGC": "400"} | dict(extra or {})


@dataclass(frozen=True)
class Process:
    """A running program. `started` tells it apart from a later process with the same pid."""

    name: str
    pid: int
    started: str
    log: Path
    popen: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def recall(cls, entry: Mapping[str, Any]) -> "Process":
        """The process of an `entry`, perhaps another process' child."""
        return cls(entry["name"], entry["pid"], entry["started"], Path(entry["log"]))

    @property
    def entry(self) -> dict[str, Any]:
        """What a later process needs to find this one: plain values, for JSON."""
        return {"name": self.name, "pid": self.pid, "started": self.started, "log": str(self.log)}

    @property
    def running(self) -> bool:
        """Whether the program is still there (a zombie is not)."""
        if self.popen is not None:
            return self.popen.poll() is None
        return _start_time(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program alone; nothing happens when it has ended."""
        if self.running:
            os.kill(self.pid, number)

    def pause(self) -> None:
        """Stop the program without ending it: connections stay open and nothing answers (SIGSTOP)."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused program go on (SIGCONT)."""
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """End the program and its children at once (SIGKILL) and wait until it is gone."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
        self._wait(10)

    def stop(self, *, grace: float = 5) -> None:
        """Ask the program to end (SIGTERM), and kill it after `grace` seconds."""
        self.send(signal.SIGTERM)
        self.resume()
        try:
            self._wait(grace)
        except TestbedError:
            self.kill()

    def tail(self, lines: int = 15) -> str:
        """The last lines of the program's log, for messages about what went wrong."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"The last lines of {self.log}:\n" + "\n".join(text.splitlines()[-lines:])

    def wait_until(self, condition: Callable[[], Any], *, timeout: float = 60, what: str | None = None) -> None:
        """Wait for a condition that this program brings about; fails at once when the program ends before."""

        def check() -> bool:
            if not self.running:
                raise TestbedError(f"{self.name} ended before it was ready. {self.tail()}")
            return bool(condition())

        wait_for(check, timeout=timeout, what=what or f"{self.name} is ready", detail=self.tail)

    def _wait(self, timeout: float) -> None:
        wait_for(lambda: not self.running, timeout=timeout, what=f"{self.name} ended")
        if self.popen is not None and self.popen.stdin is not None:
            self.popen.stdin.close()


def spawn(
    name: str,
    argv: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    detached: bool = False,
) -> Process:
    """Start a program with its output appended to `log`. It ends with this process, unless `detached`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    guard = [] if detached else [sys.executable, "-I", "-S", str(_GUARD)]
    with log.open("ab") as output:
        popen = subprocess.Popen(
            [*guard, *map(str, argv)],
            stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=child_environment(env),
            cwd=cwd,
            start_new_session=True,
        )
    started = _start_time(popen.pid)
    if detached:
        popen.returncode = 0  # Not ours to wait for: without this Popen warns when it is collected.
        return Process(name, popen.pid, started, log)
    return Process(name, popen.pid, started, log, popen)


def _start_time(pid: int) -> str:
    """When the process started, in the kernel's own unit; empty for one that is gone or a zombie."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if fields[0] in {"Z", "X"} else fields[19]
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(maxsplit=1)
    return "" if not shown or shown[0].startswith("Z") else shown[1].strip()
