"""What becomes of the bucket for the instance itself (`spec.storage`): set, left as it is, or refused.

Another bucket hides the files that W&B has written until now: it is set only where an annotation names it. What W&B has already
is left where it was set. As long as the bucket cannot be set, W&B keeps the one that it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from wandb_byob.decide import bucket_forms, storage
from wandb_byob.decide.annotations import handed_over
from wandb_byob.decide.attachments import Pending
from wandb_byob.decide.conditions import ConditionStatus, ConditionType, Progress, Verdict
from wandb_byob.decide.rollouts import takeover
from wandb_byob.decide.rollouts.plan import Plan
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.rollouts.variable import IN_VARIABLES, STORAGE, Settings
from wandb_byob.decide.rollouts.wanted import differing
from wandb_byob.decide.storage import Bucket, Present
from wandb_byob.model import names
from wandb_byob.model.api import HandOver, ObjectMeta
from wandb_byob.model.reasons import Reason


@dataclass(frozen=True, kw_only=True, repr=False)
class Asked:
    """A verified bucket that is asked for; `confirmed` is what the annotation holds ("": it is not there)."""

    bucket: Bucket
    store: str
    since: datetime
    confirmed: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class Storage:
    """What is wanted of the settings, and what the condition StorageConfigured says; None: there is none.

    `verdict` is final, `bucket` (without one) what is told about once the settings were dealt with. `awaited`: a verdict about the
    bucket is on the way, for which other changes may wait. `hand_over` is what W&B is to be told where nothing is set from here,
    `note` what else to know once W&B has the bucket.
    """

    settings: Settings = field(default_factory=dict)
    store: str = ""
    verdict: Verdict | None = None
    bucket: Bucket | None = None
    progress: Progress = Progress.SETTLED
    pending: tuple[Pending, ...] = ()
    awaited: bool = False
    hand_over: HandOver | None = None
    note: str = ""


def present(situation: Situation) -> tuple[Present, ...]:
    """Return the bucket of each container that has one."""
    return tuple(_present(situation))


def _present(situation: Situation) -> Iterator[Present]:
    for workload in situation.workloads:
        containers: dict[str, dict[str, str | None]] = {}
        for reading in workload.readings:
            setting, value = reading.slot.setting, reading.value
            if setting in bucket_forms.FORMS and value is not None:
                yield bucket_forms.loads(value)
            elif setting in IN_VARIABLES:
                containers.setdefault(reading.slot.container, {})[setting] = value
        for values in containers.values():
            found = storage.from_variables(values)
            if found is not None:
                yield found


def unchanged(
    situation: Situation,
    verdict: Verdict | None = None,
    *,
    progress: Progress = Progress.SETTLED,
    awaited: bool = False,
) -> Storage:
    """Return that W&B keeps the bucket that it has, ours or another."""
    governed = _governed(situation)
    current = situation.current
    return Storage(
        settings=governed,
        store=current.configuration.storage if current is not None and governed else "",
        verdict=verdict,
        progress=progress,
        awaited=awaited,
    )


def _governed(situation: Situation) -> Settings:
    current = situation.current
    values: Settings = current.configuration.values if current is not None else {}
    return {setting: value for setting, value in values.items() if setting in STORAGE}


def left(situation: Situation, asked: Asked) -> Storage | None:
    """Return that W&B has the bucket already, wherever it is set, and is left alone; None where it has not."""
    there = present(situation)
    if not there or not all(isinstance(each, Bucket) and storage.same(each, asked.bucket) for each in there):
        return None
    return Storage(
        settings=_governed(situation), store=asked.store, verdict=configured(asked.bucket), bucket=asked.bucket
    )


def decide(situation: Situation, asked: Asked) -> Storage:
    """Return what becomes of a verified bucket; raises `Stalled` for one that W&B's configuration has no place for."""
    already = left(situation, asked)
    if already is not None:
        return already
    there = present(situation)
    elsewhere = [each for each in there if not isinstance(each, Bucket) or not storage.same_place(each, asked.bucket)]
    if elsewhere and asked.confirmed != asked.bucket.place:
        return unchanged(situation, _would_hide(elsewhere, asked), progress=Progress.STALLED)
    wanted = _settings(situation, asked.bucket)
    # What another provider needed goes with it, where it was ours.
    values = {**dict.fromkeys(_governed(situation)), **wanted}
    due = differing(situation, values)
    refused = takeover.refusal(due, _changing(situation, values), takes=situation.policy.takes)
    if refused is not None:
        return unchanged(situation, _verdict("False", refused.reason, refused.message), progress=Progress.STALLED)
    return Storage(
        settings=values,
        store=asked.store,
        bucket=asked.bucket,
        pending=(Pending(identity=asked.bucket.identity, since=asked.since),),
    )


def _settings(situation: Situation, bucket: Bucket) -> Settings:
    """Return the settings of a bucket in the form that W&B's configuration has; raises `Stalled` for what that has no place for."""
    read = {reading.slot.setting for workload in situation.workloads for reading in workload.readings}
    form = next((form for form in bucket_forms.FORMS if form in read), "")
    return bucket_forms.settings(bucket, form) if form else storage.to_variables(bucket)


def _changing(situation: Situation, values: Settings) -> Settings:
    return {setting: value for setting, value in values.items() if differing(situation, {setting: value})}


def _would_hide(elsewhere: list[Present], asked: Asked) -> Verdict:
    shown = " and ".join(dict.fromkeys(each.shown for each in elsewhere))
    place = asked.bucket.place
    void = (
        f' The annotation {names.CHANGE_STORAGE} holds "{asked.confirmed}", which is another bucket, and so means nothing here.'
        if asked.confirmed
        else ""
    )
    message = (
        f"W&B keeps the instance's files in {shown}, and would not find them any more in {place}: nothing is copied.{void} Correct "
        f'spec.storage; or, once the files are copied or may be hidden, set the annotation {names.CHANGE_STORAGE}: "{place}".'
    )
    return _verdict("False", Reason.STORAGE_WOULD_CHANGE, message)


def configured(bucket: Bucket) -> Verdict:
    """Return that W&B has the bucket."""
    return _verdict("True", Reason.CONFIGURED, f"W&B keeps the instance's files in {bucket.place}.")


def told(kept: Storage, hand_over: HandOver, metadata: ObjectMeta) -> Storage:
    """Return that nothing is set from here: W&B is to be told, or has been, as an annotation says."""
    if handed_over(metadata):
        message = f"{hand_over.recipient}: told, as the annotation {names.HANDED_OVER} says."
        return replace(kept, verdict=_verdict("True", Reason.CONFIGURED, message))
    message = (
        f"{hand_over.recipient} must be told, since nothing of this is set from here. Send what status.handOver says, and when it is done, "
        f'set the annotation {names.HANDED_OVER}: "true".'
    )
    verdict = _verdict("False", Reason.ACTION_REQUIRED, message)
    return replace(kept, verdict=verdict, progress=Progress.STALLED, hand_over=hand_over)


def verdict_after(decided: Storage, plan: Plan) -> tuple[Verdict, Progress] | None:
    """Return what StorageConfigured says once the plan is carried out, None where there is nothing to say."""
    if decided.verdict is not None:
        noted = decided.note if decided.verdict.status == "True" else ""
        return replace(decided.verdict, message=f"{decided.verdict.message} {noted}".rstrip()), decided.progress
    if decided.bucket is None:
        return None
    cause = plan.configured if plan.configured.status == "False" else plan.rolled_out
    if cause.status == "True":
        had = configured(decided.bucket)
        return replace(had, message=f"{had.message} {decided.note}".rstrip()), Progress.SETTLED
    message = f"W&B is to keep the instance's files in {decided.bucket.place}. {cause.message}"
    return _verdict("False", cause.reason, message), plan.progress


def shown(decided: Storage, plan: Plan, situation: Situation) -> tuple[Present, str] | None:
    """Return the bucket that W&B has once the plan is carried out, and the uid of the BucketStore that it comes from ("": none of ours).

    None where nobody asks for one, or where W&B has none.
    """
    there = present(situation)
    if decided.bucket is not None and (plan.writes or plan.configured.status == "True"):
        return decided.bucket, decided.store
    if not there or (decided.verdict is None and not decided.settings):
        return None
    first = there[0]
    another = decided.bucket is not None and not (
        isinstance(first, Bucket) and storage.same_place(first, decided.bucket)
    )
    return first, "" if another else decided.store


def _verdict(status: ConditionStatus, reason: Reason, message: str) -> Verdict:
    return Verdict(type=ConditionType.STORAGE_CONFIGURED, status=status, reason=reason, message=message)
