"""Whose path lies inside whose, and who gives way."""

from typing import Any

import pytest

from unit.resources import as_instance, as_store, as_team, bucket_store, condition, team_storage, wandb_instance
from wandb_byob.decide import teams
from wandb_byob.decide.teams import Claim
from wandb_byob.model.reasons import Reason

BUCKET = "s3://amazonaws.com/data"
CONFIGURED = {"conditions": [condition("Configured")]}


def _claim(
    name: str, path: str, *, identity: str = BUCKET, allow: bool = False, configured: bool = False, **metadata: Any
) -> Claim:
    spec = {"pathOverlap": "Allow"} if allow else {}
    body = team_storage(name, spec=spec, status=CONFIGURED if configured else None, **metadata)
    return Claim(identity=identity, path=path, team=as_team(body))


def _lost(*claims: Claim) -> dict[str, str]:
    """Losers and whom they give way to, by name."""
    names = {claim.team.metadata.uid: claim.team.metadata.name for claim in claims}
    lost = teams.conflicts(claims).items()
    return {names[uid]: winner.team.metadata.name for uid, winner in lost if isinstance(winner, Claim)}


@pytest.mark.parametrize(
    ("one", "other", "overlaps"),
    [
        ("", "", True),
        ("", "team-a", True),
        ("team-a", "team-a", True),
        ("team-a", "team-a/sub", True),
        ("team-a", "team-ab", False),
        ("teams/a", "teams/b", False),
        ("teams/a", "teams", True),
        ("Teams/a", "teams/a", False),
        ("a/b/c", "a/b/d", False),
    ],
)
def test_overlap(one: str, other: str, *, overlaps: bool) -> None:
    """By path segment and by case, as object keys are compared; the root contains everything."""
    assert teams.overlap(one, other) is overlaps
    assert teams.overlap(other, one) is overlaps
    expected = {"b": "a"} if overlaps else {}
    assert _lost(_claim("a", one), _claim("b", other)) == expected, "conflicts() means the same"


LATER = {"creationTimestamp": "2026-11-22T11:00:00Z"}


@pytest.mark.parametrize(
    ("first", "second", "lost"),
    [
        (_claim("z", "p"), _claim("a", "p", **LATER), {"a": "z"}),
        (_claim("z", "p"), _claim("a", "p", configured=True, **LATER), {"z": "a"}),
        (_claim("b", "p"), _claim("a", "p"), {"b": "a"}),
        (_claim("a", "p", namespace="z"), _claim("b", "p", namespace="y"), {"a": "b"}),
        (_claim("a", "p"), _claim("b", "p", identity="s3://amazonaws.com/other"), {}),
        (_claim("a", "p", allow=True), _claim("b", "p", allow=True), {}),
        (_claim("a", "p", allow=True), _claim("b", "p"), {"b": "a"}),
        (_claim("a", "p"), _claim("b", "p", allow=True), {"b": "a"}),
    ],
)
def test_who_gives_way(first: Claim, second: Claim, lost: dict[str, str]) -> None:
    """Already configured, then older, then namespace and name; Allow counts only where both say so."""
    assert _lost(first, second) == lost
    assert _lost(second, first) == lost


def test_one_that_does_not_stand_keeps_nobody_away() -> None:
    """`teams/b` gives way to `teams`; so `teams/b/x`, which would give way to it alone... gives way to `teams` as well, `other` stands."""
    claims = [_claim("a", "teams"), _claim("b", ""), _claim("c", "other")]
    assert _lost(*claims) == {"b": "a"}, "c overlaps only with b, which has no place"


def test_allow_beside_one_that_refuses() -> None:
    """Two that allow share; a third that refuses gives way, and keeps neither away."""
    claims = [_claim("a", "p", allow=True), _claim("b", "p/x", allow=True), _claim("c", "p/x/y")]
    assert _lost(*claims) == {"c": "a"}


def test_thousands_of_teams_on_one_bucket_are_compared_quickly() -> None:
    """The cost is that of the paths' depth, not of every pair: 5,000 claims are a matter of moments."""
    claims = [_claim(f"t{number}", f"teams/t{number}") for number in range(5000)]
    assert teams.conflicts([*claims, _claim("zz", "teams/t77/sub")]) != {}


def test_a_winner_in_the_same_namespace_is_named() -> None:
    """The message names the other TeamStorage, both paths and the fields."""
    error = teams.path_conflict(_claim("b", "teams/x"), _claim("a", "teams"))
    assert error.reason is Reason.PATH_CONFLICT
    for words in ("TeamStorage a", "path teams/x", "spec.path", "pathOverlap", "made first"):
        assert words in error.message


def test_a_winner_in_another_namespace_is_not_named() -> None:
    """Neither its name nor its namespace nor its path."""
    error = teams.path_conflict(_claim("b", "x"), _claim("secretive", "x/hidden", namespace="other-ns"))
    for words in ("secretive", "other-ns", "hidden"):
        assert words not in error.message


@pytest.mark.parametrize(
    ("team", "own", "lost"),
    [
        (_claim("a", "wandb"), "wandb", True),
        (_claim("a", ""), "wandb", True),
        (_claim("a", ""), "", True),
        (_claim("a", "x"), "x/y/z", True),
        (_claim("a", "wandb", allow=True), "wandb", True),
        (_claim("a", "wandb/teams/a"), "wandb", False),
        (_claim("a", "teams/a"), "", False),
        (_claim("a", "wandb-2"), "wandb", False),
        (_claim("a", "apart"), "wandb", False),
        (_claim("a", "wandb", configured=True), "wandb", False),
        (_claim("a", "wandb", identity="s3://amazonaws.com/other"), "wandb", False),
    ],
    ids=["the same path", "above it", "both at the root", "far above it", "Allow is a word to teams alone", "below it", "below the root", "beside it by segment", "apart", "configured already",
         "another bucket"],
)  # fmt: skip
def test_a_team_gives_way_to_the_instances_own_files(team: Claim, own: str, *, lost: bool) -> None:
    """Where these would lie among the team's; W&B lets a team have a path below the instance's."""
    mine = teams.Own(identity=BUCKET, path=own, namespace="team-a")
    found = teams.conflicts([team], [mine])
    assert found == ({team.team.metadata.uid: mine} if lost else {})


def test_one_that_gives_way_to_the_instance_keeps_no_team_away() -> None:
    above, below = _claim("a", ""), _claim("b", "teams/b", **LATER)
    assert _lost(above, below) == {"b": "a"}
    mine = teams.Own(identity=BUCKET, path="wandb", namespace="team-a")
    assert set(teams.conflicts([above, below], [mine])) == {above.team.metadata.uid}


@pytest.mark.parametrize(
    ("spec", "status", "own"),
    [
        ({}, {}, []),
        ({"storage": {"bucketStoreRef": {"name": "data"}, "path": "w"}}, {}, ["w"]),
        ({"storage": {"bucketStoreRef": {"name": "data"}}}, {}, [""]),
        ({"storage": {"bucketStoreRef": {"name": "other"}, "path": "w"}}, {}, []),
        ({}, {"identity": BUCKET, "path": "old"}, ["old"]),
        ({}, {"identity": BUCKET}, [""]),
        ({}, {"identity": "s3://amazonaws.com/other"}, []),
        ({"storage": {"bucketStoreRef": {"name": "data"}, "path": "w"}}, {"identity": BUCKET, "path": "w"}, ["w"]),
        ({"storage": {"bucketStoreRef": {"name": "data"}, "path": "w"}}, {"identity": BUCKET, "path": "old"}, ["w", "old"]),
    ],
    ids=["none", "asked for", "asked for, the whole bucket", "another BucketStore", "what W&B has", "what W&B has, at the root", "W&B has another bucket", "the same twice", "it waits to be changed"],
)  # fmt: skip
def test_where_the_instances_own_files_lie(spec: dict[str, Any], status: dict[str, Any], own: list[str]) -> None:
    """By spec.storage, and by what W&B has: a change that is refused leaves the files where they are."""
    there = {"storage": {"address": "s3://***", "source": "Kept", **status}} if status else {}
    instance = as_instance(wandb_instance(spec=spec, status=there))
    found = teams.own_claims(as_store(bucket_store("data")), instance, identity=BUCKET)
    assert [each.path for each in found] == own


@pytest.mark.parametrize(("namespace", "named"), [("team-a", True), ("other-ns", False)])
def test_where_the_instance_has_its_files_is_told_to_its_own_namespace(namespace: str, *, named: bool) -> None:
    own = teams.Own(identity=BUCKET, path="hidden/w", namespace=namespace)
    error = teams.path_conflict(_claim("a", ""), own)
    assert error.reason is Reason.PATH_CONFLICT
    assert "This team cannot have the whole bucket, because W&B keeps the instance's own files there" in error.message
    assert "Set spec.path to one that lies below or apart." in error.message
    assert ("hidden/w" in error.message) is named
