"""Paste what moving in looks like into docs/import.md, docs/wandb-operator.md and docs/instance-storage.md: `python -m cluster.documents`.

On a control plane of its own, with W&B run by the stand-in of its own operator (v1), and the real program on a terminal.
"""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster import moving_in
from cluster.crd_rules import CRDS
from cluster.instance_world import InstanceWorld
from cluster.places import BEFORE, looked_at, real_bucket, set_back, target
from console.program import on_terminal
from console.report import docs, shown
from testbed import scim, sources, stores, wandb_operator
from testbed.cluster import Cluster
from testbed.object_store import Store
from testbed.wandb import VARIABLE, instance
from testbed.wandb_operator import Operated

TEAMS = ("Vision", "Speech", "ML Research")
REFERENCE = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "stores", "key": "list"}}}
ARGO = "argocd-controller"
AT_ONCE = {"maxWait": "0s"}
OTHERS = [each for each in BEFORE if each["name"] != VARIABLE]


def main() -> int:
    """Fill all places of the three pages."""
    pages = docs()
    with TemporaryDirectory() as scratch, ExitStack() as ends:
        folder = Path(scratch)
        cluster = ends.enter_context(sources.obtain(folder / "cluster"))
        for crd in CRDS.values():
            cluster.apply(crd)
        wandb_operator.install_crd(cluster, "v1")
        store = stores.start_versitygw(folder / "versitygw")
        ends.callback(store.stop)
        here = _wandb(cluster, ends, "wandb", moving_in.entries())
        for name, output in chain(
            _importing(here, folder / "import"),
            _operated(here, store, folder / "operated"),
            _stored(_wandb(cluster, ends, "research", moving_in.entries()[:1]), store, folder / "stored"),
        ):
            pages.paste(name, output)
    return 0


def _wandb(cluster: Cluster, ends: ExitStack, name: str, entries: Sequence[str]) -> InstanceWorld:
    """A W&B with a list of buckets, and one of its own."""
    listed = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "stores"},
        "stringData": {"list": ",".join(entries)},
    }
    keys = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "bucket"},
        "stringData": {"ACCESS_KEY": "AKIA", "SECRET_KEY": "wJalrXUtnFEMI%2FK7MDENG"},
    }
    here = looked_at(
        cluster,
        "v1",
        ends,
        env=[*OTHERS, REFERENCE],
        before=[listed, keys],
        components=("app", "api", "console", "executor"),
        name=name,
        rollout=AT_ONCE,
    )
    bucket = {"provider": "s3", "name": "acme-wandb", "region": "eu-west-1", "secret": {"secretName": "bucket"}}
    stand_in(here).edit({"values": {"global": {"bucket": bucket}}})
    stand_in(here).rounds_pass(3)
    here.stand_in.wait_available()
    return here


def _importing(here: InstanceWorld, folder: Path) -> Iterator[tuple[str, str]]:
    folder.mkdir()
    moving_in.alone(here)
    environ = {"KUBECONFIG": str(here.cluster.kubeconfig)}
    words = ("import", "-n", "wandb", "--host", "https://wandb.example.com")
    yield "import-list", shown(words, on_terminal(folder, *words, environ=environ))
    shutil.rmtree(folder / "byob")
    with scim.running(teams=TEAMS) as server:
        (folder / "wandb-key").write_text(f"{server.user}:{server.key}")
        asked = (*words, "--scim-url", server.url, "--scim-credentials", "wandb-key")
        on_terminal(folder, *asked, environ=environ)
    form = (folder / "byob" / "teamstorages.yaml").read_text()
    yield "import-teams", f"$ cat byob/teamstorages.yaml\n{form}"
    shutil.rmtree(folder / "byob")
    stand_in(here).edit({"values": {"app": {"env": {VARIABLE: "gs://of-app"}}}})
    stand_in(here).rounds_pass(3)
    levels = on_terminal(folder, *words, environ=environ)
    stand_in(here).edit({"values": {"app": {"env": {VARIABLE: None}}}})
    stand_in(here).rounds_pass(3)
    yield "import-levels", shown(words, levels)
    yield "import-help", f"$ byob import --help\n{on_terminal(folder, 'import', '--help').output}"


def _operated(here: InstanceWorld, store: Store, folder: Path) -> Iterator[tuple[str, str]]:
    folder.mkdir()
    environ = {"KUBECONFIG": str(here.cluster.kubeconfig)}
    here.apply(instance(here.namespace, **target("v1"), rollout=AT_ONCE))
    real_bucket(here, store, "vision")
    words = ("plan", "-n", "wandb", "vision")
    yield "operator-plan", shown(words, on_terminal(folder, *words, environ=environ))
    here.settle("Configured")
    here.settle()
    yield (
        "operator-reference",
        _kubectl(here, "weightsandbiases.v1.apps.wandb.com", f".spec.values.global.env.{VARIABLE}"),
    )
    stand_in(here).edit({"values": {"app": {"env": {VARIABLE: "gs://of-app"}}}}, manager=ARGO)
    here.settle("Configured", "False", reason="LevelWins")
    yield "operator-level", _message(here)
    stand_in(here).edit({"values": {"app": {"env": {VARIABLE: None}}}}, manager=ARGO)
    stand_in(here).rounds_pass(3)
    here.settle("Configured")
    for number in (1, 2):
        here.settle()
        set_back(here.stand_in, OTHERS, manager=ARGO, number=number)
        here.settle("Configured", "False", reason="Progressing" if number == 1 else "TargetReverted")
        if number == 1:
            here.settle("Configured")
    yield "operator-reverted", _message(here)


def _stored(here: InstanceWorld, store: Store, folder: Path) -> Iterator[tuple[str, str]]:
    """Another bucket for the instance than it has: refused, looked at before, and set once it is named."""
    folder.mkdir()
    environ = {"KUBECONFIG": str(here.cluster.kubeconfig)}
    real_bucket(here, store, "main", instance_path="files")
    asked = {"bucketStoreRef": {"name": "main"}, "path": "files", "takeOwnership": True}
    here.cluster.patch(here.path, {"spec": {"storage": asked}})
    here.settle("StorageConfigured", "False", reason="StorageWouldChange")
    yield "storage-refused", _message(here, "StorageConfigured")
    note = {"byob.wandb.com/change-storage": "research-main/files"}
    here.cluster.patch(here.path, {"metadata": {"annotations": note}})
    words = ("plan", "-n", "research", "main")
    yield "storage-plan", shown(words, on_terminal(folder, *words, environ=environ))
    here.settle("StorageConfigured")
    here.settle()
    yield "storage-set", _kubectl(here, "wandbinstance", ".status.storage")
    yield (
        "storage-tree",
        shown(("tree", "-n", "research"), on_terminal(folder, "tree", "-n", "research", environ=environ)),
    )


def stand_in(here: InstanceWorld) -> Operated:
    assert isinstance(here.stand_in, Operated)
    return here.stand_in


def _message(here: InstanceWorld, condition: str = "Configured") -> str:
    return _kubectl(here, "wandbinstance", f'.status.conditions[?(@.type=="{condition}")].message')


def _kubectl(here: InstanceWorld, kind: str, path: str) -> str:
    """What kubectl says, in lines that a page can show."""
    said = here.cluster.kubectl("get", kind, "wandb", "-n", here.namespace, "-o", f"jsonpath={{{path}}}")
    text = json.dumps(json.loads(said), indent=1) if said.startswith("{") else _folded(said)
    return f"$ kubectl get {kind} wandb -n {here.namespace} -o jsonpath='{{{path}}}'\n{text}"


def _folded(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False))


if __name__ == "__main__":
    sys.exit(main())
