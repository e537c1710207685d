"""The demo's folder: what runs, how it is reached, and how it is ended."""

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.cluster import Cluster
from testbed.kubelet import Kubelet
from testbed.object_store import Keys, Store
from testbed.planes import NamedPlane
from testbed.processes import Process, TestbedError, spawn, wait_for

ROOT = Path(__file__).parents[3]
_SERVER = "server"
_FAILURE = "failure"


@dataclass(frozen=True)
class Home:
    """One folder, one demo. The background process publishes each part in it once the part is ready."""

    folder: Path

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """Where the programs write their logs."""
        return self.folder / "logs"

    @property
    def _log(self) -> Path:
        return self.logs / "demo.log"

    @property
    def operator_logs(self) -> Path:
        """Where the operator's pods write theirs."""
        return self.folder / "operator"

    @property
    def manifests(self) -> Path:
        """Where the manifests are that the demo applies."""
        return self.folder / "manifests"

    def shown(self, path: Path) -> str:
        """A path as a reader wants it: relative to where they are, if it lies below."""
        return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

    def typed(self, path: Path) -> str:
        """A path as it is typed to hold everywhere."""
        return f"$PWD/{self.shown(path)}" if path.is_relative_to(Path.cwd()) else str(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Refuse a second `make demo` or `make demo-down` while one is at work; the kernel drops the lock when this process ends."""
        here = os.open(self.folder.parent, os.O_RDONLY)
        try:
            fcntl.flock(here, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise TestbedError("Another `make demo` is at work here: end it with Ctrl-C where it runs.") from None
        finally:
            os.close(here)

    # --- the background process ---------------------------------------------------------------------------------------

    def start_server(self) -> Process:
        """Start the background process; the folder must be free."""
        self.folder.mkdir(mode=0o700, parents=True)
        argv: list[str | Path] = [sys.executable, "-m", "testbed.demo", "serve", "--folder", self.folder]
        env = {"PYTHONPATH": str(ROOT / "tests")}
        server = spawn("the demo", argv, log=self._log, env=env, cwd=ROOT, detached=True)
        self.publish(_SERVER, server.entry)
        return server

    def server(self) -> Process | None:
        """The background process, where one was started."""
        entry = self.part(_SERVER)
        return Process.recall(entry) if entry else None

    def end(self) -> bool:
        """End what runs and remove the folder; tells whether there was anything."""
        if not self.folder.exists():
            return False
        server = self.server()
        if server is None and any(self.folder.iterdir()) and not self._log.exists():
            raise TestbedError(f"{self.folder} is not a demo's folder: remove it yourself, or name another.")
        if server is not None:
            server.stop(grace=60)
        wait_for(self._removed, timeout=10, what=f"{self.folder} is removed")
        return True

    def _removed(self) -> bool:
        shutil.rmtree(self.folder, ignore_errors=True)
        return not self.folder.exists()

    # --- its parts ----------------------------------------------------------------------------------------------------

    def publish(self, name: str, facts: Mapping[str, Any]) -> None:
        """Say that a part is there and how it is reached. Keys are among it, so only the owner may read."""
        partial = self.folder / f"{name}.partial"
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(facts))
        partial.rename(self._file(name))

    def part(self, name: str) -> dict[str, Any] | None:
        """What was published about a part, None until it is."""
        try:
            found: dict[str, Any] = json.loads(self._file(name).read_text())
        except FileNotFoundError:
            return None
        return found

    def wait_part(self, name: str, *, timeout: float = 300) -> dict[str, Any]:
        """Wait for a part; fails with the background process's words where that can't be had."""
        server = self.server()
        assert server is not None, "The background process was not started."
        seen: list[dict[str, Any]] = []

        def look() -> bool:
            seen[:] = [found for found in (self.part(name),) if found is not None]
            if not seen and (failure := self.part(_FAILURE)):
                raise TestbedError(failure["text"])
            return bool(seen)

        server.wait_until(look, timeout=timeout, what=f"the {name} is ready")
        return seen[0]

    def fail(self, text: str) -> None:
        """Say why no further part will come."""
        self.publish(_FAILURE, {"text": text})

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    # --- what the parts are -------------------------------------------------------------------------------------------

    def publish_store(self, store: Store) -> None:
        """Publish an object store with its root keys."""
        keys = {"access_key": store.keys.access_key, "secret_key": store.keys.secret_key}
        facts = {"port": store.port, "keys": keys, "folder": str(store.folder), "process": store.process.entry}
        self.publish(store.name, facts)

    def store(self, name: str) -> Store:
        """A published object store."""
        found = self.wait_part(name)
        process, folder = Process.recall(found["process"]), Path(found["folder"])
        return Store(name=name, port=found["port"], keys=Keys(**found["keys"]), folder=folder, process=process)

    def cluster(self) -> Cluster:
        """The published cluster."""
        source = self.wait_part("cluster")["source"]
        if (self.folder / "state.json").exists():
            return Cluster(Cluster.attach(self.folder).plane, source=source)
        return Cluster(NamedPlane(self.kubeconfig, self.folder), source=source)

    def kubelet(self, cluster: Cluster) -> Kubelet:
        """What runs the operator's pods; it has a node of its own, so that tests may use this cluster too (BYOB_KUBECONFIG)."""
        return Kubelet(cluster, self.operator_logs, node="demo")
