"""From a bucket and the W&B that reads it to the conditions of a TeamStorage."""

from typing import Any

import pytest

from unit.resources import as_instance, as_team, condition, team_storage, wandb_instance
from wandb_byob.decide import members
from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict
from wandb_byob.decide.members import Place
from wandb_byob.model.api import HandOver, WandbInstance
from wandb_byob.model.names import PAUSED
from wandb_byob.model.reasons import Reason

IDENTITY = "s3://amazonaws.com/data"
ENTRY = {"address": f"{IDENTITY}", "source": "BucketStore", "identity": IDENTITY}
ACCEPTED = Verdict(type=ConditionType.ACCEPTED, status="True", reason=Reason.ACCEPTED, message="")
VERIFIED = Verdict(type=ConditionType.BUCKET_READY, status="True", reason=Reason.VERIFIED, message="")
WAITING = Verdict(type=ConditionType.BUCKET_READY, status="False", reason=Reason.WAITING_FOR_BUCKET, message="")
HAND_OVER = HandOver(recipient="Your W&B account team", text="Please add …")
CLOUD = {"deploymentType": "DedicatedCloud", "target": None}


def _instance(*conditions: Any, entries: Any = (), spec: Any = None, **metadata: Any) -> WandbInstance:
    given = {key: value for key, value in (spec or {}).items() if value is not None}
    status = {"conditions": list(conditions), "entries": list(entries)}
    return as_instance(wandb_instance(spec=given, status=status, **metadata))


def _place(instance: WandbInstance | None, **fields: Any) -> Place:
    basic = {"entry": IDENTITY, "user": "team-a", "hand_over": None, "handed_over": False}
    return Place(instance=instance, **(basic | fields))


def _told(outcome: Outcome) -> dict[str, tuple[str, str]]:
    return {verdict.type.value: (verdict.status, verdict.reason.value) for verdict in outcome.verdicts}


ROLLED_OUT = condition("RolledOut")
CONFIGURED = condition("Configured", reason="Configured")
STALLED = condition("Stalled", reason="RolledBack", message="Pod hush-0 crashed.")


@pytest.mark.parametrize(
    ("place", "configured", "rolled_out", "progress"),
    [
        pytest.param(
            _place(None),
            ("False", "WaitingForInstance"),
            ("Unknown", "WaitingForInstance"),
            Progress.RECONCILING,
            id="unknown W&B",
        ),
        pytest.param(
            _place(_instance()),
            ("False", "WaitingForInstance"),
            ("Unknown", "WaitingForInstance"),
            Progress.RECONCILING,
            id="not in yet",
        ),
        pytest.param(
            _place(_instance(entries=[ENTRY])),
            ("True", "Configured"),
            ("False", "RolloutInProgress"),
            Progress.RECONCILING,
            id="rolling out",
        ),
        pytest.param(
            _place(_instance(ROLLED_OUT, entries=[ENTRY])),
            ("True", "Configured"),
            ("True", "RolledOut"),
            Progress.SETTLED,
            id="done",
        ),
        pytest.param(
            _place(_instance(ROLLED_OUT, entries=[ENTRY | {"source": "Kept"}])),
            ("True", "Configured"),
            ("True", "RolledOut"),
            Progress.SETTLED,
            id="was there",
        ),
        pytest.param(
            _place(_instance(STALLED)),
            ("False", "RolledBack"),
            ("Unknown", "RolledBack"),
            Progress.STALLED,
            id="rolled back",
        ),
        pytest.param(
            _place(_instance(STALLED, entries=[ENTRY])),
            ("True", "Configured"),
            ("False", "RolledBack"),
            Progress.STALLED,
            id="rollout failed",
        ),
        pytest.param(
            _place(_instance(CONFIGURED, entries=[ENTRY]), ran=True),
            ("True", "Configured"),
            ("True", "RolledOut"),
            Progress.SETTLED,
            id="a rollout for another bucket",
        ),
        pytest.param(
            _place(_instance(condition("Configured", "False", reason="RolledBack"), entries=[ENTRY]), ran=True),
            ("True", "Configured"),
            ("True", "RolledOut"),
            Progress.SETTLED,
            id="back from a rollout for another bucket",
        ),
        pytest.param(
            _place(_instance(condition("Configured", "False", reason="TargetReverted"), entries=[ENTRY]), ran=True),
            ("True", "Configured"),
            ("False", "RolloutInProgress"),
            Progress.RECONCILING,
            id="somebody takes the variable away",
        ),
        pytest.param(
            _place(_instance(annotations={PAUSED: "true"})),
            ("False", "Paused"),
            ("Unknown", "Paused"),
            Progress.STALLED,
            id="paused",
        ),
        pytest.param(
            _place(_instance(spec=CLOUD), hand_over=HAND_OVER),
            ("False", "ActionRequired"),
            ("Unknown", "ActionRequired"),
            Progress.STALLED,
            id="W&B must be told",
        ),
        pytest.param(
            _place(_instance(spec=CLOUD), hand_over=HAND_OVER, handed_over=True),
            ("True", "Configured"),
            ("True", "RolledOut"),
            Progress.SETTLED,
            id="W&B was told",
        ),
        pytest.param(
            _place(_instance(spec=CLOUD | {"deploymentType": "MultiTenantCloud"})),
            ("True", "Configured"),
            ("True", "RolledOut"),
            Progress.SETTLED,
            id="nothing to tell",
        ),
        pytest.param(
            _place(_instance(ROLLED_OUT, entries=[ENTRY]), hand_over=HAND_OVER),
            ("True", "Configured"),
            ("True", "RolledOut"),
            Progress.SETTLED,
            id="advice only",
        ),
    ],
)
def test_outcome(place: Place, configured: tuple[str, str], rolled_out: tuple[str, str], progress: Progress) -> None:
    """In the variable is Configured; the pods running with it is RolledOut; outside of the cluster a person says so."""
    outcome = members.outcome(ACCEPTED, (VERIFIED, Progress.SETTLED), place)
    told = _told(outcome)
    assert (told["Configured"], told["RolledOut"], outcome.progress) == (configured, rolled_out, progress)


def test_the_first_thing_that_is_missing_decides_whether_one_waits() -> None:
    """A bucket that is being checked is on its way, whatever the W&B behind it says."""
    outcome = members.outcome(ACCEPTED, (WAITING, Progress.RECONCILING), _place(_instance(STALLED)))
    assert outcome.progress is Progress.RECONCILING


def test_an_instances_words_stay_in_its_namespace() -> None:
    """A team elsewhere learns the reason, not the name of a pod."""
    mine = members.outcome(ACCEPTED, (VERIFIED, Progress.SETTLED), _place(_instance(STALLED)))
    theirs = members.outcome(ACCEPTED, (VERIFIED, Progress.SETTLED), _place(_instance(STALLED, namespace="prod")))
    assert "hush-0" in mine.verdicts[2].message
    assert all("hush-0" not in verdict.message for verdict in theirs.verdicts)
    assert theirs.verdicts[2].reason is Reason.ROLLED_BACK


REFUSAL = Verdict(type=ConditionType.ACCEPTED, status="False", reason=Reason.NOT_GRANTED, message="")


def test_a_refusal_does_not_lift_the_lock() -> None:
    """The CRD locks team, bucket and path while Configured is True: a grant that was taken back must not unlock them."""
    configured = as_team(team_storage(status={"conditions": [condition("Configured"), condition("BucketReady")]}))
    told = _told(members.refused(configured, REFUSAL, Progress.STALLED))
    assert told["Configured"][0] == "True"
    assert told["BucketReady"] == ("Unknown", "NotGranted")
    fresh = _told(members.refused(as_team(team_storage()), REFUSAL, Progress.STALLED))
    assert fresh["Configured"] == ("Unknown", "NotGranted")


@pytest.mark.parametrize(
    ("not_offered", "user", "words"),
    [
        ((), "team-a", ""),
        (("Azure",), "team-a", ""),
        (("AWS", "Azure"), "team-a", "the condition RolledOut of WandbInstance wandb says why"),
        (("AWS",), "team-b", "ask the owner of the WandbInstance"),
    ],
    ids=["all is offered", "another cloud is not", "its cloud is not", "its cloud is not, by a W&B of another namespace"],
)  # fmt: skip
def test_a_cloud_that_wandb_may_not_offer_is_told(not_offered: tuple[str, ...], user: str, words: str) -> None:
    """It stands beside that the pods run with the bucket, and gates nothing."""
    status = {"conditions": [ROLLED_OUT], "entries": [ENTRY], "notOffered": list(not_offered)}
    told = members.outcome(
        ACCEPTED, (VERIFIED, Progress.SETTLED), _place(as_instance(wandb_instance(status=status)), user=user)
    )
    rolled_out = told.verdicts[-1]
    assert rolled_out.status == "True"
    assert ("may all the same not offer AWS" in rolled_out.message) is bool(words)
    assert words in rolled_out.message


def test_a_team_that_waits_for_a_window_is_told_when_it_opens() -> None:
    """Not that buckets are awaited, which all are verified."""
    due = condition("Configured", "False", reason="WaitingForWindow", message="1 change will be made from noon on.")
    outcome = members.outcome(ACCEPTED, (VERIFIED, Progress.SETTLED), _place(_instance(due)))
    told = {verdict.type: verdict.message for verdict in outcome.verdicts}
    assert told[ConditionType.CONFIGURED] == due["message"]
    assert _told(outcome)["Configured"] == ("False", "WaitingForInstance")
