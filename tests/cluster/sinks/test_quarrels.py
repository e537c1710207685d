"""Somebody else sets the variable back, in each place of W&B's configuration: put right once, then told with a name, and never looped on."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

import pytest

from cluster.instance_world import InstanceWorld, address
from cluster.places import BEFORE, has_ours, set_back
from cluster.scenario import Scenario, wait_rest
from testbed.processes import wait_for
from testbed.stores import VersityGW
from testbed.wandb import StandIn

At = Callable[..., InstanceWorld]
OTHERS: Final = [each for each in BEFORE if "GORILLA" not in each["name"]]
TARGETS: Final = ("deployments.apps", "weightsandbiases.apps.wandb.com")
TERMS: Final = {
    "argocd-controller": "ignoreDifferences",
    "helm": "take it out of the chart's values",
    "manager": "W&B's own operator",
}
ASKED: Final = {"metadata": {"annotations": {"byob.wandb.com/reconcile-requested-at": "peace"}}}


@pytest.mark.parametrize("manager", TERMS)
def test_who_sets_it_back_is_named_with_the_way_to_make_peace(at: At, manager: str) -> None:
    """One write more for each object, and none for days; after peace was made it is asked for and stays."""
    here = at(env=OTHERS)
    here.bucket("one")
    here.team("one")
    here.settle()
    objects = len(here.status()["workloads"])
    since = here.cluster.audit_position()

    set_back(here.stand_in, OTHERS, manager=manager, number=1)
    here.settle("Configured", "False", reason="Progressing")
    here.settle("Configured")
    wait_for(lambda: here.stand_in.variable() == {address("one")}, timeout=30, what="W&B's pods have it again")
    here.settle()
    set_back(here.stand_in, OTHERS, manager=manager, number=2)
    told = here.settle("Configured", "False", reason="TargetReverted")
    assert manager in told["message"]
    assert TERMS[manager] in told["message"]
    for _ in range(5):
        here.ahead += timedelta(hours=9)
        here.look()
    assert here.condition("Configured") == told
    assert here.condition("Stalled")["status"] == "True"
    assert len([write for write in here.writes(since) if write[1] in TARGETS]) == objects

    here.cluster.patch(here.path, ASKED)
    here.settle("Configured")
    wait_for(lambda: here.stand_in.variable() == {address("one")}, timeout=30, what="W&B's pods have it for good")
    here.settle()


@contextmanager
def _fighting(stand_in: StandIn, manager: str) -> Iterator[list[int]]:
    """Within the block somebody sets the variable back whenever he sees it; what is yielded grows by one each time."""
    times: list[int] = []
    over = threading.Event()

    def fight() -> None:
        while not over.wait(0.5):
            if has_ours(stand_in):
                times.append(len(times))
                set_back(stand_in, OTHERS, manager=manager, number=len(times))

    thread = threading.Thread(target=fight, daemon=True)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join(10)


def test_an_owner_that_never_gives_in_gets_one_more_write_within_a_minute(here: Scenario, versitygw: VersityGW) -> None:
    """The operator as it runs, under the chart's rights, and Argo CD that heals for ever: counted in the audit log."""
    here.apply(here.keys("versitygw-keys", versitygw.keys), here.bucket_store("one", versitygw), here.team("one"))
    here.wait_ready("TeamStorage", "one")
    wait_rest(here)
    before, since = here.entries(), here.cluster.audit_position()
    with _fighting(here.wandb, "argocd-controller") as times:
        told = here.wait_condition(
            "WandbInstance", "wandb", "Configured", "False", reason="TargetReverted", timeout=130
        )
        wait_rest(here)
        assert "argocd-controller" in told["message"]
        assert here.condition("WandbInstance", "wandb", "Stalled")["status"] == "True"
    assert len(times) >= 2
    ours = [event for event in here.writes(since) if event.resource in TARGETS]
    theirs = [event for event in here.cluster.audit(since) if "argocd-controller" in event.uri]
    assert set(Counter(event.name for event in ours).values()) == {1}
    first, again = (min(datetime.fromisoformat(event.time) for event in events) for events in (theirs, ours))
    assert timedelta(0) < again - first < timedelta(minutes=1)

    here.cluster.patch(here.path("WandbInstance", "wandb"), ASKED)
    wait_for(lambda: here.wandb.variable() == {",".join(before)}, timeout=60, what="W&B's pods have the list again")
    here.wait_ready("WandbInstance", "wandb")
