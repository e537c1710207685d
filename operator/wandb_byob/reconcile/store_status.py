"""The end of a look at a BucketStore: from what was seen, or what went wrong, to its status and the time of the next look."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import msgspec

from wandb_byob.decide import addresses, forms, looks, stores
from wandb_byob.decide.annotations import handed_over
from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict, conditions
from wandb_byob.decide.looks import Due, Look
from wandb_byob.decide.stores import DataPath, Seen
from wandb_byob.kube import gather
from wandb_byob.kube.client import BUCKET_STORES
from wandb_byob.model.api import BucketStore, BucketStoreStatus, HandOver, ObjectReference
from wandb_byob.model.checks import Check
from wandb_byob.model.errors import DomainError
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.errors import Explained, Failure, explain
from wandb_byob.reconcile.finish import finish, hold_back
from wandb_byob.reconcile.inputs import Inputs

_ORDER: Final = (
    ConditionType.ACCEPTED,
    ConditionType.REACHABLE,
    ConditionType.CONFIGURED,
    ConditionType.DATA_PATH_VERIFIED,
)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The object of one look: as it was read, typed, and when it is due by what is remembered."""

    world: World
    key: ObjectKey
    body: dict[str, Any]
    store: BucketStore
    due: Due | None


def settled(
    subject: Subject, inputs: Inputs, seen: Seen, *, looked: Look, data_path: DataPath, again: timedelta | None = None
) -> tuple[Due, Result]:
    """Write what was seen; return when the bucket is due next: `again`, where a result of the data path is still to come."""
    store = subject.store
    accepted = Verdict(
        type=ConditionType.ACCEPTED,
        status="True",
        reason=Reason.ACCEPTED,
        message=f"Attached to WandbInstance {inputs.instance.namespace}/{inputs.instance.name}.",
    )
    outcome = stores.outcome(store.spec, accepted, seen, data_path=data_path)
    hand_over = _hand_over(subject, inputs) if outcome.progress is Progress.SETTLED else None
    message = stores.ready_message(inputs.identity, seen, data_path=data_path, hand_over=hand_over)
    status = _status(subject, outcome, ready_message=message, verified_inputs=inputs.mark)
    status = msgspec.structs.replace(
        status,
        instance_ref=_reference(inputs.instance),
        bucket=seen.bucket,
        checks=seen.checks,
        plan=seen.plan,
        hand_over=hand_over,
    )
    _write(subject, status)
    due, result = _next(subject, status, looked)
    if again is None:
        return due, result
    return replace(due, data_path=subject.world.now()), Result(after=again)


def _hand_over(subject: Subject, inputs: Inputs) -> HandOver | None:
    """Return what W&B is still to be told of a bucket that is ready, without keys."""
    store, context = subject.store, inputs.context
    if handed_over(store.metadata):
        return None
    address = addresses.redact(inputs.provider.address(store.spec, context.data))
    return forms.bucket_hand_over(store, context.tenant.deployment_type, address=address)


def unchanged(subject: Subject, looked: Look) -> tuple[Due, Result]:
    """Write nothing; return when the bucket is due next."""
    return _next(subject, subject.store.status, looked)


def _next(subject: Subject, status: BucketStoreStatus, looked: Look) -> tuple[Due, Result]:
    # Told at every look, so that after a restart the metrics are complete before each store was called again.
    subject.world.recorder.checks(subject.key, stores.from_status(status.checks))
    now = subject.world.now()
    due = looks.next_due(subject.store, now=now, looked=looked, before=subject.due)
    return due, Result(after=max(min(due.configuration, due.data_path) - now, timedelta(0)))


def failed(
    subject: Subject, error: Explained, type_: ConditionType, inputs: Inputs | None = None
) -> tuple[Due | None, Result]:
    """Write what went wrong; return when to try again."""
    failure = explain(error, type_)
    outcome = _failure_outcome(failure)
    now = subject.world.now()
    held = hold_back(outcome, subject.store.metadata, first=not subject.store.status.conditions, now=now)
    if held is not None:
        return None, Result(after=min(held, failure.after or held))
    status = _status(subject, outcome, ready_message="", verified_inputs=inputs.mark if inputs else None)
    checks = _known_checks(inputs, error) if inputs is not None else ()
    if inputs is not None:
        status = msgspec.structs.replace(
            status, instance_ref=_reference(inputs.instance), checks=stores.to_status(checks, paths=())
        )
    subject.world.recorder.checks(subject.key, checks)
    _write(subject, status)
    due = looks.next_try(subject.store, now=now, after=failure.after, before=subject.due)
    return due, Result(after=max(due.configuration - now, timedelta(0)))


def _known_checks(inputs: Inputs, error: Explained) -> tuple[Check, ...]:
    """Return what can be said without an answer of the store, and the check that the error means."""
    failed = error.check if isinstance(error, DomainError) else None
    if failed is None:
        return inputs.static
    return (*(check for check in inputs.static if check.name is not failed.name), failed)


def _failure_outcome(failure: Failure) -> Outcome:
    place = _ORDER.index(failure.verdict.type)
    before = tuple(_held(type_) for type_ in _ORDER[:place])
    after = tuple(stores.skipped(type_, failure.verdict) for type_ in _ORDER[place + 1 :])
    return Outcome(verdicts=(*before, failure.verdict, *after), progress=failure.progress)


def _held(type_: ConditionType) -> Verdict:
    reasons = {ConditionType.ACCEPTED: Reason.ACCEPTED, ConditionType.REACHABLE: Reason.REACHABLE}
    message = "The specification is accepted." if type_ is ConditionType.ACCEPTED else stores.ANSWERS
    return Verdict(type=type_, status="True", reason=reasons[type_], message=message)


def _status(
    subject: Subject, outcome: Outcome, *, ready_message: str, verified_inputs: str | None
) -> BucketStoreStatus:
    store = subject.store
    return BucketStoreStatus(
        observed_generation=store.metadata.generation,
        conditions=conditions(
            outcome,
            previous=store.status.conditions,
            generation=store.metadata.generation,
            now=subject.world.now(),
            ready_message=ready_message,
        ),
        instance_ref=store.status.instance_ref,
        bucket=store.status.bucket,
        verified_inputs=verified_inputs,
        observed_reconcile_request=looks.request(store.metadata.annotations),
    )


def _reference(key: ObjectKey) -> ObjectReference:
    return ObjectReference(name=key.name, namespace=key.namespace)


def _write(subject: Subject, status: BucketStoreStatus) -> None:
    finish(subject.world, subject.key, BUCKET_STORES, subject.body, before=subject.store.status, after=status)


def invalid(world: World, key: ObjectKey, body: dict[str, Any], error: DomainError) -> Result:
    """Say that the stored object does not fit the schema; for sure are only its metadata."""
    metadata = gather.metadata(body)
    before = gather.status(body, BucketStoreStatus)
    given = conditions(
        _failure_outcome(explain(error, ConditionType.ACCEPTED)),
        previous=before.conditions,
        generation=metadata.generation,
        now=world.now(),
        ready_message="",
    )
    after = msgspec.structs.replace(before, observed_generation=metadata.generation, conditions=given)
    finish(world, key, BUCKET_STORES, body, before=before, after=after)
    return Result()
