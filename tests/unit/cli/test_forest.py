"""Which object hangs below which, how it is, and who is hidden from whom."""

from typing import Any

import pytest

from unit.resources import as_instance, as_store, as_team, bucket_store, condition, team_storage, wandb_instance
from wandb_byob.cli.forest import Node, Objects, forest, isolation

READY = {"conditions": [condition("Ready")]}
STALLED = {"conditions": [condition("Ready", "False", reason="ChecksFailed", message="Check CORS: no rule.")]}


def objects(*bodies: dict[str, Any]) -> Objects:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for body in bodies:
        by_kind.setdefault(body["kind"], []).append(body)
    return Objects(
        instances=tuple(map(as_instance, by_kind.get("WandbInstance", ()))),
        stores=tuple(map(as_store, by_kind.get("BucketStore", ()))),
        teams=tuple(map(as_team, by_kind.get("TeamStorage", ()))),
    )


def drawn(nodes: tuple[Node, ...], depth: int = 0) -> list[str]:
    """One line for each node, indented."""
    return [
        line
        for node in nodes
        for line in (f"{'  ' * depth}{node.name} {node.ready} {node.detail}".rstrip(), *drawn(node.children, depth + 1))
    ]


def test_a_tree() -> None:
    """An instance, its buckets wherever they are, their teams wherever they are; and what was in the variable before."""
    kept = {"entries": [{"address": "s3://***:***@old/b", "source": "Kept"}]}
    found = objects(
        wandb_instance(status=READY | kept),
        bucket_store(
            status=STALLED, spec={"instanceRef": {"name": "wandb", "namespace": "team-a"}}, namespace="storage"
        ),
        team_storage(
            spec={"bucketStoreRef": {"name": "data", "namespace": "storage"}, "path": "teams/ml"}, status=READY
        ),
    )
    assert drawn(forest(found)) == [
        "team-a/wandb True SelfManaged, https://wandb.example.com",
        "  storage/data False S3 data",
        "    team-a/ml True teams/ml",
        "  kept from before  s3://***:***@old/b",
    ]
    assert forest(found)[0].children[0].why == "Check CORS: no rule."


STORAGE = {"storage": {"bucketStoreRef": {"name": "data"}}}
OURS = {"address": "s3://***:***@h:443/b/w", "path": "w", "source": "BucketStore", "bucketStoreRef": {"name": "data"}}


@pytest.mark.parametrize(
    ("spec", "storage", "told", "line"),
    [
        ({}, None, None, ""),
        (STORAGE, None, None, ""),
        (STORAGE, OURS, condition("StorageConfigured"), "instance storage True of BucketStore data, s3://***:***@h:443/b/w"),
        (STORAGE, {"address": "gs://old", "source": "Kept"}, condition("StorageConfigured", "False", reason="StorageWouldChange"), "instance storage False kept from before, gs://old"),
        ({}, OURS, None, "instance storage  of BucketStore data, s3://***:***@h:443/b/w"),
        (STORAGE, None, condition("StorageConfigured", "False", reason="ActionRequired"), "instance storage False of BucketStore data"),
    ],
    ids=["none", "not looked at yet", "ours", "another's, which stays", "ours, and nobody asks any more", "somebody else is to set it"],
)  # fmt: skip
def test_the_instances_own_bucket(spec: Any, storage: Any, told: Any, line: str) -> None:
    """Which W&B has, and whose it is; first below its instance."""
    status = {"conditions": [condition("Ready"), *([told] if told else [])]} | ({"storage": storage} if storage else {})
    found = objects(wandb_instance(spec=spec, status=status), bucket_store(status=READY))
    assert drawn(forest(found)[0].children)[:-1] == ([line] if line else [])


def test_what_is_in_the_way_of_it_is_told_once() -> None:
    """Where the instance's own message says it, it is not said again below."""
    told = condition("StorageConfigured", "False", reason="StorageWouldChange", message="It would hide files.")
    for ready, why in (("It would hide files.", ""), ("A rollout failed.", "It would hide files.")):
        conditions = [condition("Ready", "False", message=ready), told]
        (tree,) = forest(objects(wandb_instance(spec=STORAGE, status={"conditions": conditions})))
        assert (tree.why, tree.children[0].why) == (ready, why)


def test_what_belongs_to_nothing() -> None:
    """A BucketStore whose instance is not here, and a TeamStorage whose BucketStore is not, are shown all the same."""
    found = objects(bucket_store(), team_storage(spec={"bucketStoreRef": {"name": "gone"}, "team": "vision"}))
    assert drawn(forest(found)) == [
        "no WandbInstance",
        "  team-a/data  S3 data",
        "no BucketStore",
        "  team-a/ml  team vision, the whole bucket",
    ]


def test_a_reference_that_is_left_out() -> None:
    """The only instance of the namespace is meant; of two, none."""
    store = bucket_store(spec={"instanceRef": None})
    one, two = objects(wandb_instance(), store), objects(wandb_instance(), wandb_instance("other"), store)
    assert [node.name for node in forest(one)] == ["team-a/wandb"]
    assert [node.name for node in forest(two)] == ["team-a/other", "team-a/wandb", "no WandbInstance"]


@pytest.mark.parametrize(
    ("teams", "storage", "said"),
    [
        ((), False, ""),
        (("a",), False, "Team a has a bucket of its own"),
        (("a", "b"), False, "Teams a, b share the bucket of BucketStore data"),
        (("a",), True, "Team a lies in the instance's own bucket (data)"),
        (tuple("abcdefg"), False, "Teams a, b, c, d, e and 2 more share"),
    ],
)
def test_isolation(teams: tuple[str, ...], storage: bool, said: str) -> None:
    """Alone, together, in the instance's bucket: a sentence for each, and one way only where it is one way."""
    spec = {"storage": {"bucketStoreRef": {"name": "data"}}} if storage else {}
    found = objects(wandb_instance(spec=spec), bucket_store(), *(team_storage(team) for team in teams))
    notes = list(isolation(found))
    assert [note.startswith(said) for note in notes] == ([True] if said else [])
    assert any("Not the other way round" in note for note in notes) is (said.endswith("of its own"))
