"""From an error to a condition and a time."""

from datetime import timedelta

import pytest

from wandb_byob.decide.conditions import ConditionType, Progress
from wandb_byob.kube.client import ForbiddenError
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.errors import Explained, condition_of, explain


@pytest.mark.parametrize(
    ("error", "reason", "progress", "after"),
    [
        (Stalled(Reason.BUCKET_EXISTS, "It was there."), Reason.BUCKET_EXISTS, Progress.STALLED, None),
        (
            Waiting(Reason.THROTTLED, "Slow down.", after=timedelta(seconds=7)),
            Reason.THROTTLED,
            Progress.RECONCILING,
            7,
        ),
        (ForbiddenError("get secrets x: forbidden.", status=403), Reason.FORBIDDEN, Progress.STALLED, 60),
    ],
)
def test_explain(error: Explained, reason: Reason, progress: Progress, after: int | None) -> None:
    """What needs an edit is Stalled, what passes by itself is Reconciling; a missing permission is looked at again."""
    failure = explain(error, ConditionType.CONFIGURED)
    assert failure.verdict.type is ConditionType.CONFIGURED
    assert (failure.verdict.status, failure.verdict.reason, failure.progress) == ("False", reason, progress)
    assert failure.after == (None if after is None else timedelta(seconds=after))
    assert str(error) in failure.verdict.message


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_of_a_provider_has_its_condition(reason: Reason) -> None:
    """Never the data path's: an error there is about the store or the permission, and stops the whole look."""
    assert condition_of(Stalled(reason, "x")) in {
        ConditionType.ACCEPTED,
        ConditionType.REACHABLE,
        ConditionType.CONFIGURED,
    }
    assert condition_of(ForbiddenError("x", status=403)) is ConditionType.ACCEPTED
