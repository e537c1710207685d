"""Fixtures for the tests of looks at WandbInstances."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster.instance_world import InstanceWorld
from testbed import wandb
from testbed.cluster import Cluster


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
