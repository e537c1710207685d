"""Deletion: say why an object is still there, or let it go."""

from typing import Any

import msgspec

from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict, conditions, kept
from wandb_byob.kube import gather
from wandb_byob.kube.apply import StatusT
from wandb_byob.kube.client import Resource
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.finish import finish


def hold(
    world: World,
    key: ObjectKey,
    resource: Resource,
    body: dict[str, Any],
    *,
    before: StatusT,
    reason: Reason,
    message: str,
    progress: Progress = Progress.STALLED,
) -> None:
    """Write why a deleted object is still there: Ready says so, all other conditions stay as they were."""
    metadata = gather.metadata(body)
    verdict = Verdict(type=ConditionType.READY, status="False", reason=reason, message=message)
    given = conditions(
        Outcome(verdicts=kept(before.conditions), progress=progress, held=verdict),
        previous=before.conditions,
        generation=metadata.generation,
        now=world.now(),
        ready_message="",
    )
    after = msgspec.structs.replace(before, observed_generation=metadata.generation, conditions=given)
    finish(world, key, resource, body, before=before, after=after)
