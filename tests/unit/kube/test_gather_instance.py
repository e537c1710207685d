"""Reads for a WandbInstance that need no API server to be right."""

from typing import Any

import pytest

from wandb_byob.kube.client import DEPLOYMENTS, SECRETS, PatchType, Resource
from wandb_byob.kube.gather_instance import named_anywhere, selector_text
from wandb_byob.kube.once import Once
from wandb_byob.model.api import LabelSelector, LabelSelectorRequirement


class Counting:
    """A client that counts what it is asked; `answers` are lists by plural."""

    def __init__(self, **answers: Any) -> None:
        self.calls: list[str] = []
        self._answers = answers

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        self.calls.append(f"get {resource.plural} {namespace}/{name}")
        return {"name": name} if name != "gone" else None

    def list(self, resource: Resource, namespace: str, *, labels: str = "", fields: str = "") -> Any:
        self.calls.append(f"list {resource.plural} {labels}{fields}")
        return self._answers.get(resource.plural, [])

    def create(self, resource: Resource, namespace: str, body: Any) -> dict[str, Any]:
        self.calls.append(f"create {resource.plural}")
        return {}

    def patch(
        self, resource: Resource, namespace: str, name: str, body: Any, *, patch_type: PatchType, subresource: str = ""
    ) -> dict[str, Any]:
        self.calls.append(f"patch {resource.plural} {patch_type.name}")
        return {}

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        self.calls.append(f"delete {resource.plural} {uid}")


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (LabelSelector(match_labels={"b": "2", "a": "1"}), "a=1,b=2"),
        (LabelSelector(match_expressions=(LabelSelectorRequirement(key="k", operator="In", values=("x", "y")),)), "k in (x,y)"),
        (LabelSelector(match_expressions=(LabelSelectorRequirement(key="k", operator="NotIn", values=("x",)),)), "k notin (x)"),
        (LabelSelector(match_expressions=(LabelSelectorRequirement(key="k", operator="Exists"),)), "k"),
        (LabelSelector(match_labels={"a": "1"}, match_expressions=(LabelSelectorRequirement(key="k", operator="DoesNotExist"),)), "a=1,!k"),
    ],
)  # fmt: skip
def test_a_selector_as_the_api_takes_it(selector: LabelSelector, text: str) -> None:
    assert selector_text(selector) == text


def test_a_secret_that_is_named_deep_inside_is_found() -> None:
    """In a pod, in an old revision, in a volume, in the template of a job: wherever it is a value of its own."""
    pod = {"spec": {"containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "a"}}}]}]}}
    revision = {"data": {"spec": {"template": {"spec": {"volumes": [{"secret": {"secretName": "b"}}]}}}}}
    kube = Counting(
        pods=[pod], controllerrevisions=[revision], jobs=[{"metadata": {"annotations": {"x": "mentions c in passing"}}}]
    )
    assert named_anywhere(kube, "ns", ["a", "b", "c"]) == {"a", "b"}


def test_no_more_is_read_than_needed() -> None:
    """When all are known to be needed, nothing else is listed."""
    kube = Counting(pods=[{"name": "a"}])
    named_anywhere(kube, "ns", ["a"])
    assert kube.calls == ["list pods "]


def test_a_long_list_is_not_kept_in_memory() -> None:
    kube = Counting(secrets=[{}] * 101)
    once = Once(kube)
    once.list(SECRETS, "ns")
    once.list(SECRETS, "ns")
    assert kube.calls == ["list secrets "] * 2


def test_one_look_reads_each_object_once() -> None:
    """Also one that is not there; writes are not remembered."""
    kube = Counting(secrets=[{"name": "a"}])
    once = Once(kube)
    for _ in range(2):
        assert once.get(SECRETS, "ns", "a") == {"name": "a"}
        assert once.get(SECRETS, "ns", "gone") is None
        assert once.list(SECRETS, "ns", labels="x=y") == [{"name": "a"}]
        once.list(SECRETS, "ns")
        once.patch(DEPLOYMENTS, "ns", "a", {}, patch_type=PatchType.MERGE)
        once.create(SECRETS, "ns", {})
        once.delete(SECRETS, "ns", "a", uid="u")
    writes = ["patch deployments MERGE", "create secrets", "delete secrets u"]
    reads = ["get secrets ns/a", "get secrets ns/gone", "list secrets x=y", "list secrets "]
    assert kube.calls == [*reads, *writes, *writes]
