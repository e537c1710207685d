"""What may leave the variable, and by whose hand; a name that anybody can write takes nothing out."""

from dataclasses import replace
from typing import Any

import pytest

from unit.resources import as_store, as_team, bucket_store, condition, team_storage
from wandb_byob.decide.compose import KEPT, SHARED
from wandb_byob.decide.removals import User, needed_by, removals
from wandb_byob.model import names

BUCKET = "s3://amazonaws.com/data"
SHOWN = {"bucket": {"created": False, "adopted": True, "identity": BUCKET}}
ASSUMED = {"bucket": {"created": False, "adopted": False, "identity": BUCKET, "assumed": True}}
CONFIGURED = [condition("Configured")]
STORE = as_store(bucket_store(status=SHOWN, uid="mine"))
NAMED_ONLY = as_store(bucket_store(uid="mine"))
RIVAL = as_store(bucket_store(uid="rival"))
PROVEN_RIVAL = as_store(bucket_store(status=SHOWN, uid="rival"))
GUESSED = as_store(bucket_store(status=ASSUMED, uid="mine"))


def user(
    name: str = "ml",
    *,
    store: Any = STORE,
    admitted: bool = True,
    home: bool = True,
    leaves: bool = True,
    confirmed: bool = True,
    conditions: Any = CONFIGURED,
) -> User:
    """A team that is on its way out with its deletion confirmed, unless said otherwise."""
    going: dict[str, Any] = {"deletionTimestamp": "2026-11-22T12:00:00Z"} if leaves else {}
    annotations = {names.CONFIRM_DELETE: name} if confirmed else {}
    team = team_storage(name, status={"identity": BUCKET, "conditions": conditions}, annotations=annotations, **going)
    return User(team=as_team(team), identity=BUCKET, entry=BUCKET, store=store, admitted=admitted, home=home)


def gone(*users: User, origin: str = "mine") -> bool:
    """Whether the entry of this origin leaves; another BucketStore that leads to this W&B has the uid `rival`."""
    found = removals(users, provenance={BUCKET: origin}, stores={"mine", "rival"})
    assert {each.identity for each in found} <= {BUCKET}
    return bool(found)


@pytest.mark.parametrize(
    ("users", "leaves"),
    [
        ([user()], True),
        ([user(conditions=[])], True),
        ([user(admitted=False)], True),
        ([user(confirmed=False)], False),
        ([user(leaves=False)], False),
        ([user(), user("other", leaves=False, confirmed=False)], False),
        ([user(), user("other", confirmed=False)], False),
        ([user(), user("other")], True),
        ([], False),
    ],
    ids=["confirmed", "before it was configured", "the grant was taken back", "not confirmed", "confirmed but not deleted", "another team uses it", "another, held, uses it",
         "both confirmed", "nobody"],
)  # fmt: skip
def test_an_entry_leaves_with_the_last_team_of_its_bucket_store(users: list[User], leaves: bool) -> None:
    """A confirmed deletion of the last team that uses the bucket, and nothing else: never absence."""
    assert gone(*users) is leaves


@pytest.mark.parametrize(
    ("given", "leaves"),
    [
        (user(), True),
        (user(conditions=[]), False),
        (user(admitted=False), False),
        (user(store=NAMED_ONLY), False),
        (user(store=GUESSED), False),
        (user(store=None), False),
    ],
    ids=["it was its storage", "never its storage", "not admitted", "its BucketStore has named the bucket only", "no key has shown it", "without a BucketStore"],
)  # fmt: skip
def test_an_entry_that_was_there_before_us(given: User, leaves: bool) -> None:
    """It goes only with a team that was configured by it, on a BucketStore that has shown that it can use the bucket."""
    assert gone(given, origin=KEPT) is leaves


@pytest.mark.parametrize(
    ("given", "leaves"),
    [
        (user(), True),
        (user(store=NAMED_ONLY), False),
        (user(admitted=False), False),
        (user(store=None), True),
        (user(store=None, conditions=[]), True),
        (user(store=None, home=False), False),
        (user(store=None, home=False, conditions=[]), False),
    ],
    ids=["taken over", "named only", "not admitted", "of W&B's namespace", "of W&B's namespace, never configured", "of another namespace", "of another namespace, never configured"],
)  # fmt: skip
def test_an_entry_whose_bucket_store_is_no_more(given: User, leaves: bool) -> None:
    """Released, say: a team elsewhere that only names the bucket cannot take it from those who have their files there."""
    assert gone(given, origin="uid of one that is no more") is leaves


@pytest.mark.parametrize("given", [user(), user(store=None)])
def test_what_another_bucket_store_brought_in_stays(given: User) -> None:
    """Its own teams decide."""
    assert not gone(given, origin="rival")


ON_COREWEAVE = "cw://cwobject.com/data"


def keyed(name: str = "ml", **of: Any) -> User:
    """A team on a bucket of CoreWeave with keys of its own."""
    return replace(user(name, **of), identity=ON_COREWEAVE, entry=ON_COREWEAVE)


def keyless(name: str = "ml", **of: Any) -> User:
    """A team on a bucket of CoreWeave without keys."""
    return replace(user(name, **of), identity="cw://cwobject.com/other", entry="cw://")


STAYS: dict[str, Any] = {"leaves": False, "confirmed": False}
WITH_KEYS = {ON_COREWEAVE: "mine", "cw://": SHARED}


@pytest.mark.parametrize(
    ("users", "provenance", "leaving"),
    [
        ([keyed()], WITH_KEYS, {ON_COREWEAVE, "cw://"}),
        ([keyed(), keyless("other", **STAYS)], WITH_KEYS, {ON_COREWEAVE}),
        ([keyless(), keyed("other", **STAYS)], WITH_KEYS, set()),
        ([keyless()], WITH_KEYS, set()),
        ([keyless()], {"cw://": SHARED}, {"cw://"}),
        ([keyless(store=None)], {"cw://": SHARED}, {"cw://"}),
        ([keyless(conditions=[])], {"cw://": SHARED}, set()),
        ([keyless(), keyless("other", **STAYS)], {"cw://": SHARED}, set()),
        ([keyless(), keyless("other", home=False, store=GUESSED, **STAYS)], {"cw://": SHARED}, set()),
        ([keyless(), keyless("other", home=False, conditions=[], **STAYS)], {"cw://": SHARED}, {"cw://"}),
        ([keyless(), keyless("other")], {"cw://": SHARED}, {"cw://"}),
        ([keyless()], {"cw://": KEPT}, set()),
        ([keyed()], {ON_COREWEAVE: "mine", "cw://": KEPT}, {ON_COREWEAVE}),
        ([keyless()], {ON_COREWEAVE: KEPT, "cw://": SHARED}, {"cw://"}),
    ],
    ids=["the last with keys", "one without keys is left", "one with keys is left", "one with keys was released", "the last without keys",
         "its BucketStore is no more", "it never had it", "another without keys is left", "one of another namespace is left, whose bucket nobody can see now",
         "one of another namespace that never had it", "all without keys", "somebody else's",
         "with keys, somebody else's", "others' buckets have their own keys"],
)  # fmt: skip
def test_the_shared_entry_leaves_with_the_last_that_needs_it(
    users: list[User], provenance: dict[str, str], leaving: set[str]
) -> None:
    """By a confirmed deletion, and not as long as a team or a released bucket on CoreWeave needs it."""
    assert {each.identity for each in removals(users, provenance=provenance, stores={"mine", "rival"})} == leaving


@pytest.mark.parametrize(
    ("other", "kept"),
    [
        (user("other", leaves=False, store=None), True),
        (user("other", leaves=False, store=None, home=False), True),
        (user("other", leaves=False, store=None, home=False, admitted=False, conditions=[]), False),
        (user("other", leaves=False, admitted=False, conditions=[]), False),
        (user("other", leaves=False, conditions=[]), False),
        (user("other", leaves=False, store=RIVAL), True),
        (user("other", leaves=False, store=RIVAL, home=False), False),
        (user("other", leaves=False, store=PROVEN_RIVAL, home=False), True),
        (user("other", leaves=False, home=False), True),
    ],
    ids=["of W&B's namespace", "configured once", "never had to do with it", "never admitted", "refused, or not looked at",
         "named in W&B's namespace", "named elsewhere", "shown elsewhere", "by the same BucketStore from elsewhere"],
)  # fmt: skip
def test_who_has_a_say_in_what_is_still_needed(other: User, kept: bool) -> None:
    """Whoever W&B is configured for; to name the same bucket in another namespace blocks nobody, nor does who was never configured."""
    assert gone(user(), other) is not kept
    needing = needed_by([user(), other], BUCKET, origin="mine")
    assert needing == ((other.team,) if kept else ())
