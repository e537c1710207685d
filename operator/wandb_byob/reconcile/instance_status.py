"""What the status of a WandbInstance says after a look."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from wandb_byob.decide import address_lists, instance_storage, looks
from wandb_byob.decide.compose import Composition, Entry, Source, read, size, union
from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict, conditions, kept
from wandb_byob.decide.instance_storage import Storage
from wandb_byob.decide.rollouts import quarrel
from wandb_byob.decide.rollouts.configuration import Configuration
from wandb_byob.decide.rollouts.plan import Plan
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.rollouts.variable import VARIABLE, EnvVar, refers_to
from wandb_byob.decide.storage import Bucket
from wandb_byob.model import api
from wandb_byob.model.api import (
    BucketStore,
    LocalReference,
    ObjectMeta,
    ObjectReference,
    WandbInstance,
    WandbInstanceStatus,
    WorkloadStatus,
)
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.reasons import Reason

# The CRD's limits: what others wrote into the variable must not keep the status from being written.
_MOST_ENTRIES: Final = 4096
_LONGEST_ADDRESS: Final = 8192
_LONGEST_IDENTITY: Final = 1024
_MOST_WORKLOADS: Final = 256

ACCEPTED: Final = Verdict(
    type=ConditionType.ACCEPTED, status="True", reason=Reason.ACCEPTED, message="The specification is accepted."
)


def after(
    instance: WandbInstance,
    plan: Plan,
    situation: Situation,
    *,
    stores: Mapping[ObjectKey, BucketStore],
    wish: Composition | None,
    storage: Storage | None,
    now: datetime,
) -> WandbInstanceStatus:
    """Return the status after the plan was carried out; `plan.secret` is then the name of a Secret that exists.

    `storage` is None while a rollout goes on: what was said of the instance's own bucket stays.
    """
    values = tuple(_contents(plan, situation, wish))
    # What the target lacks for the moment, and will be given back, counts as being in it: a team must not slip out meanwhile.
    meant = situation.configuration(plan.secret)
    listed = union(() if meant is None else _read(meant, wish), (entries for _, entries in values))
    told, progress = _of_storage(instance, plan, storage)
    outcome = Outcome(verdicts=(ACCEPTED, plan.configured, plan.rolled_out, *told), progress=progress)
    return WandbInstanceStatus(
        observed_generation=instance.metadata.generation,
        conditions=_conditions(
            instance.metadata, instance.status, outcome, now=now, ready_message=_ready_message(listed)
        ),
        entries=_entries(listed, stores),
        storage=instance.status.storage if storage is None else _storage(storage, plan, situation, stores),
        secret_name=plan.secret or None,
        last_good_secret_name=plan.last_good or None,
        variable_bytes=max((size(value) for value, _ in values), default=0),
        workloads=_workloads(plan, situation),
        hand_over=instance.status.hand_over if storage is None else storage.hand_over,
        failed=plan.failed,
        reverted=plan.reverted or quarrel.remembered(situation, plan.secret),
        observed_reconcile_request=looks.request(instance.metadata.annotations),
    )


def _of_storage(instance: WandbInstance, plan: Plan, storage: Storage | None) -> tuple[tuple[Verdict, ...], Progress]:
    """Return what is said of the instance's own bucket, and whether anything will change by itself."""
    if storage is None:
        before = [each for each in kept(instance.status.conditions) if each.type is ConditionType.STORAGE_CONFIGURED]
        return tuple(before) if instance.spec.storage is not None else (), plan.progress
    found = instance_storage.verdict_after(storage, plan)
    if found is None:
        return (), plan.progress
    return (found[0],), found[1] if plan.progress is Progress.SETTLED else plan.progress


def _storage(
    storage: Storage, plan: Plan, situation: Situation, stores: Mapping[ObjectKey, BucketStore]
) -> api.StorageEntry | None:
    found = instance_storage.shown(storage, plan, situation)
    if found is None:
        return None
    bucket, uid = found
    name = next((store.metadata.name for store in stores.values() if uid and store.metadata.uid == uid), "")
    known = bucket if isinstance(bucket, Bucket) else None
    return api.StorageEntry(
        identity=known.identity[:_LONGEST_IDENTITY] if known is not None else None,
        address=_text(bucket.shown)[:_LONGEST_ADDRESS],
        path=(known.path or None) if known is not None else None,
        source="BucketStore" if name else "Kept",
        bucket_store_ref=LocalReference(name=name) if name else None,
    )


def _ready_message(listed: Iterable[Entry]) -> str:
    entries = tuple(listed)
    ours = sum(1 for entry in entries if entry.source is Source.BUCKET_STORE)
    shared = any(entry.source is Source.SHARED for entry in entries)
    if not ours and not shared:
        return "No bucket is attached to this W&B yet."
    kept = sum(1 for entry in entries if entry.source is Source.KEPT)
    others = f" and {kept} that were there before" if kept else ""
    if not ours:
        return f"W&B runs with CoreWeave's shared entry cw://, which leads to buckets without keys{others}."
    return f"W&B runs with {ours} bucket{'s' if ours != 1 else ''} of BucketStores{others}."


def without_look(
    metadata: ObjectMeta, before: WandbInstanceStatus, verdict: Verdict, *, progress: Progress, now: datetime
) -> WandbInstanceStatus:
    """Return the status where the target could not be dealt with: what was known of it stays."""
    verdicts = (ACCEPTED, verdict) if verdict.type is not ConditionType.ACCEPTED else (verdict,)
    outcome = Outcome(verdicts=(*verdicts, *_not_looked_at(before, verdict)), progress=progress)
    return msgspec.structs.replace(
        before,
        observed_generation=metadata.generation,
        conditions=_conditions(metadata, before, outcome, now=now, ready_message=""),
        workloads=() if verdict.reason is Reason.TARGET_NOT_FOUND else before.workloads,
        observed_reconcile_request=looks.request(metadata.annotations),
    )


def _not_looked_at(before: WandbInstanceStatus, cause: Verdict) -> Iterable[Verdict]:
    known = {verdict.type: verdict for verdict in kept(before.conditions)}
    for type_ in (ConditionType.CONFIGURED, ConditionType.ROLLED_OUT, ConditionType.STORAGE_CONFIGURED):
        if type_ is cause.type or (type_ is ConditionType.STORAGE_CONFIGURED and type_ not in known):
            continue
        if type_ in known and cause.reason is not Reason.TARGET_NOT_FOUND:
            yield known[type_]
        else:
            message = f"Not looked at, since {cause.type.value} is {cause.status}."
            yield Verdict(type=type_, status="Unknown", reason=cause.reason, message=message)


def elsewhere(instance: WandbInstance, *, storage: Storage | None, now: datetime) -> WandbInstanceStatus:
    """Return the status of a W&B that does not run in this cluster: there is nothing here to configure or roll out.

    `storage` is what is to be told of the instance's own bucket, None where none is asked for.
    """
    dedicated = instance.spec.deployment_type == "DedicatedCloud"
    message = (
        "This W&B does not run in this cluster, so that nothing is configured here. What W&B must be told about a team's "
        "bucket stands in its TeamStorage's status.handOver."
    )
    verdicts = (
        Verdict(type=type_, status="Unknown", reason=Reason.ACTION_REQUIRED, message=message, gates=False)
        for type_ in (ConditionType.CONFIGURED, ConditionType.ROLLED_OUT)
    )
    own = storage.verdict if storage is not None else None
    outcome = Outcome(
        verdicts=(ACCEPTED, *verdicts, *((own,) if own is not None else ())),
        progress=storage.progress if storage is not None else Progress.SETTLED,
    )
    of_teams = api.HandOver(
        recipient="Your W&B account team",
        text="We bring buckets of our own for teams of our Dedicated Cloud instance. Each bucket's address must be in the "
        "instance's supported file stores before its team is created; we send you the addresses, which may hold keys, over "
        "a secure channel.",
    )
    return WandbInstanceStatus(
        observed_generation=instance.metadata.generation,
        conditions=_conditions(instance.metadata, instance.status, outcome, now=now, ready_message=message),
        hand_over=_first(storage, of_teams) if dedicated else None,
        version=instance.spec.version,
        observed_reconcile_request=looks.request(instance.metadata.annotations),
    )


def _first(storage: Storage | None, of_teams: api.HandOver) -> api.HandOver:
    """Return what is to be told of the instance's own bucket, for as long as it has not been; then what is of teams."""
    return storage.hand_over if storage is not None and storage.hand_over is not None else of_teams


def _conditions(
    metadata: ObjectMeta, before: WandbInstanceStatus, outcome: Outcome, *, now: datetime, ready_message: str
) -> tuple[api.Condition, ...]:
    return conditions(
        outcome,
        previous=before.conditions,
        generation=metadata.generation,
        now=now,
        ready_message=ready_message,
    )


def _contents(plan: Plan, situation: Situation, wish: Composition | None) -> Iterable[tuple[str, tuple[Entry, ...]]]:
    """Yield the value, and its entries, that each container has after the plan."""
    written = {write.workload.key: write for write in plan.writes}
    provenance = wish.provenance if wish is not None else {}
    for workload in situation.workloads:
        write = written.get(workload.key)
        for reading in workload.of(VARIABLE):
            env, value = reading.env, reading.value
            if write is not None and write.envs is None:
                configuration = plan.create or situation.configuration(plan.secret)
            else:
                if write is not None and reading.slot in (write.envs or {}):
                    env = (write.envs or {})[reading.slot]
                    value = _literal(env)
                configuration = _referred(situation, env)
            if configuration is not None and VARIABLE in configuration.values:
                yield configuration.value, _read(configuration, wish)
            else:
                yield value or "", read(value, provenance=provenance, separator=situation.policy.separator)


def _read(configuration: Configuration, wish: Composition | None) -> tuple[Entry, ...]:
    if wish is not None and wish.value == configuration.value:
        # The same words, and newer knowledge of whose they are: a BucketStore may have been created anew.
        return wish.entries
    return read(configuration.value, provenance=configuration.provenance, separator=configuration.separator)


def _referred(situation: Situation, env: EnvVar | None) -> Configuration | None:
    return next((each.configuration for each in situation.stored.values() if refers_to(env, each.name)), None)


def _literal(env: EnvVar | None) -> str | None:
    found: str | None = (env or {}).get("value")
    return found


def _entries(listed: tuple[Entry, ...], stores: Mapping[ObjectKey, BucketStore]) -> tuple[api.Entry, ...]:
    by_uid = {store.metadata.uid: key for key, store in stores.items()}
    redacted = address_lists.redact([entry.text for entry in listed])
    return tuple(
        api.Entry(
            address=_text(shown)[:_LONGEST_ADDRESS],
            source=entry.source.value,
            identity=_identity(entry),
            bucket_store_ref=_reference(by_uid.get(entry.uid)),
        )
        for entry, shown in zip(listed, redacted, strict=True)
    )[:_MOST_ENTRIES]


def _identity(entry: Entry) -> str | None:
    identity = entry.identity
    if identity is None or len(identity) > _LONGEST_IDENTITY or _text(identity) != identity:
        return None
    return identity


def _text(value: str) -> str:
    """Return the text with bytes that are no UTF-8 replaced: JSON has none."""
    return value.encode("utf-8", "replace").decode()


def _reference(key: ObjectKey | None) -> ObjectReference | None:
    return None if key is None else ObjectReference(name=key.name, namespace=key.namespace)


def _workloads(plan: Plan, situation: Situation) -> tuple[WorkloadStatus, ...]:
    found = []
    for workload in situation.workloads[:_MOST_WORKLOADS]:
        state, message = plan.states[workload.key]
        containers = tuple(reading.slot.container for reading in workload.of(VARIABLE))
        found.append(
            WorkloadStatus(
                kind=workload.kind,
                name=workload.name,
                state=state.value,
                containers=containers,
                message=message or None,
            )
        )
    return tuple(found)
