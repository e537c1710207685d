"""One look at a TeamStorage, with the API in memory; real servers are for tests/cluster."""

from datetime import timedelta
from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import bucket_store, check, condition, team_storage, wandb_instance
from unit.scripted import Stage, namespace_object
from wandb_byob.kube.client import TEAM_STORAGES, ForbiddenError
from wandb_byob.model import names
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.reconcile import teamstorage
from wandb_byob.reconcile.base import Result

KEY = ObjectKey(Kind.TEAM_STORAGE, "team-a", "ml")
IDENTITY = "s3://amazonaws.com/data"
ENTRY = {"address": "s3://***:***@s3…/data", "source": "BucketStore", "identity": IDENTITY}
VERIFIED = {
    "observedGeneration": 1,
    "conditions": [condition(type_) for type_ in ("Accepted", "Reachable", "Configured", "DataPathVerified", "Ready")],
    "checks": [check("PutObject"), check("PutObject", path="teams/ml")],
    "instanceRef": {"name": "wandb", "namespace": "team-a"},
    "bucket": {"created": True, "adopted": False, "identity": IDENTITY},
}
RUNNING = {"conditions": [condition("Configured"), condition("RolledOut")], "entries": [ENTRY]}
NEW = ["patch teamstorages ml", "patch teamstorages/status ml"]


class Act:
    """A stage with a TeamStorage `ml` on the BucketStore `data` of the W&B `wandb`, all in order unless replaced."""

    def __init__(self, *bodies: dict[str, Any], team: dict[str, Any] | None = None) -> None:
        namespaces = [namespace_object(name) for name in ("team-a", "team-b", "prod")]
        given = [bucket_store(status=VERIFIED), wandb_instance(status=RUNNING)]
        self.stage = Stage(kube=MemoryKube(*given, *namespaces, team_storage() if team is None else team, *bodies))

    def look(self) -> Result:
        """One look."""
        return teamstorage.reconcile(self.stage.world, KEY)

    @property
    def status(self) -> dict[str, Any]:
        """The stored status."""
        found: dict[str, Any] = self.stage.kube.of(TEAM_STORAGES, "ml").get("status", {})
        return found

    @property
    def finalizers(self) -> list[str]:
        """The object's finalizers."""
        found: list[str] = self.stage.kube.of(TEAM_STORAGES, "ml")["metadata"].get("finalizers", [])
        return found

    def told(self, type_: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        return next((each["status"], each["reason"]) for each in self.status["conditions"] if each["type"] == type_)

    def message(self, type_: str = "Ready") -> str:
        """A condition's message."""
        return next(each["message"] for each in self.status["conditions"] if each["type"] == type_)


def test_all_in_order_costs_two_writes() -> None:
    """The finalizer, then the status with the form to fill in; a second look writes nothing."""
    act = Act(team=team_storage(spec={"path": "teams/ml"}))
    act.look()
    assert act.stage.kube.writes == NEW
    assert act.told("Ready") == ("True", "Ready")
    assert act.status["identity"] == IDENTITY
    assert act.status["address"] == "s3://***:***@s3.eu-central-1.amazonaws.com/data?region=eu-central-1&tls=true"
    assert act.status["path"] == "teams/ml"
    assert [step["field"] for step in act.status["form"]][:3] == ["Log in", "Team name", "Storage Type"]
    assert act.stage.told.events == [("TeamStorage/team-a/ml", False, "Ready", act.message())]
    act.stage.kube.writes.clear()
    assert act.look().after is not None
    assert act.stage.kube.writes == []


def test_no_secret_is_read() -> None:
    """The address that is shown needs no keys, and a TeamStorage gets none."""
    act = Act()
    act.look()
    assert not [call for call in act.stage.kube.reads if "secrets" in call]
    assert act.stage.provider.calls == []


@pytest.mark.parametrize(
    ("store", "instance", "reason"),
    [
        (bucket_store(), wandb_instance(), "WaitingForBucket"),
        (bucket_store(status=VERIFIED | {"observedGeneration": 0}), wandb_instance(), "WaitingForBucket"),
        (bucket_store(status=VERIFIED), wandb_instance(), "WaitingForInstance"),
        (bucket_store(status=VERIFIED), wandb_instance(status={"entries": [ENTRY]}), "RolloutInProgress"),
    ],
)
def test_what_is_on_its_way_is_held_back_for_ten_seconds(store: Any, instance: Any, reason: str) -> None:
    """A new object that is Ready within that time has cost two writes; after it, what is waited for is said."""
    act = Act(store, instance, team=team_storage(creationTimestamp="2026-11-22T10:00:25Z"))
    assert act.look().after == timedelta(seconds=5)
    assert act.stage.kube.writes == ["patch teamstorages ml"]
    act.stage.wait(timedelta(seconds=5))
    act.look()
    assert act.told("Ready") == ("False", reason)
    assert act.told("Reconciling")[0] == "True"


def test_a_rollout_for_another_bucket_writes_nothing_here() -> None:
    """W&B's pods have this bucket before and after: a thousand teams must not turn unready and back for each new one."""
    act = Act()
    act.look()
    act.stage.kube.writes.clear()
    going_on = [condition("Configured", reason="Configured"), condition("RolledOut", "Unknown")]
    act.stage.kube.put(wandb_instance(status={"conditions": going_on, "entries": [ENTRY]}))
    act.look()
    assert act.stage.kube.writes == []
    assert act.told("Ready") == ("True", "Ready")


def test_a_paused_w_and_b_is_told() -> None:
    """Nothing will change until the annotation goes: that is no waiting."""
    act = Act(wandb_instance(annotations={names.PAUSED: "true"}))
    act.look()
    assert act.told("Stalled") == ("True", "Paused")
    assert names.PAUSED in act.message()


def test_a_failure_is_written_at_once() -> None:
    """Also for an object of this second."""
    broken = VERIFIED | {"checks": [check("PutObject", "Failed", message="Refused.", remedy="Grant s3:PutObject.")]}
    act = Act(bucket_store(status=broken), team=team_storage(creationTimestamp="2026-11-22T10:00:30Z"))
    act.look()
    assert act.told("BucketReady") == ("False", "ChecksFailed")
    assert act.message() == "Check PutObject: Refused. Grant s3:PutObject."
    assert act.told("Stalled")[0] == "True"
    assert "form" not in act.status, "nobody shall create a team on a bucket that does not work"


@pytest.mark.parametrize("skew", ["2026-11-22T12:00:00Z", "2020-01-01T00:00:00Z"])
def test_a_clock_that_differs_holds_nothing_back(skew: str) -> None:
    """An object from the future, or from long ago, is told about at once."""
    act = Act(bucket_store(), team=team_storage(creationTimestamp=skew))
    act.look()
    assert act.told("Ready") == ("False", "WaitingForBucket")


# --- who may -----------------------------------------------------------------------------------------------------------

SHARED = {"bucketStoreRef": {"name": "data", "namespace": "prod"}}


def _elsewhere(grant: dict[str, Any] | None, *bodies: dict[str, Any]) -> Act:
    status = VERIFIED | {"instanceRef": {"name": "wandb", "namespace": "prod"}}
    there = [bucket_store(namespace="prod", spec={"allowedNamespaces": grant}, status=status)] if grant else []
    running = wandb_instance(namespace="prod", status=RUNNING)
    act = Act(*there, running, *bodies, team=team_storage(spec=SHARED))
    act.stage.wait(timedelta(seconds=10))
    act.look()
    return act


def test_without_a_grant_a_bucket_store_elsewhere_reads_like_none() -> None:
    """The same reason, the same words, no finalizer, no form, no address."""
    refused, missing = _elsewhere({"from": "Same"}), _elsewhere(None)
    for act in (refused, missing):
        assert act.told("Accepted") == ("False", "NotGranted")
        assert act.finalizers == []
        assert not {"form", "address", "identity"} & set(act.status)
    assert refused.message() == missing.message()


@pytest.mark.parametrize(
    "grant",
    [{"from": "All"}, {"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": "team-a"}}}],
)
def test_with_a_grant_it_is_used(grant: dict[str, Any]) -> None:
    """By All, or by the namespace's labels."""
    act = _elsewhere(grant, namespace_object("team-a", **{"kubernetes.io/metadata.name": "team-a"}))
    assert act.told("Accepted") == ("True", "Accepted")
    assert act.told("Ready") == ("True", "Ready")


def test_a_grant_that_is_taken_back_is_noticed() -> None:
    """W&B's configuration stays as it is, and so does the lock."""
    act = _elsewhere({"from": "All"})
    status = VERIFIED | {"instanceRef": {"name": "wandb", "namespace": "prod"}}
    act.stage.kube.put(bucket_store(namespace="prod", spec={"allowedNamespaces": {"from": "Same"}}, status=status))
    act.look()
    assert act.told("Accepted") == ("False", "NotGranted")
    assert act.told("Configured")[0] == "True"
    assert act.status["identity"] == IDENTITY


def test_missing_in_the_own_namespace_is_said_plainly() -> None:
    """With the name that does not exist."""
    act = Act(team=team_storage(spec={"bucketStoreRef": {"name": "gone"}}))
    act.stage.wait(timedelta(seconds=10))
    act.look()
    assert act.told("Accepted") == ("False", "BucketStoreNotFound")
    assert "BucketStore gone does not exist" in act.message()


def test_what_the_operator_may_not_read_in_the_own_namespace_is_told() -> None:
    """RBAC that was forgotten."""
    act = Act()

    def forbid(call: str) -> None:
        if call.startswith("get bucketstores"):
            raise ForbiddenError("get bucketstores.byob.wandb.com team-a/data: forbidden.", status=403)

    act.stage.kube.before = forbid
    assert act.look().after == timedelta(minutes=1)
    assert act.told("Accepted") == ("False", "Forbidden")


@pytest.mark.parametrize("asked", [{}, {"members": ["a"]}])
def test_teams_are_not_created_yet_and_this_is_said(asked: dict[str, Any]) -> None:
    """Never silence, and not first the question who is to be in it."""
    act = Act(team=team_storage(spec={"createTeam": asked}))
    act.look()
    assert act.told("Accepted") == ("False", "NotImplemented")
    assert "spec.createTeam" in act.message()


# --- whose place -------------------------------------------------------------------------------------------------------

LATER = {"creationTimestamp": "2026-11-22T10:00:10Z"}


def test_the_younger_gives_way_and_holds_nothing() -> None:
    """Not even a finalizer, so that its bucket is never brought in for it."""
    act = Act(team_storage("first", spec={"path": "teams"}), team=team_storage(spec={"path": "teams/ml"}, **LATER))
    act.look()
    assert act.told("Accepted") == ("False", "PathConflict")
    assert act.finalizers == []
    assert "TeamStorage first" in act.message()


def test_what_is_configured_gives_way_to_nobody() -> None:
    """An older object that comes to overlap it by an edit is the one that loses."""
    configured = {"observedGeneration": 1, "conditions": [condition("Configured")], "identity": IDENTITY}
    act = Act(
        team_storage("first", spec={"path": "teams"}),
        team=team_storage(spec={"path": "teams/ml"}, status=configured, finalizers=[names.FINALIZER], **LATER),
    )
    act.look()
    assert act.told("Accepted") == ("True", "Accepted")


def test_a_claim_without_a_grant_takes_no_place() -> None:
    """A TeamStorage elsewhere that was never admitted cannot keep a path from us, however old it is."""
    stranger = team_storage(
        "hush",
        namespace="team-b",
        spec={"bucketStoreRef": {"name": "data", "namespace": "team-a"}},
        creationTimestamp="2020-01-01T00:00:00Z",
    )
    act = Act(stranger)
    act.look()
    assert act.told("Ready") == ("True", "Ready")


def test_one_team_has_one_storage() -> None:
    """Within a namespace and a W&B; the older stands."""
    act = Act(
        team_storage("first", spec={"team": "ml", "path": "a"}), team=team_storage(spec={"path": "teams/ml"}, **LATER)
    )
    other = dict(VERIFIED, checks=[check("PutObject", path="teams/ml")])
    act.stage.kube.put(bucket_store(status=other))
    act.look()
    assert act.told("Accepted") == ("False", "TeamConflict")
    assert "TeamStorage first" in act.message()


def test_the_same_team_of_another_w_and_b_is_another_team() -> None:
    """Two instances may both have a team ml."""
    second = bucket_store("second", status=VERIFIED | {"instanceRef": {"name": "other", "namespace": "team-a"}})
    first = team_storage("first", spec={"team": "ml", "bucketStoreRef": {"name": "second"}})
    act = Act(second, first, team=team_storage(**LATER))
    act.look()
    assert act.told("Accepted") == ("True", "Accepted")


# --- elsewhere than in this cluster ------------------------------------------------------------------------------------


def _cloud(deployment: str, *bodies: dict[str, Any], **metadata: Any) -> Act:
    body = wandb_instance(spec={"deploymentType": deployment})
    del body["spec"]["target"], body["spec"]["identity"]
    act = Act(body, *bodies, team=team_storage(**metadata))
    act.look()
    return act


def test_dedicated_cloud_waits_for_a_person_who_tells_w_and_b() -> None:
    """What to tell is in the status, and the annotation says that it was told."""
    act = _cloud("DedicatedCloud")
    assert act.told("Ready") == ("False", "ActionRequired")
    assert act.status["handOver"]["recipient"] == "Your W&B account team"
    assert "***" in act.status["handOver"]["text"]
    done = _cloud("DedicatedCloud", annotations={names.HANDED_OVER: "true"})
    assert done.told("Ready") == ("True", "Ready")


COREWEAVE = {"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "data"}}


@pytest.mark.parametrize(("spec", "ready"), [({}, "True"), (COREWEAVE, "False")])
def test_what_was_told_of_the_bucket_counts_for_its_teams(spec: dict[str, Any], ready: str) -> None:
    """Its address is in the supported file stores for all of them; on CoreWeave support looks at the settings of each."""
    told = bucket_store(spec=spec, status=VERIFIED, annotations={names.HANDED_OVER: "true"})
    assert _cloud("DedicatedCloud", told).told("Ready")[0] == ready


def test_multi_tenant_cloud_needs_nothing_more_than_the_bucket() -> None:
    """The form says how to create the team."""
    act = _cloud("MultiTenantCloud")
    assert act.told("Ready") == ("True", "Ready")
    assert act.status["form"]


# --- the rest ----------------------------------------------------------------------------------------------------------


def test_paused_and_gone_are_left_alone() -> None:
    """Nothing is read or written beyond the object itself."""
    act = Act(team=team_storage(annotations={names.PAUSED: "true"}))
    assert act.look() == Result()
    assert act.stage.kube.writes == []
    del act.stage.kube.objects["teamstorages", "team-a", "ml"]
    assert act.look() == Result()


def test_a_stored_object_that_does_not_fit_is_told_about() -> None:
    """With the field, and once."""
    act = Act(team=team_storage(spec={"path": 5}))
    act.look()
    assert act.told("Accepted") == ("False", "InvalidSpec")
    assert "$.spec.path" in act.message()
    act.stage.kube.writes.clear()
    act.look()
    assert act.stage.kube.writes == []


def test_no_finalizer_is_put_on_in_a_namespace_that_is_being_deleted() -> None:
    """It could soon not be taken off any more."""
    act = Act(namespace_object("team-a", terminating=True))
    act.look()
    assert act.finalizers == []
