"""TeamStorages on a real control plane and a real store, under an operator with the chart's rights: who may use which bucket, where."""

from collections.abc import Iterator
from typing import Any

import pytest

from cluster.tenants import Tenants, made
from testbed.cluster import Cluster
from testbed.object_store import Store
from testbed.wandb import StandIn, instance


@pytest.fixture(scope="module")
def tenants(crds: Cluster, versitygw: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """A home with W&B and a tenant, for all tests here; each uses names of its own."""
    started = Tenants.start(crds, versitygw, tmp_path_factory.mktemp("tenants"))
    yield started
    started.stop()


def test_a_tenant_without_a_grant_learns_nothing_and_gets_nothing(tenants: Tenants) -> None:
    """A BucketStore that is there reads like one that is not; the bucket is not brought in for it."""
    tenants.apply(tenants.bucket_store("private", tenants.home))
    tenants.wait("BucketStore", tenants.home, "private", "Ready")
    tenants.apply(
        tenants.team("spy", tenants.tenant, store="private", of=tenants.home),
        tenants.team("lost", tenants.tenant, store="no-such", of=tenants.home),
    )
    refused = tenants.wait("TeamStorage", tenants.tenant, "spy", "NotGranted")
    absent = tenants.wait("TeamStorage", tenants.tenant, "lost", "NotGranted")
    assert refused["message"].replace("private", "no-such") == absent["message"]
    found = tenants.get("TeamStorage", tenants.tenant, "spy")
    assert not {"address", "identity", "form"} & set(found["status"])
    assert not found["metadata"].get("finalizers")
    assert tenants.identity(f"{tenants.home}-private") not in tenants.entries()


def test_a_tenant_that_may_use_a_bucket_cannot_lead_its_keys_anywhere(tenants: Tenants) -> None:
    """It gets the form to fill in; its own W&B, which it controls, gets no address, and its namespace no Secret."""
    own = StandIn(tenants.cluster, tenants.tenant, components=("app",))
    own.deploy(replicas=1)
    tenants.apply(instance(tenants.tenant, rollout={"maxWait": "0s"}))
    bucket = f"{tenants.home}-lent"
    tenants.apply(tenants.bucket_store("lent", tenants.home, allowedNamespaces={"from": "All"}))
    tenants.apply(tenants.team("guest", tenants.tenant, store="lent", of=tenants.home, path="teams/guest"))

    tenants.wait("TeamStorage", tenants.tenant, "guest", "Ready")

    status = tenants.get("TeamStorage", tenants.tenant, "guest")["status"]
    assert tenants.identity(bucket) in tenants.entries()
    assert tenants.store.keys.secret_key not in str(status)
    assert {step["field"]: step["value"] for step in status["form"]}["Path"] == "teams/guest"
    theirs = tenants.get("WandbInstance", tenants.tenant, "wandb")
    assert theirs["status"].get("entries", []) == []
    assert own.variable() == {None}
    secrets = tenants.cluster.get(f"/api/v1/namespaces/{tenants.tenant}/secrets")["items"]
    assert [each["metadata"]["name"] for each in secrets] == ["keys"]


def test_a_bucket_store_of_the_tenants_own_cannot_be_made_to_take_the_keys(tenants: Tenants) -> None:
    """The same bucket, named in the tenant's own BucketStore with the tenant's own W&B, needs the tenant's own keys: a reference to a
    Secret has no namespace, and one of the same name in the tenant's namespace is the tenant's.
    """
    bucket = f"{tenants.home}-lent"
    reference = {"secretRef": {"name": "keys-of-home"}}
    theft = tenants.bucket_store(
        "theft",
        tenants.tenant,
        bucket=bucket,
        credentials=reference,
        provisioning=reference,
        instanceRef={"name": "wandb"},
    )
    tenants.apply(theft)
    told = tenants.wait("BucketStore", tenants.tenant, "theft", "SecretNotFound")
    assert f"in namespace {tenants.tenant}" in told["message"]


def test_paths_that_lie_inside_each_other_and_the_place_that_becomes_free(tenants: Tenants) -> None:
    """The older stands, `team-a` and `team-ab` are apart, and the one that gave way is Ready by itself when the place is free."""
    tenants.apply(tenants.bucket_store("many", tenants.home))
    tenants.apply(tenants.team("one", tenants.home, store="many", path="teams/a"))
    tenants.wait("TeamStorage", tenants.home, "one", "Ready")
    tenants.apply(
        tenants.team("two", tenants.home, store="many", path="teams/ab"),
        tenants.team("three", tenants.home, store="many", path="teams/a/sub"),
        tenants.team("four", tenants.home, store="many"),
    )
    tenants.wait("TeamStorage", tenants.home, "two", "Ready")
    for name in ("three", "four"):
        told = tenants.wait("TeamStorage", tenants.home, name, "PathConflict")
        assert "TeamStorage one" in told["message"]

    tenants.annotate("TeamStorage", tenants.home, "one", release="one")
    tenants.delete("TeamStorage", tenants.home, "one")
    tenants.wait_gone("TeamStorage", tenants.home, "one")
    tenants.wait("TeamStorage", tenants.home, "three", "Ready")
    tenants.wait("TeamStorage", tenants.home, "four", "PathConflict")


def test_the_lock_holds_after_the_grant_was_taken_back(tenants: Tenants) -> None:
    """A team that is configured keeps its place, whatever becomes of the grant."""
    tenants.apply(tenants.bucket_store("granted", tenants.home, allowedNamespaces={"from": "All"}))
    tenants.apply(tenants.team("locked", tenants.tenant, store="granted", of=tenants.home, path="teams/locked"))
    tenants.wait("TeamStorage", tenants.tenant, "locked", "Ready")
    path = tenants.path("BucketStore", tenants.home, "granted")
    tenants.cluster.patch(path, {"spec": {"allowedNamespaces": {"from": "Same"}}})
    tenants.wait("TeamStorage", tenants.tenant, "locked", "NotGranted")
    moved = {"spec": {"path": "teams/elsewhere"}}
    answer = tenants.cluster.request(
        "PATCH",
        tenants.path("TeamStorage", tenants.tenant, "locked"),
        moved,
        content_type="application/merge-patch+json",
    )
    assert answer.status == 422
    assert b"spec.path is locked" in answer.body
    assert tenants.identity(f"{tenants.home}-granted") in tenants.entries()


@pytest.mark.parametrize(
    ("name", "spec", "reason"),
    [
        ("creating", {"createTeam": {}}, "NotImplemented"),
        ("orphan", {"bucketStoreRef": {"name": "no-such"}}, "BucketStoreNotFound"),
    ],
)
def test_what_cannot_be_is_said(tenants: Tenants, name: str, spec: dict[str, Any], reason: str) -> None:
    """Never silence."""
    tenants.apply(made("TeamStorage", name, tenants.home, {"bucketStoreRef": {"name": "many"}} | spec))
    tenants.wait("TeamStorage", tenants.home, name, reason)
