"""The chart's CRDs are the repository's: `helm upgrade` upgrades them, `helm uninstall` keeps them."""

import json
from typing import Any

import yaml

from chart.rendering import CHART, ROOT, of_kind, render

SOURCES = sorted((ROOT / "crds").glob("*.yaml"))


def crds(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in of_kind(render(values), "CustomResourceDefinition")}


def test_copies_are_current() -> None:
    """The chart's files are the repository's crds/, byte for byte (`hack/docs.py` copies them)."""
    copies = sorted((CHART / "files" / "crds").glob("*.yaml"))
    assert [each.name for each in copies] == [each.name for each in SOURCES]
    assert [each.read_bytes() for each in copies] == [each.read_bytes() for each in SOURCES]


def test_rendered_crds_are_the_sources() -> None:
    """Helm changes nothing in them (numbers, patterns, CEL) but adds labels and the annotation that keeps them."""
    rendered = crds({})
    assert len(rendered) == len(SOURCES) == 3
    for file in SOURCES:
        source = yaml.safe_load(file.read_text())
        found = rendered[source["metadata"]["name"]]
        assert found["spec"] == source["spec"]
        assert found["metadata"]["annotations"] == {
            **source["metadata"].get("annotations", {}),
            "helm.sh/resource-policy": "keep",
        }


def test_not_where_helm_never_upgrades() -> None:
    """There is no crds/ folder in the chart: Helm installs its content once and never touches it again."""
    assert not (CHART / "crds").exists()


def test_they_can_be_left_out() -> None:
    """A second release in the cluster leaves them to the first."""
    assert not crds({"crds": {"install": False}})


def test_they_fit_into_client_side_apply() -> None:
    """Each CRD as JSON stays below the 256 KiB that an annotation may have, which `kubectl apply` and Argo CD write by default."""
    assert all(len(json.dumps(each)) < 256 * 1024 for each in crds({}).values())
