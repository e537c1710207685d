"""The chart's output for the main sets of values, so that a change of it is seen in review."""

import json
import os

import pytest

from chart.rendering import CHART, ROOT, VALUE_SETS, helm, template

GOLDEN = ROOT / "tests" / "chart" / "golden"


@pytest.mark.parametrize("name", VALUE_SETS)
def test_output_is_as_recorded(name: str) -> None:
    """The rendered manifests equal the golden file; CRDs are apart (test_crds). `BYOB_UPDATE_GOLDEN=1` records them anew."""
    done = template({**VALUE_SETS[name], "crds": {"install": False}})
    assert done.returncode == 0, done.stderr
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("BYOB_UPDATE_GOLDEN"):
        file.write_text(done.stdout)
    assert done.stdout == file.read_text(), f"differs from {file.name}: look, then run with BYOB_UPDATE_GOLDEN=1"


@pytest.mark.parametrize("name", VALUE_SETS)
def test_helm_lint_finds_nothing(name: str) -> None:
    """`helm lint --strict` passes for each set of values."""
    done = helm("lint", "--strict", str(CHART), "--values", "-", stdin=json.dumps(VALUE_SETS[name]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout
