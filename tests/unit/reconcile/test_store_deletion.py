"""A BucketStore that is being deleted, with the API in memory and a provider that does as it is told."""

from datetime import timedelta
from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import bucket_store, condition, team_storage, wandb_instance
from unit.scripted import Stage, file_stores_secret, namespace_object, secret
from wandb_byob.model import names
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile import bucketstore
from wandb_byob.reconcile.base import Result

KEY = ObjectKey(Kind.BUCKET_STORE, "team-a", "data")
IDENTITY = "s3://amazonaws.com/data"
GOING = {"deletionTimestamp": "2026-11-22T10:00:00Z", "finalizers": [names.FINALIZER]}
CREATED = {"created": True, "adopted": False, "identity": IDENTITY}
STATUS = {
    "instanceRef": {"name": "wandb", "namespace": "team-a"},
    "bucket": CREATED,
    "conditions": [condition("Ready")],
}
DELETE = {"deletionPolicy": "Delete"}
ENTRY = {
    "address": "s3://***",
    "source": "BucketStore",
    "identity": IDENTITY,
    "bucketStoreRef": {"name": "data", "namespace": "team-a"},
}


def _stage(
    *bodies: dict[str, Any], spec: Any = None, annotations: Any = None, status: Any = STATUS, entries: Any = ()
) -> Stage:
    store = bucket_store(spec=spec or {}, status=status, annotations=annotations or {}, **GOING)
    given = [store, wandb_instance(status={"entries": list(entries)}), secret(), namespace_object("team-a")]
    return Stage(kube=MemoryKube(*given, *bodies))


def _look(stage: Stage) -> Result:
    return bucketstore.reconciler()(stage.world, KEY)


def _gone(stage: Stage) -> bool:
    return ("bucketstores", "team-a", "data") not in stage.kube.objects


def _ready(stage: Stage) -> tuple[str, str]:
    conditions = stage.kube.objects["bucketstores", "team-a", "data"]["status"]["conditions"]
    return next((each["reason"], each["message"]) for each in conditions if each["type"] == "Ready")


def _users() -> list[dict[str, Any]]:
    granted = {"bucketStoreRef": {"name": "data", "namespace": "team-a"}}
    return [team_storage("ml"), team_storage("far", namespace="team-b", spec=granted)]


@pytest.mark.parametrize(
    ("stage", "deleted"),
    [
        pytest.param(_stage(), False, id="Retain"),
        pytest.param(_stage(spec=DELETE), True, id="Delete"),
        pytest.param(
            _stage(spec=DELETE, status=STATUS | {"bucket": {**CREATED, "created": False, "adopted": True}}),
            False,
            id="adopted",
        ),
        pytest.param(_stage(spec=DELETE, status=None), False, id="never begun"),
        pytest.param(
            _stage(spec=DELETE, status=None, annotations={names.INTENT: f"create {IDENTITY} for uid"}),
            True,
            id="begun, then a crash",
        ),
        pytest.param(_stage(spec={**DELETE, "managementPolicy": "Observe"}), False, id="Observe"),
        pytest.param(_stage(*_users()[:1], annotations={names.RELEASE: "data"}, spec=DELETE), False, id="released"),
        pytest.param(_stage(*_users()[:1], annotations={names.CONFIRM_DELETE: "data"}), False, id="confirmed"),
        pytest.param(
            _stage(*_users()[:1], namespace_object("team-a", terminating=True), spec=DELETE),
            False,
            id="the namespace goes",
        ),
        pytest.param(_stage(_users()[1]), False, id="a reference without a grant holds nothing"),
        pytest.param(_stage(spec={**DELETE, "provider": 5}), False, id="stored invalid"),
    ],
)
def test_it_goes(stage: Stage, *, deleted: bool) -> None:
    """The bucket goes with it only where it is ours and that is asked for."""
    _look(stage)
    assert _gone(stage)
    assert stage.provider.calls == (["delete"] if deleted else [])


def test_it_is_held_while_teams_use_it() -> None:
    """The users are named, of another namespace only where they are; told once."""
    stage = _stage(*_users(), namespace_object("team-b"), spec={"allowedNamespaces": {"from": "All"}})
    assert _look(stage).after == timedelta(seconds=30)
    reason, message = _ready(stage)
    assert reason == "DeletionBlocked"
    assert "(ml, one in namespace team-b)" in message
    stage.kube.writes.clear()
    _look(stage)
    assert stage.kube.writes == []


@pytest.mark.parametrize("spec", [{}, DELETE])
def test_it_is_held_while_its_address_is_in_the_variable(spec: dict[str, Any]) -> None:
    """Also without any TeamStorage left: one that was released keeps its entry."""
    stage = _stage(spec=spec, entries=[ENTRY])
    _look(stage)
    assert _ready(stage)[0] == "DeletionBlocked"
    assert stage.provider.calls == []


def test_an_entry_of_somebody_elses_bucket_store_holds_nothing() -> None:
    """Only what was written for this one counts."""
    stage = _stage(
        entries=[
            ENTRY | {"bucketStoreRef": {"name": "data", "namespace": "prod"}},
            ENTRY | {"source": "Kept", "bucketStoreRef": {"name": "x"}},
        ]
    )
    _look(stage)
    assert _gone(stage)


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (Stalled(Reason.DELETION_BLOCKED, "The bucket is not empty."), 30),
        (Waiting(Reason.UNREACHABLE, "It does not answer.", after=timedelta(seconds=45)), 45),
    ],
)
def test_a_bucket_that_cannot_be_deleted_holds_it(error: Stalled | Waiting, after: int) -> None:
    """Why is told, and that it can be released."""

    def fail(call: str) -> None:
        raise error

    stage = _stage(spec=DELETE)
    stage.provider.fail = fail
    assert _look(stage).after == timedelta(seconds=after)
    assert not _gone(stage)
    reason, message = _ready(stage)
    assert reason == error.reason.value
    assert error.message in message


def test_without_keys_nothing_is_deleted_and_this_is_told() -> None:
    """The Secret may have gone with the rest of an application."""
    stage = _stage(spec=DELETE)
    del stage.kube.objects["secrets", "team-a", "keys"]
    _look(stage)
    assert _ready(stage)[0] == "SecretNotFound"
    assert names.RELEASE in _ready(stage)[1]


def test_the_w_and_b_may_be_gone_already() -> None:
    """A bucket can be deleted without it."""
    stage = _stage(spec=DELETE)
    del stage.kube.objects["wandbinstances", "team-a", "wandb"]
    _look(stage)
    assert _gone(stage)
    assert stage.provider.calls == ["delete"]


def test_the_operators_identity_is_checked_for_a_deletion_too() -> None:
    """No way around the rule by deleting."""
    stage = _stage(
        spec={
            **DELETE,
            "provisioning": {"source": "Operator"},
            "s3": {"bucket": "data", "region": "r", "endpoint": "https://evil.example"},
        }
    )
    stage.config = {"allow_operator_identity": True}
    _look(stage)
    assert stage.provider.calls == []
    assert _ready(stage)[0] == "OperatorIdentityNotAllowed"


def test_a_paused_one_stays() -> None:
    """Paused stops all writes."""
    stage = _stage(annotations={names.PAUSED: "true"})
    assert _look(stage) == Result()
    assert stage.kube.writes == []


def test_without_its_wandb_instance_a_bucket_that_w_and_b_has_is_not_deleted() -> None:
    """Deleting a WandbInstance leaves the variable as it is: the empty bucket of a team that begins tomorrow would be gone."""
    pod = {
        "kind": "Pod",
        "metadata": {"name": "wandb-0", "namespace": "team-a"},
        "spec": {"volumes": ["wandb-file-stores-x"]},
    }
    stage = _stage(file_stores_secret(IDENTITY), pod, spec=DELETE)
    del stage.kube.objects["wandbinstances", "team-a", "wandb"]
    _look(stage)
    assert not _gone(stage)
    assert _ready(stage)[0] == "DeletionBlocked"
    del stage.kube.objects["pods", "team-a", "wandb-0"]
    _look(stage)
    assert _gone(stage)


def _workload(bucket: str, *, kind: str = "Deployment", **metadata: Any) -> dict[str, Any]:
    container = {"name": "app", "env": [{"name": "BUCKET", "value": bucket}]}
    pod = {"containers": [container]}
    return {
        "apiVersion": "v1" if kind == "Pod" else "apps/v1",
        "kind": kind,
        "metadata": {"name": "wandb-app", "namespace": "team-a"} | metadata,
        "spec": pod if kind == "Pod" else {"template": {"spec": pod}},
    }


OWN = _workload("s3://ak:hidden-secret@data/w")
SETTLED = wandb_instance(status={"conditions": [condition("Configured")]})


@pytest.mark.parametrize(
    ("body", "spec", "instance", "annotations", "held"),
    [
        (OWN, {}, None, {}, True),
        (OWN, DELETE, None, {}, True),
        (OWN, DELETE, None, {names.CONFIRM_DELETE: "data"}, True),
        (_workload("s3://data", kind="Pod"), DELETE, None, {}, True),
        (_workload("s3://data", kind="StatefulSet"), DELETE, None, {}, True),
        (OWN, {}, None, {names.CONFIRM_DELETE: "data"}, False),
        (OWN, {}, SETTLED, {}, False),
        (OWN, DELETE, SETTLED, {}, True),
        (_workload("s3://another"), DELETE, None, {}, False),
        (_workload("s3://data", namespace="team-b"), DELETE, None, {}, False),
    ],
    ids=["its W&B is not declared any more", "Delete", "Delete, confirmed", "a pod alone", "a StatefulSet", "confirmed", "the WandbInstance tells that it is none of its", "but it is not deleted",
         "another bucket", "another namespace"],
)  # fmt: skip
def test_a_bucket_that_w_and_b_keeps_its_own_files_in(
    body: dict[str, Any],
    spec: dict[str, Any],
    instance: dict[str, Any] | None,
    annotations: dict[str, str],
    *,
    held: bool,
) -> None:
    """It was set as BUCKET by whomever: without a WandbInstance that tells, and before a bucket is deleted, W&B's workloads are looked at."""
    stage = _stage(body, *([instance] if instance is not None else []), spec=spec, annotations=annotations)
    if instance is None:
        del stage.kube.objects["wandbinstances", "team-a", "wandb"]
    _look(stage)
    assert _gone(stage) is not held
    assert stage.provider.calls == (["delete"] if spec and not held else [])
    if held:
        reason, message = _ready(stage)
        assert reason == "DeletionBlocked"
        assert f"{body['kind']} wandb-app keeps W&B's own files in this bucket" in message
        assert "hidden-secret" not in message


@pytest.mark.parametrize(
    ("stage", "withdrawn", "calls"),
    [
        (_stage(), 1, []),
        (_stage(spec=DELETE), 1, ["delete"]),
        (_stage(status=None), 0, []),
        (_stage(_users()[0], annotations={names.CONFIRM_DELETE: "data"}), 0, []),
        (_stage(entries=[ENTRY], annotations={names.CONFIRM_DELETE: "data"}), 0, []),
        (_stage(annotations={names.RELEASE: "data"}), 0, []),
        (_stage(namespace_object("team-a", terminating=True)), 0, []),
    ],
    ids=["Retain", "Delete", "never begun", "a team uses it all the same", "W&B has it all the same", "released", "the namespace goes"],
)  # fmt: skip
def test_what_is_set_outside_of_the_bucket_is_taken_back(stage: Stage, withdrawn: int, calls: list[str]) -> None:
    """Such as origins in the rules of a storage account: where nobody uses the bucket any more, before it is deleted."""
    _look(stage)
    assert _gone(stage)
    assert len(stage.provider.withdrawn) == withdrawn
    assert stage.provider.calls == calls


@pytest.mark.parametrize("gone", [False, True], ids=["refused", "the keys are gone"])
def test_what_cannot_be_taken_back_is_told_and_holds_nothing(*, gone: bool) -> None:
    """The bucket stays anyway; whoever deletes its keys in the same moment gets rid of the object, too."""

    def fail(call: str) -> None:
        raise Stalled(Reason.ACCESS_DENIED, "https://wandb.example.com cannot be taken out.")

    stage = _stage()
    stage.provider.fail = fail
    if gone:
        del stage.kube.objects["secrets", "team-a", "keys"]
    _look(stage)
    assert _gone(stage)
    ((_, warning, reason, message),) = stage.told.events
    assert warning
    assert reason == ("SecretNotFound" if gone else "AccessDenied")
    assert message.startswith("Something that was set for the bucket beside it stays. ")


FAR = (_workload("s3://data", namespace="team-b"), namespace_object("team-b"))


def test_a_bucket_of_another_namespaces_w_and_b_holds_and_names_nothing_of_it() -> None:
    """W&B admitted the BucketStore once: that the bucket is needed is told, and not by which workload."""
    stage = _stage(*FAR, spec=DELETE, status=STATUS | {"instanceRef": {"name": "wandb", "namespace": "team-b"}})
    _look(stage)
    reason, message = _ready(stage)
    assert (reason, stage.provider.calls) == ("DeletionBlocked", [])
    assert "One of W&B's workloads keeps W&B's own files in this bucket" in message
    assert "wandb-app" not in message


def test_whoever_only_names_another_namespaces_w_and_b_learns_nothing_of_it() -> None:
    """Anybody may write another namespace into spec.instanceRef, and any bucket: the answer would tell whether W&B has that one."""
    named = {"instanceRef": {"name": "wandb", "namespace": "team-b"}}
    for status in (None, {"conditions": [condition("Ready", status="False")]}):
        stage = _stage(*FAR, spec=named, status=status)
        _look(stage)
        assert _gone(stage)
