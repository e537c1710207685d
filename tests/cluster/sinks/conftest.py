"""Fixtures for the tests that pass on every place of W&B's configuration alike."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from cluster.places import PLACES, Place, installed, stored_version
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
