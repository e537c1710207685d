"""What leaves the variable, from lists of which one may be refused; all else about it is tested on a real API server."""

from contextlib import nullcontext

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import as_instance, as_store, bucket_store, condition, team_storage, wandb_instance
from unit.scripted import Stage, namespace_object, secret
from wandb_byob.decide.compose import Composition, Entry, Source
from wandb_byob.kube.client import ForbiddenError
from wandb_byob.model import names
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.providers.registry import providers
from wandb_byob.reconcile.inputs import gather_inputs
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


ON_COREWEAVE = "cw://cwobject.com/acme"


@pytest.mark.parametrize(
    ("uid", "left"), [("u", ["cw://"]), ("another", ["cw://k:s@cwobject.com/acme?tls=true", "cw://"])]
)
def test_keys_that_were_taken_back_leave_with_their_entry(uid: str, left: list[str]) -> None:
    """A bucket on CoreWeave whose owner now leaves the signing to W&B needs `cw://` alone; an entry of another BucketStore stays."""
    conditions = [condition(each) for each in ("Accepted", "Reachable", "Configured", "DataPathVerified", "Ready")]
    place = {"bucket": {"created": True, "adopted": False, "identity": ON_COREWEAVE}, "conditions": conditions}
    spec = {
        "provider": "CoreWeave",
        "s3": None,
        "coreWeave": {"bucket": "acme"},
        "credentials": {"source": "Ambient"},
        "verification": {"dataPath": False},
    }
    told = wandb_instance(spec={"wandbOrgID": "acme"})
    kube = MemoryKube(told, secret(), namespace_object("team-a"))
    stage = Stage(kube=kube, providers=providers(CloudEndpoints()))
    mark = gather_inputs(stage.world, as_store(bucket_store(uid="u", spec=spec))).mark
    status = place | {
        "observedGeneration": 1,
        "verifiedInputs": mark,
        "checks": [{"name": "PutObject", "result": "Passed", "message": "", "path": ""}],
        "instanceRef": {"name": "wandb", "namespace": "team-a"},
    }
    kube.put(bucket_store(uid="u", spec=spec, status=status))
    kube.put(team_storage(finalizers=[names.FINALIZER]))
    keyed = Entry(
        text="cw://k:s@cwobject.com/acme?tls=true", identity=ON_COREWEAVE, source=Source.BUCKET_STORE, uid=uid
    )
    shared = Entry(text="cw://", identity="cw://", source=Source.SHARED)
    instance = as_instance(told)
    wanted = wish(stage.world, instance, gather_buckets(stage.world, instance), [keyed, shared])
    assert isinstance(wanted.composition, Composition)
    assert [entry.text for entry in wanted.composition.entries] == left
