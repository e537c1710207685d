"""Whether a bucket is verified for a team's path."""

from typing import Any

import pytest

from unit.resources import as_store, bucket_store, check, condition
from wandb_byob.decide.conditions import Progress
from wandb_byob.decide.verification import bucket_ready, proved
from wandb_byob.model.api import BucketStore
from wandb_byob.model.names import PAUSED
from wandb_byob.model.reasons import Reason

SOUND = [condition("Accepted"), condition("Reachable"), condition("Configured"), condition("DataPathVerified")]
PUT = check("PutObject", path="teams/a")
UNSEEN = ("Reachable", "Configured", "DataPathVerified")


def _store(*, conditions: Any = SOUND, checks: Any = (PUT,), observed: int = 1, **metadata: Any) -> BucketStore:
    status = {"observedGeneration": observed, "conditions": list(conditions), "checks": list(checks)}
    return as_store(bucket_store(status=status, **metadata))


def _with(type_: str, status: str, reason: str, *more: Any) -> list[Any]:
    told = condition(type_, status, reason=reason, message="The keys in Secret hush are wrong.")
    return [*(each for each in SOUND if each["type"] != type_), told, *more]


FAILED = check("GetObject", "Failed", path="teams/a", message="It was refused.", remedy="Grant s3:GetObject.")


@pytest.mark.parametrize(
    ("store", "status", "reason", "progress"),
    [
        pytest.param(_store(), "True", Reason.VERIFIED, Progress.SETTLED, id="proved"),
        pytest.param(
            as_store(bucket_store()), "False", Reason.WAITING_FOR_BUCKET, Progress.RECONCILING, id="never looked at"
        ),
        pytest.param(_store(observed=0), "False", Reason.WAITING_FOR_BUCKET, Progress.RECONCILING, id="edited since"),
        pytest.param(_store(checks=()), "False", Reason.WAITING_FOR_BUCKET, Progress.RECONCILING, id="path not tried"),
        pytest.param(
            _store(checks=[check("PutObject", path="teams/b")]),
            "False",
            Reason.WAITING_FOR_BUCKET,
            Progress.RECONCILING,
            id="another's path proves nothing",
        ),
        pytest.param(
            _store(checks=[PUT, FAILED]), "False", Reason.CHECKS_FAILED, Progress.STALLED, id="own path broken"
        ),
        pytest.param(
            _store(
                checks=[PUT, check("PutObject", "Failed", path="teams/b")],
                conditions=_with("DataPathVerified", "False", "ChecksFailed"),
            ),
            "True",
            Reason.VERIFIED,
            Progress.SETTLED,
            id="another's broken path does not count",
        ),
        pytest.param(
            _store(checks=[PUT, check("Preflight", "Failed")]),
            "False",
            Reason.CHECKS_FAILED,
            Progress.STALLED,
            id="browsers are kept out",
        ),
        pytest.param(
            _store(checks=[check("PutObject", "Skipped", path="teams/a")]),
            "False",
            Reason.WAITING_FOR_BUCKET,
            Progress.RECONCILING,
            id="nothing written",
        ),
        pytest.param(
            _store(conditions=_with("Reachable", "False", "AccessDenied", condition("Stalled"))),
            "False",
            Reason.ACCESS_DENIED,
            Progress.STALLED,
            id="broken, an edit is needed",
        ),
        pytest.param(
            _store(conditions=_with("Reachable", "False", "Unreachable", condition("Reconciling"))),
            "False",
            Reason.UNREACHABLE,
            Progress.RECONCILING,
            id="broken for now",
        ),
        pytest.param(
            _store(conditions=_with("DataPathVerified", "Unknown", "NotProvableFromHere"), checks=()),
            "True",
            Reason.VERIFIED,
            Progress.SETTLED,
            id="nobody here can sign",
        ),
        pytest.param(
            _store(
                conditions=[
                    condition("Accepted"),
                    *(condition(type_, "Unknown", reason="NotProvableFromHere") for type_ in UNSEEN),
                ],
                checks=(),
            ),
            "True",
            Reason.VERIFIED,
            Progress.SETTLED,
            id="nobody here can sign anything",
        ),
        pytest.param(
            _store(conditions=_with("DataPathVerified", "Unknown", "DataPathNotRequested"), checks=()),
            "True",
            Reason.VERIFIED,
            Progress.SETTLED,
            id="not asked for",
        ),
        pytest.param(
            _store(conditions=_with("DataPathVerified", "Unknown", "NoPathDeclared"), checks=()),
            "False",
            Reason.WAITING_FOR_BUCKET,
            Progress.RECONCILING,
            id="before our path was declared",
        ),
        pytest.param(
            _store(observed=0, annotations={PAUSED: "true"}), "False", Reason.PAUSED, Progress.STALLED, id="paused"
        ),
        pytest.param(
            _store(annotations={PAUSED: "true"}), "True", Reason.VERIFIED, Progress.SETTLED, id="proved, then paused"
        ),
    ],
)
def test_bucket_ready(store: BucketStore, status: str, reason: Reason, progress: Progress) -> None:
    """Only what is proved, or cannot be proved here, lets an address in."""
    verdict, found = bucket_ready(store, path="teams/a", user="team-a")
    assert (verdict.status, verdict.reason, found) == (status, reason, progress)


def test_a_team_learns_which_check_failed_and_what_to_do() -> None:
    """Check, message and remedy are in the condition."""
    verdict, _ = bucket_ready(_store(checks=[PUT, FAILED]), path="teams/a", user="team-a")
    assert verdict.message == "Check GetObject under teams/a: It was refused. Grant s3:GetObject."


def test_the_owners_words_stay_in_the_owners_namespace() -> None:
    """A team elsewhere learns the reason, not the name of the Secret."""
    store = _store(conditions=_with("Accepted", "False", "SecretInvalid", condition("Stalled")))
    mine, _ = bucket_ready(store, path="teams/a", user="team-a")
    theirs, _ = bucket_ready(store, path="teams/a", user="team-b")
    assert "hush" in mine.message
    assert "hush" not in theirs.message
    assert theirs.reason is Reason.SECRET_INVALID


@pytest.mark.parametrize(
    ("checks", "path", "expected"),
    [
        ([check("PutObject")], "", True),
        ([check("PutObject"), check("CORS", "Warning")], "", True),
        ([check("PutObject"), check("Credentials", "Failed")], "", False),
        ([check("PutObject", path="a"), check("CleanUp", "Warning", path="a")], "a", True),
        ([check("CORS")], "", False),
    ],
)
def test_proved(checks: Any, path: str, *, expected: bool) -> None:
    """Something was written, and nothing failed; a warning does not count."""
    assert proved(_store(checks=checks).status.checks, path) is expected
