"""What W&B's configuration is to be: the list of file stores, and the instance's own bucket.

A setting is governed once a BucketStore has a say in it and W&B does not have it already: until then it is none of our business,
and it stays where its owner has put it.
"""

from dataclasses import dataclass, field

from wandb_byob.decide.compose import Composition, Source
from wandb_byob.decide.rollouts.situation import Situation
from wandb_byob.decide.rollouts.variable import VARIABLE, Origin, Settings
from wandb_byob.decide.rollouts.workloads import Workload


@dataclass(frozen=True, kw_only=True, repr=False)
class Wanted:
    """What is wanted of all parts; `storage` is empty where W&B is left with the bucket that it has.

    `store` is the uid of the BucketStore that the instance's bucket comes from.
    """

    composition: Composition
    storage: Settings = field(default_factory=dict)
    store: str = ""


def settings(situation: Situation, wanted: Wanted) -> Settings:
    """Return the settings that are to be governed, and their values."""
    current = situation.current
    governed: Settings = current.configuration.values if current is not None else {}
    ours = any(entry.source is not Source.KEPT for entry in wanted.composition.entries)
    stores: Settings = {VARIABLE: wanted.composition.value} if ours or VARIABLE in governed else {}
    return {
        setting: value
        for setting, value in {**stores, **wanted.storage}.items()
        if setting in governed or differing(situation, {setting: value})
    }


def differing(situation: Situation, values: Settings) -> tuple[Workload, ...]:
    """Return the workloads for whose sake there is a rollout to these settings: a container has another value, or a plain one that is to go."""
    return tuple(
        workload
        for workload in situation.workloads
        if any(
            (reading.value or "") != (values[reading.slot.setting] or "")
            or (reading.origin is Origin.LITERAL and reading.slot.setting in situation.policy.takes)
            for reading in workload.readings
            if reading.slot.setting in values
        )
    )


def restarting(situation: Situation, values: Settings) -> tuple[Workload, ...]:
    """Return the workloads that a rollout to these settings restarts.

    One Secret is made for all, so that one which has the same values from elsewhere restarts, too; where our Secret holds them already, only
    those that lack it are put right.
    """
    due, current = differing(situation, values), situation.current
    if not due:
        return ()
    if current is not None and current.configuration.values == values:
        return tuple(workload for workload in due if not workload.has(current))
    return tuple(situation.workloads)
