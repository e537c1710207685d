"""A TeamStorage that is being deleted, with the API in memory."""

from datetime import timedelta
from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import bucket_store, condition, team_storage, wandb_instance
from unit.scripted import Stage, file_stores_secret, namespace_object
from wandb_byob.kube.client import ForbiddenError
from wandb_byob.model import names
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.reconcile import teamstorage
from wandb_byob.reconcile.base import Result

KEY = ObjectKey(Kind.TEAM_STORAGE, "team-a", "ml")
IDENTITY = "s3://amazonaws.com/data"
ENTRY = {
    "address": "s3://***",
    "source": "BucketStore",
    "identity": IDENTITY,
    "bucketStoreRef": {"name": "data", "namespace": "team-a"},
}
ANOTHERS = ENTRY | {"bucketStoreRef": {"name": "another", "namespace": "team-a"}}
ORPHAN = {key: value for key, value in ENTRY.items() if key != "bucketStoreRef"}
GOING = {"deletionTimestamp": "2026-11-22T10:00:00Z", "finalizers": [names.FINALIZER, "example.com/other"]}
CONFIGURED = {"identity": IDENTITY, "conditions": [condition("Ready"), condition("Configured")]}
IN_PLACE = {"instanceRef": {"name": "wandb", "namespace": "team-a"}}


def _stage(
    *bodies: dict[str, Any], annotations: Any = None, status: Any = CONFIGURED, entries: Any = (ENTRY,)
) -> Stage:
    team = team_storage(status=status, annotations=annotations or {}, **GOING)
    given = [bucket_store(status=IN_PLACE), wandb_instance(status={"entries": list(entries)})]
    return Stage(kube=MemoryKube(*given, team, namespace_object("team-a"), *bodies))


def _look(stage: Stage) -> Result:
    return teamstorage.reconcile(stage.world, KEY)


def _team(stage: Stage) -> dict[str, Any]:
    return stage.kube.objects["teamstorages", "team-a", "ml"]


def _held(stage: Stage) -> bool:
    return names.FINALIZER in _team(stage)["metadata"]["finalizers"]


def _ready(stage: Stage) -> tuple[str, str]:
    return next(
        (each["reason"], each["message"]) for each in _team(stage)["status"]["conditions"] if each["type"] == "Ready"
    )


CONFIRM, RELEASE = {names.CONFIRM_DELETE: "ml"}, {names.RELEASE: "ml"}


def test_it_is_held_while_w_and_b_has_the_bucket() -> None:
    """The reason and both ways out are told once, and the other conditions stay."""
    stage = _stage()
    assert _look(stage).after == timedelta(seconds=30)
    assert _held(stage)
    reason, message = _ready(stage)
    assert reason == "DeletionBlocked"
    assert names.CONFIRM_DELETE in message
    assert names.RELEASE in message
    assert {"type": "Configured", "status": "True"}.items() <= _team(stage)["status"]["conditions"][0].items()
    stage.kube.writes.clear()
    _look(stage)
    assert stage.kube.writes == []


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(_stage(annotations=RELEASE), id="released"),
        pytest.param(_stage(entries=()), id="not in W&B"),
        pytest.param(_stage(status=None), id="never accepted"),
        pytest.param(_stage(annotations=CONFIRM, entries=()), id="confirmed, and the entry is gone"),
        pytest.param(_stage(namespace_object("team-a", terminating=True)), id="the namespace goes"),
        pytest.param(
            _stage(namespace_object("team-a", terminating=True), annotations={names.PAUSED: "true"}),
            id="the namespace goes, paused",
        ),
        pytest.param(
            _stage(team_storage("other", status=CONFIGURED), annotations=CONFIRM), id="another team needs the entry"
        ),
    ],
)
def test_it_is_let_go(stage: Stage) -> None:
    """Only our finalizer is taken off; the others stay."""
    _look(stage)
    assert _team(stage)["metadata"]["finalizers"] == ["example.com/other"]
    assert stage.kube.writes == ["patch teamstorages ml"]


KEYLESS = {**CONFIGURED, "identity": "cw://cwobject.com/acme", "address": "cw://"}
SHARED = {"address": "cw://", "source": "Shared", "identity": "cw://"}
ELSEWHERE = {"address": "cw://***", "source": "BucketStore", "identity": "cw://cwobject.com/released"}


def _keyless(name: str) -> dict[str, Any]:
    return team_storage(name, status=KEYLESS)


@pytest.mark.parametrize(
    ("entries", "bodies", "reason"),
    [
        ([SHARED], [], "RemovingEntry"),
        ([SHARED], [_keyless("other")], ""),
        ([SHARED, ELSEWHERE], [], ""),
        ([SHARED | {"source": "Kept"}], [], ""),
        ([], [], ""),
    ],
    ids=["the last", "another team needs it", "a released bucket has keys there", "somebody else's", "not in W&B"],
)
def test_a_team_without_keys_waits_for_the_shared_entry(entries: Any, bodies: Any, reason: str) -> None:
    """Its confirmed deletion takes `cw://` out only where nobody else needs it; else the object goes at once."""
    stage = _stage(*bodies, status=KEYLESS, annotations=CONFIRM, entries=entries)
    _look(stage)
    assert _held(stage) is bool(reason)
    if reason:
        assert _ready(stage)[0] == reason


def test_a_team_without_keys_is_held_as_every_other() -> None:
    stage = _stage(status=KEYLESS, entries=[SHARED])
    _look(stage)
    assert _ready(stage)[0] == "DeletionBlocked"


def test_confirmed_it_waits_until_the_entry_is_out() -> None:
    """The WandbInstance takes it out; until then the object says what is going on."""
    stage = _stage(annotations=CONFIRM)
    _look(stage)
    assert _held(stage)
    assert _ready(stage)[0] == "RemovingEntry"
    stage.kube.put(wandb_instance(status={"entries": []}))
    _look(stage)
    assert not _held(stage)


def test_another_teams_confirmed_deletion_keeps_no_entry() -> None:
    """Two that go together both wait for the entry to be taken out."""
    other = team_storage("other", status=CONFIGURED, annotations={names.CONFIRM_DELETE: "other"}, **GOING)
    stage = _stage(other, annotations=CONFIRM)
    _look(stage)
    assert _held(stage)


@pytest.mark.parametrize("entry", [ORPHAN, ANOTHERS, ORPHAN | {"source": "Kept"}])
def test_what_it_may_not_take_out_it_does_not_wait_for(entry: dict[str, Any]) -> None:
    """Its BucketStore has named the bucket and never shown it: the entry of others stays, and the object goes."""
    stage = _stage(annotations=CONFIRM, entries=(entry,))
    _look(stage)
    assert not _held(stage)


def test_why_a_confirmed_deletion_takes_nothing_out_is_told() -> None:
    """The object goes, and its conditions with it: an Event names the TeamStorage of the namespace that uses the bucket, too."""
    stage = _stage(team_storage("other", status=CONFIGURED), annotations=CONFIRM)
    _look(stage)
    ((_, warning, reason, message),) = stage.told.events
    assert (warning, reason) == (True, "Configured")
    assert message == "W&B stays configured with the bucket, since it is that of TeamStorage other, too."


def test_who_only_names_the_bucket_blocks_nobody() -> None:
    """One that was never configured: refused for its path, say, or not looked at yet."""
    stage = _stage(team_storage("other", status={"identity": IDENTITY, "conditions": []}), annotations=CONFIRM)
    _look(stage)
    assert _held(stage)
    assert _ready(stage)[0] == "RemovingEntry"


@pytest.mark.parametrize("where", ["team-b", "team-a"])
def test_what_may_not_be_read_is_named_with_both_ways_out(where: str) -> None:
    """A team in that namespace may need the bucket: nothing is taken out, and the condition says where and what to do."""
    stage = _stage(annotations=CONFIRM)

    def forbid(call: str) -> None:
        if call.startswith("list bucketstores") and where in call:
            raise ForbiddenError(f"bucketstores may not be listed in {where}", status=403)

    stage.kube.before = forbid
    assert _look(stage).after == timedelta(seconds=30)
    assert _held(stage)
    reason, message = _ready(stage)
    assert reason == "Forbidden"
    assert where in message
    assert "repair its role" in message
    assert names.RELEASE in message


def test_an_entry_whose_bucket_store_was_made_anew_is_waited_for() -> None:
    """The one that has the bucket now speaks for it."""
    stage = _stage(annotations=CONFIRM, entries=(ORPHAN,))
    shown = {"bucket": {"created": True, "adopted": False, "identity": IDENTITY}}
    stage.kube.put(bucket_store(status=IN_PLACE | shown))
    _look(stage)
    assert _held(stage)


def _orphan(*bodies: dict[str, Any], annotations: Any = None, status: Any = CONFIGURED) -> Stage:
    """W&B's pods have the bucket from a Secret of ours, and the WandbInstance is not there any more."""
    pod = {
        "kind": "Pod",
        "metadata": {"name": "wandb-0", "namespace": "team-a"},
        "spec": {"volumes": ["wandb-file-stores-x"]},
    }
    stage = _stage(file_stores_secret(IDENTITY), pod, *bodies, annotations=annotations, status=status)
    del stage.kube.objects["wandbinstances", "team-a", "wandb"]
    return stage


@pytest.mark.parametrize(
    ("annotations", "void"),
    [
        ({}, False),
        (CONFIRM, False),
        ({names.CONFIRM_DELETE: "another"}, True),
        ({names.RELEASE: "true"}, True),
    ],
)
def test_without_its_wandb_instance_it_is_held_until_released(annotations: dict[str, str], *, void: bool) -> None:
    """Deleting a WandbInstance leaves the variable as it is, and nobody is there who could take the entry out."""
    stage = _orphan(annotations=annotations)
    assert _look(stage).after == timedelta(seconds=30)
    assert _held(stage)
    reason, message = _ready(stage)
    assert reason == "DeletionBlocked"
    assert "Create the WandbInstance again" in message
    assert f'{names.RELEASE}: "ml"' in message
    assert ('does not hold "ml"' in message) is void


def test_a_wandb_instance_that_was_made_again_is_waited_for() -> None:
    """Until it has looked at W&B its status lists nothing, and says nothing by that."""
    stage = _orphan(annotations=CONFIRM)
    stage.kube.put(wandb_instance())
    _look(stage)
    assert _held(stage)
    assert _ready(stage)[0] == "RemovingEntry"
    stage.kube.put(wandb_instance(status={"entries": [], "conditions": [condition("Configured")]}))
    _look(stage)
    assert not _held(stage)


def _without(stage: Stage, *places: tuple[str, str, str]) -> Stage:
    for place in places:
        del stage.kube.objects[place]
    return stage


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param(_orphan(annotations=RELEASE), id="released"),
        pytest.param(_orphan(status={"identity": "s3://amazonaws.com/other"}), id="W&B does not have the bucket"),
        pytest.param(_orphan(status=None), id="never looked at"),
        pytest.param(_without(_orphan(), ("pods", "team-a", "wandb-0")), id="W&B is gone, too"),
    ],
)
def test_without_its_wandb_instance_it_goes_where_w_and_b_does_not_have_the_bucket(stage: Stage) -> None:
    """By what W&B's pods have, since nobody's status tells."""
    _look(stage)
    assert not _held(stage)


def test_without_its_bucket_store_and_wandb_instance_it_is_held_as_well() -> None:
    """`kubectl delete` of everything at once: the team is the last that knows."""
    stage = _without(_orphan(), ("bucketstores", "team-a", "data"))
    _look(stage)
    assert _held(stage)


def test_a_w_and_b_in_a_namespace_that_may_not_be_read_is_not_taken_for_none() -> None:
    """It may well have the bucket: the condition says what is missing, and that a release is the way out."""
    stage = _orphan(annotations=CONFIRM)

    def forbid(call: str) -> None:
        if call.startswith("list secrets"):
            raise ForbiddenError("secrets may not be listed", status=403)

    stage.kube.before = forbid
    _look(stage)
    assert _held(stage)
    assert _ready(stage)[0] == "Forbidden"


def test_a_wrong_name_in_an_annotation_is_told() -> None:
    """A slip of the pen, or a copied manifest: else one would wait for nothing."""
    stage = _stage(annotations={names.CONFIRM_DELETE: "ML"})
    _look(stage)
    assert _held(stage)
    assert 'The annotation byob.wandb.com/confirm-delete does not hold "ml"' in _ready(stage)[1]


def test_a_paused_one_stays() -> None:
    """Paused stops all writes."""
    stage = _stage(annotations={names.PAUSED: "true", **RELEASE})
    assert _look(stage) == Result()
    assert stage.kube.writes == []


def test_without_its_bucket_store_the_w_and_b_of_its_own_namespace_is_asked() -> None:
    """The BucketStore may have gone first, confirmed; the team's files are still there to be hidden."""
    stage = _stage()
    del stage.kube.objects["bucketstores", "team-a", "data"]
    _look(stage)
    assert _held(stage)


def test_what_is_not_ours_is_not_touched() -> None:
    """An object without our finalizer is somebody else's to finish."""
    stage = _stage()
    _team(stage)["metadata"]["finalizers"] = ["example.com/other"]
    assert _look(stage) == Result()
    assert stage.kube.reads == ["get teamstorages team-a/ml"]
