"""What the API has already and this version does not: refused aloud on a real API server, never passed over in silence."""

from collections.abc import Callable
from typing import Any

import pytest

from cluster.instance_world import InstanceWorld
from cluster.scenario import condition_of
from testbed import wandb


def test_creating_the_team(made: Callable[..., InstanceWorld]) -> None:
    """The message says how the team is made by hand."""
    here = made(deploy=False)
    here.bucket("data", verified=False)
    here.team("data", createTeam={"members": ["ann@example.com"]})
    told = condition_of(here.get("TeamStorage", "data"), "Accepted")
    assert (told["status"], told["reason"]) == ("False", "NotImplemented")
    assert "spec.createTeam" in told["message"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"scim": {"credentialsSecretRef": {"name": "s"}}}, "spec.scim"),
    ],
)
def test_fields_of_the_instance(made: Callable[..., InstanceWorld], spec: dict[str, Any], field: str) -> None:
    """The field to remove is named."""
    here = made(deploy=False, **spec)
    here.look()
    told = here.condition("Accepted")
    assert (told["status"], told["reason"]) == ("False", "NotImplemented")
    assert field in told["message"]


@pytest.mark.parametrize(
    ("deployment", "spec", "reason", "words"),
    [
        ("DedicatedCloud", {"scim": {"credentialsSecretRef": {"name": "s"}}}, "NotImplemented", "spec.scim"),
        ("MultiTenantCloud", {"storage": {"bucketStoreRef": {"name": "b"}}}, "NotAvailable", "Remove spec.storage"),
    ],
)
def test_fields_of_an_instance_elsewhere(
    made: Callable[..., InstanceWorld], deployment: str, spec: dict[str, Any], reason: str, words: str
) -> None:
    """On W&B's own clouds too, although nothing would be done in the cluster anyway."""
    here = made(deploy=False)
    here.cluster.delete(here.path)
    body = wandb.instance(here.namespace)
    body["spec"] = {"deploymentType": deployment, "host": "https://api.wandb.ai", **spec}
    here.apply(body)
    here.look()
    told = here.condition("Accepted")
    assert (told["status"], told["reason"]) == ("False", reason)
    assert words in told["message"]
    assert here.condition("Ready")["status"] == "False"
