"""Which origins the operator has let into a storage account's CORS rules, for which container, and which it takes out again.

The rules are the account's, and have no names. So each container's metadata record what was let in for it; an origin goes when the
containers that needed it need it no more. What was let in before, by whomever, is recorded as that, and stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wandb_byob.decide.clouds import cors
from wandb_byob.decide.clouds.cors import CorsRule
from wandb_byob.decide.probing.browsers import METHODS

ORIGINS_METADATA: Final = "wandbbyoborigins"
BLOB_TYPE: Final = "x-ms-blob-type"
"""The header without which Azure takes no PUT of a file."""
MOST_RULES: Final = 5
_BEFORE: Final = "!"
_LONGEST: Final = 4096
"""Azure takes 8 KiB of metadata, and others have theirs."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """The origins that a container needs: `ours` the operator has let in, `before` were let in already, and are nobody's to take out."""

    ours: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    @property
    def origins(self) -> tuple[str, ...]:
        """Return all of them."""
        return (*self.ours, *self.before)


@dataclass(frozen=True, kw_only=True)
class Letting:
    """What is to become of the rules; `first` is recorded before they are written, so that nothing is let in unrecorded, `last` after that."""

    rules: tuple[CorsRule, ...]
    first: Record
    last: Record


def recorded(metadata: Mapping[str, str]) -> Record:
    """Return what a container's metadata record; HTTP knows no case of names."""
    text = next((value for key, value in metadata.items() if key.lower() == ORIGINS_METADATA), "")
    listed = text.split()
    return Record(
        ours=tuple(each for each in listed if not each.startswith(_BEFORE)),
        before=tuple(each.removeprefix(_BEFORE) for each in listed if each.startswith(_BEFORE)),
    )


def with_record(metadata: Mapping[str, str], record: Record) -> Mapping[str, str]:
    """Return metadata with this record; what is too long to record counts as let in before, and is never taken out."""
    others = {key: value for key, value in metadata.items() if key.lower() != ORIGINS_METADATA}
    text = " ".join((*record.ours, *(f"{_BEFORE}{each}" for each in record.before)))
    if len(text) > _LONGEST:
        return {**others, ORIGINS_METADATA: f"{_BEFORE}*"}
    return {**others, ORIGINS_METADATA: text} if text else others


def union(records: Iterable[Record]) -> Record:
    """Return what containers need together."""
    found = tuple(records)
    return Record(
        ours=tuple(dict.fromkeys(origin for each in found for origin in each.ours)),
        before=tuple(dict.fromkeys(origin for each in found for origin in each.before)),
    )


def rule(origins: Sequence[str]) -> CorsRule:
    """Return the CORS rule that W&B needs, as its page writes it but for these origins alone."""
    return {
        "AllowedOrigins": list(origins),
        "AllowedMethods": list(METHODS),
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["*"],
        "MaxAgeSeconds": cors.MAX_AGE_SECONDS,
    }


def cors_problems(rules: Sequence[CorsRule], origins: Sequence[str]) -> tuple[str, ...]:
    """Return what a browser at each origin could not do; nothing if the rules are enough."""
    return cors.problems(rules, origins, put_headers=(BLOB_TYPE,))


def merged(rules: Sequence[CorsRule], origins: Sequence[str]) -> tuple[CorsRule, ...]:
    """Return the rules with these origins let in, first, since Azure applies the first rule that matches; else the very same.

    One that is like ours but for its origins serves all W&Bs of the account and gets these as well.
    """
    if not cors_problems(rules, origins):
        return tuple(rules)
    ours = _ours(rules)
    known = ours["AllowedOrigins"] if ours is not None else ()
    return (rule(list(dict.fromkeys((*known, *origins)))), *(entry for entry in rules if entry is not ours))


def _ours(rules: Sequence[CorsRule]) -> CorsRule | None:
    return next((entry for entry in rules if entry == rule(entry["AllowedOrigins"])), None)


def _without(rules: Sequence[CorsRule], origins: Sequence[str]) -> tuple[CorsRule, ...]:
    ours = _ours(rules)
    if ours is None:
        return tuple(rules)
    left = [origin for origin in ours["AllowedOrigins"] if origin not in origins]
    changed = (rule(left) if entry is ours else entry for entry in rules)
    return tuple(entry for entry in changed if entry["AllowedOrigins"])


def needs_others(rules: Sequence[CorsRule], record: Record, *, origins: Sequence[str], lets_in: Sequence[str]) -> bool:
    """Say whether what other containers record matters: for an origin that leaves, and for one that is there and nobody has recorded yet."""
    return bool(_stale(record, origins) or _found(rules, record, lets_in))


def letting(
    rules: Sequence[CorsRule],
    record: Record,
    *,
    origins: Sequence[str],
    lets_in: Sequence[str],
    others: Record | None = None,
) -> Letting:
    """Return what becomes of the rules for a container that needs `origins`, of which `lets_in` may be let in.

    `others` is what all other containers of the account record; None: that is not known, and nothing is taken out.
    """
    stale = _stale(record, origins)
    leaving = [each for each in stale if others is not None and each not in others.origins]
    narrowed = _without(rules, leaving)
    after = merged(narrowed, lets_in)
    if len(after) > MOST_RULES:
        after = narrowed
    found = _found(rules, record, lets_in)
    added = [each for each in lets_in if cors_problems(rules, [each]) and not cors_problems(after, [each])]
    shared = [each for each in found if others is not None and each in others.ours]
    ours = dict.fromkeys((*record.ours, *added, *shared))
    known = (*record.before, *found) if "*" not in record.before else record.before
    before = tuple(dict.fromkeys(each for each in known if each not in ours and (each == "*" or each in origins)))
    return Letting(
        rules=after,
        first=Record(ours=tuple(ours), before=before),
        last=Record(ours=tuple(each for each in ours if each not in leaving), before=before),
    )


def _stale(record: Record, origins: Sequence[str]) -> list[str]:
    return [each for each in record.ours if each not in origins]


def _found(rules: Sequence[CorsRule], record: Record, lets_in: Sequence[str]) -> list[str]:
    """Return the origins that the rules let in already, and that the container has not recorded."""
    if "*" in record.before:
        return []
    return [each for each in lets_in if each not in record.origins and not cors_problems(rules, [each])]
