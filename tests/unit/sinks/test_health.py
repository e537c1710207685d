"""How a rollout goes, from the workload's status and its pods."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wandb_byob.decide.rollouts.variable import reference
from wandb_byob.decide.rollouts.workloads import State
from wandb_byob.sinks.health import health

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DONE = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}


def workload(
    kind: str = "Deployment", *, status: dict[str, Any] | None = None, secret: str = "new", **spec: Any
) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "app", "env": [reference(secret)]}]}}
    whole = {"replicas": 2, "selector": {"matchLabels": {"app": "x"}}, "template": template} | spec
    return {
        "kind": kind,
        "metadata": {"name": "w", "generation": 2},
        "spec": whole,
        "status": DONE if status is None else status,
    }


def pod(
    name: str, *, secret: str = "new", age: float = 60, waiting: str = "", restarts: int = 0, **metadata: Any
) -> dict[str, Any]:
    created = (NOW - timedelta(seconds=age)).isoformat()
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    status = {"name": "app", "restartCount": restarts, "state": state, "lastState": {"terminated": {"exitCode": 7}}}
    return {
        "metadata": {"name": name, "labels": {"app": "x"}, "creationTimestamp": created} | metadata,
        "spec": {"containers": [{"name": "app", "env": [reference(secret)]}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def judged(body: dict[str, Any], *pods: dict[str, Any]) -> tuple[State, bool]:
    found = health(body, ("app",), pods=pods, now=NOW)
    return found.state, found.live


@pytest.mark.parametrize(
    "change",
    [
        {"observedGeneration": 1},
        {"updatedReplicas": 1},
        {"replicas": 3},
        {"availableReplicas": 1},
        {"readyReplicas": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_deployment_is_current_when_every_count_says_so(change: dict[str, int]) -> None:
    """What `kubectl rollout status` waits for."""
    assert judged(workload())[0] is State.CURRENT
    assert judged(workload(status=DONE | change))[0] is State.PROGRESSING


def test_a_workload_without_a_status_is_on_its_way() -> None:
    assert judged(workload(status={}))[0] is State.PROGRESSING


def test_a_stateful_set_is_current_when_its_revision_is() -> None:
    same = DONE | {"currentRevision": "r2", "updateRevision": "r2"}
    assert judged(workload("StatefulSet", status=same))[0] is State.CURRENT
    assert judged(workload("StatefulSet", status=same | {"currentRevision": "r1"}))[0] is State.PROGRESSING


@pytest.mark.parametrize(
    "spec",
    [
        {"paused": True},
        {"replicas": 0},
        {"updateStrategy": {"type": "OnDelete"}},
        {"updateStrategy": {"rollingUpdate": {"partition": 1}}},
    ],
    ids=["paused", "no replicas", "OnDelete", "partition"],
)
def test_what_never_finishes_by_design_is_named(spec: dict[str, Any]) -> None:
    found = health(workload(status={}, **spec), ("app",), pods=(), now=NOW)
    assert found.state is State.NOT_WAITED_FOR
    assert found.message


def test_a_deadline_that_passed_is_a_failure_once_it_is_about_this_template() -> None:
    assert judged(workload(status=DONE | {"conditions": [DEADLINE]}))[0] is State.FAILED
    assert judged(workload(status=DONE | {"observedGeneration": 1, "conditions": [DEADLINE]}))[0] is State.PROGRESSING


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (pod("new-1", waiting="CrashLoopBackOff", restarts=3), State.FAILED),
        (pod("new-1", waiting="CrashLoopBackOff", restarts=2), State.CURRENT),
        (pod("new-1", waiting="CreateContainerConfigError", age=31), State.FAILED),
        (pod("new-1", waiting="CreateContainerConfigError", age=5), State.CURRENT),
        (pod("new-1", waiting="ImagePullBackOff"), State.CURRENT),
        (pod("old-1", secret="old", waiting="CrashLoopBackOff", restarts=9), State.CURRENT),
        (pod("new-1", waiting="CrashLoopBackOff", restarts=9, deletionTimestamp="now"), State.CURRENT),
        (pod("new-1", waiting="CrashLoopBackOff", restarts=9, labels={"app": "y"}), State.CURRENT),
    ],
    ids=["crash loop", "first crashes", "config error", "config error for a moment", "image, left to the deadline", "an old pod", "on its way out", "another's"],
)  # fmt: skip
def test_new_pods_that_cannot_run_are_a_failure(given: dict[str, Any], state: State) -> None:
    """Only pods with the present variable tell about it."""
    assert judged(workload(), given)[0] is state


def test_a_failure_names_pod_container_and_reason() -> None:
    """And no count that would change the status at every look."""
    found = health(workload(), ("app",), pods=[pod("new-1", waiting="CrashLoopBackOff", restarts=4)], now=NOW)
    again = health(workload(), ("app",), pods=[pod("new-1", waiting="CrashLoopBackOff", restarts=5)], now=NOW)
    for word in ("new-1", "app", "CrashLoopBackOff", "exit code 7"):
        assert word in found.message
    assert found == again


@pytest.mark.parametrize(
    ("pods", "live"),
    [
        ([pod("a"), pod("b")], True),
        ([pod("a"), pod("b", secret="old")], False),
        ([pod("a"), pod("b", secret="old", deletionTimestamp="now")], True),
        ([], True),
    ],
    ids=["all new", "one old", "the old one is going", "none"],
)
def test_it_is_live_when_every_pod_has_it(pods: list[dict[str, Any]], live: bool) -> None:
    assert judged(workload(), *pods)[1] is live
