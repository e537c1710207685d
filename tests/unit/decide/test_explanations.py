"""One meaning of an error, as a condition and as a failed call."""

from datetime import timedelta

from wandb_byob.decide.explanations import Explanation
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.errors import Stalled, Waiting
from wandb_byob.model.reasons import Reason

GONE = Explanation(
    code="Gone",
    check=CheckName.BUCKET_EXISTS,
    reason=Reason.BUCKET_NOT_FOUND,
    message="It is gone.",
    remedy="Bring it.",
)
BUSY = Explanation(
    code="Busy",
    check=None,
    reason=Reason.THROTTLED,
    message="It is busy.",
    remedy="Wait.",
    after=timedelta(seconds=9),
)


def test_as_an_error() -> None:
    """One that only an edit mends stalls and has its check; one that passes waits."""
    stalled, waiting = GONE.error(), BUSY.error()
    assert isinstance(stalled, Stalled)
    assert stalled.check is not None
    assert (stalled.check.name, stalled.check.result) == (CheckName.BUCKET_EXISTS, CheckResult.FAILED)
    assert stalled.message == "Check BucketExists: It is gone. Bring it."
    assert isinstance(waiting, Waiting)
    assert (waiting.check, waiting.message, waiting.after) == (None, "It is busy. Wait.", timedelta(seconds=9))


def test_as_a_failed_call() -> None:
    """A connection that failed is not about the bucket, whatever check it fails."""
    assert GONE.failure(final=False).of_bucket is CheckName.BUCKET_EXISTS
    assert GONE.failure(final=True).of_bucket is None
    assert BUSY.failure(final=False).of_bucket is None
