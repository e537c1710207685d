"""Programs are built once, whole or not at all, and ready ones are taken as they are."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbed import programs
from testbed.processes import wait_for

_BUILD = "from testbed import programs; print(programs.path('addressparse'))"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of the user's, also for child processes."""
    # Go's own cache lies below XDG_CACHE_HOME by default; an empty one would have it compile its standard library.
    shown = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True)
    monkeypatch.setenv("GOCACHE", shown.stdout.strip())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path / "wandb-byob"


def _build() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _BUILD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_two_runs_at_once_build_once(cache: Path) -> None:
    runs = [_build(), _build()]
    outputs = [run.communicate(timeout=60) for run in runs]
    assert len({path for path, _ in outputs}) == 1
    assert Path(outputs[0][0].strip()).is_file()
    assert sum("building addressparse: done" in said for _, said in outputs) == 1


def test_an_interrupted_build_leaves_nothing_that_looks_finished(cache: Path) -> None:
    """Killed in the middle, then run anew: the second run builds, and clears what the first left."""
    with _build() as first:
        wait_for(lambda: list(cache.glob("*.partial-*")), timeout=30, what="the build has begun")
        os.killpg(first.pid, signal.SIGKILL)
    assert [path for path in cache.iterdir() if path.is_dir() and ".partial-" not in path.name] == []
    assert programs.path("addressparse").is_file()
    assert list(cache.glob("*.partial-*")) == []


def test_a_ready_binary_is_taken_as_it_is(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert programs.path("etcd") == tmp_path / "etcd"
    assert not cache.exists()
