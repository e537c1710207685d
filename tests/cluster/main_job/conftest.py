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


@pytest.fixture
def scenario_in(crds: Cluster, kubelet: Kubelet, tmp_path: Path) -> Iterator[Callable[..., Scenario]]:
    """`scenario_in(env=…, values=…, **instance)`: a namespace with W&B's stand-in, the operator and, where W&B is `described`, a WandbInstance."""
    with ExitStack() as ends:

        def make(
            *,
            env: Callable[[Scenario], Any] | None = None,
            values: dict[str, Any] | None = None,
            described: bool = True,
            **instance: Any,
        ) -> Scenario:
            name = crds.create_namespace(f"wandb-{uuid.uuid4().hex[:6]}")
            scenario = Scenario(
                cluster=crds,
                namespace=name,
                wandb=wandb.StandIn(crds, name),
                installation=Installation(crds, kubelet, namespace=name),
            )
            ends.callback(scenario.remove)
            scenario.wandb.deploy(env=[env(scenario)] if env else [])
            scenario.installation.install({**VALUES, **(values or {})})
            if described:
                scenario.apply(wandb.instance(name, **instance))
            return scenario

        yield make


@pytest.fixture
def scenario(scenario_in: Callable[..., Scenario]) -> Scenario:
    """A namespace with nothing configured yet."""
    return scenario_in()
