"""What leaves the variable: only what a confirmed deletion takes out, and only by the hand that brought it in.

A TeamStorage tells its bucket by the name that its BucketStore gives it, and anybody may write a name. So a name alone takes
nothing out: the entry was written for this very BucketStore, or the BucketStore has shown that it can use the bucket.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from wandb_byob.decide.attachments import Pending
from wandb_byob.decide.buckets import proven
from wandb_byob.decide.compose import KEPT, SHARED
from wandb_byob.decide.conditions import ConditionType, is_true
from wandb_byob.decide.deletion import confirmed
from wandb_byob.model.api import BucketStore, TeamStorage


@dataclass(frozen=True, kw_only=True)
class User:
    """A TeamStorage that uses, or used, a bucket of a W&B.

    `store` is its BucketStore if that leads to this W&B, None where it is not there at all; `admitted`: both owners admit it as
    of now; `home`: it is in W&B's own namespace.
    """

    team: TeamStorage
    identity: str
    store: BucketStore | None
    admitted: bool
    home: bool


def removals(users: Sequence[User], *, provenance: Mapping[str, str], stores: Collection[str]) -> tuple[Pending, ...]:
    """Return the buckets whose entry goes: a team's deletion is confirmed, and no other TeamStorage uses the bucket.

    `stores` are the uids of all BucketStores that lead to this W&B.
    """
    needed = {user.identity for user in users if not confirmed(user.team) and _needs(user)}
    found: dict[str, Pending] = {}
    for user in users:
        bucket, since = user.identity, user.team.metadata.deletion_timestamp
        leaves = since is not None and confirmed(user.team) and bucket in provenance and bucket not in needed
        if leaves and since is not None and takes_out(user, origin=provenance[bucket], stores=stores):
            found[bucket] = Pending(identity=bucket, since=since)
    return tuple(found.values())


def takes_out(user: User, *, origin: str, stores: Collection[str]) -> bool:
    """Say whether the confirmed deletion of this TeamStorage takes out an entry of this origin (a BucketStore's uid, KEPT or SHARED).

    An entry whose BucketStore is no more goes with a team of W&B's own namespace, or of one that took the bucket over; one that
    was there before us only with a team that was configured by it.
    """
    store = user.store
    if store is not None and origin == store.metadata.uid:
        return user.admitted or _configured(user)
    if origin == SHARED or origin in stores:
        return False
    if store is None:
        return user.home and origin != KEPT
    return user.admitted and _configured(user) and proven(store, user.identity)


def _needs(user: User) -> bool:
    return user.admitted or _configured(user) or (user.store is None and user.home)


def _configured(user: User) -> bool:
    return is_true(user.team.status.conditions, ConditionType.CONFIGURED)
