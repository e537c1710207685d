"""What Kubernetes says of a probe's Job, and what users are told of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from unit.probing import pod_of
from wandb_byob.decide.probing.probe_state import Ended, Running, Told, state
from wandb_byob.model import names

BEGIN = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)


def job(*conditions: dict[str, Any]) -> dict[str, Any]:
    pod = {"serviceAccountName": "wandb", "containers": [{"image": "byob:1"}]}
    return {
        "metadata": {
            "name": "byob-probe-1",
            "namespace": "prod",
            "uid": "job-uid",
            "labels": {names.PROBE: "u"},
            "creationTimestamp": "2026-11-22T10:00:00Z",
        },
        "spec": {"template": {"spec": pod}},
        "status": {"conditions": list(conditions)},
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def unscheduled(message: str) -> dict[str, Any]:
    return {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def event(note: str) -> dict[str, Any]:
    return {"reason": "FailedCreate", "note": note}


def test_a_result_is_taken_from_the_probes_own_container_whatever_runs_beside_it() -> None:
    """A sidecar that never ends keeps the pod running, and the Job."""
    pod = pod_of(job(), state={"terminated": {"exitCode": 0, "message": "{}"}}, phase="Running")
    assert state(job(), [pod], (), now=at(3)) == Told(message="{}")


def test_a_pod_that_is_not_the_jobs_own_is_not_listened_to() -> None:
    """Labels can be anybody's; the controller's uid is the API server's word."""
    foreign = pod_of(job(), state={"terminated": {"exitCode": 0, "message": "{}"}})
    foreign["metadata"]["ownerReferences"][0]["uid"] = "another"
    assert state(job(), [foreign], (), now=at(3)) == Running()


@pytest.mark.parametrize(
    ("pods", "events", "obstacle", "patience"),
    [
        (
            [pod_of(job(), state=waiting("ImagePullBackOff", "no such\nimage"))],
            (),
            "ImagePullBackOff: no such image",
            60,
        ),
        ([pod_of(job(), state=waiting("CreateContainerConfigError", "x."))], (), "CreateContainerConfigError: x", 60),
        ([pod_of(job(), **unscheduled("0/3 nodes fit."))], (), "Unschedulable: 0/3 nodes fit", 240),
        (
            [],
            [event("old"), event("pods is forbidden: exceeded quota: q")],
            "FailedCreate: pods is forbidden: exceeded quota: q",
            20,
        ),
    ],
    ids=["image", "configuration", "nodes", "no pod"],
)
def test_what_keeps_it_from_starting_is_told_at_once_and_fails_after_a_while(
    pods: list[dict[str, Any]], events: list[dict[str, Any]], obstacle: str, patience: int
) -> None:
    assert state(job(), pods, events, now=at(patience)) == Running(obstacle=obstacle)
    found = state(job(), pods, events, now=at(patience + 1))
    assert isinstance(found, Ended)
    assert obstacle in found.message
    assert found.remedy


@pytest.mark.parametrize(
    ("pods", "events", "remedy"),
    [
        ([pod_of(job(), state=waiting("ErrImagePull"))], (), "imagePullSecrets"),
        (
            [pod_of(job(), **unscheduled("x"))],
            (),
            "Make room on a node that the pods of ServiceAccount wandb may run on",
        ),
        ([], [event("exceeded quota: small")], "Raise the ResourceQuota of namespace prod"),
        ([], [event('violates PodSecurity "restricted:latest"')], "admit it in namespace prod"),
        ([], [event('serviceaccount "wandb" not found')], "kubectl -n prod describe job byob-probe-1"),
    ],
)
def test_each_obstacle_has_its_remedy(pods: list[dict[str, Any]], events: list[dict[str, Any]], remedy: str) -> None:
    found = state(job(), pods, events, now=at(1000))
    assert isinstance(found, Ended)
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("pods", "conditions", "words"),
    [
        (
            [pod_of(job(), state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})],
            [],
            "exit status 137 (OOMKilled)",
        ),
        (
            [],
            [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "Job was active longer."}],
            "DeadlineExceeded: Job was active longer",
        ),
        ([], [{"type": "Complete", "status": "True"}], "gone before it could be read"),
    ],
)
def test_an_end_without_a_result_is_told(
    pods: list[dict[str, Any]], conditions: list[dict[str, Any]], words: str
) -> None:
    found = state(job(*conditions), pods, (), now=at(5))
    assert isinstance(found, Ended)
    assert words in found.message
    assert found.remedy


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [pod_of(job())],
        [pod_of(job(), state=waiting("ContainerCreating"))],
        [pod_of(job(), state={"running": {"startedAt": "2026-11-22T10:00:05Z"}})],
    ],
    ids=["no pod yet", "placed", "starting", "running"],
)
def test_what_is_on_its_way_is_waited_for(pods: list[dict[str, Any]]) -> None:
    assert state(job(), pods, (), now=at(120)) == Running()


def test_what_says_nothing_for_long_is_given_up() -> None:
    """Where even Events say nothing, as where they may not be read."""
    assert isinstance(state(job(), [], (), now=at(500)), Ended)


def test_long_words_are_cut() -> None:
    found = state(job(), [pod_of(job(), state=waiting("ErrImagePull", "x" * 5000))], (), now=at(5))
    assert isinstance(found, Running)
    assert len(found.obstacle) < 500
