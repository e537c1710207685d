"""What the demo's story is played on: the cluster, W&B's stand-in, the stores, and how they are spoken to in sight of the reader."""

import shlex
from dataclasses import dataclass
from typing import Any, Final

from testbed.cluster import Cluster
from testbed.demo import objects
from testbed.demo.home import Home
from testbed.demo.objects import Row
from testbed.demo.terminal import Screen
from testbed.object_store import Store
from testbed.wandb import StandIn

_REQUEST: Final = "byob.wandb.com/reconcile-requested-at"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The cluster, the stores and the screen."""

    screen: Screen
    home: Home
    cluster: Cluster
    wandb: StandIn
    moto: Store
    minio: Store
    versitygw: Store

    def kubectl(self, command: str) -> str:
        """Show a kubectl command, run exactly that, and return what it prints."""
        self.screen.command(f"kubectl {command}")
        return self.cluster.kubectl(*shlex.split(command), kubeconfig=self.home.kubeconfig)

    def apply(self, *names: str) -> None:
        """Apply the manifests, or one file of them."""
        path = self.home.manifests.joinpath(*names)
        self.kubectl(f"apply --server-side --force-conflicts -f {self.home.shown(path)}")

    def look_now(self, *stores: str, request: str) -> None:
        """Have the operator look at these BucketStores now; `request` is any value that the annotation does not have yet."""
        self.kubectl(f"annotate bucketstores {' '.join(stores)} --overwrite {_REQUEST}={request}")

    def row(self, key: str) -> Row:
        """One object, such as `BucketStore vision`."""
        (found,) = objects.rows(self.cluster, key)
        return found

    def ready(self, *keys: str) -> bool:
        """Whether these objects are Ready."""
        return all(self.row(key).ready == "True" for key in keys)

    def table(self, *keys: str) -> dict[str, str]:
        """The lines of a table of these objects, or of all."""
        return objects.table(self.screen, objects.rows(self.cluster, *keys))

    def status(self, key: str) -> Any:
        """The status of an object."""
        return objects.get(self.cluster, key)["status"]

    def say_undisturbed(self, before: dict[str, int]) -> None:
        """Say how W&B fared since its workloads had these revisions."""
        changed = [name for name, now in self.wandb.revisions().items() if now != before[name]]
        restarts = f"restarted: {', '.join(changed)}" if changed else "no workload was restarted"
        self.screen.say(f"W&B meanwhile: {restarts}; of its pods, {objects.serving(self.wandb)}.")
