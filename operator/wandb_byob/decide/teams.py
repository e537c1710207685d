"""Who lies where in a bucket: teams beside each other, and the instance's own files; whose paths lie inside whose, and who has to give way."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from wandb_byob.decide import references
from wandb_byob.decide.conditions import ConditionType, is_true
from wandb_byob.model.api import BucketStore, ObjectMeta, TeamStorage, WandbInstance
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One TeamStorage's claim to a path ("" = the whole bucket) of the bucket with this identity."""

    identity: str
    path: str
    team: TeamStorage


@dataclass(frozen=True, kw_only=True)
class Own:
    """The instance's own claim to a path ("": its files begin at the root) of the bucket with this identity; `namespace` is W&B's."""

    identity: str
    path: str
    namespace: str


def own_claims(store: BucketStore, instance: WandbInstance, *, identity: str) -> tuple[Own, ...]:
    """Return where in this bucket the instance's own files lie, and where they are to lie: while that waits, these may be two places."""
    there = instance.status.storage
    kept = there.path or "" if there is not None and there.identity == identity else None
    asked = references.storage_path(store, instance)
    paths = dict.fromkeys(path for path in (asked, kept) if path is not None)
    return tuple(Own(identity=identity, path=path, namespace=instance.metadata.namespace) for path in paths)


def overlap(one: str, other: str) -> bool:
    """Say whether two paths are the same or one lies inside the other, by path segment (`team-a` and `team-ab` are apart)."""
    shorter, longer = sorted((segments(one), segments(other)), key=len)
    return longer[: len(shorter)] == shorter


def segments(path: str) -> tuple[str, ...]:
    """Return the segments of a path; stray slashes make none."""
    return tuple(segment for segment in path.split("/") if segment)


def rank(team: TeamStorage) -> tuple[bool, float, str, str]:
    """Return the order in which claims win: already configured, then older, then by namespace and name."""
    configured = is_true(team.status.conditions, ConditionType.CONFIGURED)
    return (not configured, created(team.metadata), team.metadata.namespace, team.metadata.name)


def created(metadata: ObjectMeta) -> float:
    """Return the time of creation as Unix seconds; an object without one (a manifest on disk) comes last."""
    return metadata.creation_timestamp.timestamp() if metadata.creation_timestamp else float("inf")


def conflicts(claims: Iterable[Claim], own: Sequence[Own] = ()) -> dict[str, Claim | Own]:
    """Return each claim that has to give way (its TeamStorage's uid) and a standing claim that it gives way to.

    Taken in order of rank, so that a claim which does not stand itself keeps no other away. `pathOverlap: Allow` counts
    only where both sides say so: nobody can let himself into another team's files. A team gives way to the instance's `own`
    files where these would lie among its own, and not where it lies below them; one that is configured has its place already.
    """
    everyone, refusing = _Ground(), _Ground()
    lost: dict[str, Claim | Own] = {}
    for claim in sorted(claims, key=lambda claim: rank(claim.team)):
        allows = claim.team.spec.path_overlap == "Allow"
        winner = _around(claim, own) or (refusing if allows else everyone).overlapping(claim)
        if winner is not None:
            lost[claim.team.metadata.uid] = winner
            continue
        everyone.take(claim)
        if not allows:
            refusing.take(claim)
    return lost


def _around(claim: Claim, own: Sequence[Own]) -> Own | None:
    if is_true(claim.team.status.conditions, ConditionType.CONFIGURED):
        return None
    return next((each for each in own if each.identity == claim.identity and covers(claim.path, each.path)), None)


@dataclass(frozen=True)
class _Ground:
    """Standing claims by their path and by every path above it: a look costs the path's depth, however many teams there are."""

    at: dict[tuple[str, ...], Claim] = field(default_factory=dict)
    below: dict[tuple[str, ...], Claim] = field(default_factory=dict)

    def take(self, claim: Claim) -> None:
        *above, place = _places(claim)
        self.at.setdefault(place, claim)
        for higher in (*above, place):
            self.below.setdefault(higher, claim)

    def overlapping(self, claim: Claim) -> Claim | None:
        *above, place = _places(claim)
        return next((self.at[higher] for higher in above if higher in self.at), self.below.get(place))


def _places(claim: Claim) -> Iterator[tuple[str, ...]]:
    whole = (claim.identity, *segments(claim.path))
    return (whole[:length] for length in range(1, len(whole) + 1))


def covers(path: str, other: str) -> bool:
    """Say whether a path is the other one, or lies above it."""
    above = segments(path)
    return segments(other)[: len(above)] == above


def storage_conflict(path: str, team: TeamStorage) -> Stalled:
    """Return the refusal of a path for the instance's own files, which would lie among a team's."""
    place = team.spec.path or ""
    here = f"path {place}" if place else "the whole bucket"
    own = f"under path {path}" if path else "at the bucket's root"
    return Stalled(
        Reason.PATH_CONFLICT,
        f"The instance's own files cannot lie {own}, because TeamStorage {team.metadata.name} has {here}. Set spec.storage.path to one "
        "that lies apart, or use another bucket.",
    )


def _within_own(claim: Claim, winner: Own) -> Stalled:
    here = f"path {claim.path}" if claim.path else "the whole bucket"
    known = winner.namespace == claim.team.metadata.namespace
    place = f" under path {winner.path}" if winner.path else " from the bucket's root on"
    return Stalled(
        Reason.PATH_CONFLICT,
        f"This team cannot have {here}, because W&B keeps the instance's own files there{place if known else ''}, and those would lie "
        "among the team's. Set spec.path to one that lies below or apart.",
    )


def path_conflict(claim: Claim, winner: Claim | Own) -> Stalled:
    """Return the refusal of a claim; a winner in another namespace stays unnamed."""
    if isinstance(winner, Own):
        return _within_own(claim, winner)
    mine, theirs = claim.team.metadata, winner.team.metadata
    here = f"path {claim.path}" if claim.path else "the whole bucket"
    if theirs.namespace == mine.namespace:
        who = f"TeamStorage {theirs.name} has " + (f"path {winner.path}" if winner.path else "the whole bucket")
    else:
        who = "a team of another namespace has it, or a path above or below it"
    return Stalled(
        Reason.PATH_CONFLICT,
        f"This team cannot have {here}, because {who}, and files of two teams must not lie inside each other: the one that W&B is "
        "configured with stays, else the one that was made first. Set spec.path to one that lies apart; where both teams already "
        "exist so in W&B, set spec.pathOverlap: Allow on both.",
    )
