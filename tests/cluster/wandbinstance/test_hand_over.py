"""The bucket for the instance where nothing is set from here: who is told what, and how it is acknowledged."""

from collections.abc import Callable
from typing import Any

import pytest

from cluster.instance_world import ESCAPED, SECRET, InstanceWorld
from testbed import wandb

Made = Callable[..., InstanceWorld]
STORAGE = {"storage": {"bucketStoreRef": {"name": "main"}, "path": "wandb"}}
COREWEAVE = {"provider": "CoreWeave", "coreWeave": {"bucket": "acme-main"}, "s3Compatible": None}
HANDED_OVER = {"metadata": {"annotations": {"byob.wandb.com/handed-over": "true"}}}


def told(here: InstanceWorld) -> dict[str, Any]:
    return here.condition("StorageConfigured")


def test_coreweave_is_left_to_wandb_support(made: Made) -> None:
    """Accepted and verified, and W&B is not touched; teams go on."""
    here = made(**STORAGE, wandbOrgID="acme")
    here.bucket("main", verified=False, **COREWEAVE)
    here.look()
    assert told(here)["reason"] == "WaitingForBucket"
    assert "handOver" not in here.status()
    here.verify("main", paths=["wandb"])
    here.look()
    assert here.condition("Accepted")["status"] == "True"
    assert (told(here)["status"], told(here)["reason"]) == ("False", "ActionRequired")
    assert here.condition("Stalled")["reason"] == "ActionRequired"
    hand_over = here.status()["handOver"]
    assert hand_over["recipient"] == "W&B support"
    assert "acme-main, path wandb" in hand_over["text"]
    here.bucket("one")
    here.team("one")
    here.settle("RolledOut")
    assert here.stand_in.seen("BUCKET") == {None}
    assert len(here.entries()) == 1

    here.cluster.patch(here.path, HANDED_OVER)
    here.settle("Ready")
    assert told(here)["status"] == "True"
    assert "handOver" not in here.status()


@pytest.mark.parametrize(
    ("spec", "recipient"),
    [({}, "Your W&B account team"), (COREWEAVE, "Your W&B account team, and W&B support")],
    ids=["S3-compatible", "CoreWeave"],
)
def test_on_dedicated_cloud_wandbs_team_sets_it(made: Made, spec: dict[str, Any], recipient: str) -> None:
    """Nothing in this cluster is patched; the text names the bucket and no key."""
    here = made()
    here.cluster.delete(here.path)
    body = wandb.instance(here.namespace)
    body["spec"] = {
        "deploymentType": "DedicatedCloud",
        "host": "https://acme.wandb.io",
        "wandbOrgID": "acme",
        **STORAGE,
    }
    here.apply(body)
    here.bucket("main", verified=False, **spec)
    here.verify("main", paths=["wandb"])
    here.look()
    assert told(here)["reason"] == here.condition("Ready")["reason"] == "ActionRequired"
    hand_over = here.status()["handOver"]
    assert hand_over["recipient"] == recipient
    assert "https://acme.wandb.io" in hand_over["text"]
    for kept in (SECRET, ESCAPED, "AKmain"):
        assert kept not in str(here.instance())
    assert set(here.stand_in.revisions().values()) == {1}
    here.cluster.patch(here.path, HANDED_OVER)
    here.look()
    assert here.condition("Ready")["status"] == "True"
    assert "supported file stores" in here.status()["handOver"]["text"], "what is to be told of teams stays"
