"""Which browser is taken: the one that is named, one in PATH, one in the cache; where none can be had, it is said what to do."""

from pathlib import Path

import pytest

from testbed import browser
from testbed.processes import TestbedError


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any program, and with an empty cache folder."""
    monkeypatch.delenv("BYOB_CHROMIUM", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(path: Path) -> Path:
    """A program at this path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_the_order(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that is there goes before those that were found until then."""
    cached = program(bare / "cache" / "wandb-byob" / "chromium-156.0-x86_64" / "chromium")
    assert browser.path() == cached
    installed = program(bare / "bin" / "google-chrome")
    assert browser.path() == installed
    named = program(bare / "elsewhere" / "chrome")
    monkeypatch.setenv("BYOB_CHROMIUM", str(named))
    assert browser.path() == named


def test_an_unfinished_download_is_not_taken(bare: Path) -> None:
    """A folder that an interrupted run has left does not count as a browser."""
    program(bare / "cache" / "wandb-byob" / "chromium.partial-x1" / "chromium")
    with pytest.raises(TestbedError, match="no apt-get"):
        browser.path()


def test_nowhere_to_be_had(bare: Path) -> None:
    """Without a browser and without apt-get the message names both ways out."""
    with pytest.raises(TestbedError, match=r"Install Chromium or Chrome, or set BYOB_CHROMIUM"):
        browser.path()


def test_a_wrong_name(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A BYOB_CHROMIUM that leads nowhere is an error: no other browser is taken in its place."""
    program(bare / "bin" / "chromium")
    monkeypatch.setenv("BYOB_CHROMIUM", str(bare / "gone"))
    with pytest.raises(TestbedError, match="BYOB_CHROMIUM names"):
        browser.path()
