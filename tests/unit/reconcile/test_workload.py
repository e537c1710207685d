"""Which of W&B's pods a probe is made like, for each way in which a WandbInstance names them."""

from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.probing import workload
from unit.resources import as_instance, as_store, bucket_store, wandb_instance
from wandb_byob.kube.client import Body, Resource
from wandb_byob.model.config import Config
from wandb_byob.model.credentials import AccessKey, Ambient, Credentials
from wandb_byob.reconcile.workload import workload_host, workload_of


class Labelled(MemoryKube):
    """Takes note of the label selectors, which need a real server to be understood, and finds everything."""

    def list(self, resource: Resource, namespace: str, *, labels: str = "", fields: str = "") -> Any:
        self.reads.append(labels)
        return super().list(resource, namespace)


def of(*bodies: Body, **target: Any) -> tuple[str, list[str]]:
    kube = Labelled(*bodies)
    host = workload_host(kube, as_instance(wandb_instance(spec={"target": target})))
    return host.service_account, [read for read in kube.reads if "app.kubernetes.io" in read]


def test_workloads_by_label() -> None:
    selector = {"matchLabels": {"app.kubernetes.io/instance": "wandb"}}
    found = of(workload("a", account="one"), workloads={"selector": selector})
    assert found == ("one", ["app.kubernetes.io/instance=wandb"] * 2)


def test_the_object_of_w_and_bs_operator() -> None:
    """v1 calls the release like the object, v2 sets the label to the namespace."""
    found = of(workload("a", account="two"), weightsAndBiases={"name": "wandb"})
    assert found == ("two", ["app.kubernetes.io/instance in (team-a,wandb)"] * 2)


KEYS = AccessKey(access_key_id="a", secret_access_key="b")
COREWEAVE = {"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "acme"}}


@pytest.mark.parametrize(
    ("spec", "data", "signer"),
    [
        ({}, KEYS, KEYS),
        ({"credentials": {"source": "Ambient"}}, None, Ambient()),
        ({"credentials": {"source": "WandbAccount"}}, None, None),
        ({"credentials": {"source": "Ambient"}, **COREWEAVE}, None, None),
        ({"verification": {"from": "Operator"}}, KEYS, None),
        ({"managementPolicy": "Observe"}, KEYS, None),
    ],
    ids=[
        "keys",
        "W&B's identity",
        "W&B's own account",
        "CoreWeave has no identities",
        "from the operator",
        "no data path",
    ],
)
def test_who_signs_there(spec: dict[str, Any], data: Credentials | None, signer: Credentials | None) -> None:
    """None: nothing is tried from W&B's pods."""
    store = as_store(bucket_store(spec={"verification": {"from": "Workload"}, **spec}))
    config = Config(release_namespace="byob", namespaces=("team-a",), image="byob:1")
    instance = as_instance(wandb_instance(spec={"target": {"workloads": {"names": ["api"]}}}))
    found = workload_of(MemoryKube(workload("api")), config, store, instance, data=data)
    assert (found.signer if found is not None else None) == signer
