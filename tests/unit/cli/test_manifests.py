"""Manifests on disk: read as the API server would take them, answered from as it would answer, and never quoted."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit.memory_kube import MemoryKube
from unit.resources import bucket_store, team_storage, wandb_instance
from wandb_byob.cli.manifests import ManifestError, Manifests, Overlay, load
from wandb_byob.kube.client import BUCKET_STORES, NAMESPACES, SECRETS, TEAM_STORAGES, KubeError, PatchType
from wandb_byob.kube.gather import typed
from wandb_byob.model.api import BucketStore

STORE: dict[str, Any] = {
    "apiVersion": "byob.wandb.com/v1alpha1",
    "kind": "BucketStore",
    "metadata": {"name": "vision"},
    "spec": {
        "provider": "S3",
        "s3": {"bucket": "acme", "region": "eu-central-1"},
        "credentials": {"source": "Ambient"},
    },
}
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "keys"},
    "stringData": {"accessKeyID": "AKIACANARY"},
    "data": {"secretAccessKey": base64.b64encode(b"canary").decode()},
}


def write(folder: Path, *objects: Any, name: str = "a.yaml") -> str:
    path = folder / name
    path.write_text(yaml.safe_dump_all(objects))
    return str(path)


def loaded(folder: Path, *objects: Any) -> list[dict[str, Any]]:
    return load([write(folder, *objects)], namespace="team-a")


def test_what_the_api_server_adds(tmp_path: Path) -> None:
    """A namespace and an identity where they are left out; `stringData` is among the data; defaults are filled in."""
    store, secret = loaded(tmp_path, STORE, SECRET)
    assert typed(store, BucketStore).metadata.namespace == "team-a"
    assert typed(store, BucketStore).spec.deletion_policy == "Retain"
    assert {key: base64.b64decode(value) for key, value in secret["data"].items()} == {
        "accessKeyID": b"AKIACANARY",
        "secretAccessKey": b"canary",
    }


def test_folders_lists_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All YAML and JSON files of a folder, what `kubectl get -o yaml` prints, and `-`; other kinds are passed over."""
    write(tmp_path, {"apiVersion": "v1", "kind": "List", "items": [STORE, SECRET]})
    write(tmp_path, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}, name="b.yml")
    (tmp_path / "notes.txt").write_text("not: [yaml")
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(STORE | {"metadata": {"name": "speech"}})))
    found = load([str(tmp_path), "-"], namespace="default")
    assert [body["metadata"]["name"] for body in found] == ["vision", "keys", "speech"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (STORE | {"spec": STORE["spec"] | {"s3": {"bucket": "acme", "regoin": "x"}}}, "no field spec.s3.regoin"),
        (STORE | {"spec": STORE["spec"] | {"proivder": "S3"}}, "no field spec.proivder"),
        (STORE | {"spec": {"provider": "S3", "credentials": {}, "s3": {"bucket": "acme"}}}, "region"),
        (STORE | {"spec": STORE["spec"] | {"provider": "S4"}}, "S4"),
        (STORE | {"spec": STORE["spec"] | {"probePath": "../x"}}, "spec.probePath has a value that it cannot have"),
        (STORE | {"metadata": {}}, "no metadata.name"),
        (STORE | {"apiVersion": "byob.wandb.com/v2"}, "apiVersion is not byob.wandb.com/v1alpha1"),
        (SECRET | {"stringData": {"accessKeyID": 12345678}}, "stringData has a value that is not a text"),
        ("canary", "is not a Kubernetes object"),
    ],
)
def test_what_is_refused(tmp_path: Path, body: Any, said: str) -> None:
    """With the file, the object and the field; no value of a Secret is quoted."""
    with pytest.raises(ManifestError, match=r"a\.yaml") as raised:
        loaded(tmp_path, body)
    assert said in str(raised.value)
    assert "canary" not in str(raised.value).replace(str(tmp_path), "").lower()
    assert "12345678" not in str(raised.value)


@pytest.mark.parametrize("text", ["a: [canary", "a: b: canary", "\t- canary", "a: !!python/object:canary x"])
def test_what_is_no_yaml_is_not_quoted(tmp_path: Path, text: str) -> None:
    """The file and the line are told: the line itself may hold a key."""
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ManifestError, match="is not YAML") as raised:
        load([str(tmp_path / "a.yaml")], namespace="default")
    assert "canary" not in str(raised.value).replace("python/object:canary", "")


def test_files_that_are_not_there_or_empty(tmp_path: Path) -> None:
    """Both are said."""
    with pytest.raises(ManifestError, match=r"none.yaml cannot be read: No such file"):
        load([str(tmp_path / "none.yaml")], namespace="default")
    with pytest.raises(ManifestError, match="There are no objects in"):
        load([str(tmp_path)], namespace="default")


@pytest.mark.parametrize(
    ("documents", "told"),
    [
        ({"a.yaml": [STORE], "b.yaml": [SECRET, STORE]}, "twice, in {0}/a.yaml, document 1 and {0}/b.yaml, document 2"),
        ({"a.yaml": [STORE, SECRET, STORE]}, "twice, in {0}/a.yaml, document 1 and {0}/a.yaml, document 3"),
        ({"a.yaml": [{"kind": "List", "items": [STORE, STORE]}]}, "twice, in {0}/a.yaml, document 1. Keep"),
    ],
    ids=["two files", "one file", "one list"],
)
def test_an_object_that_is_there_twice(tmp_path: Path, documents: dict[str, list[Any]], told: str) -> None:
    """Both places are named, so that one of the two can be kept."""
    for name, objects in documents.items():
        write(tmp_path, *objects, name=name)
    with pytest.raises(ManifestError) as raised:
        load([str(tmp_path)], namespace="team-a")
    assert told.format(tmp_path) in str(raised.value)
    assert str(raised.value).startswith("BucketStore team-a/vision is there twice")


def test_the_examples_can_be_applied_beside_each_other() -> None:
    """No two are of one name, and each BucketStore says which W&B reads it: another example may bring a second one."""
    bodies = load([str(Path(__file__).parents[3] / "examples")], namespace="acme")
    assert {body["spec"]["instanceRef"]["name"] for body in bodies if body["kind"] == "BucketStore"} == {
        body["metadata"]["name"] for body in bodies if body["kind"] == "WandbInstance"
    }


def test_one_name_in_two_namespaces(tmp_path: Path) -> None:
    """Is not one object."""
    elsewhere = STORE | {"metadata": {"name": "vision", "namespace": "team-b"}}
    assert len(loaded(tmp_path, STORE, elsewhere)) == 2


def test_selectors(tmp_path: Path) -> None:
    """Lists answer by namespace, by labels and by fields; a namespace is there as soon as it is asked for."""
    labelled = SECRET | {"metadata": {"name": "ours", "labels": {"byob.wandb.com/instance": "wandb"}}}
    kube = Manifests(loaded(tmp_path, STORE, SECRET, labelled))
    assert [body["metadata"]["name"] for body in kube.list(SECRETS, "", labels="byob.wandb.com/instance=wandb")] == [
        "ours"
    ]
    assert len(kube.list(BUCKET_STORES, "team-a", fields="spec.s3.bucket=acme")) == 1
    assert kube.list(BUCKET_STORES, "team-a", fields="spec.s3.bucket=other") == []
    assert kube.list(BUCKET_STORES, "team-b") == []
    assert kube.get(NAMESPACES, "", "team-b") is not None
    assert kube.get(SECRETS, "team-a", "none") is None


def test_nothing_is_written() -> None:
    """Every write is refused."""
    kube = Manifests([bucket_store()])
    with pytest.raises(KubeError, match="only read"):
        kube.create(SECRETS, "team-a", {})
    with pytest.raises(KubeError, match="only read"):
        kube.patch(BUCKET_STORES, "team-a", "data", {}, patch_type=PatchType.MERGE)
    with pytest.raises(KubeError, match="only read"):
        kube.delete(BUCKET_STORES, "team-a", "data", uid="u")


def test_before_a_cluster(tmp_path: Path) -> None:
    """What the files have comes first, with the uid and status that it has in the cluster; what they lack is read there."""
    status = {"bucket": {"created": True, "adopted": False, "identity": "s3://amazonaws.com/data"}}
    cluster = MemoryKube(bucket_store(uid="live", status=status), team_storage(), wandb_instance())
    changed = bucket_store(spec={"deletionPolicy": "Delete"})
    kube = Overlay([changed], cluster)
    (found,) = kube.list(BUCKET_STORES, "team-a")
    store = typed(found, BucketStore)
    assert (store.metadata.uid, store.metadata.generation, store.spec.deletion_policy) == ("live", 2, "Delete")
    assert store.status.bucket is not None
    assert kube.get(TEAM_STORAGES, "team-a", "ml") is not None
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"provider": "s3"}, "spec.provider is not one of Azure, CoreWeave, GCS, S3, S3Compatible."),
        ({"managementPolicy": "Watch"}, "spec.managementPolicy is not one of Manage, Observe."),
        ({"verification": {"from": "Job"}}, "spec.verification.from is not one of Operator, Workload."),
        ({"s3": {"bucket": "acme"}}, "spec.s3.region is missing."),
        (
            {"s3": {"bucket": "acme", "region": "eu-central-1", "accountID": 111122223333}},
            "spec.s3.accountID has to be text, and is a whole number. Put it in quotation marks.",
        ),
        ({"s3": "acme"}, "spec.s3 has to be a block of fields, and is text."),
        ({"verification": {"dataPath": "yes"}}, "spec.verification.dataPath has to be true or false, and is text."),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_its_field(tmp_path: Path, spec: dict[str, Any], told: str) -> None:
    """In the words of who writes manifests: what the field takes, and what to do where that is not plain."""
    with pytest.raises(ManifestError) as raised:
        loaded(tmp_path, STORE | {"spec": STORE["spec"] | spec})
    assert str(raised.value) == f"{tmp_path / 'a.yaml'}, document 1: BucketStore vision: {told}"


def test_a_kind_of_ours_that_does_not_exist(tmp_path: Path) -> None:
    """A slip of the pen is no kind of somebody else."""
    with pytest.raises(ManifestError, match=r"has no kind BucketStor, but BucketStore, TeamStorage, WandbInstance\."):
        loaded(tmp_path, STORE | {"kind": "BucketStor"})


def test_no_two_examples_write_the_same_object() -> None:
    """Whoever applies the whole folder gets what each file says; W&B itself is described in more than one of them."""
    folder = Path(__file__).parents[3] / "examples"
    places: dict[tuple[str, str, str], list[str]] = {}
    for file in sorted(folder.glob("*.yaml")):
        for body in load([str(file)], namespace="wandb"):
            found = (body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])
            places.setdefault(found, []).append(file.name)
    twice = {found: files for found, files in places.items() if len(files) > 1}
    assert twice == {("WandbInstance", "wandb", "wandb"): ["several-namespaces.yaml", "wandbinstance.yaml"]}
