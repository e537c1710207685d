"""Which of W&B's pods a probe is made like, for each way in which a WandbInstance names them."""

from typing import Any

from unit.memory_kube import MemoryKube
from unit.probing import workload
from unit.resources import as_instance, wandb_instance
from wandb_byob.kube.client import Body, Resource
from wandb_byob.reconcile.workload import workload_host


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
