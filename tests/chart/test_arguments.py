"""The program understands the arguments that the chart gives it."""

import argparse
from pathlib import Path
from typing import Any

import pytest

from chart.rendering import NAMESPACE, VALUE_SETS, pod_specs, render
from wandb_byob import version
from wandb_byob.cli import release
from wandb_byob.model.config import CloudEndpoints, Config
from wandb_byob.runtime import command
from wandb_byob.runtime.tenancy import NAMESPACE_LEASE


def config(values: dict[str, Any]) -> Config:
    """What the operator makes of the Deployment's arguments, in a pod whose environment says nothing."""
    first, *rest = pod_specs(render(values))["Deployment"]["containers"][0]["args"]
    assert first == "operator"
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.config(parser.parse_args(rest), {})


CONFIGS = {
    "default": Config(release_namespace=NAMESPACE, namespaces=(NAMESPACE,), image=f"wandb-byob:{version()}"),
    "namespaces": Config(
        release_namespace=NAMESPACE,
        namespaces=("wandb", "ml-team"),
        image="registry.example.com/wandb-byob@sha256:" + "0" * 64,
        allowed_endpoints=("minio.minio.svc:9000", "10.20.0.0/16"),
    ),
    "everything": Config(
        release_namespace=NAMESPACE,
        release_name="byob",
        namespaces=(),
        allow_operator_identity=True,
        image=f"wandb-byob:{version()}",
        image_pull_secrets=("registry",),
        cloud_endpoints=CloudEndpoints(
            gcs="https://storage-acme.p.googleapis.com",
            gcs_iam="https://iamcredentials-acme.p.googleapis.com",
            gcs_metadata="http://metadata.example.com",
            azure="https://{account}.blob.core.usgovcloudapi.net",
            coreweave="https://gateway.example.com",
            s3="https://bucket.vpce-1a2b.s3.{region}.vpce.amazonaws.com",
            kms="https://vpce-1a2b.kms.{region}.vpce.amazonaws.com",
        ),
        workers=16,
        log_format="console",
        log_level="debug",
    ),
}


@pytest.mark.parametrize("name", VALUE_SETS)
def test_values_become_the_configuration(name: str) -> None:
    """Every value that is the operator's business arrives in its Config as the administrator wrote it."""
    assert config(VALUE_SETS[name]) == CONFIGS[name]


def test_the_file_of_the_clouds_authorities_is_read(tmp_path: Path) -> None:
    """`cloudEndpoints.caFile` is trusted by what it holds when the operator starts."""
    file = tmp_path / "ca.crt"
    file.write_text("-----BEGIN CERTIFICATE-----")
    values = {"cloudEndpoints": {"caFile": str(file)}}
    assert config(values).cloud_endpoints == CloudEndpoints(ca_bundle="-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("name", VALUE_SETS)
def test_hook_means_the_same_release(name: str) -> None:
    """`byob release` in the hook's Job is told of the same release and the same namespaces as the operator."""
    objects = pod_specs(render(VALUE_SETS[name]))
    command_name, *given = objects["Job"]["containers"][0]["args"]
    assert command_name == "release"
    parser = argparse.ArgumentParser()
    release.add_arguments(parser)
    parsed = parser.parse_args(given)
    expected = config(VALUE_SETS[name])
    named = tuple(each for flag in parsed.namespaces or () for each in flag.split(","))
    assert (parsed.release_namespace, parsed.release_name) == (expected.release_namespace, expected.release_name)
    assert (named, parsed.all_namespaces) == (expected.namespaces, not expected.namespaces)


@pytest.mark.parametrize("name", VALUE_SETS)
def test_leases_are_those_of_the_roles(name: str) -> None:
    """The names of the Leases that the Roles allow are the ones that the operator takes."""
    leases = {NAMESPACE_LEASE, f"{config(VALUE_SETS[name]).release_name}-leader"}
    allowed = [
        set(rule["resourceNames"])
        for each in render(VALUE_SETS[name])
        if each["kind"] in ("Role", "ClusterRole")
        for rule in each["rules"]
        if "resourceNames" in rule
    ]
    assert allowed
    assert all(found == leases for found in allowed)
