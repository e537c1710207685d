"""Delete what a probe has written: its objects, on a versioned bucket their versions and delete markers too.

Only keys in a probe's own folder are ever deleted. What an earlier probe left (the operator was killed) goes as well, once it
is so old that no probe can still be using it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from wandb_byob.providers.probing.door import Item, Leftover, Sweeper
from wandb_byob.providers.transport import TransportError

FOLDER: Final = ".wandb-byob-probe/"
_STALE: Final = timedelta(hours=1)
_MOST: Final = 100
"""How many old leftovers one look deletes."""


@dataclass(frozen=True, kw_only=True)
class CleanUp:
    """Deletes as W&B, and where that is refused as whoever provisions the bucket; `errors` are those of the sweepers' calls."""

    folder: str
    sweepers: tuple[Sweeper, ...]
    errors: tuple[type[Exception], ...]
    now: datetime

    def delete(self, known: Iterable[Leftover], *, keys: frozenset[str], uncertain: bool) -> tuple[Leftover, ...]:
        """Delete what is known to be there, and where there may be more (versions) all of `keys`; returns what stays."""
        left = tuple(sorted(known))
        try:
            found = self._versions(keys) if uncertain else None
            if found is not None:
                left = tuple(sorted({*found, *(item for item in left if item.version)}))
            for sweeper in self.sweepers:
                left = self._refused(sweeper, left) if left else left
        except TransportError:
            pass  # The store is away: what is left is told, and a later look finds it again.
        return left

    def stale(self, listing: Iterable[Item]) -> tuple[Leftover, ...]:
        """Return what an earlier probe left, out of a listing of the folder."""
        return tuple(Leftover(item.key) for item in listing if self._is_stale(item))[:_MOST]

    def _is_stale(self, item: Item) -> bool:
        written = item.written
        return item.key.startswith(self.folder) and written is not None and self.now - written > _STALE

    def _versions(self, keys: frozenset[str]) -> tuple[Leftover, ...] | None:
        """List the versions of these keys and of old leftovers; None where nobody may."""
        for sweeper in self.sweepers:
            try:
                items = sweeper.versions(self.folder)
            except TransportError:
                raise
            except self.errors:
                continue
            own = [item for item in items if item.key in keys]
            old = [item for item in items if item.key not in keys and self._is_stale(item)]
            return tuple(Leftover(item.key, item.version) for item in (*own, *old[:_MOST]))
        return None

    def _refused(self, sweeper: Sweeper, items: tuple[Leftover, ...]) -> tuple[Leftover, ...]:
        """Delete with one identity; returns what that may not delete."""
        left: list[Leftover] = []
        for item in items:
            try:
                sweeper.delete(item)
            except TransportError:
                raise
            except self.errors:
                left.append(item)
        return tuple(left)
