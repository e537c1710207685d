"""What becomes of an object that is being deleted."""

from typing import Any

import pytest

from unit.resources import as_store, as_team, bucket_store, team_storage
from wandb_byob.decide import deletion
from wandb_byob.decide.deletion import Fate
from wandb_byob.model import names

GOING = {"deletionTimestamp": "2026-11-22T12:00:00Z"}
CONFIRMED = {names.CONFIRM_DELETE: "ml"}
RELEASED = {names.RELEASE: "ml"}


@pytest.mark.parametrize(
    ("annotations", "in_variable", "stays", "fate"),
    [
        ({}, False, False, Fate.LET_GO),
        ({}, True, False, Fate.HOLD),
        ({}, True, True, Fate.HOLD),
        (RELEASED, True, False, Fate.LET_GO),
        (CONFIRMED, True, False, Fate.REMOVE),
        (CONFIRMED, True, True, Fate.LET_GO),
        (CONFIRMED, False, False, Fate.LET_GO),
        ({names.CONFIRM_DELETE: "another"}, True, False, Fate.HOLD),
        ({names.RELEASE: "true"}, True, False, Fate.HOLD),
        (RELEASED | CONFIRMED, True, False, Fate.LET_GO),
    ],
)
def test_team_deletion(annotations: dict[str, str], fate: Fate, *, in_variable: bool, stays: bool) -> None:
    """Held while W&B has the bucket; only the team's own name confirms or releases."""
    team = as_team(team_storage("ml", annotations=annotations, **GOING))
    decision = deletion.team_deletion(team, in_variable=in_variable, stays=stays)
    assert decision.fate is fate
    assert bool(decision.message) == (fate is Fate.HOLD)


@pytest.mark.parametrize(
    ("annotations", "fate"), [({}, Fate.HOLD), (CONFIRMED, Fate.HOLD), ({names.CONFIRM_DELETE: "x"}, Fate.HOLD), (RELEASED, Fate.LET_GO)]
)  # fmt: skip
def test_without_its_wandb_instance_only_release_lets_go(annotations: dict[str, str], fate: Fate) -> None:
    """W&B still runs with the storage, and nobody is there who could take it out."""
    team = as_team(team_storage("ml", annotations=annotations, **GOING))
    decision = deletion.team_deletion(team, in_variable=True, stays=True, orphaned=True)
    assert decision.fate is fate
    assert ("Create the WandbInstance again" in decision.message) == (fate is Fate.HOLD)


def test_an_annotation_with_another_name_is_told_to_mean_nothing() -> None:
    team = as_team(team_storage("ml", annotations={names.CONFIRM_DELETE: "other"}, **GOING))
    told = deletion.team_deletion(team, in_variable=True, stays=False).message
    assert 'The annotation byob.wandb.com/confirm-delete does not hold "ml"' in told


def test_the_annotations_hold_the_teams_name_not_the_objects() -> None:
    """`spec.team` is what must be written, and the message says so."""
    team = as_team(team_storage("ml", spec={"team": "Research"}, annotations=CONFIRMED, **GOING))
    decision = deletion.team_deletion(team, in_variable=True, stays=False)
    assert decision.fate is Fate.HOLD
    assert 'byob.wandb.com/confirm-delete: "Research"' in decision.message
    assert 'byob.wandb.com/release: "Research"' in decision.message


def test_only_a_deleted_team_is_confirmed() -> None:
    """The annotation alone, set in advance, removes nothing."""
    assert not deletion.confirmed(as_team(team_storage("ml", annotations=CONFIRMED)))
    assert deletion.confirmed(as_team(team_storage("ml", annotations=CONFIRMED, **GOING)))


DELETE = {"deletionPolicy": "Delete"}
CONFIRM = {names.CONFIRM_DELETE: "data"}
RELEASE = {names.RELEASE: "data"}


@pytest.mark.parametrize(
    ("spec", "annotations", "referring", "in_variable", "fate"),
    [
        ({}, {}, [], False, Fate.LET_GO),
        ({}, {}, ["ml"], False, Fate.HOLD),
        ({}, {}, [], True, Fate.HOLD),
        ({}, CONFIRM, ["ml"], True, Fate.LET_GO),
        ({}, RELEASE, ["ml"], True, Fate.LET_GO),
        (DELETE, {}, [], False, Fate.REMOVE),
        (DELETE, {}, ["ml"], False, Fate.HOLD),
        (DELETE, CONFIRM, ["ml"], False, Fate.REMOVE),
        (DELETE, CONFIRM, [], True, Fate.HOLD),
        (DELETE, RELEASE, [], True, Fate.LET_GO),
        (DELETE | {"managementPolicy": "Observe"}, {}, [], False, Fate.LET_GO),
        ({}, {names.CONFIRM_DELETE: "true"}, ["ml"], False, Fate.HOLD),
    ],
)
def test_store_deletion(
    spec: dict[str, Any], annotations: dict[str, str], referring: list[str], fate: Fate, *, in_variable: bool
) -> None:
    """Held while it is used; a bucket that W&B is configured with is never deleted; Observe deletes nothing."""
    store = as_store(bucket_store("data", spec=spec, annotations=annotations, **GOING))
    decision = deletion.store_deletion(store, referring=referring, in_variable=in_variable)
    assert decision.fate is fate
    assert ("byob.wandb.com/release" in decision.message) == (fate is Fate.HOLD)


KEEPER = "Deployment wandb-app"


@pytest.mark.parametrize(
    ("spec", "annotations", "referring", "fate", "words"),
    [
        ({}, {}, [], Fate.HOLD, "This BucketStore is still needed: Deployment wandb-app keeps W&B's own files in this bucket. Give W&B another bucket first"),
        ({}, {}, ["ml"], Fate.HOLD, "TeamStorages use it (ml)"),
        ({}, CONFIRM, [], Fate.LET_GO, ""),
        ({}, RELEASE, [], Fate.LET_GO, ""),
        (DELETE, {}, [], Fate.HOLD, "Deployment wandb-app keeps W&B's own files in this bucket, so that it cannot be deleted."),
        (DELETE, CONFIRM, [], Fate.HOLD, "so that it cannot be deleted. Give W&B another bucket first"),
        (DELETE, RELEASE, [], Fate.LET_GO, ""),
        (DELETE | {"managementPolicy": "Observe"}, CONFIRM, [], Fate.LET_GO, ""),
    ],
    ids=["Retain", "teams are named first", "confirmed", "released", "Delete", "Delete, confirmed", "Delete, released", "Observe deletes nothing"],
)  # fmt: skip
def test_a_bucket_that_wandb_keeps_its_own_files_in(
    spec: dict[str, Any], annotations: dict[str, str], referring: list[str], fate: Fate, words: str
) -> None:
    """It is held like one in the variable; no annotation has it deleted."""
    store = as_store(bucket_store("data", spec=spec, annotations=annotations, **GOING))
    decision = deletion.store_deletion(store, referring=referring, in_variable=False, keeper=KEEPER)
    assert decision.fate is fate
    assert words in decision.message


def test_many_users_are_counted_not_listed() -> None:
    """A message stays readable with a hundred teams."""
    store = as_store(bucket_store("data", **GOING))
    message = deletion.store_deletion(store, referring=[f"t{n}" for n in range(100)], in_variable=False).message
    assert "t4 and 95 more" in message
    assert "t5" not in message
