"""File-store Secrets: what is written comes back the same, and nothing else is taken for one."""

import base64
from typing import Any

import pytest

from wandb_byob.decide.rollouts.configuration import (
    Before,
    Configuration,
    instance_label,
    secret_body,
    stored,
)
from wandb_byob.decide.rollouts.variable import AWS_KMS_KEY, BUCKET, VARIABLE, Slot, reference, refers_to

CONFIGURATION = Configuration(
    values={
        VARIABLE: "gs://a,\udcff,s3://k:s%2C@h.example/b",
        BUCKET: "s3://k:s%2C@main",
        "GORILLA_FILE_STORE": "s3://k:s%2C@main",
        AWS_KMS_KEY: None,
    },
    separator=",",
    provenance={"s3://h.example/b": "uid", "gs://a": "kept"},
    before={
        "Deployment/app": Before(
            template="d1",
            healthy=True,
            env={f"app/{VARIABLE}": None, f"side/{BUCKET}": {"name": "V", "value": "x\u00e9"}},
        ),
        "StatefulSet/db": Before(template="d2", healthy=False, env={f"db/{VARIABLE}": reference("old")}),
    },
    storage="uid-main",
)


def as_stored(body: dict[str, Any]) -> dict[str, Any]:
    """The Secret as the API server gives it back."""
    metadata = body["metadata"] | {
        "name": "wandb-file-stores-x",
        "uid": "u",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return body | {"metadata": metadata}


def test_a_configuration_comes_back_from_its_secret() -> None:
    """Every byte of the value, the provenance, and what a rollback restores."""
    body = as_stored(secret_body(CONFIGURATION, instance="wandb", namespace="ns", uid="uid"))
    found = stored(body)
    assert found is not None
    assert found.configuration == CONFIGURATION
    assert base64.b64decode(body["data"]["GORILLA_SUPPORTED_FILE_STORES"]) == b"gs://a,\xff,s3://k:s%2C@h.example/b"
    assert base64.b64decode(body["data"][BUCKET]) == b"s3://k:s%2C@main"
    assert not {"GORILLA_FILE_STORE", AWS_KMS_KEY} & body["data"].keys(), (
        "one takes the key of another, one is not to be"
    )


def test_the_secret_is_immutable_and_nobodys() -> None:
    body = secret_body(CONFIGURATION, instance="wandb", namespace="ns", uid="uid")
    assert body["immutable"] is True
    assert body["metadata"] == {
        "generateName": "wandb-file-stores-",
        "namespace": "ns",
        "labels": {"byob.wandb.com/instance": "wandb", "byob.wandb.com/instance-uid": "uid"},
    }


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"GORILLA_SUPPORTED_FILE_STORES": "eA=="},
        {"GORILLA_SUPPORTED_FILE_STORES": "eA==", "provenance.json": "bm8=", "previous.json": "bm8="},
        {"GORILLA_SUPPORTED_FILE_STORES": "!", "provenance.json": "e30=", "previous.json": "e30="},
        {"GORILLA_SUPPORTED_FILE_STORES": "eA==", "provenance.json": "W10=", "previous.json": "W10="},
    ],
    ids=["empty", "only the value", "no JSON", "no base64", "lists"],
)
def test_what_is_no_configuration_is_left_out(data: dict[str, str]) -> None:
    """Somebody's Secret with our label, or a damaged one."""
    assert stored(as_stored({"metadata": {}, "data": data})) is None


def test_what_a_container_had_is_known_or_not() -> None:
    """That it had nothing, and that nothing is known of it, are two answers."""
    assert CONFIGURATION.restores(Slot("Deployment", "app", "app")) == (True, None)
    assert CONFIGURATION.restores(Slot("StatefulSet", "db", "db")) == (True, reference("old"))
    assert CONFIGURATION.restores(Slot("Deployment", "app", "new")) == (False, None)
    assert CONFIGURATION.restores(Slot("Deployment", "other", "app")) == (False, None)
    assert CONFIGURATION.restores(Slot("Deployment", "app", "app", BUCKET)) == (False, None)


def test_a_configuration_shows_itself_nowhere() -> None:
    assert (
        "s%2C"
        not in f"{CONFIGURATION}{stored(as_stored(secret_body(CONFIGURATION, instance='w', namespace='n', uid='u')))}"
    )


def test_names_too_long_for_a_label_stay_apart() -> None:
    """A label holds 63 characters, a name 253."""
    one, two = "a" * 100, "a" * 99 + "b"
    assert instance_label("wandb") == "wandb"
    assert instance_label(one) != instance_label(two)
    assert len(instance_label(one)) <= 63


@pytest.mark.parametrize(
    ("env", "found"),
    [
        (reference("ours"), True),
        (reference("other"), False),
        ({"name": "V", "valueFrom": {"secretKeyRef": {"name": "ours", "key": "another"}}}, False),
        ({"name": "V", "value": "ours"}, False),
        (None, False),
    ],
)
def test_what_refers_to_a_secret(env: dict[str, Any] | None, found: bool) -> None:
    assert refers_to(env, "ours") is found
    assert refers_to(env, "") is False
