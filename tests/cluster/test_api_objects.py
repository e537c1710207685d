"""Custom resources as users and the operator meet them: kubectl's tables and manual, defaults, types, status, examples."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from cluster.crd_rules import CRDS, SPECS, changed, manifest, path_of
from testbed.cluster import Cluster
from wandb_byob.model import api

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
TYPES = {"BucketStore": api.BucketStore, "TeamStorage": api.TeamStorage, "WandbInstance": api.WandbInstance}
NOW = "2026-11-22T20:00:00Z"
READY = {
    "type": "Ready",
    "status": "True",
    "observedGeneration": 1,
    "lastTransitionTime": NOW,
    "reason": "Verified",
    "message": "All checks passed.",
}
HAND_OVER = {"recipient": "W&B support", "text": "Please validate the bucket."}
COMMON = {"observedGeneration": 1, "conditions": [READY], "handOver": HAND_OVER, "observedReconcileRequest": "1"}
STATUSES: dict[str, tuple[str, dict[str, Any]]] = {
    "BucketStore": (
        "s3Compatible",
        {
            **COMMON,
            "instanceRef": {"name": "wandb", "namespace": "wandb"},
            "bucket": {
                "created": True,
                "adopted": False,
                "owner": "111122223333",
                "region": "us-east-1",
                "url": "https://minio.example.com:9000/acme-wandb",
                "identity": "s3://minio.example.com:9000/acme-wandb",
            },
            "checks": [
                {"name": "Put", "path": "", "result": "Passed", "message": "Written."},
                {
                    "name": "Put",
                    "path": "teams/a",
                    "result": "Failed",
                    "message": "Refused.",
                    "remedy": "Grant s3:PutObject.",
                },
            ],
            "plan": [{"change": "CORS", "message": "Add the origin https://wandb.example.com."}],
            "verifiedInputs": "1/57/teams/a",
        },
    ),
    "TeamStorage": (
        "team",
        {
            **COMMON,
            "identity": "s3://minio.example.com:9000/acme-wandb",
            "address": "s3://***:***@minio.example.com:9000/acme-wandb?region=us-east-1&tls=true",
            "path": "teams/a",
            "form": [{"field": "Storage Type", "value": "External"}],
        },
    ),
    "WandbInstance": (
        "self-managed",
        {
            **COMMON,
            "entries": [
                {
                    "identity": "s3://minio.example.com:9000/acme-wandb",
                    "address": "s3://***:***@minio.example.com:9000/acme-wandb",
                    "source": "BucketStore",
                    "bucketStoreRef": {"name": "acme", "namespace": "wandb"},
                },
                {"address": "(not understood)", "source": "Kept"},
            ],
            "storage": {
                "identity": "s3://amazonaws.com/acme-main",
                "address": "s3://***:***@acme-main/wandb",
                "path": "wandb",
                "source": "BucketStore",
                "bucketStoreRef": {"name": "main"},
            },
            "secretName": "wandb-file-stores-7x2fq",
            "lastGoodSecretName": "wandb-file-stores-k8w4z",
            "variableBytes": 512,
            "workloads": [
                {
                    "kind": "Deployment",
                    "name": "wandb-app",
                    "containers": ["app"],
                    "state": "Current",
                    "message": "3 of 3.",
                }
            ],
            "failed": {
                "secretName": "wandb-file-stores-9aa1b",
                "reason": "RolloutFailed",
                "message": "wandb-app crashed.",
                "time": NOW,
                "reconcileRequest": "0",
            },
            "reverted": {
                "secretName": "wandb-file-stores-7x2fq",
                "time": NOW,
                "by": "argocd-controller",
                "workloads": ["Deployment/wandb-app"],
                "reconcileRequest": "0",
            },
            "notOffered": ["AWS", "CoreWeave"],
            "form": {
                "provider": "AWS",
                "bucketName": "acme-wandb",
                "path": "wandb",
                "warning": "Another bucket is saved there.",
            },
            "version": "0.85.0",
        },
    ),
}


@pytest.mark.parametrize("base", SPECS)
def test_the_types_have_the_defaults_of_the_schema(crds: Cluster, place: str, base: str) -> None:
    """An object reads the same whether the API server filled in the defaults or the Python types did."""
    document = manifest(base)
    stored = crds.post(f"{path_of(place, document)}?dryRun=All", document)
    read = msgspec.convert(stored, type=TYPES[document["kind"]])
    assert read.spec == msgspec.convert(document, type=TYPES[document["kind"]]).spec
    assert read.metadata.uid == stored["metadata"]["uid"]
    assert msgspec.to_builtins(read)["kind"] == document["kind"]


@pytest.mark.parametrize("kind", STATUSES)
def test_a_full_status_comes_back_as_it_was_written(crds: Cluster, namespace: str, kind: str) -> None:
    """Every field that the types can write is stored, applied twice changes nothing, and what is left out is removed."""
    base, status = STATUSES[kind]
    document = manifest(base)
    crds.post(path_of(namespace, document), document)
    path = path_of(namespace, document, name=True)
    written = msgspec.convert({**document, "status": status}, type=TYPES[kind])
    first, second = (apply_status(crds, path, written) for _ in range(2))
    assert first["status"] == status
    assert msgspec.convert(first, type=TYPES[kind]).status == written.status
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    less = {"observedGeneration": 2}
    assert apply_status(crds, path, msgspec.convert({**document, "status": less}, type=TYPES[kind]))["status"] == less


def apply_status(cluster: Cluster, path: str, written: msgspec.Struct) -> Any:
    """Server-side apply of the status that this object has, as the operator does."""
    wire = msgspec.to_builtins(written)
    body = {key: wire[key] for key in ("apiVersion", "kind", "status")} | {
        "metadata": {"name": wire["metadata"]["name"]}
    }
    query = "fieldManager=wandb-byob&force=true&fieldValidation=Strict"
    answer = cluster.request("PATCH", f"{path}/status?{query}", body, content_type="application/apply-patch+yaml")
    assert answer.status == 200, answer.body.decode()
    return answer.json()


def test_every_status_field_is_written_above() -> None:
    """A new field of a status gets into the test of the statuses."""
    for kind, (_, status) in STATUSES.items():
        schema = CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
        assert set(schema["properties"]) == set(status)


def test_a_status_can_be_written_once_fields_are_locked(crds: Cluster, namespace: str) -> None:
    """The rules that lock fields never stand in the way of the operator's own status, however it changes."""
    document = manifest("team")
    crds.post(path_of(namespace, document), document)
    path = path_of(namespace, document, name=True)
    for state in ("True", "False", "True"):
        crds.patch(f"{path}/status", {"status": {"conditions": [{**READY, "type": "Configured", "status": state}]}})
    crds.patch(f"{path}/status", {"status": None})
    crds.patch(path, {"spec": {"path": "teams/a"}})


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_applies(crds: Cluster, namespace: str, file: Path) -> None:
    """Each file of examples/ is accepted without a warning, and each object of ours in it can be read.

    Its namespaces are taken to be the test's own, since a dry run makes none.
    """
    documents = [document for document in yaml.safe_load_all(file.read_text()) if document["kind"] != "Namespace"]
    for document in documents:
        document["metadata"]["namespace"] = namespace
    text = yaml.safe_dump_all(documents)
    said = crds.kubectl("apply", "--dry-run=server", "-f", "-", stdin=text).splitlines()
    assert [line.rpartition(" created")[2] for line in said] == [" (server dry run)"] * len(documents), said
    for document in documents:
        if document["kind"] in TYPES:
            msgspec.convert(document, type=TYPES[document["kind"]])


@pytest.mark.parametrize(
    ("kind", "header", "row"),
    [
        (
            "BucketStore",
            "NAME PROVIDER BUCKET READY REASON AGE MESSAGE",
            "s3compatible S3Compatible s3://minio.example.com:9000/acme-wandb True Verified 0s All checks passed.",
        ),
        (
            "TeamStorage",
            "NAME BUCKET STORE PATH READY REASON AGE TEAM ADDRESS MESSAGE",
            "team acme teams/a True Verified 0s ml s3://***:***@minio.example.com:9000/acme-wandb?region=us-east-1&tls=true All checks passed.",
        ),
        (
            "WandbInstance",
            "NAME TYPE HOST READY REASON AGE VERSION SECRET MESSAGE",
            "self-managed SelfManaged https://wandb.example.com True Verified 0s 0.85.0 wandb-file-stores-7x2fq All checks passed.",
        ),
    ],
)
def test_what_kubectl_get_shows(crds: Cluster, namespace: str, kind: str, header: str, row: str) -> None:
    """The short name gives a table that answers: which bucket, is it ready, and if not, why."""
    base, status = STATUSES[kind]
    document = manifest(base)
    if kind == "TeamStorage":
        changed(document, {"spec.team": "ml", "spec.path": "teams/a"})
    crds.post(path_of(namespace, document), document)
    crds.patch(f"{path_of(namespace, document, name=True)}/status", {"status": status})
    (short,) = CRDS[kind]["spec"]["names"]["shortNames"]
    shown = crds.kubectl("get", short, "--output=wide", f"--namespace={namespace}").splitlines()
    assert [squeezed(line, age="0s") for line in shown] == [header, row]
    narrow = crds.kubectl("get", short, f"--namespace={namespace}").splitlines()
    assert squeezed(narrow[0]) == header[: header.index(" AGE") + 4]


def squeezed(line: str, *, age: str | None = None) -> str:
    """A line of a table with single spaces, and the age, which grows, set to this one."""
    words = line.split()
    if age:
        words = [age if word.endswith("s") and word[:-1].isdigit() else word for word in words]
    return " ".join(words)


def test_the_category_lists_all_three_kinds(crds: Cluster, namespace: str) -> None:
    """`kubectl get byob` shows everything of ours at once."""
    for base in ("s3", "team", "self-managed"):
        document = manifest(base)
        crds.post(path_of(namespace, document), document)
    shown = crds.kubectl("get", "byob", "--output=name", f"--namespace={namespace}").split()
    assert shown == [
        "bucketstore.byob.wandb.com/s3",
        "teamstorage.byob.wandb.com/team",
        "wandbinstance.byob.wandb.com/self-managed",
    ]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("bucketstore", "The operator creates or adopts the bucket, configures it"),
        ("wbb.spec.credentials.source", "ENUM: Secret Ambient WandbAccount"),
        ("wbb.spec.verification.interval", "at least 30s and at most 24h. Default: 5m."),
        ("wbt.spec.path", "for example teams/ml-research. Default: the whole bucket."),
        ("wbi.spec.rollout.onFailure", "RollBack: return to the last good configuration"),
        ("wbi.status.workloads.state", "NotWaitedFor: never finishes by design"),
    ],
)
def test_kubectl_explain_is_a_manual(crds: Cluster, field: str, says: str) -> None:
    """What a field means, its choices, units and default can be looked up without leaving the terminal."""
    assert says in squeezed(crds.kubectl("explain", field).replace("\n", " "))


def test_every_field_has_a_description() -> None:
    """No field is left out of the manual, and descriptions are sentences."""
    for kind, crd in CRDS.items():
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        assert [path for path, text in descriptions(schema, kind) if not text.endswith(".")] == []


def descriptions(schema: dict[str, Any], path: str) -> list[tuple[str, str]]:
    """Each field's path and description."""
    found = [(path, schema.get("description", ""))] if not path.endswith(".metadata") else []
    for name, inner in schema.get("properties", {}).items():
        found += descriptions(inner, f"{path}.{name}")
    items = schema.get("items", {})
    return found + (descriptions(items, f"{path}[]") if "properties" in items else [])
