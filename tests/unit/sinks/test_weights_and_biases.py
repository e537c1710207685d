"""W&B's own operator's object as the target: whether it was heeded, by what its Deployments show and by what it says itself."""

from datetime import UTC, datetime
from typing import Any

import pytest

from wandb_byob.decide.rollouts.variable import VARIABLE
from wandb_byob.decide.rollouts.workloads import State, Workload
from wandb_byob.model.reasons import Reason
from wandb_byob.sinks import weights_and_biases
from wandb_byob.sinks.weights_and_biases import Means, Owner

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ENV = {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "wandb-file-stores-1", "key": VARIABLE}}}
FOUND: Any = {("Secret", "wandb-file-stores-1"): {"kind": "Secret", "data": {VARIABLE: "Z3M6Ly9h"}}}


def deployment(component: str, *, env: Any = (), ready: bool = True) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": component}
    counted = 1 if ready else 0
    status = dict.fromkeys(("replicas", "updatedReplicas"), 1) | dict.fromkeys(("availableReplicas", "readyReplicas"), counted)  # fmt: skip
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"spec": {"containers": [{"name": "c", "env": list(env)}]}},
    }
    return {
        "kind": "Deployment",
        "metadata": {"name": component, "labels": labels},
        "spec": spec,
        "status": {"observedGeneration": 1, **status},
    }


def target(*deployments: dict[str, Any], status: dict[str, Any], pods: Any = ()) -> Workload:
    metadata = {
        "name": "wandb",
        "uid": "u",
        "resourceVersion": "1",
        "generation": 3,
        "creationTimestamp": NOW.isoformat(),
    }
    body = {"metadata": metadata, "spec": {"wandb": {"legacyOverrides": {"global": {"env": [ENV]}}}}, "status": status}
    owner = Owner(body=body, version="v2", deployments=deployments, user={}, active={})
    means = Means(
        settings=(VARIABLE,), ours="wandb-file-stores-", stored={}, found=FOUND, pods=pods, since=None, now=NOW
    )
    return weights_and_biases.workload(owner, means)


@pytest.mark.parametrize(
    ("observed", "state"),
    [({"observedGeneration": 2}, State.PROGRESSING), ({"observedGeneration": 3}, State.CURRENT), ({}, State.CURRENT)],
    ids=["before the change", "since the change", "not told"],
)
def test_it_is_done_when_it_says_so_and_its_deployments_show_it(observed: dict[str, Any], state: State) -> None:
    """Deployments that have the variable already may be those of a look before ours."""
    found = target(deployment("api", env=[ENV]), status={"state": "Ready", **observed})
    assert found.health.state is state
    assert (state is State.CURRENT) or "has not seen the change yet. Its status says Ready" in found.health.message


def test_what_it_says_is_not_enough() -> None:
    found = target(deployment("api"), status={"state": "Ready", "observedGeneration": 3})
    assert found.health.state is State.PROGRESSING
    assert "has not given it to Deployment api yet" in found.health.message


def test_components_that_read_no_files_have_no_say() -> None:
    found = target(deployment("api", env=[ENV]), deployment("console", ready=False), status={})
    assert found.health.state is State.CURRENT
    assert [part.name for part in found.parts] == ["api"]


def test_a_paused_deployment_is_not_waited_for() -> None:
    """Its pods stay as they are for as long as somebody wants it, and keep nothing from being rolled out."""
    paused = deployment("api", env=[ENV])
    paused["spec"]["paused"] = True
    old = {"metadata": {"name": "p", "labels": paused["metadata"]["labels"]}, "spec": {"containers": [{"name": "c"}]}}
    found = target(deployment("executor", env=[ENV]), paused, status={}, pods=(old,))
    assert (found.health.state, found.health.live) == (State.CURRENT, True)


@pytest.mark.parametrize(
    ("label", "given", "refused"),
    [
        ("operator-wandb-0.32.9", None, True),
        ("operator-wandb-0.33.0", None, False),
        ("app-0.1.0", None, False),
        ("app-0.1.0", "0.32.9", True),
        ("operator-wandb-0.32.9", "0.43.8", False),
    ],
    ids=["labelled as old", "new enough", "only a part's label", "said to be old", "said to be new"],
)
def test_the_chart_is_what_its_owner_says_else_what_is_labelled(label: str, given: str | None, refused: bool) -> None:
    """spec.chartVersion wins over the label helm.sh/chart of what W&B's operator has made."""
    made = deployment("api")
    made["metadata"]["labels"] = {**(made["metadata"].get("labels") or {}), "helm.sh/chart": label}
    metadata = {
        "name": "wandb",
        "uid": "u",
        "resourceVersion": "1",
        "generation": 3,
        "creationTimestamp": NOW.isoformat(),
    }
    body = {"metadata": metadata, "spec": {"values": {}}}
    owner = Owner(body=body, version="v1", deployments=(made,), user={}, active={}, chart=given)
    means = Means(settings=(VARIABLE,), ours="wandb-file-stores-", stored={}, found=FOUND, pods=(), since=None, now=NOW)
    (reading,) = weights_and_biases.workload(owner, means).readings
    assert (reading.refusal is not None and reading.refusal.reason is Reason.CHART_TOO_OLD) is refused
