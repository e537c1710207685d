"""Every place that sets the instance's own bucket: what it has it from, and who reads it there."""

import base64
from typing import Any

from wandb_byob.decide import bucket_places, precedence
from wandb_byob.decide.precedence import Found
from wandb_byob.decide.rollouts.variable import AWS_REGION, BUCKET, IN_VARIABLES

OWN = "spec.values of WeightsAndBiases w"
CONSOLE = "Secret w-spec-user (the System Console)"
APPLIED = "Secret w-spec-active (W&B's deployer, or the chart's defaults)"
THEIRS = {"valueFrom": {"secretKeyRef": {"name": "theirs", "key": "bucket"}}}


def rows(found: tuple[Found, ...]) -> list[tuple[str, str, str]]:
    return [(each.place, each.source, each.read_by) for each in found]


def chart(own: Any = None, user: Any = None, active: Any = None) -> list[tuple[str, str, str]]:
    layers = precedence.layers_of("w", own=own or {}, user=user or {}, active=active or {})
    return rows(bucket_places.of_chart(layers))


def bucket(**values: Any) -> dict[str, Any]:
    return {"global": {"bucket": values}}


def test_what_many_containers_have_alike_is_one_place() -> None:
    found = {("ConfigMap", "map"): {"kind": "ConfigMap", "data": {BUCKET: "s3://map", AWS_REGION: "eu-1"}}, ("Secret", "theirs"): {"kind": "Secret", "data": {"bucket": base64.b64encode(b"s3://b").decode()}}}  # fmt: skip
    whole = [{"configMapRef": {"name": "map"}}]
    env = [{"name": BUCKET, **THEIRS}]
    containers = {"Deployment api": {"env": env, "envFrom": whole}, "Deployment app": {"env": env, "envFrom": whole}, "Deployment glue": {"env": [{"name": BUCKET, "value": "s3://glue"}]}}  # fmt: skip
    assert rows(precedence.survey(precedence.of_variables(containers, IN_VARIABLES), found)) == [
        ("BUCKET in env", "Secret theirs, key bucket", "Deployment api, Deployment app"),
        ("BUCKET in envFrom", "ConfigMap map", "nobody: BUCKET in env wins"),
        ("BUCKET in env", "plain value", "Deployment glue"),
        ("AWS_REGION in envFrom", "ConfigMap map", "Deployment api, Deployment app"),
    ]


def test_what_the_chart_merges() -> None:
    """Field by field: the object's own wins over the System Console; what was applied in the end only repeats them."""
    theirs = {"secretName": "theirs"}
    own, user = bucket(provider="s3", name="own", secret=theirs), bucket(provider="gcs", name="console", path="p")
    assert chart(own, user, own) == [
        (f"global.bucket in {OWN}", "plain values, Secret theirs", "every component"),
        (f"global.bucket in {CONSOLE}", "plain values", f"every component, where {OWN} leaves something out"),
    ]
    assert chart(active=own) == [(f"global.bucket in {APPLIED}", "plain values, Secret theirs", "every component")]  # fmt: skip


def test_the_charts_default_counts_where_no_bucket_is_named() -> None:
    default = {"global": {"defaultBucket": {"provider": "s3", "name": "default"}}}
    both = {"global": {**default["global"], **bucket(provider="s3", name="own")["global"]}}
    assert chart(default) == [(f"global.defaultBucket in {OWN}", "plain values", "every component")]
    assert chart(both)[1] == (f"global.defaultBucket in {OWN}", "plain values", "nobody: global.bucket wins")
    assert chart(bucket(region="eu-1"))[0][2] == "nobody: it names no bucket"


def test_empty_fields_are_no_place() -> None:
    assert chart(bucket(name="", secret={"secretName": "", "accessKeyName": "ACCESS_KEY"}), active=bucket()) == []
    assert chart({"global": {"bucket": "s3://text"}}) == []


def test_a_variable_that_names_a_bucket_is_told() -> None:
    """Once, though what was applied in the end has it, too."""
    values = {"app": {"env": {BUCKET: "s3://app"}}}
    assert chart(values, active=values) == [
        (f"BUCKET at app.env in {OWN}", "plain value", "not told: W&B's operator sets it, too")
    ]
    spec = {"wandb": {"legacyOverrides": {"global": {"env": [{"name": BUCKET, **THEIRS}]}}}}
    assert rows(bucket_places.of_object("w", spec)) == [
        ("BUCKET at legacyOverrides.global.env of WeightsAndBiases w", "Secret theirs, key bucket", "not told: W&B's operator sets it, too")
    ]  # fmt: skip


def test_what_v2_selects() -> None:
    selectors = {"bucket": {"name": "b", "key": "bucket"}, "secretKey": {"name": "a", "key": "key"}}
    stores = {"externalObjectStore": selectors}
    assert rows(bucket_places.of_object("w", {"objectStore": {"default": stores}})) == [
        ("spec.objectStore.default.externalObjectStore of WeightsAndBiases w", "Secrets a, b", "every component")
    ]
    managed = {"managedObjectStore": {"enabled": True}}
    assert rows(bucket_places.of_object("w", {"objectStore": {"default": managed}})) == [
        ("spec.objectStore.default.managedObjectStore of WeightsAndBiases w", "W&B's operator", "every component")
    ]
    assert bucket_places.of_object("w", {}) == ()
