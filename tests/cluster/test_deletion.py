"""Deletions on a real control plane and a real store, under an operator with the chart's rights: held, confirmed, released, and with the namespace."""

from collections.abc import Iterator

import botocore.exceptions
import pytest

from cluster.tenants import Tenants
from testbed.cluster import Cluster
from testbed.object_store import Store
from testbed.processes import wait_for
from testbed.wandb import instance


@pytest.fixture(scope="module")
def tenants(crds: Cluster, versitygw: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """A home with W&B and a tenant, for all tests here; each uses names of its own."""
    started = Tenants.start(crds, versitygw, tmp_path_factory.mktemp("tenants"))
    yield started
    started.stop()


def _there(store: Store, bucket: str) -> bool:
    client = store.client()
    try:
        client.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError:
        return False
    finally:
        client.close()
    return True


def test_a_team_is_held_and_released_and_its_successor_takes_the_entry_up_again(tenants: Tenants) -> None:
    """W&B is not restarted by any of it."""
    tenants.apply(tenants.bucket_store("kept", tenants.home), tenants.team("kept", tenants.home, store="kept"))
    tenants.wait("TeamStorage", tenants.home, "kept", "Ready")
    entry = tenants.identity(f"{tenants.home}-kept")
    revisions = tenants.wandb.revisions()

    tenants.delete("TeamStorage", tenants.home, "kept")
    told = tenants.wait("TeamStorage", tenants.home, "kept", "DeletionBlocked")
    assert 'byob.wandb.com/confirm-delete: "kept"' in told["message"]
    assert 'byob.wandb.com/release: "kept"' in told["message"]
    assert entry in tenants.entries()

    tenants.annotate("TeamStorage", tenants.home, "kept", confirm_delete="some other team")
    tenants.annotate("TeamStorage", tenants.home, "kept", release="kept")
    tenants.wait_gone("TeamStorage", tenants.home, "kept")
    assert entry in tenants.entries()

    tenants.apply(tenants.team("kept", tenants.home, store="kept"))
    tenants.wait("TeamStorage", tenants.home, "kept", "Ready")
    assert tenants.entries().count(entry) == 1
    assert tenants.wandb.revisions() == revisions


def test_a_confirmed_deletion_takes_the_entry_out_and_then_the_bucket_may_go(tenants: Tenants) -> None:
    """The TeamStorage goes when W&B has let go of the bucket; the BucketStore was held until then; its empty bucket goes with it."""
    bucket = f"{tenants.home}-spent"
    tenants.apply(
        tenants.bucket_store("spent", tenants.home, deletionPolicy="Delete"),
        tenants.team("spent", tenants.home, store="spent", team="Spent.Team"),
    )
    tenants.wait("TeamStorage", tenants.home, "spent", "Ready")
    tenants.delete("BucketStore", tenants.home, "spent")
    tenants.wait("BucketStore", tenants.home, "spent", "DeletionBlocked")

    tenants.annotate("TeamStorage", tenants.home, "spent", confirm_delete="Spent.Team")
    tenants.delete("TeamStorage", tenants.home, "spent")
    tenants.wait_gone("TeamStorage", tenants.home, "spent")
    assert tenants.identity(bucket) not in tenants.entries()
    tenants.wait_gone("BucketStore", tenants.home, "spent")
    assert not _there(tenants.store, bucket)


def test_a_bucket_with_something_in_it_stays_and_so_does_its_bucket_store(tenants: Tenants) -> None:
    """Until it is emptied, or released: then the bucket is left as it is."""
    bucket = f"{tenants.home}-full"
    tenants.apply(tenants.bucket_store("full", tenants.home, deletionPolicy="Delete"))
    tenants.wait("BucketStore", tenants.home, "full", "Ready")
    client = tenants.store.client()
    client.put_object(Bucket=bucket, Key="precious", Body=b"x")
    tenants.delete("BucketStore", tenants.home, "full")
    told = tenants.wait("BucketStore", tenants.home, "full", "DeletionBlocked")
    assert "not empty" in told["message"]
    tenants.annotate("BucketStore", tenants.home, "full", release="full")
    tenants.wait_gone("BucketStore", tenants.home, "full")
    assert client.get_object(Bucket=bucket, Key="precious")["Body"].read() == b"x"
    client.close()


def test_what_was_made_while_the_operator_was_away_is_deleted_when_it_is_back(tenants: Tenants) -> None:
    """A deletion waits for the operator; nothing is lost on the way."""
    tenants.apply(tenants.bucket_store("away", tenants.home))
    tenants.wait("BucketStore", tenants.home, "away", "Ready")
    tenants.operator.kill()
    tenants.delete("BucketStore", tenants.home, "away")
    assert tenants.get("BucketStore", tenants.home, "away")["metadata"]["finalizers"] == ["byob.wandb.com/finalizer"]
    tenants.operator.start().wait_leading()
    tenants.wait_gone("BucketStore", tenants.home, "away")
    assert _there(tenants.store, f"{tenants.home}-away"), "Retain is the default"


def test_without_the_wandb_instance_a_team_is_held_until_released(tenants: Tenants) -> None:
    """`kubectl delete wandbinstance` is not held, and W&B keeps the variable; a team that W&B has goes by nothing but its right name."""
    tenants.apply(tenants.bucket_store("left", tenants.home), tenants.team("left", tenants.home, store="left"))
    tenants.wait("TeamStorage", tenants.home, "left", "Ready")
    bucket = f"/{tenants.home}-left?"
    assert all(bucket in (value or "") for value in tenants.wandb.variable())
    revisions = tenants.wandb.revisions()
    tenants.delete("WandbInstance", tenants.home, "wandb")
    tenants.wait_gone("WandbInstance", tenants.home, "wandb")
    tenants.annotate("TeamStorage", tenants.home, "left", confirm_delete="another", release="true")
    tenants.delete("TeamStorage", tenants.home, "left")
    told = tenants.wait("TeamStorage", tenants.home, "left", "DeletionBlocked")
    assert 'does not hold "left"' in told["message"]
    assert "Create the WandbInstance again" in told["message"]

    tenants.apply(instance(tenants.home, rollout={"maxWait": "2s"}))
    tenants.annotate("TeamStorage", tenants.home, "left", confirm_delete="left", release=None)
    tenants.wait_gone("TeamStorage", tenants.home, "left")
    assert tenants.identity(f"{tenants.home}-left") not in tenants.entries()
    wait_for(tenants.wandb.settled, timeout=60, what="W&B is rolled out without the bucket")
    assert all(bucket not in (value or "") for value in tenants.wandb.variable())
    assert {name: count + 1 for name, count in revisions.items()} == tenants.wandb.revisions()


def test_a_tenants_namespace_that_is_deleted_ends(tenants: Tenants) -> None:
    """With objects that are in use and would be held; the operator runs elsewhere, and its Role there goes with the rest.

    W&B keeps the entry, and a namespace that can no longer be read stops nobody else's work.
    """
    tenants.apply(tenants.bucket_store("lent", tenants.home, allowedNamespaces={"from": "All"}))
    tenants.apply(tenants.team("guest", tenants.tenant, store="lent", of=tenants.home))
    tenants.wait("TeamStorage", tenants.tenant, "guest", "Ready")
    path = f"/api/v1/namespaces/{tenants.tenant}"
    tenants.cluster.delete(path)
    wait_for(
        lambda: tenants.cluster.get(path) is None,
        timeout=60,
        what="the namespace is gone",
        detail=lambda: str(tenants.cluster.get(path)),
    )
    assert tenants.identity(f"{tenants.home}-lent") in tenants.entries()
    tenants.apply(tenants.bucket_store("after", tenants.home), tenants.team("after", tenants.home, store="after"))
    tenants.wait("TeamStorage", tenants.home, "after", "Ready")
