"""Which cluster is taken. No Docker engine is here, so kind and the start of a control plane are stood in for; the rest is real."""

from pathlib import Path
from typing import Any

import pytest

from testbed import kind, sources
from testbed.cluster import Cluster
from testbed.processes import TestbedError


class _TakenError(Exception):
    """Says which way was taken."""


@pytest.mark.parametrize(
    ("docker", "wish", "taken"),
    [(True, "", "kind"), (False, "", "own"), (True, "own", "own"), (False, "kind", "kind")],
)
def test_kind_comes_before_programs_of_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docker: bool, wish: str, taken: str
) -> None:
    """Where a Docker engine answers, unless the user wishes otherwise."""

    def take(way: str) -> Any:
        raise _TakenError(way)

    monkeypatch.setenv("BYOB_TESTBED", wish)
    monkeypatch.delenv("BYOB_KUBECONFIG", raising=False)
    monkeypatch.setattr(kind, "there", lambda: docker)
    monkeypatch.setattr(kind, "KindPlane", lambda folder, detached: take("kind"))
    monkeypatch.setattr(Cluster, "start", lambda folder, detached: take("own"))
    with pytest.raises(_TakenError, match=taken), sources.obtain(tmp_path):
        pass


def test_a_named_cluster_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names a cluster means that one: no other is taken in its place."""
    monkeypatch.setenv("BYOB_KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(TestbedError, match="no such file"), sources.obtain(tmp_path):
        pass


def test_an_unknown_wish_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the two that there are."""
    monkeypatch.setenv("BYOB_TESTBED", "minikube")
    monkeypatch.delenv("BYOB_KUBECONFIG", raising=False)
    with pytest.raises(TestbedError, match="kind or own"), sources.obtain(tmp_path):
        pass
