"""A new provider takes one module, one block in the CRD and one line: a made-up one is added so, and goes through the contract of all others."""

from pathlib import Path

import pytest

from contract.results import Behaviour, Result, read
from sixth import project
from wandb_byob.decide import blocks

SHARED = ("create", "adopt", "observe", "delete", "probe", "checks_in_turn", "provision_faults")
SITE = "Shelf-shelf"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the sixth provider."""
    folder = tmp_path_factory.mktemp("sixth")
    project.make(folder)
    return folder


def test_nothing_else_is_changed(copy: Path) -> None:
    """The module, the block (with the types that are generated from it) and the registry."""
    changed = {file for file in project.changed(copy) if not file.startswith(f"{project.MODULE}/")}
    assert changed == {project.CRD, "operator/wandb_byob/model/api.py", "operator/wandb_byob/providers/registry.py"}
    assert "Shelf" not in blocks.PROVIDERS


@pytest.mark.timeout(600)
def test_it_keeps_the_contract(copy: Path, tmp_path: Path) -> None:
    """Every test that all providers share passes at its store, or is not run for a reason that is said."""
    files = [f"tests/contract/test_{name}.py" for name in SHARED]
    results = tmp_path / "results.json"
    done = project.run(
        copy,
        "-m",
        "pytest",
        "-q",
        "-p",
        "sixth.site",
        "-k",
        SITE,
        "--results",
        str(results),
        *files,
        HOME=str(tmp_path),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = read(results)
    assert {result.site for result in found} == {SITE}
    assert len(found) > 60
    shown = {behaviour for behaviour in Behaviour if any(_of(each, behaviour) for each in found)}
    assert set(Behaviour) - shown == {Behaviour.REGION, Behaviour.PERMISSIONS}, "what the site says that it lacks"


def _of(result: Result, behaviour: Behaviour) -> bool:
    return result.behaviour == behaviour and result.passed
