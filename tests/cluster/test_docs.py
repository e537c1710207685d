"""The manifests in README and docs are ones that the API server takes."""

import re
from pathlib import Path

import pytest
import yaml

from testbed.cluster import Cluster

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
MANIFESTS = [
    pytest.param(manifest, id=f"{file.name}-{manifest['kind']}-{manifest['metadata']['name']}")
    for file in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for block in FENCE.findall(file.read_text())
    for manifest in yaml.safe_load_all(block)
    if "kind" in manifest  # an excerpt is part of an object that is shown elsewhere
]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_manifest_is_accepted(crds: Cluster, place: str, manifest: dict[str, dict[str, str]]) -> None:
    """Each object, in a namespace that is there, passes the schema and every rule; unknown fields are refused."""
    moved = manifest | {"metadata": manifest["metadata"] | {"namespace": place}}
    said = crds.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.safe_dump(moved))
    assert "created (server dry run)" in said


def test_there_are_manifests_of_every_kind() -> None:
    """The quick start shows each of the three kinds."""
    kinds = {param.values[0]["kind"] for param in MANIFESTS}  # type: ignore[index]
    assert kinds == {"WandbInstance", "BucketStore", "TeamStorage"}
