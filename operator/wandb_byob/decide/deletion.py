"""What becomes of an object that is being deleted: let it go, take its entry or bucket away first, or hold it and say why.

Each annotation must hold the team's (or BucketStore's) name, so that a manifest that is copied confirms nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from wandb_byob.decide.references import team_name
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore, TeamStorage
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


class Fate(StrEnum):
    """`Remove` means the team's entry in W&B's configuration, or the bucket; then the object goes."""

    LET_GO = "LetGo"
    REMOVE = "Remove"
    HOLD = "Hold"


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """What to do; `message` tells why an object is held, and the ways out. `unused`: nobody uses the bucket any more, as far as is known."""

    fate: Fate
    message: str = ""
    unused: bool = False


def confirmed(team: TeamStorage) -> bool:
    """Say whether the deletion of this TeamStorage is confirmed: the only thing that ever takes an entry out of the variable."""
    return team.metadata.deletion_timestamp is not None and _says(team, names.CONFIRM_DELETE, team_name(team))


def team_deletion(team: TeamStorage, *, in_variable: bool, stays: bool, orphaned: bool = False) -> Deletion:
    """Decide about a TeamStorage whose namespace stays.

    `in_variable`: its bucket is in W&B's running configuration. `stays`: the entry does so in any case, since another
    TeamStorage, whose deletion is not confirmed, uses the bucket too, or since this one has no right to take it out. `orphaned`:
    the WandbInstance that wrote the entry is gone, and nobody could take it out.
    """
    name = team_name(team)
    if not in_variable or _says(team, names.RELEASE, name):
        return Deletion(fate=Fate.LET_GO)
    if orphaned:
        return Deletion(
            fate=Fate.HOLD,
            message=f"W&B is configured with this storage, and the WandbInstance that could take it out is not there.{_void(team, name)} "
            f'Create the WandbInstance again and set the annotation {names.CONFIRM_DELETE}: "{name}" to take the storage out of W&B, or '
            f'set {names.RELEASE}: "{name}" to drop this object and leave W&B as it is.',
        )
    if confirmed(team):
        return Deletion(fate=Fate.LET_GO if stays else Fate.REMOVE)
    return Deletion(
        fate=Fate.HOLD,
        message=f"W&B is configured with this storage, and without it team {name} could not see its files.{_void(team, name)} "
        f'Set the annotation {names.CONFIRM_DELETE}: "{name}" to take it out of W&B, or {names.RELEASE}: "{name}" to drop this object '
        "and leave W&B as it is.",
    )


def takes_the_bucket(store: BucketStore) -> bool:
    """Say whether the bucket is to go with the BucketStore."""
    return store.spec.deletion_policy == "Delete" and store.spec.management_policy == "Manage"


def store_deletion(store: BucketStore, *, referring: Sequence[str], in_variable: bool, keeper: str = "") -> Deletion:
    """Decide about a BucketStore whose namespace stays.

    `referring` are the TeamStorages that use it, as a user may see them; `keeper` is a workload that keeps W&B's own files in the
    bucket, whoever has set that ("": none is known).
    """
    name = store.metadata.name
    if _says(store, names.RELEASE, name):
        return Deletion(fate=Fate.LET_GO)
    if takes_the_bucket(store) and (in_variable or keeper):
        return Deletion(fate=Fate.HOLD, message=_in_wandb(name, keeper))
    if (referring or in_variable or keeper) and not _says(store, names.CONFIRM_DELETE, name):
        return Deletion(fate=Fate.HOLD, message=_in_use(name, referring, keeper, void=_void(store, name)))
    fate = Fate.REMOVE if takes_the_bucket(store) else Fate.LET_GO
    return Deletion(fate=fate, unused=not (referring or in_variable or keeper))


def nobody_may_delete(what: str) -> Stalled:
    """Return the refusal where a bucket shall go and nothing may be written; `what` is such as "bucket data"."""
    return Stalled(
        Reason.DELETION_BLOCKED,
        f"deletionPolicy is Delete, but nothing may delete the {what}: that takes spec.provisioning and managementPolicy: "
        "Manage. Set these, or set deletionPolicy: Retain to keep it.",
    )


def not_deleted(what: str, why: str) -> Stalled:
    """Return the refusal to delete a bucket that is not proven ours, or that holds something."""
    return Stalled(
        Reason.DELETION_BLOCKED,
        f"The {what} is not deleted, since {why}. Delete it (or empty it) by hand, or set deletionPolicy: Retain to keep it.",
    )


def _in_wandb(name: str, keeper: str) -> str:
    """Return why a bucket that W&B has cannot be deleted, whatever is confirmed."""
    if keeper:
        what = f"{_keeps(keeper)}, so that it cannot be deleted. Give W&B another bucket first"
    else:
        what = (
            "W&B is configured with this bucket, so that it cannot be deleted. Delete the TeamStorages that use it, and take it out of "
            "spec.storage of the WandbInstance, first"
        )
    return f'{what}, or set the annotation {names.RELEASE}: "{name}" to drop this object and leave the bucket as it is.'


def _keeps(keeper: str) -> str:
    return f"{keeper} keeps W&B's own files in this bucket"


def _in_use(name: str, referring: Sequence[str], keeper: str, *, void: str) -> str:
    shown = ", ".join(referring[:5]) + (f" and {len(referring) - 5} more" if len(referring) > 5 else "")
    first = "Delete the TeamStorages first, and take it out of spec.storage of the WandbInstance"
    users = f"TeamStorages use it ({shown})" if referring else "W&B is configured with it"
    if keeper and not referring:
        users, first = _keeps(keeper), "Give W&B another bucket first"
    return (
        f"This BucketStore is still needed: {users}.{void} {first}, or set the annotation "
        f'{names.CONFIRM_DELETE}: "{name}" to delete it all the same, or {names.RELEASE}: "{name}" to drop this object only; '
        "W&B's configuration stays as it is either way."
    )


def _void(thing: BucketStore | TeamStorage, value: str) -> str:
    """Return a sentence about an annotation that holds another name, "" where there is none."""
    void = [a for a in (names.CONFIRM_DELETE, names.RELEASE) if thing.metadata.annotations.get(a) not in (None, value)]
    return f' The annotation {void[0]} does not hold "{value}", and so means nothing here.' if void else ""


def _says(thing: BucketStore | TeamStorage, annotation: str, value: str) -> bool:
    return thing.metadata.annotations.get(annotation) == value
