"""Whose buckets and keys reach W&B, tried as an attacker would; and how an entry leaves the variable again."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from cluster.instance_world import InstanceWorld, address
from testbed.cluster import Cluster

Made = Callable[..., InstanceWorld]
LABELS = {"tenant": "yes"}
JSON = "application/json-patch+json"


@pytest.fixture
def other(crds: Cluster) -> str:
    """A second namespace that the operator watches, with a label."""
    return crds.create_namespace(f"tenant-{uuid.uuid4().hex[:6]}", LABELS)


@pytest.mark.parametrize(
    ("grant", "admitted"),
    [
        ({"from": "Same"}, False),
        ({"from": "All"}, True),
        ({"from": "Selector", "selector": {"matchLabels": LABELS}}, True),
        ({"from": "Selector", "selector": {"matchLabels": {"tenant": "no"}}}, False),
    ],
    ids=["Same", "All", "Selector that matches", "Selector that does not"],
)
def test_only_admitted_namespaces_attach_buckets(made: Made, other: str, grant: dict[str, Any], admitted: bool) -> None:
    """A BucketStore of another namespace enters only where the WandbInstance admits that namespace."""
    here = made(others=(other,), allowedNamespaces={"from": "All"})
    reference = {"name": "wandb", "namespace": here.namespace}
    here.bucket("theirs", namespace=other, instanceRef=reference)
    here.team("theirs", namespace=other)
    here.cluster.patch(
        here.path, [{"op": "replace", "path": "/spec/allowedNamespaces", "value": grant}], content_type=JSON
    )
    here.look()
    if admitted:
        here.settle()
    assert (address("theirs") in str(here.secrets_decoded())) is admitted


def test_a_grant_that_is_withdrawn_brings_nothing_new_and_takes_nothing_away(made: Made, other: str) -> None:
    """It is looked at anew each time; W&B keeps what it has, since a team may have its files there."""
    here = made(others=(other,), allowedNamespaces={"from": "All"})
    reference = {"name": "wandb", "namespace": here.namespace}
    here.bucket("one", namespace=other, instanceRef=reference)
    here.team("one", namespace=other)
    here.settle()
    here.bucket("two", namespace=other, instanceRef=reference)
    here.cluster.patch(here.path, {"spec": {"allowedNamespaces": {"from": "Same"}}})
    here.team("two", namespace=other)
    here.look()
    here.look()
    assert here.entries() == [address("one")]


def test_a_team_of_another_namespace_needs_the_bucket_owners_grant(made: Made, other: str) -> None:
    """A TeamStorage that nobody admitted starts nothing: the keys are not even composed."""
    here = made(others=(other,))
    here.bucket("one")
    body = {
        "apiVersion": "byob.wandb.com/v1alpha1",
        "kind": "TeamStorage",
        "metadata": {"name": "thief", "finalizers": ["byob.wandb.com/finalizer"]},
        "spec": {"bucketStoreRef": {"name": "one", "namespace": here.namespace}},
    }
    here.apply(body, namespace=other)
    here.look()
    assert here.secrets() == {}
    path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/bucketstores/one"
    here.cluster.patch(path, {"spec": {"allowedNamespaces": {"from": "All"}}})
    here.verify("one")
    here.look()
    here.settle()
    assert here.entries() == [address("one")]


def test_keys_go_only_where_the_bucket_stores_owner_says(made: Made, other: str) -> None:
    """A namespace that may use a bucket cannot lead its keys into a W&B of its own."""
    here = made(others=(other,))
    here.bucket("one", allowedNamespaces={"from": "All"})
    thief = InstanceWorld.make(here.cluster, other, here.namespace)
    thief.stand_in.deploy()
    body = here.instance()
    spec = {**body["spec"], "allowedNamespaces": {"from": "All"}}
    thief.apply({**body, "metadata": {"name": "wandb"}, "spec": spec, "status": {}})
    reference = {"name": "one", "namespace": here.namespace}
    thief.apply(
        {
            "apiVersion": "byob.wandb.com/v1alpha1",
            "kind": "TeamStorage",
            "metadata": {"name": "thief"},
            "spec": {"bucketStoreRef": reference},
        }
    )
    thief.look_at_team("thief")
    for _ in range(3):
        thief.look()
        here.look()
    assert thief.secrets() == {}
    assert thief.stand_in.variable() == {None}
    here.settle()
    assert here.entries() == [address("one")], "the team may use the bucket, in the owner's own W&B"


def test_a_forged_secret_with_our_label_is_not_believed(made: Made) -> None:
    """Somebody may create Secrets in W&B's namespace: entries come from what the target refers to."""
    here = made()
    labels = {"byob.wandb.com/instance": "wandb"}
    data = {"GORILLA_SUPPORTED_FILE_STORES": "s3://evil", "provenance.json": "{", "previous.json": "{}"}
    here.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forged", "labels": labels}, "stringData": data}
    )
    whole = data | {"provenance.json": '{"separator":",","entries":{"s3://amazonaws.com/evil":"some-uid"}}'}
    here.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "forged-too", "labels": labels},
            "stringData": whole,
        }
    )
    here.bucket("one")
    here.team("one")
    here.settle()
    assert here.entries() == [address("one")]


def _delete(here: InstanceWorld, name: str, **annotations: str) -> None:
    path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/teamstorages/{name}"
    if annotations:
        given = {f"byob.wandb.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
        here.cluster.patch(path, {"metadata": {"annotations": given}})
    here.cluster.delete(path)


def _configured(here: InstanceWorld, *names: str) -> None:
    for name in names:
        here.look_at_team(name)


def test_an_entry_leaves_only_with_a_confirmed_team(made: Made) -> None:
    """A deletion alone holds the object and the entry; the confirmation takes the entry, and then the object goes."""
    here = made()
    for name in ("one", "two"):
        here.bucket(name)
        here.team(name)
    here.settle()
    _configured(here, "one", "two")
    _delete(here, "one")
    here.look_at_team("one")
    here.look()
    assert here.entries() == [address("one"), address("two")]
    assert here.get("TeamStorage", "one") is not None

    path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/teamstorages/one"
    here.cluster.patch(path, {"metadata": {"annotations": {"byob.wandb.com/confirm-delete": "one"}}})
    here.look()
    here.settle()
    here.look_at_team("one")
    assert here.entries() == [address("two")]
    assert here.get("TeamStorage", "one") is None


def test_an_entry_that_another_team_uses_stays(made: Made) -> None:
    here = made()
    here.bucket("shared")
    here.team("left", bucket="shared", path="left", pathOverlap="Allow")
    here.team("right", bucket="shared", path="right", pathOverlap="Allow")
    here.verify_paths("shared", "left", "right")
    here.settle()
    _configured(here, "left", "right")
    assert here.entries() == [address("shared")], "one entry, however many teams"
    _delete(here, "left", confirm_delete="left")
    here.look()
    here.look_at_team("left")
    here.look()
    assert here.entries() == [address("shared")]
    assert here.get("TeamStorage", "left") is None


def test_a_released_team_leaves_its_entry(made: Made) -> None:
    """The object goes, W&B goes on; a TeamStorage created anew takes the entry up again without a rollout."""
    here = made()
    here.bucket("one")
    here.team("one")
    here.settle()
    _configured(here, "one")
    _delete(here, "one", release="one")
    here.look_at_team("one")
    assert here.get("TeamStorage", "one") is None
    here.look()
    here.team("one")
    here.look()
    assert here.entries() == [address("one")]
    assert set(here.stand_in.revisions().values()) == {2}


def test_everything_absent_removes_nothing(made: Made) -> None:
    """All BucketStores and TeamStorages vanish without their finalizers, as after a failed restore: W&B keeps its buckets."""
    here = made()
    here.bucket("one")
    here.team("one")
    here.settle()
    for plural in ("teamstorages", "bucketstores"):
        path = f"/apis/byob.wandb.com/v1alpha1/namespaces/{here.namespace}/{plural}/one"
        here.cluster.patch(path, {"metadata": {"finalizers": None}})
        here.cluster.delete(path)
    here.look()
    here.look()
    assert here.entries() == [address("one")]
    assert here.condition("Ready")["status"] == "True"
