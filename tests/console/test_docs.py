"""The documents show every case, with what the case is held to; only times, ports and names differ from run to run."""

import re
from pathlib import Path

import pytest

from console.cases import CASES, Case

DOCUMENT = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES)
def test_the_document_shows_the_case(name: str, case: Case) -> None:
    """Under its title, with its exit status, the checks that fail and those that warn; `make docs-doctor` renews it."""
    section = re.split(r"\n##+ ", DOCUMENT.partition(f"### {case.title}\n")[2])[0]
    assert f"<!-- output: doctor-{name} -->" in section
    assert section.rstrip().endswith(f"$ echo $?\n{case.status}\n```\n<!-- end of output -->")
    shown = {result: set(re.findall(rf"^(\w+) +{result}\b", section, re.MULTILINE)) for result in ("Failed", "Warning")}
    assert shown["Failed"] == case.failed
    # A broken bucket is shown as an operator sees it that allows this machine's stores.
    assert shown["Warning"] >= case.warned - {"EndpointAllowed"}
