"""One look at a BucketStore, with the API in memory and a provider that does as it is told; real servers are for tests/cluster."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import bucket_store, condition, team_storage, wandb_instance
from unit.scripted import Stage, namespace_object, secret
from wandb_byob.kube.client import BUCKET_STORES, ForbiddenError, UnavailableError
from wandb_byob.model import names
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Change
from wandb_byob.reconcile import bucketstore
from wandb_byob.reconcile.base import Result

KEY = ObjectKey(Kind.BUCKET_STORE, "team-a", "data")
IDENTITY = "s3://amazonaws.com/data"
NEW = ["patch bucketstores data", "patch bucketstores/status data"]


class Act:
    """A stage with one BucketStore, and looks at it by one reconciler until `restart`."""

    def __init__(
        self, *bodies: dict[str, Any], store: dict[str, Any] | None = None, instance: dict[str, Any] | None = None
    ) -> None:
        given = [bucket_store() if store is None else store, wandb_instance() if instance is None else instance]
        namespaces = [namespace_object(name) for name in ("team-a", "team-b", "prod")]
        self.stage = Stage(kube=MemoryKube(*given, secret(), *namespaces, *bodies))
        self.restart()

    def restart(self) -> None:
        """Forget what is only remembered."""
        self._reconcile = bucketstore.reconciler()

    def look(self, key: ObjectKey = KEY) -> Result:
        """One look."""
        return self._reconcile(self.stage.world, key)

    def quiet_look(self) -> tuple[list[str], list[str]]:
        """One look: what was written, and the provider's calls."""
        self.stage.kube.writes.clear()
        self.stage.provider.calls.clear()
        self.look()
        return self.stage.kube.writes, self.stage.provider.calls

    @property
    def status(self) -> dict[str, Any]:
        """The stored status."""
        found: dict[str, Any] = self.stage.kube.of(BUCKET_STORES, "data").get("status", {})
        return found

    def told(self, type_: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        return next((each["status"], each["reason"]) for each in self.status["conditions"] if each["type"] == type_)

    def message(self, type_: str) -> str:
        """A condition's message."""
        return next(each["message"] for each in self.status["conditions"] if each["type"] == type_)


# --- a new object ------------------------------------------------------------------------------------------------------


def test_a_new_object_costs_two_writes() -> None:
    """The finalizer with the intent before the bucket is made, then the status; the path of its team is proved in the same look."""
    act = Act(team_storage(spec={"path": "teams/ml"}))
    act.look()
    assert act.stage.kube.writes == NEW
    assert act.stage.provider.calls == ["exists", "provision", "probe teams/ml"]
    assert act.told("Ready") == ("True", "Ready")
    assert act.status["bucket"] == {
        "created": True,
        "adopted": False,
        "identity": IDENTITY,
        "region": "eu-central-1",
        "url": "https://data",
    }
    assert act.status["instanceRef"] == {"name": "wandb", "namespace": "team-a"}
    meta = act.stage.kube.of(BUCKET_STORES, "data")["metadata"]
    assert meta["finalizers"] == [names.FINALIZER]
    assert meta["annotations"][names.INTENT] == f"create {IDENTITY} for {meta['uid']}"
    assert act.stage.told.events == [("BucketStore/team-a/data", False, "Ready", f"{IDENTITY} is verified.")]


def _hosted(deployment: str, **store: Any) -> Act:
    instance = wandb_instance(spec={"deploymentType": deployment})
    del instance["spec"]["target"], instance["spec"]["identity"]
    act = Act(store=bucket_store(**store), instance=instance)
    act.look()
    return act


def test_dedicated_cloud_is_told_of_a_bucket_that_is_ready() -> None:
    """Recipient and text, without the keys; nothing is written but the object itself, and the bucket does not wait for it."""
    act = _hosted("DedicatedCloud")
    assert act.stage.kube.writes == NEW
    assert act.told("Ready") == ("True", "Ready")
    told = act.status["handOver"]
    assert told["recipient"] == "Your W&B account team"
    assert "s3://***:***@s3.eu-central-1.amazonaws.com/data" in told["text"]
    assert "canary" not in f"{act.status}"
    assert "Your W&B account team must be told of it: see status.handOver." in act.message("Ready")


def test_what_was_handed_over_is_told_no_more() -> None:
    """The annotation says so."""
    act = _hosted("DedicatedCloud", annotations={names.HANDED_OVER: "true"})
    assert "handOver" not in act.status
    assert "handOver" not in act.message("Ready")


def test_nobody_is_told_of_a_bucket_that_is_not_ready() -> None:
    """A bucket that fails a check is none to give away."""
    act = Act(store=bucket_store(), instance=wandb_instance(spec={"deploymentType": "DedicatedCloud"}))
    act.stage.provider.bad = {CheckName.CORS: "No rule."}
    act.look()
    assert "handOver" not in act.status


@pytest.mark.parametrize("deployment", ["SelfManaged", "MultiTenantCloud"])
def test_elsewhere_nobody_has_to_be_told_of_a_bucket_in_s3(deployment: str) -> None:
    assert "handOver" not in _hosted(deployment).status


def test_an_object_that_is_gone_is_no_error() -> None:
    """A key may outlive its object in the queue."""
    act = Act()
    del act.stage.kube.objects["bucketstores", "team-a", "data"]
    assert act.look() == Result()


def test_a_paused_object_is_left_alone() -> None:
    """Nothing is written, not even a status, and no store is called."""
    act = Act(store=bucket_store(annotations={names.PAUSED: "true"}))
    assert act.quiet_look() == ([], [])


def test_a_team_that_appears_while_the_bucket_is_made_is_proved_in_the_same_look() -> None:
    """`kubectl apply` of both costs no third write."""
    act = Act()

    def appear(call: str) -> None:
        if call == "provision":
            act.stage.kube.put(team_storage(spec={"path": "teams/late"}))

    act.stage.provider.fail = appear
    act.look()
    assert act.stage.kube.writes == NEW
    assert act.stage.provider.calls[-1] == "probe teams/late"


def test_nothing_is_written_where_nothing_may_be() -> None:
    """Without a declared path no probe object is written, and the condition says why."""
    act = Act()
    act.look()
    assert not any(call.startswith("probe") for call in act.stage.provider.calls)
    assert act.told("DataPathVerified") == ("Unknown", "NoPathDeclared")
    assert act.told("Ready") == ("True", "Ready")


def test_a_crash_between_intent_and_bucket_leads_to_the_same_end() -> None:
    """The next process sees the recorded intent and creates the bucket without asking again whether it is there."""
    act = Act()

    def crash(call: str) -> None:
        if call == "provision":
            raise RuntimeError("killed")

    act.stage.provider.fail = crash
    with pytest.raises(RuntimeError):
        act.look()
    act.restart()
    act.stage.provider.fail = lambda call: None
    writes, calls = act.quiet_look()
    assert writes == ["patch bucketstores/status data"]
    assert calls == ["provision"]
    assert act.stage.provider.contexts["provision"].intended
    assert act.told("Ready") == ("True", "Ready")


def test_a_bucket_that_was_there_before_is_no_intent_to_create() -> None:
    """So that after a crash it is not taken for ours."""
    act = Act()
    act.stage.provider.there = True
    act.look()
    annotations = act.stage.kube.of(BUCKET_STORES, "data")["metadata"]["annotations"]
    assert annotations[names.INTENT].startswith("use ")
    assert not act.stage.provider.contexts["provision"].intended


def test_an_intent_that_was_copied_means_nothing() -> None:
    """With `kubectl get -o yaml | kubectl apply` into another namespace, or after a correction of the name, the words no longer fit."""
    forged = {names.INTENT: f"create {IDENTITY} for uid-of-another"}
    act = Act(store=bucket_store(annotations=forged, finalizers=[names.FINALIZER]))
    act.stage.provider.there = True
    act.look()
    assert not act.stage.provider.contexts["provision"].intended


def test_a_vanished_bucket_is_not_made_anew() -> None:
    """Once the bucket is in place, no intent is given again."""
    act = Act()
    act.look()
    act.stage.provider.there = False
    act.stage.wait(timedelta(minutes=6))
    act.look()
    assert not act.stage.provider.contexts["provision"].intended
    assert act.told("Configured") == ("False", "BucketNotFound")
    assert act.status["bucket"]["identity"] == IDENTITY, "the lock stays"


def test_no_bucket_is_begun_in_a_namespace_that_is_being_deleted() -> None:
    """Its finalizer could soon not be taken off any more."""
    act = Act(namespace_object("team-a", terminating=True))
    act.look()
    assert "provision" not in act.stage.provider.calls
    assert "patch bucketstores data" not in act.stage.kube.writes


# --- at rest -----------------------------------------------------------------------------------------------------------


def _ready(**spec: Any) -> Act:
    act = Act(team_storage(spec={"path": "teams/ml"}), store=bucket_store(spec=spec))
    act.look()
    assert act.told("Ready") == ("True", "Ready")
    return act


def test_a_second_look_writes_and_calls_nothing() -> None:
    """Its own status wakes it, perhaps, and all is as it was."""
    assert _ready().quiet_look() == ([], [])


def test_after_a_restart_nothing_is_written_or_called_before_the_phase() -> None:
    """10,000 objects do not call their stores all at once; each is looked at within its interval."""
    act = _ready()
    act.restart()
    assert act.quiet_look() == ([], [])
    after = act.look().after
    assert after is not None
    assert timedelta(0) < after <= timedelta(minutes=5)
    act.stage.wait(after)
    assert act.quiet_look() == ([], ["provision"])


def test_metrics_know_the_checks_at_once_after_a_restart_and_drop_them_with_what_they_were_made_with() -> None:
    """The first look counts what the status says, although no store is called; without its Secret nothing is known any more."""
    act = _ready()
    known = act.stage.counted.latest.pop(KEY)
    assert known
    act.restart()
    act.look()
    assert act.stage.counted.latest[KEY] == known
    del act.stage.kube.objects["secrets", "team-a", "keys"]
    act.look()
    assert act.stage.counted.latest[KEY] == ()


def test_every_interval_the_configuration_is_looked_at_and_every_day_the_data_path() -> None:
    """Over two days: each phase once, nothing written, and the times asked for are the times looked at."""
    act = _ready()
    act.stage.kube.writes.clear()
    act.stage.provider.calls.clear()
    end = act.stage.now + timedelta(hours=48)
    while act.stage.now < end:
        after = act.look().after
        assert after is not None
        act.stage.wait(after)
    calls = act.stage.provider.calls
    assert act.stage.kube.writes == []
    assert 570 <= calls.count("provision") <= 577
    assert calls.count("probe teams/ml") == 2


def test_being_woken_does_not_postpone_the_look_that_is_due() -> None:
    """Somebody edits something beside it every second: the configuration is still looked at once per interval."""
    act = _ready()
    act.stage.provider.calls.clear()
    for _ in range(600):
        act.stage.wait(timedelta(seconds=1))
        act.look()
    assert act.stage.provider.calls.count("provision") == 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda kube: kube.put(secret()), id="the Secret was written"),
        pytest.param(lambda kube: kube.put(wandb_instance(spec={"host": "https://new.example.com"})), id="W&B moved"),
    ],
)
def test_changed_inputs_are_looked_at_at_once(change: Callable[[MemoryKube], None]) -> None:
    """A new key or host is proved without waiting for a phase."""
    act = _ready()
    change(act.stage.kube)
    writes, calls = act.quiet_look()
    assert calls == ["provision", "probe teams/ml"]
    assert writes == ["patch bucketstores/status data"]


def test_a_request_is_done_once() -> None:
    """Any new value of the annotation looks at everything, and the status says which was seen."""
    act = _ready()
    body = act.stage.kube.of(BUCKET_STORES, "data")
    body["metadata"]["annotations"][names.RECONCILE_REQUESTED_AT] = "2026-11-22T12:00:00Z"
    _, calls = act.quiet_look()
    assert calls == ["provision", "probe teams/ml"]
    assert act.status["observedReconcileRequest"] == "2026-11-22T12:00:00Z"
    assert act.quiet_look() == ([], [])


def test_a_new_team_costs_only_its_own_proof() -> None:
    """The two hundredth team on a bucket does not try the other 199 paths again."""
    act = _ready()
    act.stage.kube.put(team_storage("b", spec={"path": "teams/b"}))
    writes, calls = act.quiet_look()
    assert calls == ["probe teams/b"]
    assert writes == ["patch bucketstores/status data"]
    assert {(check["name"], check.get("path", "")) for check in act.status["checks"]} >= {
        ("PutObject", "teams/ml"),
        ("PutObject", "teams/b"),
        ("CORS", ""),
    }


def test_a_team_that_goes_takes_its_results_with_it() -> None:
    """No store is called for it."""
    act = _ready()
    del act.stage.kube.objects["teamstorages", "team-a", "ml"]
    writes, calls = act.quiet_look()
    assert (writes, calls) == (["patch bucketstores/status data"], [])
    assert all(not check.get("path") for check in act.status["checks"])


def test_a_wiped_status_is_written_anew() -> None:
    """After a restore from a backup the bucket is found again; nothing is created."""
    act = _ready()
    before = act.status
    act.stage.kube.of(BUCKET_STORES, "data").pop("status")
    act.restart()
    act.look()
    assert act.told("Ready") == ("True", "Ready")
    assert act.status["bucket"] == before["bucket"]


# --- what goes wrong ---------------------------------------------------------------------------------------------------


def test_a_failed_check_names_itself_and_the_remedy() -> None:
    """Ready is False at once, Stalled, with an Event; and the bucket is looked at again at its interval."""
    act = Act()
    act.stage.provider.bad[CheckName.CORS] = "Nothing allows PUT."
    after = act.look().after
    assert act.told("Configured") == ("False", "ChecksFailed")
    assert act.message("Ready") == "Check CORS: Nothing allows PUT. Repair it."
    assert act.told("Stalled")[0] == "True"
    assert act.stage.told.events == [("BucketStore/team-a/data", True, "ChecksFailed", act.message("Ready"))]
    assert after is not None
    assert after <= timedelta(minutes=5)
    act.stage.provider.bad.clear()
    act.stage.wait(after)
    act.look()
    assert act.told("Ready") == ("True", "Ready")


def test_one_teams_broken_path_does_not_hide_the_others() -> None:
    """Every path has its own result, and only the broken one is tried again."""
    act = Act(team_storage("a", spec={"path": "a"}), team_storage("b", spec={"path": "b"}))
    act.stage.provider.bad_paths = {"b"}
    after = act.look().after
    assert act.told("DataPathVerified") == ("False", "ChecksFailed")
    assert act.message("Ready") == "Check PutObject under b: Refused. Grant s3:PutObject."
    results = {check["path"]: check["result"] for check in act.status["checks"] if check["name"] == "PutObject"}
    assert results == {"a": "Passed", "b": "Failed"}
    assert after is not None
    act.stage.wait(after)
    _, calls = act.quiet_look()
    assert calls == ["provision", "probe b"]


def test_a_new_object_whose_turn_comes_soon_says_nothing_until_then() -> None:
    """A store that takes one at a time names the time: it is kept to the second, with no status in between."""
    act = Act()
    turn: timedelta | None = timedelta(seconds=4)

    def fail(call: str) -> None:
        if call == "provision" and turn is not None:
            raise Waiting(Reason.PROGRESSING, "Others come before this one.", after=turn)

    act.stage.provider.fail = fail
    created = datetime.fromisoformat(act.stage.kube.of(BUCKET_STORES, "data")["metadata"]["creationTimestamp"])
    act.stage.wait(created - act.stage.world.now())
    assert act.look().after == turn
    assert act.stage.kube.writes == NEW[:1]
    act.stage.wait(turn)
    turn = None
    act.look()
    assert act.stage.kube.writes == NEW
    assert act.told("Ready")[0] == "True"


def test_an_error_that_may_pass_is_tried_again_with_growing_waits() -> None:
    """One write when it begins and none while it lasts; the store is not called in between, whoever wakes the object."""
    act = _ready()
    act.stage.kube.writes.clear()

    def down(call: str) -> None:
        raise Waiting(Reason.UNREACHABLE, "The store does not answer.", after=timedelta(seconds=30))

    act.stage.provider.fail = down
    act.stage.wait(timedelta(minutes=5))
    waits = []
    for _ in range(4):
        after = act.look().after
        assert after is not None
        waits.append(after.total_seconds())
        assert act.quiet_look()[1] == [], "woken before its time"
        act.stage.wait(after)
    assert waits == [30, 60, 120, 240]
    assert act.told("Reachable") == ("False", "Unreachable")
    assert act.told("Reconciling")[0] == "True"
    act.stage.provider.fail = lambda call: None
    act.look()
    assert act.told("Ready") == ("True", "Ready")


@pytest.mark.parametrize(
    ("reason", "condition_"),
    [
        (Reason.UNREACHABLE, "Reachable"),
        (Reason.ACCESS_DENIED, "Configured"),
        (Reason.BUCKET_NOT_OURS, "Configured"),
        (Reason.BUCKET_EXISTS, "Configured"),
        (Reason.ENDPOINT_NOT_ALLOWED, "Accepted"),
        (Reason.PRINCIPAL_UNKNOWN, "Accepted"),
    ],
)
def test_an_error_stands_in_the_condition_that_it_is_about(reason: Reason, condition_: str) -> None:
    """What comes after it is Unknown, what comes before is True, and the words stay while nothing is due."""
    act = Act()

    def fail(call: str) -> None:
        raise Stalled(reason, "It is so.")

    act.stage.provider.fail = fail
    act.look()
    assert act.told(condition_) == ("False", reason.value)
    assert act.told("Ready") == ("False", reason.value)
    assert act.told("DataPathVerified")[0] == "Unknown"
    assert act.quiet_look() == ([], [])
    assert act.told(condition_) == ("False", reason.value)
    act.restart()
    assert act.quiet_look() == ([], [])


@pytest.mark.parametrize(
    ("act", "reason", "words"),
    [
        pytest.param(
            lambda: Act(store=bucket_store(spec={"provider": "GCS", "s3": None, "gcs": {"bucket": "g"}})),
            "NotImplemented",
            "provider GCS",
            id="provider",
        ),
        pytest.param(
            lambda: Act(store=bucket_store(spec={"verification": {"from": "Workload"}})),
            "InvalidSpec",
            "start it with --image",
            id="workload",
        ),
        pytest.param(
            lambda: Act(
                store=bucket_store(
                    spec={"provider": "Azure", "s3": None, "azure": {"storageAccount": "a", "container": "c"}}
                ),
                instance=wandb_instance(spec={"deploymentType": "MultiTenantCloud"}),
            ),
            "NotAvailable",
            "S3, CoreWeave and GCS",
            id="not offered",
        ),
        pytest.param(
            lambda: Act(store=bucket_store(spec={"instanceRef": {"name": "gone"}})),
            "InstanceNotFound",
            "gone",
            id="instance",
        ),
        pytest.param(
            lambda: Act(wandb_instance("second"), store=bucket_store(spec={"instanceRef": None})),
            "InstanceAmbiguous",
            "spec.instanceRef",
            id="two",
        ),
        pytest.param(
            lambda: Act(store=bucket_store(spec={"credentials": {"secretRef": {"name": "gone"}}})),
            "SecretNotFound",
            "Secret gone",
            id="secret",
        ),
        pytest.param(
            lambda: Act(secret("keys", accessKeyID="xyz")), "SecretInvalid", "secretAccessKey", id="half a secret"
        ),
        pytest.param(
            lambda: Act(store=bucket_store(spec={"provisioning": {"source": "Operator"}})),
            "OperatorIdentityNotAllowed",
            "administrator",
            id="identity",
        ),
        pytest.param(
            lambda: Act(store=bucket_store("data", spec={"provider": 5})),
            "InvalidSpec",
            "$.spec.provider",
            id="stored invalid",
        ),
    ],
)
def test_what_is_not_accepted_is_said_without_a_call_of_the_store(
    act: Callable[[], Act], reason: str, words: str
) -> None:
    """The condition Accepted names what is wrong; no finalizer is put on, nothing is begun."""
    made = act()
    made.stage.wait(timedelta(seconds=10))
    writes, calls = made.quiet_look()
    assert calls == []
    assert writes == ["patch bucketstores/status data"]
    assert made.told("Accepted") == ("False", reason)
    assert words in made.message("Ready")
    assert made.quiet_look() == ([], []), "it is said once"


def test_a_failed_static_check_is_not_accepted() -> None:
    """What can be seen by looking at the specification needs no call."""
    act = Act()
    act.stage.provider.invalid = Check(
        name=CheckName.ENDPOINT_ALLOWED, result=CheckResult.FAILED, message="The endpoint is private.", remedy="Ask."
    )
    _, calls = act.quiet_look()
    assert calls == []
    assert act.told("Accepted") == ("False", "EndpointNotAllowed")
    assert act.message("Accepted") == "The endpoint is private. Ask."


@pytest.mark.parametrize(("allowed", "reason"), [(True, "Accepted"), (False, "OperatorIdentityNotAllowed")])
def test_the_operators_identity_is_the_administrators_to_give(reason: str, *, allowed: bool) -> None:
    """`provisioning.source: Operator` works only where it is allowed."""
    act = Act(store=bucket_store(spec={"provisioning": {"source": "Operator"}}))
    act.stage.config = {"allow_operator_identity": allowed}
    act.stage.wait(timedelta(seconds=10))
    act.look()
    assert act.told("Accepted")[1] == reason


@pytest.mark.parametrize(
    "spec",
    [
        {"s3": {"bucket": "data", "region": "r", "endpoint": "https://evil.example"}},
        {
            "provider": "S3Compatible",
            "s3": None,
            "s3Compatible": {"bucket": "data", "region": "r", "endpoint": "https://evil.example"},
        },
    ],
)
def test_the_operators_identity_is_never_shown_to_a_users_endpoint(spec: dict[str, Any]) -> None:
    """Not even where the administrator allows the identity: the CRD refuses it, and so does the reconciler."""
    act = Act(store=bucket_store(spec={**spec, "provisioning": {"source": "Operator"}}))
    act.stage.config = {"allow_operator_identity": True}
    act.stage.wait(timedelta(seconds=10))
    _, calls = act.quiet_look()
    assert calls == []
    assert act.told("Accepted") == ("False", "OperatorIdentityNotAllowed")


def test_a_missing_permission_is_told_and_looked_at_again() -> None:
    """RBAC that was forgotten is the administrator's affair, and its coming wakes nobody."""
    act = Act()

    def forbid(call: str) -> None:
        if call.startswith("get secrets"):
            raise ForbiddenError("get secrets team-a/keys: forbidden.", status=403)

    act.stage.kube.before = forbid
    assert act.look().after is not None
    assert act.told("Accepted") == ("False", "Forbidden")
    assert "get secrets team-a/keys" in act.message("Accepted")


def test_an_api_server_that_does_not_answer_changes_no_condition() -> None:
    """Nothing is known then; the queue tries again."""
    act = _ready()
    before = act.status

    def down(call: str) -> None:
        raise UnavailableError("no answer", status=0)

    act.stage.kube.before = down
    with pytest.raises(UnavailableError):
        act.look()
    assert act.status == before


def test_a_missing_reference_of_an_object_just_made_is_waited_for_a_moment() -> None:
    """The objects of one `kubectl apply` arrive one after another; three seconds later it is said."""
    act = Act(store=bucket_store(creationTimestamp="2026-11-22T10:00:29Z"))
    late = act.stage.kube.objects.pop(("wandbinstances", "team-a", "wandb"))
    assert act.look().after == timedelta(seconds=2)
    assert act.stage.kube.writes == []
    act.stage.wait(timedelta(seconds=2))
    act.look()
    assert act.told("Accepted") == ("False", "InstanceNotFound")
    act.stage.kube.put(late)
    act.look()
    assert act.told("Ready") == ("True", "Ready")


def test_an_identity_that_changed_under_us_is_refused() -> None:
    """The CRD locks it; a restore or an old server may not."""
    act = _ready()
    body = act.stage.kube.of(BUCKET_STORES, "data")
    body["spec"]["s3"]["bucket"] = "other"
    body["metadata"]["generation"] = 2
    _, calls = act.quiet_look()
    assert calls == []
    assert act.told("Accepted") == ("False", "IdentityChanged")


# --- modes -------------------------------------------------------------------------------------------------------------


def test_observe_plans_and_proves_nothing() -> None:
    """The plan is in the status; no probe object is written unless asked for."""
    act = Act(team_storage(), store=bucket_store(spec={"managementPolicy": "Observe"}))
    act.stage.provider.there = True
    act.stage.provider.planned = (Change(name="CORS", message="Add a rule."),)
    act.look()
    assert act.stage.provider.calls == ["provision"]
    assert act.status["plan"] == [{"change": "CORS", "message": "Add a rule."}]
    assert act.told("DataPathVerified") == ("Unknown", "DataPathNotRequested")
    assert act.told("Configured") == ("True", "Observed")
    assert act.told("Ready") == ("True", "Ready")


@pytest.mark.parametrize(("source", "deployment"), [("Ambient", "SelfManaged"), ("WandbAccount", "DedicatedCloud")])
def test_what_nobody_here_can_sign_is_not_proved(source: str, deployment: str) -> None:
    """Ready then means that all that can be checked passed, and says so."""
    act = Act(
        team_storage(),
        store=bucket_store(spec={"credentials": {"source": source}}),
        instance=wandb_instance(spec={"deploymentType": deployment}),
    )
    act.look()
    assert not any(call.startswith("probe") for call in act.stage.provider.calls)
    assert act.told("DataPathVerified") == ("Unknown", "NotProvableFromHere")
    assert act.told("Ready") == ("True", "Ready")
    assert act.message("Ready").startswith("All that can be checked")


def test_a_bucket_that_nobody_here_can_look_at_is_refused() -> None:
    """Neither W&B's identity nor keys of our own are here: the name may be made up, and must not reach W&B."""
    act = Act(team_storage(), store=bucket_store(spec={"credentials": {"source": "Ambient"}, "provisioning": None}))
    act.look()
    assert act.stage.provider.calls == []
    assert act.told("Accepted") == ("False", "InvalidSpec")
    assert "spec.provisioning" in act.message("Ready")


def test_without_provisioning_nothing_is_created() -> None:
    """No keys to configure with: the bucket is only looked at, and nothing is asked before."""
    act = Act(store=bucket_store(spec={"provisioning": None}))
    act.stage.provider.there = True
    act.look()
    assert act.stage.provider.calls == ["provision"]
    assert act.stage.provider.contexts["provision"].admin is None
    assert act.told("Configured") == ("True", "Observed")


# --- others ------------------------------------------------------------------------------------------------------------


def test_a_second_bucket_store_on_a_bucket_gives_way() -> None:
    """The older holds it; the younger is told, and its store is not called."""
    younger = bucket_store("data", creationTimestamp="2026-11-22T10:00:10Z")
    act = Act(bucket_store("first"), store=younger)
    writes, calls = act.quiet_look()
    assert calls == []
    assert writes == ["patch bucketstores/status data"]
    assert act.told("Accepted") == ("False", "BucketConflict")
    assert "BucketStore first" in act.message("Ready")


def test_a_conflict_elsewhere_is_not_described() -> None:
    """Of another namespace's BucketStore neither name nor namespace is told."""
    held = {"bucket": {"created": True, "adopted": False, "identity": IDENTITY}}
    act = Act(bucket_store("hush", namespace="prod", status=held))
    act.look()
    assert act.told("Accepted") == ("False", "BucketConflict")
    assert "hush" not in str(act.status)
    assert "prod" not in str(act.status)


# --- grants ------------------------------------------------------------------------------------------------------------

ELSEWHERE = {"instanceRef": {"name": "wandb", "namespace": "prod"}}


def test_an_instance_that_does_not_admit_us_reads_like_one_that_is_not_there() -> None:
    """The same reason and the same words, so that nobody can list another namespace by trying names."""
    refused = Act(wandb_instance(namespace="prod"), store=bucket_store(spec=ELSEWHERE))
    missing = Act(store=bucket_store(spec=ELSEWHERE))
    for act in (refused, missing):
        act.stage.wait(timedelta(seconds=10))
        act.look()
        assert act.told("Accepted") == ("False", "NotGranted")
        assert act.stage.provider.calls == []
    assert refused.message("Accepted") == missing.message("Accepted")
    assert "instanceRef" not in refused.status


def test_a_namespace_that_may_not_be_read_reads_alike_too() -> None:
    """A namespace that the operator does not watch is no oracle either."""
    unwatched = Act(store=bucket_store(spec=ELSEWHERE))

    def forbid(call: str) -> None:
        if call.startswith("get wandbinstances prod"):
            raise ForbiddenError("forbidden", status=403)

    unwatched.stage.kube.before = forbid
    unwatched.stage.wait(timedelta(seconds=10))
    unwatched.look()
    assert unwatched.told("Accepted") == ("False", "NotGranted")


def _granting(**labels: str) -> Act:
    grant = {"from": "Selector", "selector": {"matchLabels": {"wandb": "yes"}}}
    act = Act(wandb_instance(namespace="prod", spec={"allowedNamespaces": grant}), store=bucket_store(spec=ELSEWHERE))
    act.stage.kube.put(namespace_object("team-a", **labels))
    act.stage.wait(timedelta(seconds=10))
    act.look()
    return act


def test_a_grant_by_label_is_looked_at_anew_each_time() -> None:
    """Taken back, it is refused at the next look."""
    act = _granting(wandb="yes")
    assert act.told("Accepted") == ("True", "Accepted")
    act.stage.kube.put(namespace_object("team-a"))
    act.look()
    assert act.told("Accepted") == ("False", "NotGranted")
    assert _granting(wandb="no").told("Accepted") == ("False", "NotGranted")


def test_secrets_are_read_in_the_own_namespace_only() -> None:
    """Wherever the W&B is: a reference to a Secret has no namespace."""
    act = _granting(wandb="yes")
    assert {call for call in act.stage.kube.reads if "secrets" in call} == {"get secrets team-a/keys"}


def test_values_of_secrets_are_nowhere_in_the_status() -> None:
    """A provider that repeats a key in its words is redacted."""
    act = Act()

    def fail(call: str) -> None:
        raise Stalled(Reason.ACCESS_DENIED, "The key AKIACANARY with canary/secret+value was refused.")

    act.stage.provider.fail = fail
    act.look()
    assert "CANARY" not in str(act.status).upper()
    assert "canary" not in str(act.stage.told.events)


def test_a_status_that_does_not_fit_the_schema_is_written_anew() -> None:
    """Whatever an older version or a restore left there."""
    act = Act(store=bucket_store(status={"conditions": "nonsense", "bucket": 5}))
    act.look()
    assert act.told("Ready") == ("True", "Ready")


def test_an_object_that_does_not_fit_keeps_what_locks_it() -> None:
    """An invalid object keeps what its status said of the bucket."""
    status = {"bucket": {"created": True, "adopted": False, "identity": IDENTITY}, "conditions": [condition("Ready")]}
    act = Act(store=bucket_store(spec={"provider": 5}, status=status))
    act.look()
    assert act.status["bucket"]["identity"] == IDENTITY
    assert act.told("Ready") == ("False", "InvalidSpec")
