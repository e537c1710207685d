"""The chart refuses values that it does not know or that cannot work, before anything reaches the cluster."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from chart.rendering import CHART, template

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"replica": 2}, "additional properties 'replica' not allowed"),
    ({"image": {"name": "x"}}, "'/image': additional properties 'name' not allowed"),
    ({"replicas": "2"}, "'/replicas': got string, want integer"),
    ({"replicas": -1}, "'/replicas'"),
    ({"workers": 0}, "'/workers'"),
    ({"watchNamespaces": "wandb"}, "'/watchNamespaces': got string, want array"),
    ({"watchNamespaces": ["Wandb"]}, "'/watchNamespaces/0'"),
    ({"watchNamespaces": ["*"]}, "'/watchNamespaces/0'"),
    ({"watchNamespaces": ["a", "a"]}, "'/watchNamespaces'"),
    ({"watchNamespaces": ["a"], "allNamespaces": True}, "allNamespaces is true and watchNamespaces is not empty"),
    ({"allNamespaces": "yes"}, "'/allNamespaces': got string, want boolean"),
    ({"allowedEndpoints": ["http://minio:9000"]}, "'/allowedEndpoints/0'"),
    ({"allowedEndpoints": ["a,b"]}, "'/allowedEndpoints/0'"),
    ({"allowedEndpoints": ["*"]}, "'/allowedEndpoints/0'"),
    ({"image": {"digest": "sha256:abc"}}, "'/image/digest'"),
    ({"image": {"tag": "a b"}}, "'/image/tag'"),
    ({"image": {"pullPolicy": "Sometimes"}}, "'/image/pullPolicy'"),
    ({"log": {"level": "trace"}}, "'/log/level'"),
    ({"log": {"format": "xml"}}, "'/log/format'"),
    ({"serviceAccount": {"create": False}}, "'/serviceAccount/name'"),
    ({"terminationGracePeriodSeconds": 5}, "'/terminationGracePeriodSeconds'"),
    ({"podSecurityContext": {"runAsNonRoot": False}}, "'/podSecurityContext/runAsNonRoot'"),
    ({"podSecurityContext": {"runAsUser": 0}}, "'/podSecurityContext/runAsUser'"),
    ({"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}}, "'/podSecurityContext/seccompProfile/type'"),
    ({"podSecurityContext": {"seccompProfile": None}}, "missing property 'seccompProfile'"),
    ({"securityContext": {"privileged": True}}, "additional properties 'securityContext' not allowed"),
    ({"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1"]}}}, "'/networkPolicy/apiServer/cidrs/0'"),
    ({"networkPolicy": {"apiServer": {"ports": []}}}, "'/networkPolicy/apiServer/ports'"),
    ({"extraEnv": [{"value": "x"}]}, "'/extraEnv/0': missing property 'name'"),
    ({"extraEnv": {"A": "b"}}, "'/extraEnv': got object, want array"),
    ({"commonLabels": {"a": True}}, "'/commonLabels/a'"),
    ({"metrics": {"serviceMonitor": {"interval": "soon"}}}, "'/metrics/serviceMonitor/interval'"),
]


@pytest.mark.parametrize(("values", "message"), REFUSED, ids=[json.dumps(values) for values, _ in REFUSED])
def test_refused(values: dict[str, Any], message: str) -> None:
    """Each wrong value is refused, and the message names the place."""
    done = template(values)
    assert done.returncode != 0
    assert message in done.stderr


ACCEPTED: list[dict[str, Any]] = [
    {"global": {"storageClass": "fast"}, "enabled": True},
    {"allowedEndpoints": ["minio.minio.svc:9000", "*.example.com", "10.0.0.0/8", "fd00::/8", "[fd00::1]:9000"]},
    {"serviceAccount": {"create": False, "name": "default"}},
    {"replicas": 0},
]


@pytest.mark.parametrize("values", ACCEPTED, ids=json.dumps)
def test_accepted(values: dict[str, Any]) -> None:
    """Values that are right but easy to forbid by mistake, such as what Helm adds for a dependency."""
    done = template(values)
    assert done.returncode == 0, done.stderr


def properties(node: dict[str, Any], where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of the schema by its path, nested ones too."""
    for name, child in node.get("properties", {}).items():
        yield f"{where}{name}", child
        yield from properties(child, f"{where}{name}.")


def test_schema_is_strict_and_described() -> None:
    """Each key has a description, and each object with known keys refuses others."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    for where, node in properties(schema):
        assert node.get("description"), where
        assert "properties" not in node or node["additionalProperties"] is False, where


def test_every_value_has_a_default() -> None:
    """values.yaml has every top-level key of the schema but those that Helm sets itself."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(yaml.safe_load((CHART / "values.yaml").read_text())) == set(schema["properties"]) - {"global", "enabled"}
