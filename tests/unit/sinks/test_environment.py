"""The environment of a container as the kubelet makes it, as far as one variable needs it."""

import base64
from typing import Any

import pytest

from wandb_byob.sinks import environment

FOUND = {
    ("ConfigMap", "bucket"): {"kind": "ConfigMap", "data": {"BUCKET_NAME": "minio:9000", "BUCKET_PATH": "b?tls=true"}},
    ("Secret", "keys"): {"kind": "Secret", "data": {"id": base64.b64encode(b"AK").decode()}},
}
WHOLE = [{"configMapRef": {"name": "bucket"}}]
URL = "s3://$(ID):$(KEY)@$(BUCKET_NAME)/$(BUCKET_PATH)"


def literal(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def from_secret(name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": "keys", "key": key, **more}}}


FIELD = {"name": "ID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}


@pytest.mark.parametrize(
    ("env", "value"),
    [
        ([from_secret("ID", "id"), literal("KEY", "k"), literal("BUCKET", URL)], "s3://AK:k@minio:9000/b?tls=true"),
        ([literal("BUCKET", URL), from_secret("ID", "id")], "s3://$(ID):$(KEY)@minio:9000/b?tls=true"),
        ([literal("BUCKET_NAME", "other"), literal("BUCKET", "s3://$(BUCKET_NAME)")], "s3://other"),
        ([literal("ID", "1"), literal("ID", "2"), literal("BUCKET", "$(ID)"), literal("ID", "3")], "2"),
        ([literal("A", "x"), literal("ID", "$(A)y"), literal("BUCKET", "$(ID)")], "xy"),
        ([literal("BUCKET", "b"), literal("BUCKET", "s3://$(BUCKET)")], "s3://b"),
        ([literal("BUCKET", "s3://$$(BUCKET_NAME)")], "s3://$(BUCKET_NAME)"),
        ([literal("ID", "1"), from_secret("ID", "gone", optional=True), literal("BUCKET", "$(ID)")], "1"),
        ([literal("ID", "1"), from_secret("ID", "gone"), literal("BUCKET", "$(ID)")], "$(ID)"),
        ([FIELD, literal("BUCKET", "$(ID)")], "$(ID)"),
    ],
    ids=["from everywhere", "what comes below is not defined yet", "env before envFrom", "the last of those above", "one that refers itself", "its own, above",
         "escaped", "optional and gone leaves it", "gone, so that no pod starts", "a field of the pod"],
)  # fmt: skip
def test_what_the_process_has(env: list[dict[str, Any]], value: str) -> None:
    container = {"name": "app", "env": env, "envFrom": WHOLE}
    assert set(environment.sources(container, "BUCKET", expand=True)) <= FOUND.keys()
    assert environment.plain(container, "BUCKET", FOUND) == value


def test_what_must_be_read_for_it() -> None:
    """Also for a variable that a variable refers to; and nothing of it where nobody asks for it."""
    env = [from_secret("KEY", "id"), literal("ID", "$(KEY)"), literal("BUCKET", "$(ID)")]
    container = {"name": "app", "env": env, "envFrom": WHOLE}
    assert set(environment.sources(container, "BUCKET", expand=True)) == {("Secret", "keys")}
    assert set(environment.sources(container, "BUCKET", expand=False)) == set()
    env.append(literal("BUCKET", "$(BUCKET_NAME)"))
    assert ("ConfigMap", "bucket") in set(environment.sources(container, "BUCKET", expand=True))


def test_references_that_double_at_each_step_end() -> None:
    """2^64 characters: neither are they made, nor is every path through them gone."""
    env = [literal("A0", "x" * 64), *(literal(f"A{n + 1}", f"$(A{n})$(A{n})") for n in range(64))]
    env.append(literal("BUCKET", "s3://$(A64)"))
    container = {"name": "app", "env": env}
    assert set(environment.sources(container, "BUCKET", expand=True)) == set()
    assert "$(A" in environment.plain(container, "BUCKET", {})


def test_a_variable_that_leads_to_more_than_a_hundred_stays_as_it_is_written() -> None:
    """Each of thousands could become 128 KiB, together more than this process has, and each is looked for among all others."""
    env = [literal("A", "x" * 100_000), *(literal(f"V{n}", f"$(A){n}") for n in range(98))]
    env.append(literal("BUCKET", "$(V97)" + "".join(f"$(W{n})" for n in range(98))))
    many = {"name": "app", "env": env, "envFrom": WHOLE}
    few = {"name": "app", "env": [*env[:-1], literal("BUCKET", "$(V97)")], "envFrom": WHOLE}
    assert environment.plain(few, "BUCKET", FOUND) == "x" * 100_000 + "97"
    env.append(literal("BUCKET", "".join(f"$(V{n})" for n in range(98)) + "$(MORE)$(AND_MORE)"))
    assert environment.plain(many, "BUCKET", FOUND) == env[-1]["value"]
    assert set(environment.sources(many, "BUCKET", expand=True)) == set()
