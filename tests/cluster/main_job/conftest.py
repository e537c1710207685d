"""Fixtures for the tests of the main job: the operator installed by its chart, beside W&B's stand-in."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
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
    """`scenario_in(env=…, values=…, **instance)`: a namespace with W&B's stand-in, the operator and, where W&B is `described`, a WandbInstance.

    `beside`: the operator watches further namespaces, called like the first with these words at the end.
    """
    with ExitStack() as ends:

        def make(
            *,
            env: Callable[[Scenario], Any] | None = None,
            values: dict[str, Any] | None = None,
            described: bool = True,
            beside: tuple[str, ...] = (),
            **instance: Any,
        ) -> Scenario:
            name = crds.create_namespace(f"wandb-{uuid.uuid4().hex[:6]}")
            scenario = Scenario(
                cluster=crds,
                namespace=name,
                wandb=wandb.StandIn(crds, name),
                installation=Installation(crds, kubelet, namespace=name),
            )
            others = [crds.create_namespace(f"{name}-{each}") for each in beside]
            for other in others:  # after the operator's own, so that nothing holds them any more
                ends.callback(replace(scenario, namespace=other).remove)
            ends.callback(scenario.remove)
            scenario.wandb.deploy(env=[env(scenario)] if env else [])
            watched = {"watchNamespaces": [name, *others]} if others else {}
            scenario.installation.install({**VALUES, **watched, **(values or {})})
            if described:
                scenario.apply(wandb.instance(name, **instance))
            return scenario

        yield make


@pytest.fixture
def scenario(scenario_in: Callable[..., Scenario]) -> Scenario:
    """A namespace with nothing configured yet."""
    return scenario_in()
