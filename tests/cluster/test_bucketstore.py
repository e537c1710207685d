"""BucketStores on a real control plane and a real store, under an operator with the chart's rights: grants, conflicts, repairs."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.scenario import condition_of
from cluster.tenants import Tenants, secret
from testbed.cluster import Cluster
from testbed.object_store import Keys, Store
from testbed.processes import wait_for


@pytest.fixture(scope="module")
def tenants(crds: Cluster, versitygw: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """A home with W&B and a tenant, for all tests here; each uses names of its own."""
    made = Tenants.start(crds, versitygw, tmp_path_factory.mktemp("tenants"))
    yield made
    made.stop()


def test_without_a_grant_another_namespaces_w_and_b_reads_like_none(tenants: Tenants) -> None:
    """The tenant learns neither that it exists nor anything of it, its keys go nowhere, and no bucket is made."""
    tenants.apply(tenants.bucket_store("refused", tenants.tenant))
    missing = {"name": "no-such", "namespace": tenants.home}
    tenants.apply(tenants.bucket_store("missing", tenants.tenant, instanceRef=missing))
    refused = tenants.wait("BucketStore", tenants.tenant, "refused", "NotGranted")
    absent = tenants.wait("BucketStore", tenants.tenant, "missing", "NotGranted")
    assert refused["message"].replace("wandb ", "no-such ").replace("/wandb", "/no-such") == absent["message"]
    found = tenants.get("BucketStore", tenants.tenant, "refused")
    assert "instanceRef" not in found["status"]
    assert not found["metadata"].get("finalizers")
    client = tenants.store.client()
    assert not [each for each in client.list_buckets()["Buckets"] if "refused" in each["Name"]]
    client.close()


def test_a_grant_by_namespace_label_works_under_the_charts_rights_and_is_looked_at_anew(tenants: Tenants) -> None:
    """The operator reads the label with a Role of that namespace; taken back, the next look refuses."""
    selector = {"from": "Selector", "selector": {"matchLabels": {"wandb-tenant": "yes"}}}
    path = tenants.path("WandbInstance", tenants.home, "wandb")
    tenants.cluster.patch(path, {"spec": {"allowedNamespaces": selector}})
    tenants.apply(tenants.bucket_store("labelled", tenants.tenant))
    tenants.wait("BucketStore", tenants.tenant, "labelled", "NotGranted")

    namespace = f"/api/v1/namespaces/{tenants.tenant}"
    # A change of labels wakes nobody: it would be seen at the next interval.
    tenants.cluster.patch(namespace, {"metadata": {"labels": {"wandb-tenant": "yes"}}})
    tenants.annotate("BucketStore", tenants.tenant, "labelled", reconcile_requested_at="1")
    tenants.wait("BucketStore", tenants.tenant, "labelled", "Ready")

    tenants.cluster.patch(namespace, {"metadata": {"labels": {"wandb-tenant": None}}})
    tenants.annotate("BucketStore", tenants.tenant, "labelled", reconcile_requested_at="2")
    tenants.wait("BucketStore", tenants.tenant, "labelled", "NotGranted")
    tenants.cluster.patch(path, {"spec": {"allowedNamespaces": {"from": "Same", "selector": None}}})


def test_a_bucket_cannot_be_kept_from_its_owner_by_naming_it_first(tenants: Tenants) -> None:
    """An older BucketStore of another namespace, with keys that open nothing, holds nobody up."""
    path = tenants.path("WandbInstance", tenants.home, "wandb")
    tenants.cluster.patch(path, {"spec": {"allowedNamespaces": {"from": "All"}}})
    wrong = Keys(access_key="NOBODY", secret_key="knows-nothing-of-it")
    tenants.apply(secret("wrong", tenants.tenant, wrong))
    reference = {"secretRef": {"name": "wrong"}}
    bucket = f"{tenants.home}-coveted"
    squatter = tenants.bucket_store(
        "squatter", tenants.tenant, bucket=bucket, credentials=reference, provisioning=reference
    )
    tenants.apply(squatter)
    refused = tenants.wait("BucketStore", tenants.tenant, "squatter", "AccessDenied")
    assert "NOBODY" not in refused["message"]

    tenants.apply(tenants.bucket_store("coveted", tenants.home, bucket=bucket))
    tenants.wait("BucketStore", tenants.home, "coveted", "Ready")
    tenants.cluster.patch(path, {"spec": {"allowedNamespaces": {"from": "Same"}}})


def test_two_on_one_bucket_and_the_second_takes_over_when_the_first_is_gone(tenants: Tenants) -> None:
    """The second is told who holds the bucket, and need not be touched when that one goes."""
    bucket = f"{tenants.home}-shared"
    tenants.apply(tenants.bucket_store("first", tenants.home, bucket=bucket, deletionPolicy="Delete"))
    tenants.wait("BucketStore", tenants.home, "first", "Ready")
    tenants.apply(tenants.bucket_store("second", tenants.home, bucket=bucket))
    told = tenants.wait("BucketStore", tenants.home, "second", "BucketConflict")
    assert "BucketStore first" in told["message"]

    tenants.delete("BucketStore", tenants.home, "first")
    tenants.wait_gone("BucketStore", tenants.home, "first")
    tenants.wait("BucketStore", tenants.home, "second", "Ready")


def test_a_secret_that_will_not_do_is_named_and_its_repair_is_seen_at_once(tenants: Tenants) -> None:
    """A line break at the end, as `kubectl create secret --from-file` makes it; no value is shown."""
    broken = secret("pasted", tenants.home, tenants.store.keys, secretAccessKey=f"{tenants.store.keys.secret_key}\n")
    reference = {"secretRef": {"name": "pasted"}}
    store = tenants.bucket_store("pasted", tenants.home, credentials=reference, provisioning=reference)
    tenants.apply(broken, store)
    told = tenants.wait("BucketStore", tenants.home, "pasted", "SecretInvalid")
    assert "secretAccessKey" in told["message"]
    assert tenants.store.keys.secret_key not in told["message"]

    repaired = time.monotonic()
    tenants.apply(secret("pasted", tenants.home, tenants.store.keys))
    tenants.wait("BucketStore", tenants.home, "pasted", "Ready")
    assert time.monotonic() - repaired < 15, "that took an interval of 30 s, not the Secret's change"


def test_a_missing_secret_is_waited_for(tenants: Tenants) -> None:
    """Objects come in any order."""
    reference = {"secretRef": {"name": "later"}}
    tenants.apply(tenants.bucket_store("early", tenants.home, credentials=reference, provisioning=reference))
    told = tenants.wait("BucketStore", tenants.home, "early", "SecretNotFound")
    assert "Secret later does not exist" in told["message"]
    tenants.apply(secret("later", tenants.home, tenants.store.keys))
    tenants.wait("BucketStore", tenants.home, "early", "Ready")


def test_what_another_manager_left_in_a_status_is_replaced_once(tenants: Tenants) -> None:
    """A backup tool's apply leaves fields that ours would never take away: no endless writing, and no stale words."""
    tenants.apply(tenants.bucket_store("restored", tenants.home))
    tenants.wait("BucketStore", tenants.home, "restored", "Ready")
    path = tenants.path("BucketStore", tenants.home, "restored")
    left = {
        "handOver": {"recipient": "nobody", "text": "stale"},
        "checks": [{"name": "Stale", "path": "x", "result": "Failed", "message": "stale"}],
    }
    body = {
        "apiVersion": "byob.wandb.com/v1alpha1",
        "kind": "BucketStore",
        "metadata": {"name": "restored"},
        "status": left,
    }
    apply = f"{path}/status?fieldManager=backup&force=true"
    answer = tenants.cluster.request("PATCH", apply, body, content_type="application/apply-patch+yaml")
    assert answer.status == 200, answer.body

    def clean() -> Any:
        found = tenants.cluster.get(path)
        return "stale" not in str(found["status"]) and found

    wait_for(clean, timeout=60, what="what the backup left is gone")
    since = tenants.cluster.audit_position()
    tenants.annotate("BucketStore", tenants.home, "restored", note="a look that finds nothing to do")
    tenants.annotate("BucketStore", tenants.home, "restored", reconcile_requested_at="once")

    def seen() -> bool:
        status = tenants.get("BucketStore", tenants.home, "restored")["status"]
        return bool(status.get("observedReconcileRequest") == "once")

    wait_for(seen, timeout=30, what="the request was seen")
    ours = [
        event
        for event in tenants.cluster.audit(since)
        if event.name == "restored" and event.user_agent.startswith("wandb-byob")
    ]
    assert len(ours) == 1, "the request's own status, and nothing else"


def test_a_second_w_and_b_in_the_namespace_does_not_lead_the_keys_elsewhere(tenants: Tenants) -> None:
    """Where instanceRef is left out, what was found when the bucket was put in place stays."""
    tenants.apply(tenants.bucket_store("default", tenants.home, instanceRef=None))
    tenants.wait("BucketStore", tenants.home, "default", "Ready")
    other = tenants.get("WandbInstance", tenants.home, "wandb")
    spec = {key: other["spec"][key] for key in ("deploymentType", "host", "target", "identity")}
    tenants.apply(
        {
            "apiVersion": "byob.wandb.com/v1alpha1",
            "kind": "WandbInstance",
            "metadata": {"name": "a-second", "namespace": tenants.home},
            "spec": spec,
        }
    )
    tenants.annotate("BucketStore", tenants.home, "default", reconcile_requested_at="now")

    def seen() -> Any:
        status = tenants.get("BucketStore", tenants.home, "default")["status"]
        return status if status.get("observedReconcileRequest") == "now" else None

    status = wait_for(seen, timeout=30, what="the request was seen")
    assert status["instanceRef"] == {"name": "wandb", "namespace": tenants.home}
    assert condition_of({"status": status}, "Ready")["status"] == "True"
    tenants.apply(tenants.bucket_store("undecided", tenants.home, instanceRef=None))
    tenants.wait("BucketStore", tenants.home, "undecided", "InstanceAmbiguous")
    tenants.delete("WandbInstance", tenants.home, "a-second")
