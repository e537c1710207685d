"""The image's recipe, by reading it: there need be no Docker engine where the tests run, so it is not built here."""

import re
import tomllib

import pytest
import yaml

from chart.rendering import CHART, ROOT
from wandb_byob.model.config import Config

DOCKERFILE = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
STEPS = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
FINAL = STEPS[max(index for index, (word, _) in enumerate(STEPS) if word == "FROM") :]


def test_versions_agree() -> None:
    """The package, the chart, the image that the chart asks for by default, and the image's label are of one version."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert chart["version"] == chart["appVersion"] == version
    assert ["ARG", f"VERSION={version}"] in STEPS


def test_runs_as_a_number_that_is_not_root() -> None:
    """The kubelet can see that the user is not root, and it is the one that the chart's pods run as."""
    context = yaml.safe_load((CHART / "values.yaml").read_text())["podSecurityContext"]
    assert [rest for word, rest in FINAL if word == "USER"] == [f"{context['runAsUser']}:{context['runAsGroup']}"]


def test_final_stage_runs_nothing_and_holds_what_was_built() -> None:
    """No step of the final stage runs a command; what it has beyond its base is the virtual environment."""
    assert "RUN" not in {word for word, _ in FINAL}
    assert [rest for word, rest in FINAL if word == "COPY"] == ["--from=build /opt/byob /opt/byob"]


def test_ports_are_the_operators() -> None:
    """What is exposed is what the operator listens on by default."""
    defaults = Config(release_namespace="", namespaces=())
    assert ["EXPOSE", f"{defaults.probe_port} {defaults.metrics_port}"] in FINAL


def test_every_package_is_checked_against_its_hash() -> None:
    """Each `pip install` from outside takes wheels with hashes only; nothing is added by URL."""
    installs = [part for word, rest in STEPS if word == "RUN" for part in rest.split("&&") if " install " in part]
    assert len(installs) == 3
    assert all("--no-index" in each or {"--require-hashes", "--only-binary"} <= set(each.split()) for each in installs)
    assert "ADD" not in {word for word, _ in STEPS}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-build.txt"])
def test_requirements_are_pinned_and_hashed(name: str) -> None:
    """Each requirement is one version with at least one hash, and no file says where packages come from."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / name).read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9._-]+==\S+ ", line), line
        assert "--hash=sha256:" in line, line
        assert "://" not in line


def test_build_context_holds_what_is_copied() -> None:
    """.dockerignore lets in what the recipe copies, and nothing else."""
    copied = {source for word, rest in STEPS if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]}
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    assert {line.removeprefix("!") for line in ignore if line.startswith("!")} == copied
    assert all((ROOT / each).exists() for each in copied)
