"""Fixtures for the tests of looks at WandbInstances."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from cluster.instance_world import InstanceWorld
from testbed import wandb, wandb_operator
from testbed.cluster import Cluster
from testbed.wandb_operator import Operated, Version


@pytest.fixture
def made(crds: Cluster) -> Iterator[Callable[..., InstanceWorld]]:
    """`made(env=…, **spec)`: a namespace with two Deployments and a WandbInstance for them."""
    worlds: list[InstanceWorld] = []

    def make(*, env: Any = (), others: tuple[str, ...] = (), deploy: bool = True, **spec: Any) -> InstanceWorld:
        name = crds.create_namespace(f"instance-{uuid.uuid4().hex[:6]}")
        world = InstanceWorld.make(crds, name, *others)
        worlds.append(world)
        if deploy:
            world.stand_in.deploy(env=env)
        world.apply(wandb.instance(name, **spec))
        return world

    yield make
    for world in worlds:
        world.remove()


@pytest.fixture(scope="module", params=["v1", "v2"])
def stored_as(request: pytest.FixtureRequest, crds: Cluster) -> Iterator[Version]:
    """W&B's own kind, stored in this version."""
    version: Version = request.param
    wandb_operator.install_crd(crds, version)
    yield version
    wandb_operator.remove_crd(crds)


@pytest.fixture(scope="module")
def kind_v1(crds: Cluster) -> Iterator[Version]:
    """W&B's own kind, stored as v1."""
    wandb_operator.install_crd(crds, "v1")
    yield "v1"
    wandb_operator.remove_crd(crds)


@pytest.fixture(scope="module")
def kind_v2(crds: Cluster) -> Iterator[Version]:
    """W&B's own kind, stored as v2."""
    wandb_operator.install_crd(crds, "v2")
    yield "v2"
    wandb_operator.remove_crd(crds)


@pytest.fixture
def operated(stored_as: Version, crds: Cluster) -> Iterator[Callable[..., InstanceWorld]]:
    """`operated(spec, given=…, **options)`: a namespace whose W&B is run by the stand-in of W&B's operator, and a WandbInstance for it.

    `given` are the stand-in's own settings.
    """
    worlds: list[tuple[InstanceWorld, Operated]] = []

    def make(spec: Any = None, *, given: Mapping[str, Any] | None = None, **options: Any) -> InstanceWorld:
        name = crds.create_namespace(f"operated-{uuid.uuid4().hex[:6]}")
        world = InstanceWorld.make(crds, name)
        operated = Operated(crds, name, **{"components": ("app", "api"), "version": stored_as, **(given or {})})
        world.stand_in = operated
        worlds.append((world, operated))
        operated.start(spec)
        world.apply(wandb.instance(name, target={"weightsAndBiases": {"name": wandb_operator.NAME}}, **options))
        return world

    yield make
    for world, operated in worlds:
        try:
            operated.stop()
        finally:
            world.remove()
