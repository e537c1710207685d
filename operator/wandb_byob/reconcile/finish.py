"""The end of each look: write the status if it differs, and tell the user of a transition; hold back what a moment will settle."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, blocking
from wandb_byob.kube.apply import StatusT, write_status
from wandb_byob.kube.client import Body, Resource
from wandb_byob.model.api import Condition, ObjectMeta
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import World

# Objects of one `kubectl apply` arrive one after another, and W&B's configuration follows a bucket within seconds.
_BRAND_NEW: Final = timedelta(seconds=10)
_IN_FLIGHT: Final = timedelta(seconds=3)
_MISSING: Final = frozenset(
    {Reason.INSTANCE_NOT_FOUND, Reason.BUCKET_STORE_NOT_FOUND, Reason.SECRET_NOT_FOUND, Reason.NOT_GRANTED}
)
_ON_THE_WAY: Final = frozenset(
    {
        Reason.PROGRESSING,
        Reason.WAITING_FOR_BUCKET,
        Reason.WAITING_FOR_INSTANCE,
        Reason.WAITING_FOR_BUCKETS,
        Reason.ROLLOUT_IN_PROGRESS,
        Reason.PROBING_FROM_WORKLOAD,
    }
)


def hold_back(outcome: Outcome, metadata: ObjectMeta, *, first: bool, now: datetime) -> timedelta | None:
    """Return for how long not to write this outcome of a brand-new object that has no status yet (`first`), None to write it now.

    Only what would say "on the way" is held back (ten seconds), and a reference to what may still be on its way (three).
    """
    if not first or metadata.creation_timestamp is None:
        return None
    cause = blocking(outcome)
    if cause is not None and cause.reason in _MISSING:
        limit = _IN_FLIGHT
    elif outcome.progress is Progress.RECONCILING and (cause is None or cause.reason in _ON_THE_WAY):
        limit = _BRAND_NEW
    else:
        return None
    left = metadata.creation_timestamp + limit - now
    # A clock that is behind ours or ahead must not hold anything back for long.
    return left if timedelta(0) < left <= limit else None


def finish(world: World, key: ObjectKey, resource: Resource, body: Body, *, before: StatusT, after: StatusT) -> None:
    """Write the status if it differs, then publish the transition of Ready or Stalled that it makes, if it makes one."""
    if not write_status(world.kube, resource, body, after, redact=world.secrets.redact):
        return
    transition = _transition(before.conditions, after.conditions)
    if transition is not None:
        world.events.publish(
            key,
            uid=body["metadata"]["uid"],
            warning=not _as_it_should_be(transition),
            reason=transition.reason,
            message=world.secrets.redact(transition.message),
        )


def _as_it_should_be(transition: Condition) -> bool:
    """Say whether the Event is an everyday one: Ready, or on the way there again, such as while W&B is rolled out."""
    return transition.type == ConditionType.READY and (transition.status == "True" or transition.reason in _ON_THE_WAY)


def _transition(before: Sequence[Condition], after: Sequence[Condition]) -> Condition | None:
    old = {condition.type: condition for condition in before}
    new = {condition.type: condition for condition in after}
    stalled, ready = new.get(ConditionType.STALLED.value), new.get(ConditionType.READY.value)
    was_stalled, was_ready = old.get(ConditionType.STALLED.value), old.get(ConditionType.READY.value)
    if stalled is not None and stalled.status == "True":
        return stalled if was_stalled is None or was_stalled.status != "True" else None
    if ready is None or (was_ready is not None and was_ready.status == ready.status):
        return None
    # What has just been made is on its way, and that is no news.
    return None if was_ready is None and ready.reason in _ON_THE_WAY else ready
