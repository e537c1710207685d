"""Fixtures for the tests of the main job: the operator installed by its chart, beside W&B's stand-in."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cluster.scenario import VALUES, Scenario
from testbed import wandb
from testbed.cluster import Cluster
from testbed.installation import Installation
from testbed.kubelet import Kubelet
from testbed.processes import wait_for


@pytest.fixture(scope="module")
def kubelet(crds: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    """What runs the operator's pods."""
    runner = Kubelet(crds, tmp_path_factory.mktemp("kubelet"))
    runner.start()
    yield runner
    runner.stop()


@pytest.fixture
def scenario_in(crds: Cluster, kubelet: Kubelet, tmp_path: Path) -> Iterator[Callable[..., Scenario]]:
    """`scenario_in(env=…, values=…, **instance)`: a namespace with W&B's stand-in, the operator and a WandbInstance."""
    with ExitStack() as ends:

        def make(
            *, env: Callable[[Scenario], Any] | None = None, values: dict[str, Any] | None = None, **instance: Any
        ) -> Scenario:
            name = crds.create_namespace(f"wandb-{uuid.uuid4().hex[:6]}")
            scenario = Scenario(
                cluster=crds,
                namespace=name,
                wandb=wandb.StandIn(crds, name),
                installation=Installation(crds, kubelet, namespace=name),
            )
            ends.callback(_remove, scenario)
            scenario.wandb.deploy(env=[env(scenario)] if env else [])
            scenario.installation.install({**VALUES, **(values or {})})
            scenario.apply(wandb.instance(name, **instance))
            return scenario

        yield make


@pytest.fixture
def scenario(scenario_in: Callable[..., Scenario]) -> Scenario:
    """A namespace with nothing configured yet."""
    return scenario_in()


def _remove(scenario: Scenario) -> None:
    """Take the operator away and let the namespace go; finalizers are dropped as an administrator would."""
    scenario.cluster.delete(f"/apis/apps/v1/namespaces/{scenario.namespace}/deployments/byob-wandb-byob")
    wait_for(
        lambda: not scenario.installation.kubelet.running(scenario.namespace),
        timeout=30,
        what="the operator's processes have ended",
    )
    for plural in ("teamstorages", "bucketstores", "wandbinstances"):
        path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{scenario.namespace}/{plural}"
        for found in (scenario.cluster.get(path) or {"items": []})["items"]:
            scenario.cluster.patch(f"{path}/{found['metadata']['name']}", {"metadata": {"finalizers": None}})
    scenario.cluster.delete(f"/api/v1/namespaces/{scenario.namespace}")
