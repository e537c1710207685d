"""Deletion: say why an object is still there, or let it go."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import msgspec

from wandb_byob.decide.annotations import paused
from wandb_byob.decide.conditions import ConditionType, Outcome, Progress, Verdict, conditions, kept
from wandb_byob.kube import apply, gather, gather_instance
from wandb_byob.kube.apply import StatusT
from wandb_byob.kube.gather import ObjectT
from wandb_byob.model.errors import Stalled
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.finish import finish

AGAIN: Final = timedelta(seconds=30)
"""When to look again at what is held: the reason may go without a word to us, such as an entry of the variable."""


def finalize(
    world: World,
    key: ObjectKey,
    body: dict[str, Any],
    type_: type[ObjectT],
    *,
    settle: Callable[[ObjectT], Result | None],
) -> Result:
    """Go through a deletion, whatever the kind; `settle` returns None where the object may go."""
    if not apply.has_finalizer(body):
        return Result()
    # Roles vanish in a terminating namespace, too: a finalizer that is held on to could soon not be taken off any more.
    if not gather.terminating(world.kube, key.namespace):
        if paused(gather.metadata(body)):
            return Result()
        held = _settled(body, type_, settle)
        if held is not None:
            return held
    apply.remove_finalizer(world.kube, gather.RESOURCES[key.kind], body)
    return Result()


def _settled(body: dict[str, Any], type_: type[ObjectT], settle: Callable[[ObjectT], Result | None]) -> Result | None:
    try:
        thing = gather.typed(body, type_)
    except Stalled:
        # What it means cannot be told, so that there is nothing to do for it. W&B and the bucket stay as they are.
        return None
    return settle(thing)


def left_behind(world: World, namespace: str, identity: str | None) -> bool:
    """Say whether W&B runs with a bucket by what a WandbInstance wrote that is gone: deleting one leaves the variable as it is.

    `identity` None: W&B was never told of it. Raises ForbiddenError where W&B's namespace may not be read.
    """
    return (
        identity is not None
        and may_look(world, namespace)
        and gather_instance.run_with(world.kube, namespace, identity)
    )


def may_look(world: World, namespace: str) -> bool:
    """Say whether W&B's workloads can tell anything: of a namespace that is not watched, or is gone itself, nothing can be said, nor done."""
    watched = not world.config.namespaces or namespace in world.config.namespaces
    return watched and not gather.terminating(world.kube, namespace)


def hold(
    world: World,
    key: ObjectKey,
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
    finish(world, key, gather.RESOURCES[key.kind], body, before=before, after=after)
