"""Which buckets are attached: whose reference leads here, who is admitted, what is verified, and what may leave."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from wandb_byob.decide import attachments, grants
from wandb_byob.decide.attachments import Use
from wandb_byob.decide.compose import Attached
from wandb_byob.model import names
from wandb_byob.model.api import (
    BucketStatus,
    BucketStore,
    BucketStoreSpec,
    BucketStoreStatus,
    Check,
    Condition,
    CreateTeam,
    Credentials,
    InstanceStorage,
    LocalReference,
    NamespaceGrant,
    ObjectMeta,
    ObjectReference,
    TeamStorage,
    TeamStorageSpec,
    TeamStorageStatus,
    WandbInstance,
    WandbInstanceSpec,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ALL = NamespaceGrant(from_="All")


def condition(
    type_: str, status: str = "True", reason: str = "Verified", *, minutes: int = 0, generation: int = 1
) -> Condition:
    return Condition(
        type=type_,
        status=status,  # type: ignore[arg-type]
        reason=reason,
        message="m",
        observed_generation=generation,
        last_transition_time=T0 + timedelta(minutes=minutes),
    )


def instance(name: str = "wandb", namespace: str = "ns", **spec: Any) -> WandbInstance:
    return WandbInstance(
        metadata=ObjectMeta(name=name, namespace=namespace),
        spec=WandbInstanceSpec(deployment_type="SelfManaged", host="https://w.example", **spec),
    )


VERIFIED = BucketStoreStatus(
    observed_generation=1,
    conditions=tuple(
        condition(type_) for type_ in ("Accepted", "Reachable", "Configured", "DataPathVerified", "Ready")
    ),
    checks=(Check(name="PutObject", result="Passed", message="m"),),
)


def store(
    name: str = "data", namespace: str = "ns", *, status: BucketStoreStatus = VERIFIED, minutes: int = 0, **spec: Any
) -> BucketStore:
    return BucketStore(
        metadata=ObjectMeta(name=name, namespace=namespace, uid=f"uid-{name}", generation=1, creation_timestamp=T0 + timedelta(minutes=minutes)),
        spec=BucketStoreSpec(provider="S3", credentials=Credentials(source="Ambient"), **spec),
        status=status,
    )  # fmt: skip


def team(name: str = "team", namespace: str = "ns", *, bucket: str = "data", of: str | None = None, minutes: int = 0, spec: Mapping[str, Any] | None = None, status: TeamStorageStatus | None = None, **metadata: Any) -> TeamStorage:  # fmt: skip
    given = {
        "finalizers": (names.FINALIZER,),
        "generation": 1,
        "uid": f"uid-{name}",
        "creation_timestamp": T0 + timedelta(minutes=minutes),
    }
    return TeamStorage(
        metadata=ObjectMeta(name=name, namespace=namespace, **(given | metadata)),
        spec=TeamStorageSpec(bucket_store_ref=ObjectReference(name=bucket, namespace=of), **(spec or {})),
        status=status or TeamStorageStatus(),
    )


def admits(grant: NamespaceGrant, owner: str, user: str) -> bool:
    return grants.granted(grant, owner=owner, user=user, labels=None)


def found(
    of: WandbInstance, stores: list[BucketStore], teams: list[TeamStorage], *, instances: tuple[str, ...] = ("wandb",)
) -> list[tuple[str, list[str]]]:
    uses = attachments.uses(of, instances=instances, stores=stores, teams=teams, admits=admits)
    return [(use.store.metadata.name, [each.metadata.name for each in use.teams]) for use in uses]


ELSEWHERE = ObjectReference(name="wandb", namespace="ns")


@pytest.mark.parametrize(
    ("given", "instances", "attached"),
    [
        (store(), ("wandb",), True),
        (store(), ("wandb", "second"), False),
        (store(instance_ref=ObjectReference(name="wandb")), ("wandb", "second"), True),
        (store(instance_ref=ObjectReference(name="second")), ("wandb", "second"), False),
        (store(namespace="other"), ("wandb",), False),
        (store(namespace="other", instance_ref=ELSEWHERE), ("wandb",), False),
        (store(status=structs.replace(VERIFIED, bucket=BucketStatus(created=True, adopted=False, identity="i"), instance_ref=ObjectReference(name="first", namespace="ns"))), ("wandb",), False),
    ],
    ids=["the only instance", "two instances and no reference", "named", "another is named", "another namespace, no reference", "not admitted", "in place for another"],
)  # fmt: skip
def test_a_bucket_goes_where_its_own_reference_leads(
    given: BucketStore, instances: tuple[str, ...], attached: bool
) -> None:
    assert bool(found(instance(), [given], [team()], instances=instances)) is attached


def test_both_owners_must_admit() -> None:
    """The instance admits the BucketStore's namespace, the BucketStore the TeamStorage's."""
    theirs = store(namespace="other", instance_ref=ELSEWHERE)
    users = [team("inside", "other"), team("outside", "third", of="other")]
    assert found(instance(), [theirs], users) == []
    assert found(instance(allowed_namespaces=ALL), [theirs], users) == [("data", ["inside"])]
    opened = structs.replace(theirs, spec=structs.replace(theirs.spec, allowed_namespaces=ALL))
    assert found(instance(allowed_namespaces=ALL), [opened], users) == [("data", ["inside", "outside"])]


@pytest.mark.parametrize(
    ("path", "configured", "gives_way"),
    [(None, False, True), ("wandb", False, True), ("wandb/teams/a", False, False), ("apart", False, False), ("wandb", True, False)],
    ids=["the whole bucket", "the instance's path", "below it", "apart", "in W&B already"],
)  # fmt: skip
def test_a_team_around_the_instances_own_files_brings_nothing_in(
    path: str | None, *, configured: bool, gives_way: bool
) -> None:
    """Also before its own look has told it so: both would come into W&B by one rollout."""
    status = TeamStorageStatus(conditions=(condition("Configured"),) if configured else ())
    mine = instance(storage=InstanceStorage(bucket_store_ref=LocalReference(name="data"), path="wandb"))
    users = [team(spec={"path": path}, status=status)]
    (use,) = attachments.uses(mine, instances=("wandb",), stores=[store()], teams=users, admits=admits)
    assert use.giving_way == (frozenset({"uid-team"}) if gives_way else frozenset())
    assert attachments.asks(use, users[0]) is not gives_way


def test_the_oldest_comes_first() -> None:
    """The order in which new entries are appended does not depend on the order of a list."""
    assert [name for name, _ in found(instance(), [store("b", minutes=1), store("a", minutes=2), store("c")], [])] == [
        "c",
        "b",
        "a",
    ]


def use(of: BucketStore | None = None, *teams: TeamStorage, **rest: Any) -> Use:
    return Use(store=of or store(), teams=teams or (team(),), **rest)


REFUSED = TeamStorageStatus(conditions=(condition("Accepted", "False", "TeamConflict"),))
UNPROVED = structs.replace(
    VERIFIED, checks=(*VERIFIED.checks, Check(name="PutObject", result="Failed", message="m", path="bad"))
)
STALE = structs.replace(VERIFIED, observed_generation=0)
BROKEN = structs.replace(VERIFIED, conditions=(condition("Accepted"), condition("Reachable", "False", "Unreachable")))


@pytest.mark.parametrize(
    ("given", "enters", "waits"),
    [
        (use(), True, False),
        (use(store(status=BucketStoreStatus())), False, True),
        (use(store(status=STALE)), False, True),
        (use(store(status=BROKEN)), False, False),
        (use(store(status=UNPROVED), team(spec={"path": "bad"})), False, False),
        (use(store(status=UNPROVED), team(spec={"path": "bad"}), team("good")), True, False),
        (use(None, team(spec={"path": "new"})), False, True),
        (use(None, team(finalizers=())), False, True),
        (use(None, team(finalizers=(), status=REFUSED)), False, False),
        (use(None, team(deletion_timestamp=T0)), False, False),
        (use(None, team(annotations={names.PAUSED: "true"})), False, False),
        (use(None, team(spec={"create_team": CreateTeam(members=("m",))})), False, False),
        (use(None, team(), giving_way=frozenset({"uid-team"})), False, False),
        (Use(store=store(), teams=()), False, False),
        (Use(store=store(status=BucketStoreStatus()), teams=()), False, True),
    ],
    ids=["verified", "not looked at", "edited since", "broken", "its path failed", "another team's path failed", "path not looked at", "not held yet",
         "refused by its own look", "being deleted", "paused", "asks for what is not built", "in conflict", "no team", "no team, not looked at"],
)  # fmt: skip
def test_what_enters_and_what_makes_others_wait(given: Use, enters: bool, waits: bool) -> None:
    """Only what is verified enters; only what has no verdict yet makes others wait, never what is broken."""
    assert (attachments.usable_since(given) is not None) is enters
    assert attachments.progressing(given) is waits


def test_a_bucket_that_is_being_deleted_neither_enters_nor_makes_others_wait() -> None:
    going = store(status=BucketStoreStatus())
    going = structs.replace(going, metadata=structs.replace(going.metadata, deletion_timestamp=T0))
    assert attachments.usable_since(use(going)) is None
    assert attachments.progressing(use(going)) is False


def test_it_could_enter_since_the_last_of_what_it_needs() -> None:
    """The first of its teams, or the verdict, whichever came later."""
    late = structs.replace(VERIFIED, conditions=tuple(condition(each.type, minutes=5) for each in VERIFIED.conditions))
    assert attachments.usable_since(use(None, team(minutes=3), team("b", minutes=9))) == T0 + timedelta(minutes=3)
    assert attachments.usable_since(use(store(status=late), team(minutes=3))) == T0 + timedelta(minutes=5)


def test_of_two_on_one_bucket_the_one_that_is_in_stays() -> None:
    first, second = (Attached(identity="i", uid=uid, address=uid) for uid in ("a", "b"))
    assert [each.uid for each in attachments.holder_of_each([first, second], provenance={})] == ["a"]
    assert [each.uid for each in attachments.holder_of_each([first, second], provenance={"i": "b"})] == ["b"]
