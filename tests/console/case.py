"""One run of `byob doctor` on a real store: what is broken, and what must come out."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from console.setups import Setup
from console.sites import SITES
from testbed.coreweave import CoreWeave
from testbed.gcs import GoogleCloud
from testbed.object_store import Store

Break = Callable[[Setup, ExitStack], Setup]
"""Breaks one thing of a healthy set-up, and returns what is then to be looked at; what must end is put on the stack."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run: where, what is broken (nothing: healthy), the exit status, the checks with that result, exactly, and what is left in the bucket."""

    title: str
    site: str
    broken: Break | None = None
    status: int = 1
    failed: frozenset[str] = frozenset()
    warned: frozenset[str] = frozenset()
    says: str = ""
    left: int = 0

    def setup(self, store: Store | CoreWeave | GoogleCloud, stack: ExitStack) -> Setup:
        """The bucket and its manifests."""
        healthy = SITES[self.site].make(store)
        return self.broken(healthy, stack) if self.broken is not None else healthy
