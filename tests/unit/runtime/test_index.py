"""Who is woken by what: each change reaches those that it concerns, and nobody else."""

from typing import Any

import pytest

from unit.runtime.objects import condition, deployment, instance, made, store, team
from wandb_byob.model import names
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.runtime.index import Index
from wandb_byob.runtime.references import SecretName


def key(obj: dict[str, Any]) -> ObjectKey:
    return ObjectKey(Kind(obj["kind"]), obj["metadata"]["namespace"], obj["metadata"]["name"])


def index_of(*objects: dict[str, Any]) -> Index:
    index = Index()
    for obj in objects:
        index.observe(key(obj), obj)
    return index


def woken(index: Index, obj: dict[str, Any]) -> set[str]:
    """Observe the object and return who is woken, itself included, as `Kind/name`."""
    wake = index.observe(key(obj), obj)
    return {f"{each.kind}/{each.name}" for each in wake.others | ({key(obj)} if wake.itself else set())}


def shown(found: frozenset[ObjectKey]) -> set[str]:
    return {f"{each.kind}/{each.name}" for each in found}


ALL = (instance(), store(), team())
EVERYBODY = {"WandbInstance/wandb", "BucketStore/data", "TeamStorage/team"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (instance(generation=2), EVERYBODY),
        (store(generation=2), EVERYBODY),
        (team(generation=2), EVERYBODY),
        (store(deletionTimestamp="2026-01-01T00:00:00Z"), EVERYBODY),
        (store(annotations={names.PAUSED: "true"}), EVERYBODY),
        (store(annotations={names.RECONCILE_REQUESTED_AT: "now"}), EVERYBODY),
        (store(labels={"a": "b"}), EVERYBODY),
        (store(uid="another"), EVERYBODY),
    ],
    ids=["instance", "store", "team", "deletion", "paused", "requested", "label", "recreated"],
)
def test_an_edit_wakes_the_object_and_its_neighbours(changed: dict[str, Any], expected: set[str]) -> None:
    assert woken(index_of(*ALL), changed) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (store(status={"conditions": [condition("Ready")]}), {"WandbInstance/wandb", "TeamStorage/team"}),
        (instance(status={"conditions": [condition("RolledOut")]}), {"TeamStorage/team"}),
        (team(status={"conditions": [condition("BucketReady")]}), {"WandbInstance/wandb"}),
        (team(status={"conditions": [condition("RolledOut")], "address": "s3://b"}), set()),
    ],
    ids=[
        "store: its teams and instance",
        "instance: its teams",
        "team's bucket: instance",
        "what the instance told it: nobody",
    ],
)
def test_a_status_wakes_only_those_whom_it_tells_something(changed: dict[str, Any], expected: set[str]) -> None:
    """Above all not the object itself: that would be a second look after every write of ours."""
    assert woken(index_of(*ALL), changed) == expected


def test_an_instances_status_wakes_a_store_that_is_held_back_from_deletion() -> None:
    """Its entry may just have left the instance's configuration."""
    leaving = store(deletionTimestamp="2026-01-01T00:00:00Z")
    changed = instance(status={"conditions": [condition("RolledOut")]})
    assert woken(index_of(instance(), leaving, team()), changed) == {"BucketStore/data", "TeamStorage/team"}


def test_our_first_write_wakes_nobody() -> None:
    """The finalizer and the intent annotation, written together."""
    written = store(finalizers=[names.FINALIZER], annotations={names.INTENT: "{}"}, resourceVersion="2")
    assert woken(index_of(*ALL), written) == set()


def test_the_same_object_again_wakes_nobody() -> None:
    """Such as after a watch was begun anew."""
    assert woken(index_of(*ALL), store(resourceVersion="99")) == set()


def test_a_wiped_status_wakes_the_object() -> None:
    """A backup restored without status: it must be written anew."""
    ready = store(status={"conditions": [condition("Accepted")]})
    assert "BucketStore/data" in woken(index_of(instance(), ready, team()), store())


def test_a_neighbour_that_appears_later_wakes_who_waits_for_it() -> None:
    index = index_of(team(), store())
    assert woken(index, instance()) == EVERYBODY
    index = index_of(team(), instance())
    assert woken(index, store()) == EVERYBODY


def test_what_is_gone_wakes_its_neighbours_and_is_forgotten() -> None:
    index = index_of(*ALL)
    wake = index.forget(key(store()))
    assert wake.itself
    assert shown(wake.others) == {"WandbInstance/wandb", "TeamStorage/team"}
    assert key(store()) not in index.objects()
    assert index.forget(key(store())).others == frozenset()


def test_a_reference_into_another_namespace_is_followed() -> None:
    far = store(instance={"name": "wandb", "namespace": "wandb-ns"})
    near = instance(namespace="wandb-ns")
    other = team(namespace="team-ns", spec={"bucketStoreRef": {"name": "data", "namespace": "ns"}})
    index = index_of(far, near, other)
    assert woken(index, instance(namespace="wandb-ns", generation=2)) == EVERYBODY
    assert (
        woken(
            index, team(namespace="team-ns", generation=2, spec={"bucketStoreRef": {"name": "data", "namespace": "ns"}})
        )
        == EVERYBODY
    )


def test_a_changed_reference_wakes_the_old_and_the_new_neighbour() -> None:
    index = index_of(store("one"), store("two"), team(store="one"))
    assert woken(index, team(store="two", generation=2)) == {"TeamStorage/team", "BucketStore/one", "BucketStore/two"}


def test_another_instance_and_its_stores_are_left_alone() -> None:
    index = index_of(*ALL, store("apart", instance={"name": "other"}), instance("other"))
    assert woken(index, instance("other", generation=2)) == {
        "WandbInstance/other",
        "BucketStore/data",
        "BucketStore/apart",
        "TeamStorage/team",
    }
    index = index_of(
        store("mine", instance={"name": "wandb"}),
        store("apart", instance={"name": "other"}),
        instance("other"),
        instance(),
    )
    assert woken(index, instance("other", generation=2)) == {"WandbInstance/other", "BucketStore/apart"}


def refused(reason: str) -> dict[str, Any]:
    return {"conditions": [condition("Accepted", "False", reason)]}


TEAM = {"team": "vision"}
ELSEWHERE = {"s3": {"bucket": "another", "region": "us-east-1"}}


@pytest.mark.parametrize(
    ("winner", "loser", "others"),
    [
        (team("winner"), team("loser", status=refused("PathConflict")),
         [team("elsewhere", store="other", status=refused("PathConflict"))]),
        (team("winner", spec=TEAM), team("loser", store="other", spec=TEAM, status=refused("TeamConflict")),
         [team("far", namespace="far", spec=TEAM, status=refused("TeamConflict")), team("b", store="b", status=refused("TeamConflict"))]),
        (store("winner"), store("loser", namespace="far", status=refused("BucketConflict")),
         [store("elsewhere", spec=ELSEWHERE, status=refused("BucketConflict"))]),
    ],
    ids=["path", "team", "bucket"],
)  # fmt: skip
def test_who_gave_way_is_woken_when_what_it_wants_may_be_free(
    winner: dict[str, Any], loser: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    """The same bucket, the same team: nobody who waits for something else, so that one namespace's changes do not wake all."""
    index = index_of(winner, loser, *others)
    changed = {**winner, "metadata": winner["metadata"] | {"generation": 2}}
    waiting = {key(each) for each in (loser, *others)}
    assert index.observe(key(winner), changed).others & waiting == {key(loser)}
    assert index.forget(key(winner)).others & waiting == {key(loser)}


def test_of_those_that_gave_way_none_wakes_the_others() -> None:
    """A thousand that want one path: a change of one is no news for the rest, unless it is the one that has it."""
    losers = [team(f"loser-{number}", status=refused("PathConflict")) for number in range(3)]
    index = index_of(store(), team("winner"), *losers)
    changed = {**losers[0], "metadata": losers[0]["metadata"] | {"generation": 2}}
    assert shown(index.observe(key(changed), changed).others) == {"BucketStore/data"}
    assert shown(index.forget(key(losers[1])).others) == {"BucketStore/data"}
    assert shown(index.forget(key(team("winner"))).others) == {
        "BucketStore/data", "TeamStorage/loser-0", "TeamStorage/loser-2"
    }  # fmt: skip


@pytest.mark.parametrize(
    "spec",
    [
        {"credentials": {"source": "Secret", "secretRef": {"name": "s"}}},
        {"provisioning": {"source": "Secret", "secretRef": {"name": "s"}}},
        {
            "provider": "S3Compatible",
            "s3Compatible": {
                "bucket": "b",
                "endpoint": "https://e",
                "region": "r",
                "caBundleRef": {"kind": "Secret", "name": "s"},
            },
        },
    ],
    ids=["credentials", "provisioning", "CA bundle"],
)
def test_a_secret_wakes_the_store_that_names_it(spec: dict[str, Any]) -> None:
    index = index_of(store(spec=spec), store("other", secret="another"))
    assert shown(index.secret(SecretName("ns", "s"), "2", listed=False)) == {"BucketStore/data"}


def test_a_secret_wakes_the_instance_whose_scim_key_it_is() -> None:
    index = index_of(instance(spec={"scim": {"credentialsSecretRef": {"name": "s"}}}))
    assert shown(index.secret(SecretName("ns", "s"), "2", listed=False)) == {"WandbInstance/wandb"}


def test_a_config_map_bundle_is_no_secret_of_that_name() -> None:
    block = {"bucket": "b", "endpoint": "https://e", "region": "r", "caBundleRef": {"kind": "ConfigMap", "name": "s"}}
    index = index_of(store(spec={"provider": "S3Compatible", "s3Compatible": block}))
    assert index.secret(SecretName("ns", "s"), "2", listed=False) == frozenset()


def test_w_and_bs_own_keys_for_coreweave_wake_the_buckets_without_keys() -> None:
    """They lie beside W&B, and nobody has to name them."""
    block = {"provider": "CoreWeave", "coreWeave": {"bucket": "acme"}}
    keyless = store(instance={"name": "wandb", "namespace": "prod"}, spec=block)
    index = index_of(keyless, store("keyed", secret="s", instance={"name": "wandb", "namespace": "prod"}, spec=block))
    name = SecretName("prod", "gorilla-coreweave-caios")
    assert shown(index.secret(name, "2", listed=False)) == {"BucketStore/data"}


def test_a_secret_is_news_only_when_its_version_is() -> None:
    index, name = index_of(store(secret="s")), SecretName("ns", "s")
    assert index.secret(name, "1", listed=True) == frozenset()
    assert index.secret(name, "1", listed=False) == frozenset()
    assert index.secret(name, "2", listed=True)
    assert index.secret(name, None, listed=False)
    assert index.secret(SecretName("other-ns", "s"), "1", listed=False) == frozenset()


TARGETS = [
    ({"names": ["api"]}, {}, True),
    ({"names": ["other"]}, {}, False),
    ({"selector": {"matchLabels": {"app": "wandb"}}}, {"app": "wandb", "x": "y"}, True),
    ({"selector": {"matchLabels": {"app": "wandb"}}}, {"app": "other"}, False),
    ({"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}}, {"app": "b"}, True),
    ({"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}}, {}, False),
    ({"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}}, {}, True),
    ({"selector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}}, {"app": "a"}, False),
    ({"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}, {"app": ""}, True),
    ({"selector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}, {"app": ""}, False),
]


@pytest.mark.parametrize(("workloads", "labels", "expected"), TARGETS)
def test_a_workload_wakes_the_instance_that_targets_it(
    workloads: dict[str, Any], labels: dict[str, str], expected: bool
) -> None:
    index = index_of(instance(target={"workloads": workloads}))
    assert bool(index.workload("Deployment", deployment(labels=labels), event="ADDED")) is expected


def test_a_workload_is_news_when_its_rollout_moves_or_it_no_longer_matches() -> None:
    index = index_of(instance(target={"workloads": {"selector": {"matchLabels": {"app": "wandb"}}}}))
    ours = {"app": "wandb"}
    assert index.workload("Deployment", deployment(labels=ours), event=None) == frozenset()
    assert index.workload("Deployment", deployment(labels=ours), event="MODIFIED") == frozenset()
    assert index.workload("Deployment", deployment(labels=ours, ready=2), event="MODIFIED")
    assert index.workload("Deployment", deployment(labels=ours, ready=2, generation=2), event="MODIFIED")
    assert index.workload("Deployment", deployment(labels={}, generation=2), event="MODIFIED")
    assert index.workload("Deployment", deployment(labels={}, generation=3), event="MODIFIED") == frozenset()


def test_a_workload_that_is_gone_wakes_its_instance() -> None:
    index = index_of(instance(target={"workloads": {"names": ["api"]}}))
    index.workload("Deployment", deployment(), event="ADDED")
    assert index.workload("Deployment", deployment(), event="DELETED")
    assert index.workload("Deployment", deployment(), event="DELETED") == frozenset()


@pytest.mark.parametrize("spec", [None, {}, {"bucketStoreRef": 5}, {"bucketStoreRef": {"name": None}}])
def test_an_object_that_does_not_fit_its_type_is_still_looked_at(spec: Any) -> None:
    """Stored before a rule was there: its reconciler tells the user."""
    broken = made("TeamStorage", "broken", spec)
    assert woken(index_of(*ALL), broken) == {"TeamStorage/broken"}


def test_nothing_is_left_of_what_is_gone() -> None:
    """The index does not grow with objects that come and go."""
    index = index_of(*ALL, store("s2", secret="s"), team("t2", store="s2"))
    index.workload("Deployment", deployment(), event="ADDED")
    index.secret(SecretName("ns", "s"), "1", listed=False)
    for each in index.objects():
        index.forget(each)
    index.workload("Deployment", deployment(), event="DELETED")
    index.secret(SecretName("ns", "s"), None, listed=False)
    assert not any((index._facts, index._referrers, index._yielding, index._secrets, index._workloads))
    assert not any(index._instances.values())


def test_a_team_that_is_named_like_its_bucket_store_may_give_way() -> None:
    """And get its place, and go: each change of it is taken in."""
    index = index_of(instance(), store("same"), team("same", store="same"))
    lost = team("same", store="same", status={"conditions": [condition("Accepted", "False", "PathConflict")]})
    index.observe(key(lost), lost)
    deleted = team("same", store="same", status=lost["status"], deletionTimestamp="2026-01-01T00:00:00Z")
    assert "TeamStorage/same" in woken(index, deleted)
    assert "TeamStorage/same" not in shown(index.forget(key(deleted)).others)
