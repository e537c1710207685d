"""The story that `make demo` tells. All that it shows is read from the cluster and the stores while it happens."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from testbed import programs
from testbed.demo import examples, objects
from testbed.demo.breaking import break_cors, break_key
from testbed.demo.home import Home
from testbed.demo.objects import NAMESPACE
from testbed.demo.stage import Stage
from testbed.demo.terminal import Screen
from testbed.installation import CHART, RELEASE, Installation
from testbed.kubelet import Kubelet
from testbed.processes import TestbedError, wait_for
from testbed.wandb import COMPONENTS, VARIABLE, StandIn

PROGRAMS: Final = ("etcd", "kube-apiserver", "kwok", "kubectl", "helm", "minio", "versitygw")
_BY_HAND: Final = "file-stores-by-hand"
_ENTRY_BY_HAND: Final = "s3://OLDKEY:oldsecret@minio.old.example.com/archive?region=us-east-1&tls=true"


def tell(screen: Screen, home: Home) -> None:
    """The whole story, on a demo whose background process has just been started."""
    screen.line()
    screen.say(
        "The W&B BYOB operator keeps the files of Weights & Biases in buckets of your own. This is its whole job on this machine, with "
        "a real Kubernetes control plane and real object stores; only W&B and AWS are played by stand-ins."
    )
    with screen.act("A Kubernetes cluster and object stores"):
        stage = _start(screen, home)
    with screen.act("W&B, as far as the operator sees it"):
        _install_wandb(stage)
    with screen.act("The operator, installed with Helm"):
        _install_operator(stage)
    with screen.act("Which W&B, which buckets, which teams: apply examples/"):
        _apply(stage)
    with screen.act("What W&B reads now"):
        _show_variable(stage)
    with screen.act("Trouble: somebody deletes the CORS rules of two buckets"):
        break_cors(stage)
    with screen.act("Trouble: somebody puts a wrong key into a Secret"):
        break_key(stage)
    _end(stage)


def _start(screen: Screen, home: Home) -> Stage:
    with screen.step("object stores: MinIO, versitygw, and moto, which plays AWS"):
        found = {name: home.store(name) for name in ("moto", "minio", "versitygw")}
    with screen.step("a control plane, and three nodes by kwok"):
        cluster = home.cluster()
    screen.say(f"The cluster: {cluster.source}.")
    wandb = StandIn(cluster, NAMESPACE, (*COMPONENTS, "console"))
    return Stage(screen=screen, home=home, cluster=cluster, wandb=wandb, **found)


def _install_wandb(stage: Stage) -> None:
    cluster = stage.cluster
    variable = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": _BY_HAND, "key": "stores"}}}
    objects_of_wandb = [
        _named("ConfigMap", "wandb-console-configmap", data={"BUCKET_ACCESS_IDENTITY": examples.IDENTITY}),
        _named("Secret", _BY_HAND, stringData={"stores": _ENTRY_BY_HAND}),
    ]
    with stage.screen.step("six Deployments as W&B's chart makes them, two pods each"):
        cluster.create_namespace(NAMESPACE)
        cluster.kubectl("config", "set-context", "--current", f"--namespace={NAMESPACE}")
        cluster.apply(objects_of_wandb, namespace=NAMESPACE)
        StandIn(cluster, NAMESPACE, ("console",)).deploy()
        StandIn(cluster, NAMESPACE, COMPONENTS).deploy(env=[variable])
    stage.screen.say(f"An administrator has set {VARIABLE} by hand before, with one bucket. It must stay.")


def _named(kind: str, name: str, **content: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **content}


def _install_operator(stage: Stage) -> None:
    values = stage.home.folder / "values.json"
    runner = stage.home.kubelet(stage.cluster)
    values.write_text(json.dumps({**runner.values, "allowedEndpoints": ["127.0.0.1"]}, indent=2))
    helm = Installation(stage.cluster, runner, namespace=NAMESPACE)
    stage.screen.command(f"helm install {RELEASE} ./charts/{CHART.name} --values {stage.home.shown(values)}")
    with stage.screen.step("the chart is installed, CRDs included"):
        helm.helm("install", RELEASE, str(CHART), f"--values={values}")
    with stage.screen.step("the operator runs"):
        _wait_available(stage, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}-wandb-byob", runner)
    stage.screen.say(
        "Its pod is a process of this machine here, with the token of the chart's ServiceAccount: it can do what the chart's Role "
        "allows, and no more."
    )


def _wait_available(stage: Stage, deployment: str, runner: Kubelet) -> None:
    def available() -> bool:
        return bool(stage.cluster.get(deployment)["status"].get("availableReplicas"))

    logs = stage.home.shown(stage.home.operator_logs)
    wait_for(
        available,
        timeout=60,
        what="The operator runs",
        detail=lambda: f"Its log in {logs} ends: {runner.logs()[-800:]}",
    )


def _apply(stage: Stage) -> None:
    screen, before = stage.screen, stage.wandb.revisions()
    stores = {"moto": stage.moto, "minio": stage.minio, "versitygw": stage.versitygw}
    with screen.step("what is there before: three buckets, one of them configured by hand"):
        examples.make_buckets(**stores)
    examples.write(stage.home.manifests, **stores)
    for store in examples.described(stage.home.manifests):
        screen.labelled(store.name, store.text)
    screen.say("The examples' endpoints and keys are replaced by those of the stores here. All at once:")
    stage.apply()

    def draw() -> dict[str, str]:
        return stage.table() | objects.rollouts(screen, stage.wandb, before)

    def done() -> bool:
        return all(row.ready == "True" for row in objects.rows(stage.cluster)) and stage.wandb.settled()

    screen.follow(draw, done, what="All objects are Ready")
    _sum_up(stage, before)


def _sum_up(stage: Stage, before: dict[str, int]) -> None:
    rows = objects.rows(stage.cluster)
    checks = [check for row in rows for check in row.checks]
    results = Counter(check["result"] for check in checks)
    warned = ", ".join(sorted({check["name"] for check in checks if check["result"] == "Warning"}))
    kinds = Counter(row.kind for row in rows)
    stage.screen.say(
        f"Checks: {results['Passed']} passed, {results['Skipped']} skipped (what a store does not offer, or does not need), "
        f"{results['Warning']} warnings ({warned}), {results['Failed']} failed."
    )
    steps = sorted({now - before[name] for name, now in stage.wandb.revisions().items()} - {0})
    times = "once" if steps == [1] else f"{' or '.join(map(str, steps))} times"
    stage.screen.say(
        f"{kinds['BucketStore']} buckets, {kinds['TeamStorage']} teams, and W&B's workloads that read files were rolled out {times}."
    )


def _show_variable(stage: Stage) -> None:
    screen, status = stage.screen, stage.status("WandbInstance wandb")
    screen.say(f"{VARIABLE} comes from the Secret {status['secretName']}. Its keys are not shown here:")
    for entry in status["entries"]:
        source = entry.get("bucketStoreRef", {}).get("name", "") or "(as before)"
        screen.labelled(source, entry["address"])
    values = stage.wandb.variable() - {None}
    counts = {len(str(value).split(",")) for value in values}
    if len(values) != 1 or counts != {len(status["entries"])}:
        raise TestbedError(f"W&B's pods do not have what status.entries says, but {counts} entries.")
    screen.say(f"All pods that read files have these {counts.pop()} entries.")


def _end(stage: Stage) -> None:
    screen, home = stage.screen, stage.home
    tools = home.folder / "bin"
    tools.mkdir()
    for name in ("kubectl", "helm"):
        (tools / name).symlink_to(programs.path(name))
    for name in ("byob", "kubectl-byob"):
        (tools / name).symlink_to(Path(sys.executable).with_name(name))
    screen.heading("How long it took")
    for title, seconds in screen.acts:
        screen.line(f"   {seconds:5.1f} s  {title}")
    screen.heading("It goes on running: play with it")
    screen.command(f"export KUBECONFIG={home.typed(home.kubeconfig)} PATH={home.typed(tools)}:$PATH")
    for command, what in (
        ("kubectl get byob", "all objects: Ready, or why not"),
        ("kubectl describe bucketstore vision", "every check that was made"),
        ("kubectl get teamstorage vision -o yaml", "status.form: how to create the team in W&B"),
        ("kubectl delete bucketstore vision --wait=false", "held back, since a team uses it"),
        ("kubectl byob doctor vision", "the same checks, made now from this machine"),
        ("kubectl explain bucketstore.spec", "the manual"),
    ):
        screen.command(f"{command:47}", f"# {what}")
    screen.labelled("manifests", home.shown(home.manifests), indent=15)
    screen.labelled("operator's log", home.shown(home.operator_logs), indent=15)
    screen.labelled("the end", "make demo-down", indent=15)
