"""Fixtures for the tests on a cluster."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.crd_rules import CRDS
from testbed.cluster import Cluster
from testbed.kubelet import Kubelet
from testbed.processes import wait_for

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="module")
def crds(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that has our CRDs as the files say. Those that were not there before are removed: Helm wants to make them itself."""
    made = []
    for crd in CRDS.values():
        path = f"{_DEFINITIONS}/{crd['metadata']['name']}"
        made += [] if cluster.get(path) else [path]
        apply = f"{path}?fieldManager=test&force=true&fieldValidation=Strict"
        answer = cluster.request("PATCH", apply, crd, content_type="application/apply-patch+yaml")
        assert answer.status in (200, 201), answer.body.decode()
        assert "Warning" not in answer.headers, answer.headers["Warning"]
        cluster.wait(path, served)
    for crd in CRDS.values():
        _wait_for_storage(cluster, crd)
    yield cluster
    for path in made:
        cluster.delete(path)
        cluster.wait(path, lambda crd: crd is None)


def served(crd: dict[str, Any] | None) -> bool:
    """Whether the CRD is served; the API server must have no word against its schema."""
    found = {each["type"]: each["status"] for each in (crd or {}).get("status", {}).get("conditions") or ()}
    assert found.get("NonStructuralSchema") != "True", found
    return bool(found.get("Established") == "True")


def _wait_for_storage(cluster: Cluster, crd: dict[str, Any]) -> None:
    """A served kind can still answer 429, `storage is (re)initializing`, for a moment."""
    spec = crd["spec"]
    path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
    wait_for(lambda: cluster.request("GET", path).status == 200, timeout=30, what=f"{path} is listed")


@pytest.fixture(scope="module")
def kubelet(crds: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    """What runs the operator's pods."""
    runner = Kubelet(crds, tmp_path_factory.mktemp("kubelet"))
    runner.start()
    yield runner
    runner.stop()


@pytest.fixture(scope="module")
def place(crds: Cluster) -> str:
    """A namespace for objects that are only sent as a dry run."""
    return crds.create_namespace(f"dry-{uuid.uuid4().hex[:8]}")
