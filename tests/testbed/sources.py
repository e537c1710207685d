"""Which cluster the tests get: the first of the known ways that is there, and it is said which."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.cluster import Cluster


@contextmanager
def obtain(folder: Path) -> Iterator[Cluster]:
    """A cluster for the length of the block."""
    cluster = Cluster.start(folder)
    print(f"cluster: {cluster.source}", file=sys.__stderr__)
    try:
        yield cluster
    finally:
        cluster.stop()
