"""Paste what moving in looks like into docs/import.md and docs/wandb-operator.md: `python -m cluster.documents`.

On a control plane of its own, with W&B run by the stand-in of its own operator (v1), and the real program on a terminal.
"""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster import moving_in
from cluster.crd_rules import CRDS
from cluster.instance_world import InstanceWorld
from cluster.places import BEFORE, looked_at, real_bucket, set_back
from console.program import on_terminal
from console.report import docs, shown
from testbed import scim, sources, stores, wandb_operator
from testbed.cluster import Cluster
from testbed.object_store import Store
from testbed.wandb import VARIABLE
from testbed.wandb_operator import Operated

TEAMS = ("Vision", "Speech", "ML Research")
REFERENCE = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "stores", "key": "list"}}}
OTHERS = [each for each in BEFORE if each["name"] != VARIABLE]


def main() -> int:
    """Fill all places of the two pages."""
    pages = docs()
    with TemporaryDirectory() as scratch, ExitStack() as ends:
        folder = Path(scratch)
        cluster = ends.enter_context(sources.obtain(folder / "cluster"))
        for crd in CRDS.values():
            cluster.apply(crd)
        wandb_operator.install_crd(cluster, "v1")
        store = stores.start_versitygw(folder / "versitygw")
        ends.callback(store.stop)
        here = _wandb(cluster, ends)
        for name, output in (*_importing(here, folder / "import"), *_operated(here, store, folder / "operated")):
            pages.paste(name, output)
    return 0


def _wandb(cluster: Cluster, ends: ExitStack) -> InstanceWorld:
    listed = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "stores"},
        "stringData": {"list": ",".join(moving_in.entries())},
    }
    return looked_at(cluster, "v1", ends, env=[*OTHERS, REFERENCE], before=[listed], components=("app", "api", "console", "executor"), name="wandb", rollout={"maxWait": "0s"})  # fmt: skip


def _importing(here: InstanceWorld, folder: Path) -> Iterator[tuple[str, str]]:
    folder.mkdir()
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
    real_bucket(here, store, "vision")
    words = ("plan", "-n", "wandb", "vision")
    yield "operator-plan", shown(words, on_terminal(folder, *words, environ=environ))
    here.settle("Configured")
    here.settle()
    yield (
        "operator-reference",
        _kubectl(here, "weightsandbiases.v1.apps.wandb.com", f".spec.values.global.env.{VARIABLE}"),
    )
    stand_in(here).edit({"values": {"app": {"env": {VARIABLE: "gs://of-app"}}}})
    here.settle("Configured", "False", reason="LevelWins")
    yield "operator-level", _configured(here)
    stand_in(here).edit({"values": {"app": {"env": {VARIABLE: None}}}})
    stand_in(here).rounds_pass(3)
    here.settle("Configured")
    for number in (1, 2):
        here.settle()
        set_back(here.stand_in, OTHERS, manager="argocd-controller", number=number)
        here.settle("Configured", "False", reason="Progressing" if number == 1 else "TargetReverted")
        if number == 1:
            here.settle("Configured")
    yield "operator-reverted", _configured(here)


def stand_in(here: InstanceWorld) -> Operated:
    assert isinstance(here.stand_in, Operated)
    return here.stand_in


def _configured(here: InstanceWorld) -> str:
    return _kubectl(here, "wandbinstance", '.status.conditions[?(@.type=="Configured")].message')


def _kubectl(here: InstanceWorld, kind: str, path: str) -> str:
    """What kubectl says, in lines that a page can show."""
    said = here.cluster.kubectl("get", kind, "wandb", "-n", "wandb", "-o", f"jsonpath={{{path}}}")
    text = json.dumps(json.loads(said), indent=1) if said.startswith("{") else _folded(said)
    return f"$ kubectl get {kind} wandb -n wandb -o jsonpath='{{{path}}}'\n{text}"


def _folded(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False))


if __name__ == "__main__":
    sys.exit(main())
