"""What the chart renders, by the real Helm; nothing is installed."""

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from testbed import programs

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "wandb-byob"
NAMESPACE = "byob-system"

# The value sets of the golden files; between them they render every line of the chart.
VALUE_SETS: dict[str, dict[str, Any]] = {
    "default": {},
    "namespaces": {
        "watchNamespaces": ["wandb", "ml-team"],
        "replicas": 2,
        "image": {"repository": "registry.example.com/wandb-byob", "digest": "sha256:" + "0" * 64},
        "allowedEndpoints": ["minio.minio.svc:9000", "10.20.0.0/16"],
    },
    "everything": {
        "allNamespaces": True,
        "allowOperatorIdentity": True,
        "cloudEndpoints": {
            "s3": "https://bucket.vpce-1a2b.s3.{region}.vpce.amazonaws.com",
            "kms": "https://vpce-1a2b.kms.{region}.vpce.amazonaws.com",
            "gcs": "https://storage-acme.p.googleapis.com",
            "gcsIAM": "https://iamcredentials-acme.p.googleapis.com",
            "gcsMetadata": "http://metadata.example.com",
            "azure": "https://{account}.blob.core.usgovcloudapi.net",
            "coreWeave": "https://gateway.example.com",
        },
        "replicas": 3,
        "workers": 16,
        "log": {"format": "console", "level": "debug"},
        "fullnameOverride": "byob",
        "imagePullSecrets": [{"name": "registry"}],
        "extraEnv": [{"name": "AWS_REGION", "value": "eu-central-1"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/byob/ca", "readOnly": True}],
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/byob"}},
        "rbac": {"aggregateToDefaultRoles": True},
        "networkPolicy": {
            "enabled": True,
            "apiServer": {"cidrs": ["10.0.0.1/32"]},
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "extraEgress": [{"to": [{"podSelector": {"matchLabels": {"app": "minio"}}}], "ports": [{"port": 9000}]}],
        },
        "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
        "commonLabels": {"team": "platform"},
        "podLabels": {"azure.workload.identity/use": "true"},
        "podAnnotations": {"example.com/note": "a note"},
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "infra", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
    },
}


def helm(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Helm without looking at what it says."""
    argv = [str(programs.path("helm")), *arguments]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, timeout=60)


def template(
    values: dict[str, Any], *, release: str = "wandb-byob", namespace: str = NAMESPACE
) -> subprocess.CompletedProcess[str]:
    """Run `helm template` with these values."""
    return helm("template", release, str(CHART), "--namespace", namespace, "--values", "-", stdin=json.dumps(values))


def render(values: dict[str, Any], *, release: str = "wandb-byob") -> list[dict[str, Any]]:
    """Render all objects of the chart; fails with Helm's words."""
    return _render(json.dumps(values), release)


@functools.cache
def _render(values: str, release: str) -> list[dict[str, Any]]:
    done = template(json.loads(values), release=release)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    """Return the objects of these kinds."""
    return [each for each in objects if each["kind"] in kinds]


def pod_specs(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the pod specification of every workload, by its kind."""
    return {each["kind"]: each["spec"]["template"]["spec"] for each in of_kind(objects, "Deployment", "Job")}
