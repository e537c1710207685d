"""One look at a BucketStore: read what it refers to, bring the bucket to what is asked, check it, say what was found.

A new one costs two writes: the finalizer together with the recorded intent, then the status.
"""

import threading
from dataclasses import dataclass, replace
from datetime import timedelta

from wandb_byob.decide import buckets, looks, stores
from wandb_byob.decide.annotations import paused
from wandb_byob.decide.conditions import ConditionType
from wandb_byob.decide.looks import Due, Look
from wandb_byob.decide.stores import DataPath, Seen
from wandb_byob.decide.verification import sound
from wandb_byob.kube import apply, gather
from wandb_byob.kube.client import BUCKET_STORES, ForbiddenError
from wandb_byob.model import names
from wandb_byob.model.api import BucketStatus, BucketStore, PlannedChange
from wandb_byob.model.checks import Check
from wandb_byob.model.errors import DomainError, Waiting
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context, Provisioned
from wandb_byob.reconcile import probing, store_deletion, store_status
from wandb_byob.reconcile.base import Reconcile, Result, World
from wandb_byob.reconcile.errors import condition_of
from wandb_byob.reconcile.inputs import Inputs, gather_inputs
from wandb_byob.reconcile.store_status import Subject


def reconciler() -> Reconcile:
    """Return the reconciler of BucketStores; it remembers when each is due, and nothing else."""
    return _BucketStores()


class _BucketStores:
    """When each bucket is due, by the object's uid: the only state, and only a matter of cost."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._due: dict[ObjectKey, tuple[str, Due]] = {}

    def __call__(self, world: World, key: ObjectKey) -> Result:
        body = world.kube.get(BUCKET_STORES, key.namespace, key.name)
        if body is None:
            self._forget(key)
            return Result()
        metadata = gather.metadata(body)
        if metadata.deletion_timestamp is not None:
            self._forget(key)
            probing.clean_up(world, body)
            return store_deletion.reconcile(world, key, body)
        if paused(metadata):
            return Result()
        try:
            store = gather.typed(body, BucketStore)
        except DomainError as error:
            return store_status.invalid(world, key, body, error)
        due = self._due_of(key, metadata.uid)
        next_due, result = _look(Subject(world=world, key=key, body=body, store=store, due=due))
        with self._mutex:
            if next_due is not None:
                self._due[key] = (metadata.uid, next_due)
        return result

    def _due_of(self, key: ObjectKey, uid: str) -> Due | None:
        with self._mutex:
            known = self._due.get(key)
        return known[1] if known is not None and known[0] == uid else None

    def _forget(self, key: ObjectKey) -> None:
        with self._mutex:
            self._due.pop(key, None)


def _look(subject: Subject) -> tuple[Due | None, Result]:
    try:
        inputs = gather_inputs(subject.world, subject.store)
    except (DomainError, ForbiddenError) as error:
        return store_status.failed(subject, error, ConditionType.ACCEPTED)
    data_path = _declared(subject, inputs)
    look = looks.plan(subject.store, inputs.mark, paths=data_path.paths, due=subject.due, now=subject.world.now())
    if look.nothing and not sound(subject.store):
        # What the conditions say came from an error, and stands until its time has come.
        return store_status.unchanged(subject, look)
    try:
        acted = _act(subject, inputs, look, data_path)
    except (DomainError, ForbiddenError) as error:
        return store_status.failed(subject, error, condition_of(error), inputs)
    return store_status.settled(
        subject, inputs, acted.seen, looked=acted.look, data_path=acted.data_path, again=acted.again
    )


def _declared(subject: Subject, inputs: Inputs) -> DataPath:
    """Return the paths that are to be proved, from the TeamStorages as they are now."""
    if inputs.unproved is not None:
        return DataPath(paths=(), unproved=inputs.unproved)
    users = gather.users_of(subject.world.kube, subject.world.config, subject.store)
    paths = stores.declared_paths(subject.store, inputs.identity, users, storage=inputs.storage, own=inputs.own)
    if inputs.workload is None:
        return DataPath(paths=paths)
    return DataPath(paths=paths, seen_from=f"a Job under {inputs.workload.host.who}")


@dataclass(frozen=True, kw_only=True)
class _Acted:
    """What was done and seen in one look; `again`: when a result that is still to come is looked for."""

    seen: Seen
    data_path: DataPath
    look: Look
    again: timedelta | None


def _act(subject: Subject, inputs: Inputs, look: Look, data_path: DataPath) -> _Acted:
    kept = _kept(subject.store, inputs)
    seen = Seen(bucket=subject.store.status.bucket, plan=subject.store.status.plan)
    context = replace(inputs.context, paths=data_path.paths)
    if look.configuration:
        provisioned = _provision(subject, inputs, context)
        kept = stores.updated(kept, (*inputs.static, *provisioned.checks), paths=())
        seen = _seen(subject, inputs, provisioned)
        if not looks.current(subject.store, inputs.mark):
            # A team that was created meanwhile, as with one `kubectl apply` of both, is proved in the same look.
            data_path = _declared(subject, inputs)
            look = replace(look, paths=data_path.paths)
        if not seen.exists:
            look = replace(look, paths=())
    probed = probing.probe(subject, inputs, replace(context, paths=look.paths), kept=kept) if look.paths else None
    if probed is not None and probed.paths:
        kept = stores.updated(kept, probed.checks, paths=probed.paths)
        subject.world.recorder.probed(subject.key, timestamp=subject.world.now().timestamp())
    if probed is not None:
        data_path = replace(data_path, pending=probed.pending)
    seen = replace(seen, checks=stores.to_status(kept, paths=data_path.paths))
    return _Acted(seen=seen, data_path=data_path, look=look, again=probed.again if probed is not None else None)


def _kept(store: BucketStore, inputs: Inputs) -> tuple[Check, ...]:
    """Return the results of earlier looks that still count: none, once what they were made with has changed."""
    kept = stores.from_status(store.status.checks) if looks.current(store, inputs.mark) else ()
    return stores.updated(kept, inputs.static, paths=())


def _seen(subject: Subject, inputs: Inputs, provisioned: Provisioned) -> Seen:
    facts = provisioned.facts
    plan = tuple(PlannedChange(change=change.name, message=change.message) for change in provisioned.planned)
    if facts is None:
        return Seen(bucket=subject.store.status.bucket, exists=False, plan=plan)
    bucket = BucketStatus(
        created=facts.created,
        adopted=facts.adopted,
        identity=inputs.identity,
        owner=facts.owner or None,
        region=facts.region or None,
        url=facts.url or None,
        assumed=facts.assumed or None,
    )
    return Seen(bucket=bucket, plan=plan)


def _provision(subject: Subject, inputs: Inputs, context: Context) -> Provisioned:
    world, store = subject.world, subject.store
    others = gather.namesakes(world.kube, world.config, store)
    same = [other for other in others if _identity(world, other) == inputs.identity]
    winner = buckets.holder(store, inputs.identity, same)
    if winner is not None:
        raise buckets.bucket_conflict(store, winner)
    intended = _record_intent(subject, inputs, context)
    return inputs.provider.provision(replace(context, intended=intended))


def _identity(world: World, store: BucketStore) -> str | None:
    """Return which bucket somebody else's BucketStore means, None where that cannot be told."""
    provider = world.providers.get(store.spec.provider)
    try:
        return provider.identity(store.spec) if provider is not None else None
    except DomainError:
        return None


def _record_intent(subject: Subject, inputs: Inputs, context: Context) -> bool:
    """Put the finalizer on, and with it whether we are about to create the bucket; say whether we are.

    So a bucket that is there after a crash can be told from one that was there before. The words hold the uid and the
    bucket: copied to another object, or after a correction of the name, they mean nothing.
    """
    store, metadata = subject.store, subject.store.metadata
    create = f"create {inputs.identity} for {metadata.uid}"
    recorded = metadata.annotations.get(names.INTENT)
    if store.status.bucket is not None and apply.has_finalizer(subject.body):
        return False
    if recorded == create and apply.has_finalizer(subject.body):
        return True
    may_create = store.spec.management_policy == "Manage" and context.admin is not None and store.status.bucket is None
    creating = may_create and not inputs.provider.exists(context)
    intent = create if creating else f"use {inputs.identity} for {metadata.uid}"
    if recorded != intent or not apply.has_finalizer(subject.body):
        if gather.terminating(subject.world.kube, metadata.namespace):
            raise Waiting(Reason.PROGRESSING, "The namespace is being deleted, and no bucket is begun in it.")
        body = apply.add_finalizer(subject.world.kube, BUCKET_STORES, subject.body, annotations={names.INTENT: intent})
        subject.body["metadata"] = body["metadata"]
    return creating
