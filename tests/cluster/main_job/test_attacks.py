"""Tried as an attacker would, on a real API server and a real store, under an operator with the chart's rights in each namespace.

The tenant may do in its own namespace whatever it likes, statuses apart; W&B's namespace and its keys are not its own.
"""

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cluster.tenants import Tenants, secret
from testbed.cluster import Cluster
from testbed.object_store import Keys, Store
from testbed.processes import wait_for
from testbed.wandb import VARIABLE, StandIn, instance

BAD = {"secretRef": {"name": "bad"}}


@pytest.fixture(scope="module")
def tenants(crds: Cluster, versitygw: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenants]:
    """A home with W&B and a tenant with keys that are good for nothing, for all tests here; each uses names of its own."""
    started = Tenants.start(crds, versitygw, tmp_path_factory.mktemp("tenants"))
    started.apply(secret("bad", started.tenant, Keys("AKIABADBADBADBAD", "good-for-nothing-at-all")))
    yield started
    started.stop()


def _released(tenants: Tenants, name: str) -> str:
    """An entry of W&B's that nobody has a TeamStorage for any more: its owner let go of the object and kept the storage."""
    tenants.apply(tenants.bucket_store(name, tenants.home), tenants.team(name, tenants.home, store=name))
    tenants.wait("TeamStorage", tenants.home, name, "Ready")
    tenants.annotate("TeamStorage", tenants.home, name, release=name)
    tenants.delete("TeamStorage", tenants.home, name)
    tenants.wait_gone("TeamStorage", tenants.home, name)
    entry = tenants.identity(f"{tenants.home}-{name}")
    assert entry in tenants.entries()
    return entry


def _confirm_deletion(tenants: Tenants, kind: str, name: str) -> None:
    """The tenant deletes an object of its own and confirms it as the documents say."""
    tenants.annotate(kind, tenants.tenant, name, confirm_delete=name)
    tenants.delete(kind, tenants.tenant, name)


def _admit_everybody(tenants: Tenants) -> None:
    grant = {"spec": {"allowedNamespaces": {"from": "All"}, "rollout": {"minimumInterval": "0s"}}}
    tenants.cluster.patch(tenants.path("WandbInstance", tenants.home, "wandb"), grant)


def _looked(tenants: Tenants) -> None:
    """Wait until W&B's configuration was composed by a look that had to act on everything which happened up to now."""
    over = time.monotonic() + 3  # what a change waits for others to come
    wait_for(lambda: time.monotonic() > over, timeout=5, what="a change does not wait for others any more")
    request = str(uuid.uuid4())
    tenants.annotate("WandbInstance", tenants.home, "wandb", reconcile_requested_at=request)
    tenants.cluster.wait(
        tenants.path("WandbInstance", tenants.home, "wandb"),
        lambda found: found["status"].get("observedReconcileRequest") == request,
        timeout=30,
        what="the WandbInstance was looked at",
    )


def _held_by_tenant(team: dict[str, Any]) -> dict[str, Any]:
    team["metadata"]["finalizers"] = ["example.com/stay"]
    return team


def test_a_stray_team_takes_nobodys_entry_out(tenants: Tenants) -> None:
    """A bucket named in a BucketStore without good keys, the BucketStore then deleted: the team it leaves behind has no say."""
    entry = _released(tenants, "stray")
    name, bucket = "stray", f"{tenants.home}-stray"
    tenants.apply(tenants.bucket_store(name, tenants.tenant, bucket=bucket, credentials=BAD, provisioning=BAD))
    tenants.apply(_held_by_tenant(tenants.team(name, tenants.tenant, store=name)))
    tenants.cluster.wait(
        tenants.path("TeamStorage", tenants.tenant, name),
        lambda found: found.get("status", {}).get("identity") == entry,
        timeout=30,
        what="the team's status names the bucket",
    )
    _confirm_deletion(tenants, "BucketStore", name)
    tenants.wait_gone("BucketStore", tenants.tenant, name)
    _confirm_deletion(tenants, "TeamStorage", name)
    _looked(tenants)
    assert entry in tenants.entries()


def test_a_team_configured_in_the_tenants_own_wandb_takes_nothing_out_of_ours(tenants: Tenants) -> None:
    """Configured by a literal that the tenant wrote, paused to stay so, its BucketStore made anew with our W&B in `instanceRef`."""
    entry = _released(tenants, "forged")
    name, bucket = "forged", f"{tenants.home}-forged"
    own = StandIn(tenants.cluster, tenants.tenant, components=("app",))
    literal = f"s3://x:y@{tenants.store.endpoint.partition('://')[2]}/{bucket}?region=us-east-1&tls=false"
    own.deploy(replicas=1, env=[{"name": VARIABLE, "value": literal}])
    tenants.apply(instance(tenants.tenant, rollout={"maxWait": "0s"}))
    theirs = {"bucket": bucket, "credentials": BAD, "provisioning": BAD}
    tenants.apply(tenants.bucket_store(name, tenants.tenant, instanceRef={"name": "wandb"}, **theirs))
    tenants.apply(_held_by_tenant(tenants.team(name, tenants.tenant, store=name)))
    tenants.wait("TeamStorage", tenants.tenant, name, "Configured", condition="Configured")
    tenants.annotate("TeamStorage", tenants.tenant, name, paused="true")
    _confirm_deletion(tenants, "BucketStore", name)
    tenants.wait_gone("BucketStore", tenants.tenant, name)
    tenants.apply(tenants.bucket_store(name, tenants.tenant, **theirs))
    _confirm_deletion(tenants, "TeamStorage", name)
    _looked(tenants)
    assert entry in tenants.entries()


def test_an_admitted_tenant_without_keys_takes_nobodys_entry_out(tenants: Tenants) -> None:
    """To be admitted to a W&B and to name a bucket that is in it is not to have brought it in."""
    entry = _released(tenants, "named")
    name, bucket = "named", f"{tenants.home}-named"
    _admit_everybody(tenants)
    tenants.apply(tenants.bucket_store(name, tenants.tenant, bucket=bucket, credentials=BAD, provisioning=BAD))
    tenants.apply(tenants.team(name, tenants.tenant, store=name))
    tenants.wait("TeamStorage", tenants.tenant, name, "Configured", condition="Configured")
    _confirm_deletion(tenants, "TeamStorage", name)
    tenants.wait_gone("TeamStorage", tenants.tenant, name)
    _looked(tenants)
    assert entry in tenants.entries()


def test_the_keys_of_others_in_wandbs_configuration_are_sent_to_no_store(tenants: Tenants) -> None:
    """Who may create BucketStores in W&B's namespace names the Secret that holds everybody's keys, and an endpoint of his own."""
    _released(tenants, "everybodys")
    found = tenants.cluster.get(
        f"/api/v1/namespaces/{tenants.home}/secrets?labelSelector=byob.wandb.com/instance%3Dwandb"
    )
    name = found["items"][0]["metadata"]["name"]
    keys = {"secretRef": {"name": name, "keys": {"accessKeyID": VARIABLE, "secretAccessKey": VARIABLE}}}
    tenants.apply(tenants.bucket_store("thief", tenants.home, credentials=keys, provisioning=keys))
    told = tenants.wait("BucketStore", tenants.home, "thief", "SecretInvalid")
    assert name in told["message"]


@contextmanager
def _tar_pit() -> Iterator[str]:
    """An endpoint that accepts every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_stores_that_never_answer_delay_nobody_else(tenants: Tenants) -> None:
    """Three times as many as there are workers, all new at once, and new again: a bucket of somebody else is Ready as soon as ever."""
    _admit_everybody(tenants)
    with _tar_pit() as endpoint:
        stuck = [
            tenants.bucket_store(f"stuck-{n}", tenants.tenant, credentials=BAD, provisioning=BAD) for n in range(24)
        ]
        for each in stuck:
            each["spec"]["s3Compatible"]["endpoint"] = endpoint
        tenants.apply(*stuck)
        started = time.monotonic()
        tenants.apply(tenants.bucket_store("quick", tenants.home), tenants.team("quick", tenants.home, store="quick"))
        tenants.wait("BucketStore", tenants.home, "quick", "Ready")
        assert time.monotonic() - started < 10
