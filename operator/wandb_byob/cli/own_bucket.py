"""What `byob import` makes of the instance's own bucket: a BucketStore of its own, one that there is for it, or a sentence why not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wandb_byob.cli.rollouts import Rollout
from wandb_byob.decide import imports, instance_storage
from wandb_byob.decide.imports import Draft, Left
from wandb_byob.decide.rollouts.variable import MARK, VARIABLE
from wandb_byob.model.api import WandbInstance
from wandb_byob.model.errors import Stalled
from wandb_byob.reconcile import instance_target
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.instance_target import Target


@dataclass(frozen=True, kw_only=True, repr=False)
class Own:
    """W&B's own bucket: `store` is the BucketStore for it ("": none), which `made` is to be written for where there is none yet.

    `left` is why it becomes nothing; all three are empty where W&B has no such bucket. `asked`: a WandbInstance that is there has
    `spec.storage` already, which stays.
    """

    store: str = ""
    made: Draft | None = None
    path: str = ""
    shown: str = ""
    left: Left | None = None
    asked: bool = False

    @property
    def found(self) -> bool:
        """Say whether W&B has such a bucket, or something in its place."""
        return bool(self.store) or self.left is not None

    @property
    def storage(self) -> dict[str, Any]:
        """Return `spec.storage` of the WandbInstance, nothing where it is left out."""
        if not self.store:
            return {}
        return {"storage": {"bucketStoreRef": {"name": self.store}} | ({"path": self.path} if self.path else {})}


def read(world: World, instance: WandbInstance) -> tuple[Target, str]:
    """Return the target with the instance's own bucket; where that cannot be read, without it, and why."""
    try:
        return instance_target.read(world, instance, bucket=True), ""
    except Stalled as error:
        return instance_target.read(world, instance), error.message


def stays(target: Target, instance: WandbInstance) -> Own | None:
    """Return that a WandbInstance asks for a bucket already, whichever that is; None where it does not."""
    asked = instance.spec.storage
    if asked is None:
        return None
    shown = " and ".join(dict.fromkeys(each.shown for each in instance_storage.present(target.situation)))
    return Own(store=asked.bucket_store_ref.name, path=asked.path or "", shown=shown or "none yet", asked=True)


def find(
    target: Target, *, region: str, known: Mapping[str, str], made: Sequence[Draft], taken: Collection[str]
) -> Own:
    """Return what becomes of it; `made` is what is made of the list, the rest as for `imports.drafts`."""
    present = instance_storage.present(target.situation)
    if not present:
        return Own()
    names = {*taken, *(each.name for each in made)}
    draft = imports.own(present, region=region, taken=names)
    hidden = _hidden(target)
    if isinstance(draft, Left) or hidden:
        return Own(left=draft if isinstance(draft, Left) else Left(shown=draft.shown, why=hidden))
    found = Own(path=draft.path, shown=draft.shown)
    if draft.identity in known:
        return replace(found, store=known[draft.identity])
    listed = next((each for each in made if each.identity == draft.identity), None)
    if listed is None:
        return replace(found, store=draft.name, made=draft)
    if (listed.spec, listed.secret) == (draft.spec, draft.secret):
        return replace(found, store=listed.name)
    why = "the list has the same bucket with other keys, another region or KMS key, and one BucketStore is for both; make them the same"
    return Own(left=Left(shown=draft.shown, why=why))


def _hidden(target: Target) -> str:
    """Return what W&B's components may have instead of the bucket that was found ("": nothing)."""
    readings = (reading for workload in target.situation.workloads for reading in workload.readings)
    found = (each for each in readings if each.slot.setting not in (VARIABLE, MARK) and each.refusal is not None)
    return next(("what is told below is in the way" for _ in found), "")


def refused(own: Own, rollout: Rollout) -> Own:
    """Return that the operator would do something about it: what it would say is why it is left out."""
    why = (rollout.storage_refusal or rollout.storage).rstrip(".") or "what is told below is in the way"
    return Own(left=Left(shown=own.shown, why=why), asked=own.asked)
