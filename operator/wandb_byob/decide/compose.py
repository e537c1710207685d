"""What the variable shall hold: the entries that are in it, those of verified buckets, and nothing lost on the way.

An entry's identity is the bucket, so that several teams on one bucket need one entry and a rotated key replaces it in
place. An entry that nobody of ours wrote is kept byte for byte. Nothing is removed because something was not found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wandb_byob.decide import address_lists, addresses
from wandb_byob.decide.addresses import Address
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

LIMIT_BYTES: Final = 120 * 1024
"""Linux takes at most 128 KiB for one variable, its name included: execve fails beyond, and every pod crash-loops."""
WARNING_BYTES: Final = LIMIT_BYTES * 3 // 4


class Source(StrEnum):
    """Where an entry comes from, as `status.entries` says it."""

    BUCKET_STORE = "BucketStore"
    KEPT = "Kept"
    SHARED = "Shared"


KEPT: Final = "kept"
SHARED: Final = "shared"


@dataclass(frozen=True, kw_only=True, repr=False)
class Entry:
    """One entry of the variable; `text` may hold credentials. `uid` is the BucketStore's it was written for."""

    text: str
    identity: str | None
    source: Source
    uid: str = ""

    @property
    def provenance(self) -> str:
        """Return what `provenance.json` says of it."""
        return {Source.BUCKET_STORE: self.uid, Source.SHARED: SHARED, Source.KEPT: KEPT}[self.source]


@dataclass(frozen=True, kw_only=True, repr=False)
class Attached:
    """A verified bucket that a team uses: its address with credentials, and the BucketStore it comes from.

    `identity` is the entry's: that of the bucket, or the shared `cw://` of buckets on CoreWeave without keys.
    """

    identity: str
    uid: str
    address: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Composition:
    """The whole variable, in order."""

    entries: tuple[Entry, ...]
    separator: str = ","

    @property
    def value(self) -> str:
        """Return the variable's value; raises ValueError where an entry holds the separator."""
        return address_lists.join((entry.text for entry in self.entries), self.separator)

    @property
    def provenance(self) -> dict[str, str]:
        """Return identity → BucketStore UID, `kept` or `shared`."""
        return {entry.identity: entry.provenance for entry in reversed(self.entries) if entry.identity is not None}


def entry_identity(bucket: str, shown: str | None) -> str:
    """Return which entry leads W&B to a bucket: its own, or the shared `cw://` where that is all its address (redacted or not) says."""
    return addresses.COREWEAVE_SHARED if shown == addresses.COREWEAVE_SHARED else bucket


def read(value: str | None, *, provenance: Mapping[str, str], separator: str) -> tuple[Entry, ...]:
    """Return the entries of a value that is there; what `provenance` does not know was written by somebody else."""
    texts = address_lists.split(value or "", separator)
    return tuple(
        _known(text, identity, provenance)
        for text, identity in zip(texts, address_lists.identities(texts), strict=True)
    )


def _known(text: str, identity: str | None, provenance: Mapping[str, str]) -> Entry:
    origin = provenance.get(identity or "", KEPT)
    if origin == KEPT:
        return Entry(text=text, identity=identity, source=Source.KEPT)
    if origin == SHARED:
        return Entry(text=text, identity=identity, source=Source.SHARED)
    return Entry(text=text, identity=identity, source=Source.BUCKET_STORE, uid=origin)


def union(first: Sequence[Entry], others: Iterable[Sequence[Entry]]) -> tuple[Entry, ...]:
    """Return the entries of the first and what the others have beyond them: workloads may differ in what they hold."""
    found = list(first)
    for entries in others:
        texts = {entry.text for entry in found}
        identities = {entry.identity for entry in found if entry.identity is not None}
        found += [entry for entry in entries if entry.text not in texts and entry.identity not in identities]
    return tuple(found)


def compose(
    base: Sequence[Entry], attached: Sequence[Attached], *, removals: Iterable[str], separator: str
) -> Composition:
    """Return the variable: the base in its order, rotated keys in place, then new buckets in the order of `attached`.

    `removals` are identities whose removal a user has confirmed. A bucket that is in the base and not in `attached`
    stays as it is. Raises `Stalled` where the value would be too large or cannot be written.
    """
    gone = frozenset(removals)
    wanted = {each.identity: each for each in attached if each.identity not in gone}
    keyless = wanted.pop(addresses.COREWEAVE_SHARED, None) is not None
    # pop: of several entries with one identity, all but the first are somebody else's affair.
    kept = [_renewed(entry, wanted.pop(entry.identity or "", None)) for entry in base if entry.identity not in gone]
    added = [_entry(each.address, identity=each.identity, uid=each.uid) for each in wanted.values()]
    composition = Composition(entries=_with_shared([*kept, *added], keyless=keyless), separator=separator)
    _check(composition)
    return composition


def _renewed(entry: Entry, attached: Attached | None) -> Entry:
    if attached is None:
        return entry
    there, wanted = addresses.parse(entry.text), addresses.parse(attached.address)
    same = there is not None and wanted is not None and _agree(there, wanted, aws=addresses.in_aws(attached.identity))
    return _entry(entry.text if same else attached.address, identity=attached.identity, uid=attached.uid)


def _agree(there: Address, wanted: Address, *, aws: bool) -> bool:
    """Say whether two addresses of one bucket mean the same to W&B: the same keys, and no parameter by which they differ.

    A path below the bucket, which others may have written, is a part of where the data lie, and stays with the entry.
    """
    if (there.user, there.password) != (wanted.user, wanted.password):
        return False
    theirs, ours = _parameters(there, aws=aws), _parameters(wanted, aws=aws)
    return all(theirs[name] == ours[name] for name in theirs.keys() & ours.keys())


def _parameters(address: Address, *, aws: bool) -> dict[str, str]:
    """Return the parameters, with W&B's defaults for those that are not stated; in which region AWS is then, nobody knows."""
    defaults = {"tls": "true", "forcePathStyle": "false"}
    if address.scheme == "s3" and not aws:
        defaults = {"tls": "false", "forcePathStyle": "true", "region": "us-west-1"}
    return {**defaults, **dict(address.query)}


def _entry(text: str, *, identity: str, uid: str) -> Entry:
    return Entry(text=text, identity=identity, source=Source.BUCKET_STORE, uid=uid)


def _with_shared(entries: Sequence[Entry], *, keyless: bool) -> tuple[Entry, ...]:
    """Add the one bare `cw://` that buckets on CoreWeave need, those without keys nothing else; it leaves as every entry does."""
    shared = addresses.COREWEAVE_SHARED
    coreweave = any(
        entry.source is Source.BUCKET_STORE and (entry.identity or "").startswith(shared) for entry in entries
    )
    if (keyless or coreweave) and not any(entry.identity == shared for entry in entries):
        return (*entries, Entry(text=shared, identity=shared, source=Source.SHARED))
    return tuple(entries)


def size(value: str) -> int:
    """Return the length of the variable's value in bytes."""
    return len(value.encode("utf-8", "surrogateescape"))


def _check(composition: Composition) -> None:
    try:
        length = size(composition.value)
    except ValueError as error:
        raise Stalled(
            Reason.VARIABLE_INVALID,
            "An entry that is already in the variable holds the character of spec.fileStores.separator. "
            "Choose the separator that the variable is written with.",
        ) from error
    if length >= LIMIT_BYTES:
        raise Stalled(
            Reason.VARIABLE_TOO_LARGE,
            f"The variable would hold {len(composition.entries)} entries in {length} bytes. Linux starts no container "
            f"with a variable of 128 KiB, so {LIMIT_BYTES} bytes and more are not written, and W&B keeps what it has. "
            "Let several teams share a bucket under different paths, let W&B's pods use their own identity "
            "(credentials.source: Ambient, whose addresses hold no keys), or remove teams that are no longer needed.",
        )
    if "\x00" in composition.value:
        raise Stalled(
            Reason.VARIABLE_INVALID,
            "An entry that is already in the variable holds a NUL character, which no environment variable can. "
            "Correct the value where it was set.",
        )


def doubts(entries: Sequence[Entry]) -> str:
    """Return a sentence about entries of others that W&B will not understand, quoting none of them; else nothing."""
    kept = [(n, addresses.lint(e.text)) for n, e in enumerate(entries, 1) if e.source is Source.KEPT]
    found = [f"no. {number}: {wrong}" for number, wrong in kept if wrong]
    if not found:
        return ""
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return f"Of the entries that were there before, W&B will not understand {'; '.join(found[:3])}{more}."


def size_warning(length: int) -> str:
    """Return a sentence where the variable comes near its limit, else nothing."""
    if length < WARNING_BYTES:
        return ""
    return (
        f"The variable holds {length} of at most {LIMIT_BYTES - 1} bytes: soon no bucket can be added. "
        "Let several teams share a bucket under different paths, or use credentials.source: Ambient."
    )
