"""`byob doctor --from workload`: the Job is the user's own, it is waited for, and goes whatever happens."""

from dataclasses import replace
from typing import Any

import pytest

from unit.probing import workload
from unit.reconcile.test_probing import Act, team
from unit.resources import as_store, bucket_store
from wandb_byob import version
from wandb_byob.cli.from_workload import Image, WorkloadProber, image_of_the_operator
from wandb_byob.kube.client import ForbiddenError
from wandb_byob.model.checks import CheckName
from wandb_byob.model.errors import Stalled
from wandb_byob.reconcile.inputs import gather_inputs


def installed(*arguments: str, namespace: str = "byob") -> dict[str, Any]:
    """The operator's Deployment."""
    found = workload("byob", containers=[{"name": "operator", "args": ["operator", *arguments]}])
    found["metadata"].update({"namespace": namespace, "labels": {"app.kubernetes.io/name": "wandb-byob"}})
    return found


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([], Image(name=f"wandb-byob:{version()}")),
        ([installed("--image=r.example/byob:9")], Image(name="r.example/byob:9")),
        (
            [installed("--image=byob@sha256:1=", "--image-pull-secrets=a", "--image-pull-secrets=b")],
            Image(name="byob@sha256:1=", pull_secrets=("a", "b")),
        ),
        ([installed("--workers=8")], Image(name=f"wandb-byob:{version()}")),
    ],
    ids=["none", "one", "with pull secrets", "an older one"],
)
def test_what_the_job_runs(bodies: list[dict[str, Any]], expected: Image) -> None:
    assert image_of_the_operator(Act(*bodies).stage.kube, ["team-a"]) == expected


def test_where_not_all_namespaces_may_be_read_those_at_hand_are() -> None:
    kube = Act(installed("--image=byob:9", namespace="team-a")).stage.kube

    def refuse(call: str) -> None:
        if call == "list deployments":
            raise ForbiddenError("list deployments: forbidden.", status=403)

    kube.before = refuse
    assert image_of_the_operator(kube, ["team-a"]).name == "byob:9"


def probe(act: Act, *, uid: str = "uid-1", answers: bool = True) -> tuple[list[float], set[str]]:
    """One probe, answered after three looks; the waits, and the names of the checks."""
    store = as_store(bucket_store(spec={"verification": {"from": "Workload"}}))
    inputs = gather_inputs(act.stage.world, store)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        for job in act.of("jobs"):
            act.stage.kube.objects["jobs", "team-a", job["metadata"]["name"]]["metadata"]["creationTimestamp"] = (
                "2026-11-22T10:00:30Z"
            )
        if len(waits) == 3:
            if not answers:
                raise KeyboardInterrupt
            act.answer()

    prober = WorkloadProber(kube=act.stage.kube, image=Image(name="byob:9"), sleep=sleep)
    context = replace(inputs.context, paths=("teams/ml",), uid=uid)
    return waits, {check.name for check in prober(act.stage.world, store, inputs, context)}


def test_it_is_waited_for_and_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """Told once on standard error what is waited for; also for a BucketStore that stands in a file only."""
    act = Act(team())
    waits, names = probe(act, uid="BucketStore/team-a/data")
    assert len(waits) == 3
    assert {CheckName.PUT_OBJECT, CheckName.WORKLOAD_PROBE} <= names
    assert not act.of("jobs")
    assert not act.of("secrets")
    assert capsys.readouterr().err.count("A Job under ServiceAccount wandb") == 1


def test_the_operators_own_job_is_another() -> None:
    act = Act(team())
    act.look()
    operators = act.job["metadata"]["name"]
    with pytest.raises(KeyboardInterrupt):
        probe(act, answers=False)
    assert [job["metadata"]["name"] for job in act.of("jobs")] == [operators], "and the interrupted one is gone"


def test_a_missing_permission_is_told() -> None:
    act = Act(team())

    def refuse(call: str) -> None:
        if call.startswith("create jobs"):
            raise ForbiddenError("create jobs.batch team-a: forbidden.", status=403)

    act.stage.kube.before = refuse
    with pytest.raises(Stalled, match=r"You lack a permission: create jobs\.batch"):
        probe(act)
