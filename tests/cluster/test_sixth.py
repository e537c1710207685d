"""The block of a sixth, made-up provider (tests/sixth) in the CRD, on the real API server: under a group of its own, since the CRDs here are everybody's."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cluster.conftest import served
from sixth import project
from testbed.cluster import Cluster

GROUP = "sixth.example.com"
CREDENTIALS = {"source": "Secret", "secretRef": {"name": "keys"}}
SHELF = {"bucket": "acme-data", "endpoint": "https://shelf.example.com"}


@pytest.fixture(scope="module")
def stores(cluster: Cluster) -> Iterator[str]:
    """Where BucketStores of that group are in the API."""
    text = (project.ROOT / project.CRD).read_text().replace("byob.wandb.com", GROUP)
    crd = project.with_block(yaml.safe_load(text))
    crd["spec"]["names"]["shortNames"] = []
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
    answer = cluster.request(
        "PATCH", f"{path}?fieldManager=test&fieldValidation=Strict", crd, content_type="application/apply-patch+yaml"
    )
    assert answer.status == 201, answer.body.decode()
    cluster.wait(path, served)
    namespace = cluster.create_namespace(f"sixth-{uuid.uuid4().hex[:8]}")
    yield f"/apis/{GROUP}/v1alpha1/namespaces/{namespace}/bucketstores"
    cluster.delete(f"/api/v1/namespaces/{namespace}")
    cluster.delete(path)


def send(cluster: Cluster, stores: str, **spec: Any) -> tuple[int, str]:
    """What the API server says of it, as a dry run."""
    body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "BucketStore", "metadata": {"name": "acme"}}
    answer = cluster.request("POST", f"{stores}?dryRun=All", {**body, "spec": {"credentials": CREDENTIALS, **spec}})
    return answer.status, answer.body.decode()


def test_it_is_one_of_the_union(cluster: Cluster, stores: str) -> None:
    """With its block it is accepted; without, and with another's, it is refused; the others are as before."""
    assert send(cluster, stores, provider="Shelf", shelf=SHELF)[0] == 201
    status, said = send(cluster, stores, provider="Shelf")
    assert (status, "The block that spec.provider names is missing" in said) == (422, True)
    status, said = send(cluster, stores, provider="S3", s3={"bucket": "acme-data", "region": "us-east-1"}, shelf=SHELF)
    assert (status, "spec.shelf is for provider Shelf only" in said) == (422, True)
    assert send(cluster, stores, provider="GCS", gcs={"bucket": "acme-data"})[0] == 201
