"""Each file of examples/ as an administrator applies it, to its end: on the real control plane, with the endpoints and keys of the stores here.

A further example is a line in EXAMPLES, with a function that makes what the file expects to find and replaces what it cannot know.
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
import yaml

from cluster.scenario import Scenario, address
from testbed import stores
from testbed.coreweave import CoreWeave
from testbed.demo import examples
from testbed.gcs import GoogleCloud
from testbed.object_store import Store
from testbed.pod_identities import EKSAgent
from testbed.stores import VersityGW

FOLDER: Final = Path(__file__).parents[3] / "examples"
ROLE: Final = examples.IDENTITY
MOTOS_ACCOUNT: Final = examples.ACCOUNT
Objects = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Arranged:
    """What belongs to an example beside the file.

    `values` are the chart's, `instance` what the WandbInstance of examples/wandbinstance.yaml is told about W&B here; `entries` is
    what W&B's pods have at the end, and `then` looks at the rest.
    """

    values: dict[str, Any] = field(default_factory=dict)
    instance: dict[str, Any] = field(default_factory=dict)
    entries: tuple[str, ...] = ()
    then: Callable[[Scenario], None] = lambda _: None


Arrange = Callable[[Objects, pytest.FixtureRequest], Generator[Arranged]]
"""Changes the objects where it must, and yields; what follows takes away what was made."""


def minio_three_teams(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """A MinIO with a private authority; the operator makes the bucket."""
    minio = stores.start_minio(request.getfixturevalue("tmp_path") / "minio", tls=True)
    assert minio.authority is not None
    authority = minio.authority.read_text()
    where = spec_of(objects, "BucketStore")["s3Compatible"]
    where["endpoint"] = minio.endpoint
    give_keys(objects, minio)
    one(objects, "ConfigMap")["data"]["ca.crt"] = authority

    def then(scenario: Scenario) -> None:
        assert set(scenario.wandb.revisions().values()) == {2}, "three teams, one rollout"
        tried = {check["path"] for check in scenario.get("BucketStore", "research")["status"]["checks"]}
        assert tried == {"", "teams/drones", "teams/lidar", "teams/robotics"}
        form = {step["field"]: step["value"] for step in scenario.get("TeamStorage", "lidar")["status"]["form"]}
        assert form["Path"] == "teams/lidar"
        assert "Versions" not in minio.client().list_object_versions(Bucket="research")

    yield Arranged(entries=(address(minio, "research"),), then=then)
    minio.stop()


def s3(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """AWS is moto; the operator makes the bucket in the region that the file says."""
    moto: Store = request.getfixturevalue("moto")
    where = spec_of(objects, "BucketStore")["s3"]
    where |= {"endpoint": moto.endpoint, "accountID": MOTOS_ACCOUNT}
    give_keys(objects, moto)

    def then(scenario: Scenario) -> None:
        client = moto.client()
        assert client.get_bucket_location(Bucket="acme-wandb")["LocationConstraint"] == "eu-central-1"
        assert ROLE in client.get_bucket_policy(Bucket="acme-wandb")["Policy"]
        assert set(scenario.wandb.revisions().values()) == {2}, "two teams, one rollout"

    entry = address(moto, "acme-wandb").replace(f"region={moto.region}", "region=eu-central-1")
    yield Arranged(instance={"identity": ROLE}, entries=(entry,), then=then)
    moto.client().delete_bucket(Bucket="acme-wandb")


def s3_compatible(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """A bucket that is in MinIO before, with a file in it."""
    minio: Store = request.getfixturevalue("minio")
    client = minio.client()
    client.create_bucket(Bucket="vision")
    client.put_object(Bucket="vision", Key="theirs", Body=b"x")
    spec_of(objects, "BucketStore")["s3Compatible"]["endpoint"] = minio.endpoint
    give_keys(objects, minio)

    def then(scenario: Scenario) -> None:
        assert scenario.get("BucketStore", "vision")["status"]["bucket"]["adopted"] is True
        assert [each["Key"] for each in client.list_objects_v2(Bucket="vision")["Contents"]] == ["theirs"]

    yield Arranged(entries=(address(minio, "vision"),), then=then)
    for each in client.list_object_versions(Bucket="vision")["Versions"]:
        client.delete_object(Bucket="vision", Key=each["Key"], VersionId=each["VersionId"])
    client.delete_bucket(Bucket="vision")


def check_only(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """A bucket of AWS without versioning: the plan says so, W&B is told nothing, and the bucket stays as it is."""
    moto: Store = request.getfixturevalue("moto")
    client = moto.client()
    client.create_bucket(Bucket="acme-legacy")
    examples.allow_browsers(client, "acme-legacy")
    spec_of(objects, "BucketStore")["s3"]["endpoint"] = moto.endpoint
    give_keys(objects, moto)

    def then(scenario: Scenario) -> None:
        status = scenario.get("BucketStore", "legacy")["status"]
        assert {"change": "Versioning", "message": "Enable versioning."} in status["plan"]
        assert "Status" not in client.get_bucket_versioning(Bucket="acme-legacy")

    yield Arranged(then=then)
    client.delete_bucket(Bucket="acme-legacy")


def gcs(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """Google's stand-in; the operator makes the bucket with one key, and W&B gets the other."""
    place: GoogleCloud = request.getfixturevalue("gcs")
    accounts = {"acme-gcs-key": place.wandb, "acme-gcs-admin": place.admin}
    for each in objects:
        if each["kind"] == "Secret":
            each["stringData"] = {"serviceAccount.json": accounts[each["metadata"]["name"]].key_file()}
    pem = json.loads(place.wandb.key_file())["private_key"]
    entry = f"gs://{quote(place.wandb.email, safe='')}:{quote(pem, safe='')}@acme-wandb-files"

    def then(_: Scenario) -> None:
        made = place.buckets.resource("acme-wandb-files")
        assert made is not None
        assert made["location"] == "EU"
        assert place.buckets.contents("acme-wandb-files") == []

    yield Arranged(values={"cloudEndpoints": place.endpoints}, entries=(entry,), then=then)
    place.buckets.drop("acme-wandb-files")


def gcs_workload_identity(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """A bucket that is there before, read by W&B's pods as themselves: only looked at, from there, and not changed."""
    place: GoogleCloud = request.getfixturevalue("gcs")
    bucket = spec_of(objects, "BucketStore")["gcs"]["bucket"]
    place.buckets.make(bucket)
    place.buckets.grant(bucket, place.wandb.email)
    rule = {"origin": ["*"], "method": ["GET", "HEAD", "PUT"], "responseHeader": ["*"]}
    place.buckets.update(bucket, cors=[rule])
    before = place.buckets.resource(bucket)
    place.metadata.account = place.wandb

    def then(scenario: Scenario) -> None:
        assert place.buckets.resource(bucket) == before
        assert place.buckets.contents(bucket) == []
        told = scenario.condition("BucketStore", "acme-gcs-keyless", "DataPathVerified")
        assert "as tried from a Job under ServiceAccount" in told["message"]

    identity = {"identity": place.wandb.email}
    yield Arranged(
        values={"cloudEndpoints": place.endpoints}, instance=identity, entries=(f"gs://{bucket}",), then=then
    )
    place.metadata.account = place.admin
    place.buckets.drop(bucket)


def coreweave_keyless(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """CoreWeave is its stand-in, in whose zone the bucket is made; W&B gets the shared entry alone."""
    place: CoreWeave = request.getfixturevalue("coreweave")
    give_keys(objects, place.store)

    def then(scenario: Scenario) -> None:
        client = place.client()
        assert "wandb-integration" in client.get_bucket_policy(Bucket="acme-wandb-files")["Policy"]
        client.close()
        checks = {
            each["name"]: each["result"] for each in scenario.get("BucketStore", "acme-coreweave")["status"]["checks"]
        }
        # The Secret is there; that the stand-in of W&B has no variables of it is seen, too.
        assert (checks["WandbVersion"], checks["KeylessSecret"]) == ("Passed", "Warning")
        assert scenario.get("BucketStore", "acme-coreweave")["status"]["handOver"]["recipient"] == "W&B support"

    where = {"coreWeave": place.endpoint, "caFile": str(place.authority)}
    yield Arranged(
        values={"cloudEndpoints": where},
        instance={"wandbOrgID": "acme", "chartVersion": "0.43.8"},
        entries=("cw://",),
        then=then,
    )


def keyless(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """AWS is versitygw, which checks signatures; W&B's pods are somebody by EKS Pod Identity, and the bucket is made by hand."""
    store: VersityGW = request.getfixturevalue("versitygw")
    where = spec_of(objects, "BucketStore")["s3"]
    where["region"] = store.region
    del where["accountID"]  # versitygw's owners are users, not accounts
    client = store.client()
    client.create_bucket(Bucket="acme-keyless")
    examples.allow_browsers(client, "acme-keyless")
    token = request.getfixturevalue("tmp_path") / "eks-pod-identity-token"

    def then(scenario: Scenario) -> None:
        told = scenario.condition("BucketStore", "acme-keyless", "DataPathVerified")
        assert "as tried from a Job under ServiceAccount" in told["message"]
        left = client.list_object_versions(Bucket="acme-keyless")
        assert not [*left.get("Versions", ()), *left.get("DeleteMarkers", ())]

    with (
        EKSAgent(store.keys, token=token) as agent,
        request.getfixturevalue("kubelet").putting(agent.webhook("default")),
    ):
        yield Arranged(
            values={"cloudEndpoints": {"s3": store.endpoint}},
            instance={"identity": ROLE},
            entries=("s3://acme-keyless",),
            then=then,
        )
    client.delete_bucket(Bucket="acme-keyless")


def multi_tenant(objects: Objects, request: pytest.FixtureRequest) -> Generator[Arranged]:
    """AWS is moto; nothing in the cluster is changed, and W&B's role is let in."""
    moto: Store = request.getfixturevalue("moto")
    spec_of(objects, "BucketStore")["s3"]["accountID"] = MOTOS_ACCOUNT
    give_keys(objects, moto)

    def then(scenario: Scenario) -> None:
        client = moto.client()
        policy = client.get_bucket_policy(Bucket="acme-cloud-team")["Policy"]
        assert "arn:aws:iam::725579432336:role/WandbIntegration" in policy
        (rule,) = client.get_bucket_cors(Bucket="acme-cloud-team")["CORSRules"]
        assert rule["AllowedOrigins"] == ["https://wandb.ai"]
        assert set(scenario.wandb.revisions().values()) == {1}, "no W&B of this cluster is meant"
        team = scenario.get("TeamStorage", "acme-research")["status"]
        assert "handOver" not in team
        assert {"field": "Bucket name", "value": "s3://acme-cloud-team"} in team["form"]

    yield Arranged(values={"cloudEndpoints": {"s3": moto.endpoint}}, then=then)
    moto.client().delete_bucket(Bucket="acme-cloud-team")


EXAMPLES: Final[dict[str, Arrange]] = {
    "s3.yaml": s3,
    "s3-compatible.yaml": s3_compatible,
    "minio-three-teams.yaml": minio_three_teams,
    "check-only.yaml": check_only,
    "gcs.yaml": gcs,
    "gcs-workload-identity.yaml": gcs_workload_identity,
    "coreweave-keyless.yaml": coreweave_keyless,
    "keyless.yaml": keyless,
    "multi-tenant.yaml": multi_tenant,
}


@pytest.mark.parametrize("file", EXAMPLES)
def test_an_example_comes_to_its_end(
    scenario_in: Callable[..., Scenario], file: str, request: pytest.FixtureRequest
) -> None:
    """All of its objects become Ready, and W&B's pods have what they should."""
    objects = read(file)
    arranging = EXAMPLES[file](objects, request)
    request.addfinalizer(arranging.close)
    arranged = next(arranging)
    scenario = scenario_in(values=arranged.values, described=False)
    if not [each for each in objects if each["kind"] == "WandbInstance"]:
        (instance,) = read("wandbinstance.yaml")
        instance["spec"] |= arranged.instance
        scenario.apply(instance)
    scenario.apply(*objects)
    for kind in ("BucketStore", "TeamStorage", "WandbInstance"):
        scenario.wait_ready(kind, *(each["metadata"]["name"] for each in objects if each["kind"] == kind))
    scenario.wandb.wait_available()
    assert scenario.entries() == [*arranged.entries]
    arranged.then(scenario)
    assert next(arranging, None) is None


def test_several_namespaces(scenario_in: Callable[..., Scenario], moto: Store) -> None:
    """W&B, bucket and team in a namespace each, by their owners' grants: Ready, and W&B's pods have the bucket. AWS is moto."""
    scenario = scenario_in(described=False, beside=("storage", "team-vision"))
    storage, team = (replace(scenario, namespace=f"{scenario.namespace}-{each}") for each in ("storage", "team-vision"))
    objects = read("several-namespaces.yaml")
    called = {"wandb": scenario.namespace, "storage": storage.namespace, "team-vision": team.namespace}
    for each in objects:
        _rename(each, called)
    spec_of(objects, "BucketStore")["s3"]["endpoint"] = moto.endpoint
    give_keys(objects, moto)
    scenario.cluster.apply(objects)
    storage.wait_ready("BucketStore", "shared")
    team.wait_ready("TeamStorage", "vision")
    scenario.wait_ready("WandbInstance", "wandb")
    scenario.wandb.wait_available()
    read_by = {name for name, revision in scenario.wandb.revisions().items() if revision == 2}
    assert read_by == set(spec_of(objects, "WandbInstance")["target"]["workloads"]["names"])
    entry = address(moto, "acme-shared").replace(f"region={moto.region}", "region=eu-central-1")
    assert scenario.wandb.variable() == {entry, None}
    assert team.get("TeamStorage", "vision")["status"]["address"].startswith("s3://***:***@")
    moto.client().delete_bucket(Bucket="acme-shared")


def _rename(value: Any, called: Mapping[str, str]) -> None:
    """Let the objects, and their references, name the namespaces that there are here."""
    if isinstance(value, list):
        for each in value:
            _rename(each, called)
    if isinstance(value, dict):
        if value.get("kind") == "Namespace":
            value["metadata"]["name"] = called[value["metadata"]["name"]]
        if "namespace" in value:
            value["namespace"] = called[value["namespace"]]
        for each in value.values():
            _rename(each, called)


def read(file: str) -> Objects:
    """The objects of an example."""
    return list(yaml.safe_load_all((FOLDER / file).read_text()))


def one(objects: Objects, kind: str) -> dict[str, Any]:
    """The only object of its kind."""
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def spec_of(objects: Objects, kind: str) -> Any:
    """The specification of the only object of its kind."""
    return one(objects, kind)["spec"]


def give_keys(objects: Objects, store: Store) -> None:
    """Put the store's root keys where the file says REPLACE-ME."""
    for each in objects:
        if each["kind"] == "Secret":
            each["stringData"] = {
                name: store.keys.secret_key if "secret" in name.lower() else store.keys.access_key
                for name in each["stringData"]
            }
