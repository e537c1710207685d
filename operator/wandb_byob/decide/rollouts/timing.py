"""When W&B may be restarted: once for many teams, and not more often than its owner wants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from wandb_byob.decide.attachments import Pending
from wandb_byob.decide.rollouts.situation import Policy
from wandb_byob.decide.rollouts.windows import opens
from wandb_byob.model.reasons import Reason

SETTLE: Final = timedelta(seconds=3)
"""How long nothing new must have come: twenty `kubectl apply` in a row are one rollout."""
LOOK_AGAIN: Final = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Why nothing is done yet; the message does not change from look to look."""

    reason: Reason
    message: str
    again: timedelta


def hold(
    pending: Sequence[Pending],
    *,
    progressing: bool,
    busy: Sequence[str],
    policy: Policy,
    last: datetime | None,
    now: datetime,
) -> Hold | None:
    """Return why a change of the configuration has to wait, None where it is time.

    `busy` are workloads that somebody else is rolling out: a failure could not be told from theirs. `last` is when the
    last rollout began.
    """
    first = min((each.since for each in pending), default=None)
    newest = max((each.since for each in pending), default=None)
    count = f"{len(pending)} change{'s' if len(pending) != 1 else ''} of W&B's buckets"
    if newest is not None and (until := newest + min(SETTLE, policy.max_wait)) > now:
        return Hold(reason=Reason.WAITING_FOR_BUCKETS, message=f"{count} will be made in a moment.", again=until - now)
    if first is not None and progressing and (until := first + policy.max_wait) > now:
        message = (
            f"{count} wait{'s' if len(pending) == 1 else ''} for buckets that are still being prepared, so that W&B is "
            f"restarted once for all; at most until {_clock(until)} (spec.rollout.maxWait)."
        )
        return Hold(reason=Reason.WAITING_FOR_BUCKETS, message=message, again=until - now)
    if last is not None and (until := last + policy.minimum_interval) > now:
        message = f"{count} will be made from {_clock(until)} on (spec.rollout.minimumInterval)."
        return Hold(reason=Reason.WAITING_FOR_BUCKETS, message=message, again=until - now)
    if busy and (first is None or first + policy.timeout > now):
        message = f"{count} will be made when {', '.join(busy)} has finished a rollout of its own."
        return Hold(reason=Reason.WAITING_FOR_BUCKETS, message=message, again=LOOK_AGAIN)
    opening = opens(policy.windows, now)
    if opening is not None:
        message = f"{count} will be made from {_clock(opening)} on, when W&B may be restarted (spec.rollout.windows)."
        return Hold(reason=Reason.WAITING_FOR_WINDOW, message=message, again=opening - now)
    return None


def _clock(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
