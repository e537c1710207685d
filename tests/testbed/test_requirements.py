"""The locked requirements are those of pyproject.toml, and name no place to download from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _pins(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / file).read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("requirements.txt", PROJECT["dependencies"]),
        ("requirements-dev.txt", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]),
    ],
)
def test_every_dependency_is_locked_at_a_version_that_the_project_takes(file: str, wanted: list[str]) -> None:
    """`make lock` renews them."""
    pins = _pins(file)
    requirements = [Requirement(each) for each in wanted]
    missed = [str(each) for each in requirements if not each.specifier.contains(pins.get(each.name.lower(), "0"))]
    assert not missed


def test_development_runs_on_what_the_image_has() -> None:
    """A version that differs would be tested and never shipped, or the other way round."""
    shipped, tested = _pins("requirements.txt"), _pins("requirements-dev.txt")
    assert {name: tested[name] for name in shipped} == shipped


@pytest.mark.parametrize("file", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_package_is_held_by_its_hash(file: str) -> None:
    """No line names a host: a package is what its hash says, wherever it comes from."""
    text = (ROOT / file).read_text()
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
