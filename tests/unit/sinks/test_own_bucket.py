"""Which bucket W&B's containers have as their own, in each form in which W&B's installations set it."""

import base64
from typing import Any

import pytest

from wandb_byob.decide.storage import Bucket
from wandb_byob.sinks import own_bucket

URL = "s3://$(BUCKET_ACCESS_KEY):$(BUCKET_SECRET_KEY)@$(BUCKET_NAME)/$(BUCKET_PATH)"
CHART = {"kind": "ConfigMap", "data": {"BUCKET_NAME": "acme", "BUCKET_PATH": "w", "AWS_REGION": "eu-1"}}
AT_A_STORE = {"kind": "ConfigMap", "data": {"BUCKET_NAME": "minio.example.com:9000", "BUCKET_PATH": "acme?tls=true"}}


def secret(**texts: str) -> dict[str, Any]:
    return {"kind": "Secret", "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}}


def ref(name: str, key: str = "url", *, secret: str = "theirs", **more: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, **more}}}


def plain(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value}


def workload(*containers: dict[str, Any]) -> dict[str, Any]:
    named = [{"name": f"c{number}", **container} for number, container in enumerate(containers)]
    return {
        "kind": "Deployment",
        "metadata": {"name": "wandb-app"},
        "spec": {"template": {"spec": {"containers": named}}},
    }


MAPPED = {"envFrom": [{"configMapRef": {"name": "wandb-bucket-configmap", "optional": True}}]}


@pytest.mark.parametrize(
    ("container", "theirs", "identity"),
    [
        ({"env": [plain("BUCKET", "s3://ak:sk@acme/w")]}, {}, "s3://amazonaws.com/acme"),
        ({"env": [plain("BUCKET", "acme")]}, {}, "s3://amazonaws.com/acme"),
        ({"env": [plain("GORILLA_FILE_STORE", "gs://acme/w")]}, {}, "gs://acme"),
        ({"env": [ref("BUCKET"), ref("AZURE_STORAGE_KEY", "key")]}, {"url": "az://account/acme/w", "key": "a"}, "az://account/acme"),
        ({"env": [ref("BUCKET")]}, {"url": "s3://ak:s%2Fk@store.example.com:443/acme/w"}, "s3://store.example.com/acme"),
        ({"env": [ref("BUCKET")]}, {"url": "s3://$(BUCKET_NAME)"}, None),
        ({**MAPPED, "env": [plain("BUCKET", URL)]}, {}, "s3://amazonaws.com/acme"),
        ({**MAPPED, "env": [plain("BUCKET", "gs://$(BUCKET_NAME)")]}, {}, "gs://acme"),
        ({"env": [plain("VALUE", "s3://acme")]}, {}, None),
        ({"env": [ref("BUCKET", "missing")]}, {}, None),
        ({"env": [ref("BUCKET", "missing", optional=True)]}, {}, None),
        ({"env": [plain("BUCKET", "s3://one"), plain("GORILLA_FILE_STORE", "s3://two")]}, {}, None),
    ],
    ids=["a plain value", "a bare name", "the older variable alone", "Azure", "W&B's operator v2", "a Secret is not filled in", "W&B's chart", "W&B's chart without keys",
         "none", "its key is missing", "what is optional is missing", "two at once"],
)  # fmt: skip
def test_which_bucket_it_is(container: dict[str, Any], theirs: dict[str, str], identity: str | None) -> None:
    """None: no bucket is known."""
    body = workload(container)
    found = {("Secret", "theirs"): secret(**theirs), ("ConfigMap", "wandb-bucket-configmap"): CHART}
    assert own_bucket.sources(body) <= found.keys()
    present = [each for each in own_bucket.buckets(body, found) if isinstance(each, Bucket)]
    named = [each.identity for each in present if "$" not in each.identity]
    assert named == ([] if identity is None else [identity])


def test_a_store_that_is_no_clouds_in_the_charts_form() -> None:
    """The chart has host and port for the name, and the bucket in the path."""
    body = workload({**MAPPED, "env": [plain("BUCKET", URL)]})
    (found,) = own_bucket.buckets(body, {("ConfigMap", "wandb-bucket-configmap"): AT_A_STORE})
    assert isinstance(found, Bucket)
    assert found.identity == "s3://minio.example.com:9000/acme"


def test_each_container_has_its_own() -> None:
    body = workload({"env": [plain("BUCKET", "gs://a")]}, {}, {"env": [plain("BUCKET", "gs://b")]})
    assert [each.shown for each in own_bucket.buckets(body, {})] == ["gs://a", "gs://b"]
