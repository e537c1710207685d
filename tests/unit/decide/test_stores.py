"""From what was seen of a bucket to its conditions."""

from typing import Any

import pytest

from unit.resources import as_store, as_team, bucket_store, check, team_storage
from wandb_byob.decide import stores, teams
from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict
from wandb_byob.decide.stores import DataPath, Seen
from wandb_byob.model.api import BucketStatus
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.reasons import Reason

BUCKET = BucketStatus(created=True, adopted=False, identity="s3://amazonaws.com/data")
ACCEPTED = Verdict(type=ConditionType.ACCEPTED, status="True", reason=Reason.ACCEPTED, message="")
PUT = check("PutObject", path="a")


def _seen(*checks: dict[str, Any], **fields: Any) -> Seen:
    typed = as_store(bucket_store(status={"checks": list(checks)})).status.checks
    return Seen(**{"bucket": BUCKET, "checks": typed, **fields})


def _outcome(seen: Seen, *, paths: tuple[str, ...] = ("a",), unproved: Verdict | None = None, **spec: Any) -> Outcome:
    given = as_store(bucket_store(spec=spec)).spec
    return stores.outcome(given, ACCEPTED, seen, data_path=DataPath(paths=paths, unproved=unproved))


def _told(outcome: Outcome) -> dict[str, tuple[str, str]]:
    return {verdict.type.value: (verdict.status, verdict.reason.value) for verdict in outcome.verdicts}


@pytest.mark.parametrize(
    ("seen", "condition", "told"),
    [
        (_seen(PUT), "DataPathVerified", ("True", "Verified")),
        (_seen(PUT), "Configured", ("True", "Configured")),
        (_seen(PUT), "Reachable", ("True", "Reachable")),
        (_seen(PUT, check("CORS", "Warning")), "Configured", ("True", "Configured")),
        (_seen(PUT, check("CORS", "Skipped")), "Configured", ("True", "Configured")),
        (_seen(PUT, check("CORS", "Failed")), "Configured", ("False", "ChecksFailed")),
        (_seen(PUT, check("Credentials", "Failed")), "Reachable", ("False", "Unreachable")),
        (_seen(PUT, check("Credentials", "Failed")), "Configured", ("True", "Configured")),
        (_seen(PUT, check("Preflight", "Failed")), "DataPathVerified", ("False", "ChecksFailed")),
        (_seen(PUT, check("Preflight", "Failed")), "Configured", ("True", "Configured")),
        (_seen(check("PutObject", "Failed", path="a")), "DataPathVerified", ("False", "ChecksFailed")),
        (_seen(check("PutObject", "Skipped", path="a")), "DataPathVerified", ("False", "ChecksFailed")),
        (_seen(), "DataPathVerified", ("False", "ChecksFailed")),
        (_seen(check("BucketExists", "Skipped")), "Reachable", ("Unknown", "NotProvableFromHere")),
        (_seen(check("BucketExists", "Skipped")), "Configured", ("Unknown", "NotProvableFromHere")),
        (_seen(PUT, exists=False), "Configured", ("False", "BucketNotFound")),
        (_seen(PUT, exists=False, bucket=None), "Configured", ("False", "BucketNotFound")),
    ],
)
def test_condition(seen: Seen, condition: str, told: tuple[str, str]) -> None:
    """Each kind of check speaks in one condition; only Failed counts."""
    assert _told(_outcome(seen))[condition] == told


def test_progress_is_settled_or_needs_an_edit() -> None:
    """A failed check is Stalled."""
    assert _outcome(_seen(PUT)).progress is Progress.SETTLED
    assert _outcome(_seen(PUT, check("CORS", "Failed"))).progress is Progress.STALLED


@pytest.mark.parametrize(
    ("unproved", "paths", "reason"),
    [
        (stores.not_requested(), (), "DataPathNotRequested"),
        (stores.not_provable("why"), (), "NotProvableFromHere"),
        (None, (), "NoPathDeclared"),
    ],
)
def test_what_is_not_proved_is_unknown_and_holds_nothing_back(
    unproved: Verdict | None, paths: tuple[str, ...], reason: str
) -> None:
    """Ready then says what could not be checked."""
    outcome = _outcome(_seen(), paths=paths, unproved=unproved)
    assert _told(outcome)["DataPathVerified"] == ("Unknown", reason)
    assert outcome.progress is Progress.SETTLED
    message = stores.ready_message("s3://x/y", _seen(), data_path=DataPath(paths=paths, unproved=unproved))
    assert message.startswith("All that can be checked of s3://x/y passed.")


def test_where_nobody_can_sign_nothing_is_claimed() -> None:
    """No request was made, so the store neither answers nor is the bucket configured: Unknown is never True."""
    seen, unproved = _seen(check("BucketExists", "Skipped")), stores.not_provable("why")
    outcome = _outcome(seen, paths=(), unproved=unproved)
    assert {status for type_, (status, _) in _told(outcome).items() if type_ != "Accepted"} == {"Unknown"}
    assert outcome.progress is Progress.SETTLED


def test_results_say_from_where_they_were_seen() -> None:
    """The operator's network is not W&B's."""
    told = {verdict.type: verdict.message for verdict in _outcome(_seen(PUT)).verdicts}
    assert "from the operator" in told[ConditionType.REACHABLE]
    assert "from the operator" in told[ConditionType.DATA_PATH_VERIFIED]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], ""),
        (["Lifecycle"], " Check Lifecycle warns: see status.checks."),
        (["Lifecycle", "Lifecycle"], " Check Lifecycle warns: see status.checks."),
        (["CORS", "Trust", "Lifecycle"], " Checks CORS, Trust and Lifecycle warn: see status.checks."),
    ],
)
def test_ready_names_the_checks_that_warn(names: list[str], told: str) -> None:
    """A warning does not gate, but is not hidden either."""
    seen = _seen(PUT, *(check(name, "Warning") for name in names))
    assert stores.ready_message("s3://x/y", seen, data_path=DataPath(paths=("a",))) == f"s3://x/y is verified.{told}"


def test_observe_counts_its_plan() -> None:
    """What would be changed is told, and is no failure."""
    seen = _seen(PUT, plan=as_store(bucket_store(status={"plan": [{"change": "CORS", "message": "m"}]})).status.plan)
    configured = next(
        v for v in _outcome(seen, managementPolicy="Observe").verdicts if v.type is ConditionType.CONFIGURED
    )
    assert (configured.status, configured.reason) == ("True", Reason.OBSERVED)
    assert "lists 1 change that" in configured.message


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, True),
        ({"managementPolicy": "Observe"}, False),
        ({"managementPolicy": "Observe", "verification": {"dataPath": True}}, True),
        ({"verification": {"dataPath": False}}, False),
    ],
)
def test_the_data_path_is_proved_by_default_but_not_in_observe(spec: dict[str, Any], *, wanted: bool) -> None:
    """Observe writes nothing unless told to."""
    assert stores.wants_data_path(as_store(bucket_store(spec=spec)).spec) is wanted


def test_declared_paths_are_those_of_standing_teams_and_the_probe_path() -> None:
    """One that gives way declares nothing; no path is the root; probePath comes on top."""
    store = as_store(bucket_store(spec={"probePath": "probe"}))
    later = {"creationTimestamp": "2026-11-22T11:00:00Z"}
    users = [
        as_team(team_storage("a", spec={"path": "teams/a"})),
        as_team(team_storage("b", spec={"path": "teams/b"})),
        as_team(team_storage("c", spec={"path": "teams/a/sub"}, **later)),
    ]
    assert stores.declared_paths(store, "s3://x/y", users, storage=None) == ("probe", "teams/a", "teams/b")
    assert stores.declared_paths(as_store(bucket_store()), "s3://x/y", [as_team(team_storage("a"))], storage=None) == (
        "",
    )
    assert stores.declared_paths(as_store(bucket_store()), "s3://x/y", [], storage=None) == ()
    assert stores.declared_paths(store, "s3://x/y", [], storage="") == ("", "probe"), "the instance's own at the root"
    own = [teams.Own(identity="s3://x/y", path="teams/a/x", namespace="team-a")]
    declared = stores.declared_paths(store, "s3://x/y", users, storage="teams/a/x", own=own)
    assert declared == ("probe", "teams/a/sub", "teams/a/x", "teams/b"), (
        "teams/a gives way to the instance, and keeps nobody away"
    )


def _check(name: CheckName, result: CheckResult = CheckResult.PASSED, *, path: str = "", message: str = "m") -> Check:
    return Check(name=name, result=result, message=message, path=path)


def test_fresh_results_replace_those_of_the_same_name_and_of_the_paths_looked_at() -> None:
    """What was not looked at stays; a bucket's check that was made anew is not the worse of both, but the new one."""
    kept = [
        _check(CheckName.CORS),
        _check(CheckName.PREFLIGHT, CheckResult.FAILED),
        _check(CheckName.PUT_OBJECT, path="a"),
        _check(CheckName.PUT_OBJECT, CheckResult.FAILED, path="b"),
        _check(CheckName.CLEAN_UP, CheckResult.WARNING, path="b"),
    ]
    fresh = [_check(CheckName.PREFLIGHT), _check(CheckName.PUT_OBJECT, path="b")]
    found = {(check.name, check.path): check.result for check in stores.updated(kept, fresh, paths=["b"])}
    assert found == {
        (CheckName.CORS, ""): CheckResult.PASSED,
        (CheckName.PREFLIGHT, ""): CheckResult.PASSED,
        (CheckName.PUT_OBJECT, "a"): CheckResult.PASSED,
        (CheckName.PUT_OBJECT, "b"): CheckResult.PASSED,
    }


def test_the_status_lists_checks_in_one_order_and_forgets_paths_that_are_gone() -> None:
    """Another order would be a difference to write; a path that nobody declares any more shows nothing."""
    checks = [
        _check(CheckName.PUT_OBJECT, path="gone"),
        _check(CheckName.PUT_OBJECT, path="b"),
        _check(CheckName.PUT_OBJECT),
        _check(CheckName.GET_OBJECT, path="a"),
        _check(CheckName.PUT_OBJECT, path="a"),
        _check(CheckName.CORS),
        _check(CheckName.BUCKET_NAME),
    ]
    listed = [(check.name, check.path) for check in stores.to_status(checks, paths=["a", "b"])]
    assert listed == [("BucketName", ""), ("CORS", ""), ("PutObject", "a"), ("GetObject", "a"), ("PutObject", "b")]
    assert stores.to_status(reversed(checks), paths=["a", "b"]) == stores.to_status(checks, paths=["a", "b"])


def test_checks_survive_the_way_through_the_status() -> None:
    """What is read back is what was written; names of another version are left out."""
    checks = (
        Check(name=CheckName.CORS, result=CheckResult.FAILED, message="m", remedy="r"),
        _check(CheckName.PUT_OBJECT, path="a"),
    )
    assert stores.from_status(stores.to_status(checks, paths=["a"])) == checks
    other = as_store(bucket_store(status={"checks": [check("FromTheFuture"), check("CORS")]})).status.checks
    assert [found.name for found in stores.from_status(other)] == [CheckName.CORS]


def test_more_checks_than_the_crd_takes_are_shortened_to_what_tells_something() -> None:
    """With a thousand teams on one bucket each still has its proof, and nothing that failed is dropped."""
    paths = [f"t{number:04}" for number in range(1000)]
    calls = (
        CheckName.PUT_OBJECT,
        CheckName.GET_OBJECT,
        CheckName.LIST_OBJECTS,
        CheckName.DELETE_OBJECT,
        CheckName.SIGNED_PUT,
    )
    checks = [_check(name, path=path) for path in paths for name in calls]
    checks.append(_check(CheckName.CLEAN_UP, CheckResult.WARNING, path="t0999"))
    listed = stores.to_status(checks, paths=paths)
    assert len(listed) == 1001
    assert listed[-1].name == "CleanUp"
