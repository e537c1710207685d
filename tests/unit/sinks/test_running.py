"""What the pods that run have as the variable, whatever the target says by now."""

import base64
from typing import Any

import pytest

from wandb_byob.decide.offers import Cause
from wandb_byob.decide.rollouts.variable import VARIABLE, reference
from wandb_byob.sinks import running
from wandb_byob.sinks.running import Reader

NEW, OLD = reference("ours-2"), reference("ours-1")
PLAIN = {"name": VARIABLE, "value": "gs://b"}
FROM_MAP = {"name": VARIABLE, "valueFrom": {"configMapKeyRef": {"name": "theirs", "key": "k", "optional": True}}}
FIELD = {"name": VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
RELEASE = {"app.kubernetes.io/instance": "wandb"}


def spec(**containers: Any) -> dict[str, Any]:
    return {"containers": [{"name": name, "env": [env] if env is not None else []} for name, env in containers.items()]}


def workload(**containers: Any) -> dict[str, Any]:
    labels = {"app": "x"} | RELEASE
    body = {"selector": {"matchLabels": {"app": "x"}}, "template": {"spec": spec(**containers)}}
    return {"kind": "Deployment", "metadata": {"name": "wandb-app", "labels": labels}, "spec": body}


def pod(*, kind: str = "ReplicaSet", labels: Any = None, phase: str = "Running", **containers: Any) -> dict[str, Any]:
    given = {"app": "x"} | RELEASE if labels is None else labels
    owner = {"kind": kind, "name": "wandb-other-7d9c6f", "controller": True}
    metadata = {"name": "p", "labels": {"pod-template-hash": "7d9c6f", **given}, "ownerReferences": [owner]}
    return {"metadata": metadata, "spec": spec(**containers), "status": {"phase": phase}}


def secret(value: str) -> dict[str, Any]:
    return {"kind": "Secret", "data": {VARIABLE: base64.b64encode(value.encode()).decode()}}


FOUND = {("Secret", "ours-2"): secret("s3://b"), ("Secret", "ours-1"): secret(""), ("ConfigMap", "theirs"): None}
OUTSIDE = RELEASE | {"app": "y"}
Told = tuple[str, str, str | None, str, Cause]


@pytest.mark.parametrize(
    ("template", "found", "told"),
    [
        ({"app": NEW}, pod(app=NEW), ("Deployment wandb-app", "app", "s3://b", "Secret ours-2", Cause.OWN_VALUE)),
        ({"app": NEW}, pod(app=OLD), ("Deployment wandb-app", "app", "", "Secret ours-1", Cause.OLDER_POD)),
        ({"app": NEW}, pod(app=None), ("Deployment wandb-app", "app", None, "", Cause.OLDER_POD)),
        ({"app": NEW}, pod(app=FROM_MAP), ("Deployment wandb-app", "app", None, "ConfigMap theirs", Cause.OLDER_POD)),
        ({"app": NEW, "extra": PLAIN}, pod(extra=PLAIN), ("Deployment wandb-app", "extra", "gs://b", "a plain value", Cause.LEFT_OUT)),
        ({"app": NEW}, pod(labels=OUTSIDE, z=PLAIN), ("Deployment wandb-other", "z", "gs://b", "a plain value", Cause.OUTSIDE)),
        ({"app": NEW}, pod(labels=OUTSIDE, kind="StatefulSet", z=PLAIN), ("StatefulSet wandb-other-7d9c6f", "z", "gs://b", "a plain value", Cause.OUTSIDE)),
        ({"app": NEW}, pod(labels=OUTSIDE, z=None), None),
        ({"app": NEW}, pod(labels={"app": "y"}, z=PLAIN), None),
        ({"app": NEW}, pod(labels=OUTSIDE, kind="Job", z=PLAIN), None),
        ({"app": NEW}, pod(phase="Succeeded", app=OLD), None),
        ({"app": NEW}, pod(sidecar=None), None),
        ({"app": NEW}, pod(app=reference("gone")), None),
        ({"app": NEW}, pod(app=FIELD), None),
    ],
    ids=["as the target says", "an older pod", "one from before us", "one with nothing behind its reference", "a container that is left out", "a workload outside",
         "a StatefulSet outside", "outside without the variable", "another release", "a Job", "a pod that has ended", "a sidecar", "its Secret is gone", "a field of the pod"],
)  # fmt: skip
def test_what_a_pod_has(template: dict[str, Any], found: dict[str, Any], told: Told | None) -> None:
    """None: there is nothing to say of it."""
    seen = tuple(running.seen(running.pods([Reader(body=workload(**template), containers=("app",))], [found]), FOUND))
    assert [(s.workload, s.container, s.value, s.source, s.cause) for s in seen] == ([] if told is None else [told])


def test_where_no_container_is_chosen_one_of_the_pod_has_it() -> None:
    """W&B's own operator hands it out: a sidecar needs none, and a pod in which nobody has it is an old one."""
    reader = Reader(body=workload(app=NEW, sidecar=None))
    (only,) = running.seen(running.pods([reader], [pod(app=NEW, sidecar=None)]), FOUND)
    assert (only.container, only.value) == ("app", "s3://b")
    old = tuple(running.seen(running.pods([reader], [pod(app=None, sidecar=None)]), FOUND))
    assert [(each.container, each.value) for each in old] == [("app", None), ("sidecar", None)]


def test_what_must_be_read() -> None:
    pods = running.pods([Reader(body=workload(app=NEW))], [pod(app=OLD, extra=FROM_MAP)])
    assert running.sources(pods) == {("Secret", "ours-1"), ("ConfigMap", "theirs")}
