"""Lists of storage addresses, as the variable has them: split and joined without loss, identified and redacted as a whole.

Somebody else's list may have a key that a raw separator has torn apart, so that what an entry is depends on its neighbours.
"""

from collections.abc import Iterable, Sequence

from wandb_byob.decide import addresses


def split(value: str, separator: str = ",") -> tuple[str, ...]:
    """Return the entries of the variable byte for byte, empty and malformed ones included; an empty value has none."""
    return tuple(value.split(separator)) if value else ()


def join(entries: Iterable[str], separator: str = ",") -> str:
    """Return the variable's value; raises ValueError where an entry holds the separator, so that nothing is ever torn."""
    listed = tuple(entries)
    if any(separator in entry for entry in listed):
        raise ValueError("an entry holds the separator of the list")
    return separator.join(listed)


def identities(entries: Sequence[str]) -> tuple[str | None, ...]:
    """Return the identity of each entry of a list; one whose key was torn by a raw separator means no bucket."""
    found: list[str | None] = []
    open_key = False  # an @ that may end its key comes in an entry after this one, before the next address begins
    for entry in reversed(entries):
        found.append(None if open_key else addresses.identity(entry))
        if entry.strip():  # two separators in a row leave an empty entry within a torn key
            open_key = _is_tail(entry) and (open_key or "@" in entry)
    return tuple(reversed(found))


def redact(entries: Sequence[str]) -> tuple[str, ...]:
    """Redact a list: an entry whose successor begins with no scheme was torn by a raw separator, and shows nothing."""
    shown: list[str] = []
    torn = False  # the next entry that is not empty begins with no scheme
    for entry in reversed(entries):
        hidden = torn and addresses.has_scheme(entry)
        shown.append(f"{entry.partition('://')[0]}://***" if hidden else addresses.redact(entry))
        torn = _is_tail(entry) if entry.strip() else torn
    return tuple(reversed(shown))


def _is_tail(entry: str) -> bool:
    return bool(entry.strip()) and not addresses.has_scheme(entry)
