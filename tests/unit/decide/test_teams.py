"""Whose path lies inside whose, and who gives way."""

from typing import Any

import pytest

from unit.resources import as_team, condition, team_storage
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
    return {names[uid]: winner.team.metadata.name for uid, winner in teams.conflicts(claims).items()}


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
