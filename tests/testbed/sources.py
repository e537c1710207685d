"""Which cluster is taken: the first of the known ways that is there. `Cluster.source` says which; there is no fallback to a mock.

1. BYOB_KUBECONFIG: a cluster that the user names (one that `make demo` left running is ours in full; of another one only the API is used).
2. kind, where a Docker engine answers. 3. Ready binaries in KUBEBUILDER_ASSETS. 4. Binaries built from Go modules into the user's cache.
BYOB_TESTBED=kind or BYOB_TESTBED=own (ways 3 and 4) takes that one although an earlier one is there.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed import kind
from testbed.cluster import Cluster
from testbed.planes import NamedPlane
from testbed.processes import TestbedError

_KIND = "kind.json"


@contextmanager
def obtain(folder: Path) -> Iterator[Cluster]:
    """A cluster for the length of the block; one that was there before goes on."""
    named = os.environ.get("BYOB_KUBECONFIG")
    cluster = _named(Path(named), folder) if named else start(folder)
    try:
        yield cluster
    finally:
        if not (named and (Path(named).parent / "state.json").exists()):
            cluster.stop()


def start(folder: Path, *, detached: bool = False) -> Cluster:
    """Start a new cluster in `folder`, by kind or with programs of our own."""
    wanted = os.environ.get("BYOB_TESTBED", "")
    if wanted not in {"", "kind", "own"}:
        raise TestbedError(f"BYOB_TESTBED is {wanted!r}: set it to kind or own, or unset it.")
    if wanted == "own" or (not wanted and not kind.there()):
        return Cluster.start(folder, detached=detached)
    plane = kind.KindPlane(folder, detached=detached)
    cluster = Cluster(plane, source=f"kind ({plane.name})")
    try:
        cluster.start_nodes()
    except BaseException:
        plane.stop()
        raise
    (folder / _KIND).write_text(json.dumps(plane.state))
    return cluster


def stop(folder: Path) -> None:
    """End a detached cluster that was started in `folder`, perhaps by another process."""
    if (folder / _KIND).exists():
        kind.stop(json.loads((folder / _KIND).read_text()))
    else:
        Cluster.attach(folder).stop()


def _named(kubeconfig: Path, folder: Path) -> Cluster:
    if not kubeconfig.is_file():
        raise TestbedError(f"BYOB_KUBECONFIG names {kubeconfig}, and there is no such file. Correct it or unset it.")
    if (kubeconfig.parent / "state.json").exists():
        return Cluster.attach(kubeconfig.parent)
    return Cluster(NamedPlane(kubeconfig, folder), source=f"named by BYOB_KUBECONFIG ({kubeconfig})")
