"""What the status of a WandbInstance says of the variable, whatever others wrote into it."""

import msgspec

from unit.decide.target import Container, Target, bucket, foreign
from wandb_byob.decide.compose import Composition, compose
from wandb_byob.decide.rollouts.situation import base
from wandb_byob.model.api import ObjectMeta, WandbInstance, WandbInstanceSpec, WandbInstanceStatus
from wandb_byob.reconcile import instance_status

INSTANCE = WandbInstance(
    metadata=ObjectMeta(name="wandb", namespace="ns", uid="u", generation=1),
    spec=WandbInstanceSpec(deployment_type="SelfManaged", host="https://w.example"),
)


def status(target: Target) -> WandbInstanceStatus:
    """The status after a look, as it would be sent."""
    situation = target.situation()
    wish: Composition = compose(base(situation), target.buckets, removals=(), separator=",")
    found = instance_status.after(
        INSTANCE, target.plan(), situation, stores={}, wish=wish, storage=None, now=target.now
    )
    assert msgspec.json.decode(msgspec.json.encode(found), type=WandbInstanceStatus) == found
    return found


def test_what_others_wrote_cannot_keep_the_status_from_being_written() -> None:
    """Bytes that are no text, and entries longer than the API takes, are shown as far as they can be."""
    long = f"gs://{'b' * 9000}"
    found = status(
        Target(
            buckets=[bucket("one")], workloads={"Deployment/api": foreign(f"gs://\udcff,{long},s3://h.example/\udcfe")}
        )
    )
    kept = found.entries[:3]
    assert [entry.source for entry in kept] == ["Kept"] * 3
    assert kept[0].address == "gs://?"
    assert len(kept[1].address) == 8192
    assert [entry.identity for entry in kept] == [None, None, None]


def test_more_entries_than_the_status_can_list() -> None:
    """The list is cut, the variable is not."""
    found = status(Target(buckets=[bucket("one")], workloads={"Deployment/api": foreign("," * 5000)}))
    assert len(found.entries) == 4096


def test_what_is_written_now_is_what_the_status_lists() -> None:
    """Before the next look reads it back, the new entries stand there, each with its length in bytes."""
    found = status(Target(buckets=[bucket("one")]))
    assert [entry.identity for entry in found.entries] == ["s3://h.example/one"]
    assert found.variable_bytes == len(bucket("one").address)


def test_what_will_be_put_back_counts_as_being_there() -> None:
    """A team cannot slip out of the configuration while somebody else has taken the variable away."""
    target = Target(buckets=[bucket("one")])
    target.look()
    target.come_up()
    target.looks()
    for key in target.workloads:
        target.workloads[key] = Container()
    found = status(target)
    assert found.reverted is not None
    assert [entry.identity for entry in found.entries] == ["s3://h.example/one"]
