"""What leaves the variable: only what a confirmed deletion takes out, and only by the hand that brought it in.

A TeamStorage tells its bucket by the name that its BucketStore gives it, and anybody may write a name. So a name alone takes
nothing out: the entry was written for this very BucketStore, or the BucketStore has shown that it can use the bucket.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from wandb_byob.decide.addresses import COREWEAVE_SHARED
from wandb_byob.decide.attachments import Pending
from wandb_byob.decide.buckets import proven
from wandb_byob.decide.compose import KEPT, SHARED
from wandb_byob.decide.conditions import ConditionType, is_true
from wandb_byob.decide.deletion import confirmed
from wandb_byob.model.api import BucketStore, TeamStorage


@dataclass(frozen=True, kw_only=True)
class User:
    """A TeamStorage that uses, or used, a bucket of a W&B.

    `entry` is the identity of the entry that leads W&B to the bucket: the bucket's own, or the shared `cw://`.
    `store` is its BucketStore if that leads to this W&B, None where it is not there at all; `admitted`: both owners admit it as
    of now; `home`: it is in W&B's own namespace.
    """

    team: TeamStorage
    identity: str
    entry: str
    store: BucketStore | None
    admitted: bool
    home: bool

    @property
    def entries(self) -> tuple[str, ...]:
        """The entries that W&B has for this bucket: on CoreWeave the shared `cw://`, too."""
        shared = (COREWEAVE_SHARED,) if self.identity.startswith(COREWEAVE_SHARED) else ()
        return tuple(dict.fromkeys((self.entry, *shared)))


def removals(users: Sequence[User], *, provenance: Mapping[str, str], stores: Collection[str]) -> tuple[Pending, ...]:
    """Return the entries that go: a team's deletion is confirmed, and no other TeamStorage needs them.

    `stores` are the uids of all BucketStores that lead to this W&B.
    """
    found: dict[str, Pending] = {}
    for user in users:
        since = user.team.metadata.deletion_timestamp
        if since is None or not confirmed(user.team):
            continue
        for entry in user.entries:
            origin = provenance.get(entry)
            if origin is None or not takes_out(user, entry=entry, origin=origin, stores=stores):
                continue
            if not needed_by(users, entry, origin=origin):
                found[entry] = Pending(identity=entry, since=since)
    if has_keys_on_coreweave({bucket: origin for bucket, origin in provenance.items() if bucket not in found}):
        found.pop(COREWEAVE_SHARED, None)
    return tuple(found.values())


def has_keys_on_coreweave(provenance: Mapping[str, str]) -> bool:
    """Say whether a bucket on CoreWeave has an entry of ours with its own keys, for as long as which the shared one stays, too."""
    ours = (bucket for bucket, origin in provenance.items() if origin not in (KEPT, SHARED))
    return any(bucket.startswith(COREWEAVE_SHARED) for bucket in ours)


def needed_by(users: Sequence[User], entry: str, *, origin: str) -> tuple[TeamStorage, ...]:
    """Return the TeamStorages that keep an entry of this origin in, whoever's confirmed deletion would take it out."""
    return tuple(
        user.team
        for user in users
        if entry in user.entries and not confirmed(user.team) and _needs(user, origin=origin)
    )


def takes_out(user: User, *, entry: str, origin: str, stores: Collection[str]) -> bool:
    """Say whether the confirmed deletion of this TeamStorage takes out an entry of this origin (a BucketStore's uid, KEPT or SHARED).

    An entry whose BucketStore is no more goes with a team of W&B's own namespace, or of one that took the bucket over; one that
    was there before us only with a team that was configured by it. Somebody else's shared `cw://` stays: teams that nobody declared
    here may need it.
    """
    store = user.store
    if entry == COREWEAVE_SHARED:
        return origin == SHARED and _configured(user)
    if store is not None and origin == store.metadata.uid:
        return user.admitted or _configured(user)
    if origin in stores:
        return False
    if store is None:
        return user.home and origin != KEPT
    return user.admitted and _configured(user) and proven(store, user.identity)


def _needs(user: User, *, origin: str) -> bool:
    """Say whether W&B's configuration has the bucket for this TeamStorage, too.

    To name a bucket is not enough: outside of W&B's own namespace its BucketStore must have brought the entry in, or have shown that
    it can use the bucket; the shared `cw://` is everybody's whom W&B is configured for. One whose BucketStore is no more was configured once, or is of W&B's namespace (and was restored, say).
    """
    store = user.store
    if store is None:
        return user.home or _configured(user)
    return _configured(user) and (user.home or origin in (store.metadata.uid, SHARED) or proven(store, user.identity))


def _configured(user: User) -> bool:
    return is_true(user.team.status.conditions, ConditionType.CONFIGURED)
