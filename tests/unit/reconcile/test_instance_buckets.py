"""What leaves the variable, from lists of which one may be refused; all else about it is tested on a real API server."""

from contextlib import nullcontext

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import as_instance, bucket_store, condition, team_storage, wandb_instance
from unit.scripted import Stage, namespace_object, secret
from wandb_byob.decide.compose import Composition, Entry, Source
from wandb_byob.kube.client import ForbiddenError
from wandb_byob.model import names
from wandb_byob.reconcile.instance_buckets import gather_buckets, wish

IDENTITY = "s3://amazonaws.com/data"
ENTRY = Entry(
    text="s3://k:s@s3.eu-central-1.amazonaws.com/data?tls=true", identity=IDENTITY, source=Source.BUCKET_STORE, uid="u"
)


@pytest.mark.parametrize("refused", [True, False])
def test_where_a_namespace_may_not_be_read_nothing_is_taken_out(*, refused: bool) -> None:
    """A team there may need the bucket; what is confirmed waits until all can be read again."""
    team = team_storage(
        annotations={names.CONFIRM_DELETE: "ml"},
        deletionTimestamp="2026-11-22T10:00:00Z",
        finalizers=[names.FINALIZER],
        status={"identity": IDENTITY, "conditions": [condition("Configured")]},
    )
    kube = MemoryKube(team, bucket_store(uid="u"), wandb_instance(), secret(), namespace_object("team-a"))
    stage = Stage(kube=kube)

    def forbid(call: str) -> None:
        if refused and call.startswith("list") and " team-b" in call:
            raise ForbiddenError("forbidden", status=403)

    kube.before = forbid
    instance = as_instance(wandb_instance())
    buckets = gather_buckets(stage.world, instance)
    wanted = wish(stage.world, instance, buckets, [ENTRY])
    assert buckets.unread == (frozenset({"team-b"}) if refused else frozenset())
    assert isinstance(wanted.composition, Composition)
    assert wanted.composition.entries == ((ENTRY,) if refused else ())


def test_w_and_bs_own_namespace_must_be_readable() -> None:
    """Nothing is composed then, and the missing right is told: a W&B without its own buckets would look settled."""
    kube = MemoryKube(wandb_instance(), namespace_object("team-a"))

    def forbid(call: str) -> None:
        if call.startswith("list bucketstores team-a"):
            raise ForbiddenError("forbidden", status=403)

    kube.before = forbid
    with pytest.raises(ForbiddenError, match="namespace team-a"):
        gather_buckets(Stage(kube=kube).world, as_instance(wandb_instance()))


@pytest.mark.parametrize(("where", "stops"), [("team-b", False), ("team-a", True)])
def test_a_secret_that_may_not_be_read_stops_only_its_own_bucket(where: str, *, stops: bool) -> None:
    """One of another namespace does not enter, and everybody else goes on; in W&B's own the missing right is told."""
    conditions = [condition(each) for each in ("Accepted", "Reachable", "Configured", "DataPathVerified", "Ready")]
    shown = {"bucket": {"created": False, "adopted": True, "identity": IDENTITY}, "conditions": conditions}
    reference = {"name": "wandb", "namespace": "team-a"}
    check = {"name": "PutObject", "result": "Passed", "message": "", "path": ""}
    status = shown | {"observedGeneration": 1, "checks": [check], "instanceRef": reference}
    store = bucket_store(namespace=where, status=status, spec={"instanceRef": reference})
    team = team_storage(namespace=where, finalizers=[names.FINALIZER])
    admitting = wandb_instance(spec={"allowedNamespaces": {"from": "All"}})
    kube = MemoryKube(store, team, admitting, secret(namespace=where), namespace_object("team-a"))

    def forbid(call: str) -> None:
        if call.startswith("get secrets"):
            raise ForbiddenError(f"secrets may not be read in {where}", status=403)

    kube.before = forbid
    world, instance = Stage(kube=kube).world, as_instance(admitting)
    buckets = gather_buckets(world, instance)
    assert [use.store.metadata.namespace for use in buckets.uses] == [where]
    with pytest.raises(ForbiddenError) if stops else nullcontext():
        wanted = wish(world, instance, buckets, [])
        assert wanted.composition == Composition(entries=())
