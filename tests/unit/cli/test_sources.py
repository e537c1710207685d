"""Where commands have their objects from, and what is assumed where the files do not say it."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit.memory_kube import MemoryKube
from unit.resources import as_store, bucket_store, team_storage, wandb_instance
from wandb_byob.cli import sources
from wandb_byob.cli.flags import add_source
from wandb_byob.cli.sources import Source, SourceError
from wandb_byob.kube.client import WANDB_INSTANCES, ForbiddenError
from wandb_byob.kube.gather import typed
from wandb_byob.model.api import WandbInstance


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_source(parser, assume=True)
    return parser.parse_args(words)


def opened(folder: Path, *bodies: dict[str, Any], words: tuple[str, ...] = ()) -> Source:
    (folder / "a.yaml").write_text(yaml.safe_dump_all(bodies))
    return sources.open_source(arguments("-f", str(folder), *words), assume=True)


def instance(source: Source, name: str = "wandb", namespace: str = "team-a") -> WandbInstance:
    body = source.kube.get(WANDB_INSTANCES, namespace, name)
    assert body is not None
    return typed(body, WandbInstance)


def test_a_wandb_that_no_file_describes(tmp_path: Path) -> None:
    """Flags say what it is like, and what was assumed is told; it admits the BucketStore wherever that is."""
    store = bucket_store(spec={"instanceRef": {"name": "main", "namespace": "prod"}})
    words = ("--host", "https://w.example.com/", "--deployment-type", "DedicatedCloud", "--organization-id", "acme")
    source = opened(tmp_path, store, words=words)
    found = instance(source, "main", "prod").spec
    assert (found.host, found.deployment_type, found.wandb_org_id) == (
        "https://w.example.com",
        "DedicatedCloud",
        "acme",
    )
    assert found.allowed_namespaces.from_ == "All"
    assert source.notes == (
        "No manifest of WandbInstance main: assumed is a DedicatedCloud W&B at https://w.example.com.",
    )


def test_a_wandb_that_a_file_describes(tmp_path: Path) -> None:
    """It is taken as it is; flags about another do not count, and nothing is assumed."""
    source = opened(tmp_path, bucket_store(), wandb_instance(), words=("--host", "https://other.example.com"))
    assert instance(source).spec.host == "https://wandb.example.com"
    assert source.notes == ()


def test_without_a_host_nothing_can_be_said_of_cors(tmp_path: Path) -> None:
    """It is asked for by its flag, unless the BucketStore lists the origins."""
    with pytest.raises(SourceError, match="--host"):
        opened(tmp_path, bucket_store())
    listed = bucket_store(spec={"cors": {"allowedOrigins": ["https://w.example.com"]}})
    assert instance(opened(tmp_path, listed)).spec.host == "https://w.example.com"


def test_without_a_cluster_manifests_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(SourceError, match="-f FILE"):
        sources.open_source(arguments())


def stores_of(*names: str) -> Source:
    bodies = [bucket_store(name, namespace=namespace) for namespace, _, name in (each.partition("/") for each in names)]
    return Source(kube=MemoryKube(*bodies), namespace="", label="test", uids=True)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], ["a/x", "b/x", "b/y"]),
        (["y"], ["b/y"]),
        (["x"], ["a/x", "b/x"]),
        (["b/x", "x"], ["b/x", "a/x"]),
        (["bucketstore/y"], ["b/y"]),
    ],
)
def test_names(wanted: list[str], found: list[str]) -> None:
    """`name`, `namespace/name` or kubectl's `kind/name`; none means all; each once."""
    source = stores_of("a/x", "b/x", "b/y")
    chosen = [f"{each.metadata.namespace}/{each.metadata.name}" for each in sources.chosen_stores(source, wanted)]
    assert sorted(chosen) == sorted(found)
    assert len(chosen) == len(found)


def test_names_that_are_not_there() -> None:
    """With those that there are; one is asked for where several would do."""
    source = stores_of("a/x", "b/x")
    with pytest.raises(SourceError, match=r"There is no BucketStore z. There are: a/x, b/x"):
        sources.chosen_stores(source, ["z"])
    with pytest.raises(SourceError, match=r"There is no BucketStore in test"):
        sources.chosen_stores(stores_of(), [])
    with pytest.raises(SourceError, match=r"There are several BucketStores: a/x, b/x"):
        sources.only(sources.chosen_stores(source, []))


def test_a_stored_object_that_does_not_fit_stops_nobody_else() -> None:
    """Without a name it is told; another BucketStore can be looked at by its name."""
    odd = bucket_store("odd", spec={"s3": {"bucket": "b"}})
    source = Source(kube=MemoryKube(odd, bucket_store()), namespace="team-a", label="test", uids=True)
    with pytest.raises(SourceError, match="BucketStore odd does not fit"):
        sources.chosen_stores(source, [])
    assert [store.metadata.name for store in sources.chosen_stores(source, ["data"])] == ["data"]


def test_whose_name_it_is() -> None:
    """Of a BucketStore and a TeamStorage of one name the bucket is meant, unless the kind is said."""
    kube = MemoryKube(bucket_store("data"), team_storage("data"), team_storage("ml"))
    source = Source(kube=kube, namespace="team-a", label="test", uids=True)
    assert sources.team(source, "data") is None
    for name in ("ml", "team-a/ml", "teamstorage/data"):
        assert sources.team(source, name) is not None, name
    assert sources.team(source, "other/ml") is None


@pytest.mark.parametrize(
    ("path", "taken"), [("probe/", "probe"), ("a/b", "a/b"), ("../x", None), ("", None), ("a//b", None)]
)
def test_paths(path: str, taken: str | None) -> None:
    """Only what a probePath could be is written under."""
    if taken is not None:
        assert sources.probe_paths([path]) == (taken,)
        return
    with pytest.raises(SourceError, match="--path"):
        sources.probe_paths([path])


def at(endpoint: str) -> dict[str, Any]:
    block = {"bucket": "b", "region": "r", "endpoint": endpoint}
    return {"provider": "S3Compatible", "s3": None, "s3Compatible": block}


VPC = "bucket.vpce-1.s3.eu-central-1.vpce.amazonaws.com"


@pytest.mark.parametrize(
    ("spec", "endpoints", "why"),
    [
        ({}, (), ""),
        ({"s3": {"bucket": "b", "region": "r", "endpoint": f"https://{VPC}"}}, (VPC,), ""),
        (at("http://minio:9000"), ("minio:9000",), "inside the cluster"),
        (at("http://[::1]:9000/"), ("[::1]:9000",), "without TLS"),
        (at("https://10.0.0.1"), ("10.0.0.1",), "not at a public address"),
        (at("gopher://x"), (), ""),
    ],
)
def test_endpoints_that_the_user_answers_for(spec: dict[str, Any], endpoints: tuple[str, ...], why: str) -> None:
    """What the BucketStores name is allowed here; why an operator would want it listed is known."""
    store = as_store(bucket_store(spec=spec))
    assert sources.own_endpoints([store, store]) == endpoints
    refusal = sources.needs_listing(store)
    assert (refusal is None) is (why == "")
    assert refusal is None or why in refusal.message


def test_one_who_may_not_list_everywhere() -> None:
    """Teams are then looked for in the chosen namespace alone."""
    kube = MemoryKube(bucket_store())

    def refuse(call: str) -> None:
        if call.startswith("list") and len(call.split()) == 2:
            raise ForbiddenError("no", status=403)

    source = Source(kube=kube, namespace="team-a", label="test", uids=True)
    assert sources.world(source).config.namespaces == ()
    kube.before = refuse
    assert sources.world(source).config.namespaces == ("team-a",)
