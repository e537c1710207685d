"""Fixtures for the tests that pass on every place of W&B's configuration alike."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from cluster.instance_world import InstanceWorld
from cluster.places import PLACES, Place, installed, looked_at, stored_version
from cluster.scenario import Scenario
from testbed import wandb_operator
from testbed.cluster import Cluster
from testbed.kubelet import Kubelet


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest, crds: Cluster) -> Iterator[Place]:
    """Where W&B has its configuration: its workloads, or the object of its operator, v1 or v2."""
    chosen: Place = request.param
    version = stored_version(chosen)
    if version is not None:
        wandb_operator.install_crd(crds, version)
    yield chosen
    if version is not None:
        wandb_operator.remove_crd(crds)


@pytest.fixture(scope="module")
def here(place: Place, crds: Cluster, kubelet: Kubelet) -> Iterator[Scenario]:
    """A W&B that was there before us, with the operator beside it, for all tests of a module."""
    with ExitStack() as ends:
        yield installed(crds, kubelet, place, ends)


@pytest.fixture
def at(place: Place, crds: Cluster) -> Iterator[Callable[..., InstanceWorld]]:
    """`at(env=…, **spec)`: a namespace with a W&B of two components that has these variables, to look at by hand."""
    with ExitStack() as ends:
        yield lambda **options: looked_at(crds, place, ends, **options)
