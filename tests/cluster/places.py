"""The three places where a W&B of this cluster has its configuration, each with a W&B of one's own in it: variables, a list of buckets, values.

What a user has there is one thing to the tests, whichever place it is: `theirs` is all of it without our one field.
"""

import copy
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final, Literal

from cluster.instance_world import InstanceWorld
from cluster.scenario import VALUES, Scenario
from testbed import wandb, wandb_operator
from testbed.cluster import Cluster
from testbed.installation import Installation
from testbed.kubelet import Kubelet
from testbed.object_store import Store
from testbed.wandb import VARIABLE
from testbed.wandb_operator import Operated, Version

Place = Literal["workloads", "v1", "v2"]
PLACES: Final[Sequence[Place]] = ("workloads", "v1", "v2")

KEPT: Final = ("s3://AKIAOLD:se%2Fcret@minio.legacy.example.com:9000/old?region=r?tls=true", "weird:entry", "gs://kept")
"""The list that W&B has before us, odd entries in it."""
BEFORE: Final[Sequence[Mapping[str, Any]]] = (
    {"name": "FIRST", "value": "1"},
    {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": "before", "key": "stores"}}},
    {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "theirs", "key": "token", "optional": True}}},
    {"name": "TEXT", "value": "a $(FIRST) and, \"quoted\" 'text' with = and ; in it "},
    {"name": "EMPTY", "value": ""},
)
"""The variables that W&B has before us, in this order."""

_KINDS: Final = {
    "/apis/apps/v1": ("deployments", "statefulsets"),
    "/api/v1": ("configmaps", "secrets"),
}
_OF_THE_API_SERVER: Final = ("resourceVersion", "generation", "managedFields")
_REVISION: Final = "deployment.kubernetes.io/revision"


def stored_version(place: Place) -> Version | None:
    """In which version W&B's own kind is stored there; None where W&B has no operator."""
    return None if place == "workloads" else place


def spec(version: Version, *env: Mapping[str, Any]) -> dict[str, Any]:
    """The specification of a WeightsAndBiases object with these variables for all components, besides other things."""
    if version == "v2":
        listed = {"global": {"env": list(env)}, "console": {"env": [{"name": "OWN", "value": "c"}]}}
        return {
            "wandb": {"hostname": "https://x", "legacyOverrides": listed},
            "objectStore": {"default": {"provider": "s3"}},
        }
    named = {each["name"]: _as_value(each) for each in env}
    values = {"global": {"host": "https://x", "env": named}, "app": {"size": 1, "env": {"OWN": "a"}}}
    return {"chart": {"version": "0.43.8"}, "values": values}


def _as_value(env: Mapping[str, Any]) -> Any:
    """An entry as the values of the chart have it: a text, or a map."""
    return env["value"] if "value" in env else {key: value for key, value in env.items() if key != "name"}


def installed(cluster: Cluster, kubelet: Kubelet, place: Place, ends: ExitStack) -> Scenario:
    """A namespace with a W&B that was there before us, and the operator installed by its chart for it."""
    name = cluster.create_namespace(f"{place}-{uuid.uuid4().hex[:6]}")
    stand_in = _stand_in(cluster, name, place)
    scenario = Scenario(
        cluster=cluster, namespace=name, wandb=stand_in, installation=Installation(cluster, kubelet, namespace=name)
    )
    ends.callback(scenario.remove)
    scenario.reference_to(",".join(KEPT))
    start(stand_in, BEFORE, ends)
    scenario.installation.install(VALUES)
    scenario.apply(wandb.instance(name, **target(place)))
    return scenario


def looked_at(
    cluster: Cluster,
    place: Place,
    ends: ExitStack,
    *,
    env: Sequence[Mapping[str, Any]] = (),
    before: Sequence[Mapping[str, Any]] = (),
    components: Sequence[str] = ("app", "api"),
    name: str = "",
    **options: Any,
) -> InstanceWorld:
    """A namespace with a W&B of these components at which looks are made by hand, and a WandbInstance for it; `before` are objects that are there first."""
    name = cluster.create_namespace(name or f"{place}-{uuid.uuid4().hex[:6]}")
    here = InstanceWorld.make(cluster, name)
    here.stand_in = _stand_in(cluster, name, place, components=components)
    ends.callback(here.remove)
    if before:
        here.apply(*before)
    start(here.stand_in, env, ends)
    here.apply(wandb.instance(name, **target(place) | options))
    return here


def real_bucket(here: InstanceWorld, store: Store, name: str, *, instance_path: str | None = None) -> None:
    """A bucket in a store that runs, verified as its own reconciler would record it: for a team, or the instance under a path."""
    where = {"bucket": f"{here.namespace}-{name}", "endpoint": store.endpoint, "region": store.region}
    client = store.client()
    client.create_bucket(Bucket=where["bucket"])
    origins = [wandb.host(here.namespace)]
    rule: Any = {
        "AllowedOrigins": origins,
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
    }
    client.put_bucket_cors(Bucket=where["bucket"], CORSConfiguration={"CORSRules": [rule]})
    client.close()
    here.world = replace(here.world, config=replace(here.world.config, allowed_endpoints=("127.0.0.1",)))
    here.bucket(name, verified=False, s3Compatible=where)
    keys = {"accessKeyID": store.keys.access_key, "secretAccessKey": store.keys.secret_key}
    here.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{name}-keys"}, "stringData": keys})
    here.verify(name, paths=[instance_path or ""])
    if instance_path is None:
        here.team(name)


def _stand_in(cluster: Cluster, namespace: str, place: Place, **options: Any) -> wandb.StandIn:
    version = stored_version(place)
    if version is None:
        return wandb.StandIn(cluster, namespace, **options)
    return Operated(cluster, namespace, version=version, stop_first=("executor",), **options)


def start(stand_in: wandb.StandIn, env: Sequence[Mapping[str, Any]], ends: ExitStack) -> None:
    """Run a W&B whose components have these variables, until the end."""
    if isinstance(stand_in, Operated):
        ends.callback(stand_in.stop)
        stand_in.start(spec(stand_in.version, *env))
    else:
        stand_in.deploy(env=env)


def target(place: Place) -> dict[str, Any]:
    """What a WandbInstance says of where W&B is, if that is not what it says by default."""
    return {} if place == "workloads" else {"target": {"weightsAndBiases": {"name": wandb_operator.NAME}}}


def set_back(stand_in: wandb.StandIn, env: Sequence[Mapping[str, Any]], *, manager: str, number: int) -> None:
    """Make the variables what they were before us, with one of one's own, as a field manager that is of another opinion."""
    sync = {"name": "SYNC", "value": str(number)}
    if isinstance(stand_in, Operated):
        given = spec(stand_in.version, *env, sync)
        if stand_in.version == "v1":
            given["values"]["global"]["env"].setdefault(VARIABLE, None)
        stand_in.edit(given, manager=manager)
        return
    for body in stand_in.deployments():
        path = f"/apis/apps/v1/namespaces/{stand_in.namespace}/deployments/{body['metadata']['name']}"
        container = body["spec"]["template"]["spec"]["containers"][0]
        mine = wandb.workload(container["name"], env=[*env, sync])["spec"]["template"]["spec"]["containers"][0]["env"]
        whole = {
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": container["name"], "env": [{"$patch": "replace"}, *mine]}]}
                }
            }
        }
        stand_in.cluster.patch(
            f"{path}?fieldManager={manager}", whole, content_type="application/strategic-merge-patch+json"
        )


def has_ours(stand_in: wandb.StandIn) -> bool:
    """Whether the place has one of our Secrets for the variable."""
    bodies = [stand_in.body()] if isinstance(stand_in, Operated) else stand_in.deployments()
    return "-file-stores-" in str([body["spec"] for body in bodies])


def theirs(scenario: Scenario) -> dict[str, Any]:
    """Everything of W&B's and the user's in the namespace, whole, without our field and without what the API server counts."""
    paths = [(root, plural) for root, plurals in _KINDS.items() for plural in plurals]
    if isinstance(scenario.wandb, Operated):
        paths.append((f"/apis/apps.wandb.com/{scenario.wandb.version}", "weightsandbiases"))
    return {
        f"{plural}/{body['metadata']['name']}": without_ours(body)
        for root, plural in paths
        for body in scenario.cluster.get(f"{root}/namespaces/{scenario.namespace}/{plural}")["items"]
        if not _is_ours(plural, body["metadata"])
    }


def without_ours(body: Mapping[str, Any]) -> Any:
    """An object as others have written it."""
    found = copy.deepcopy(dict(body))
    found.pop("status", None)
    for field in _OF_THE_API_SERVER:
        found["metadata"].pop(field, None)
    found["metadata"].get("annotations", {}).pop(_REVISION, None)
    for env in _lists(found.get("spec", {})):
        env[:] = [each for each in env if each["name"] != VARIABLE]
    values = found.get("spec", {}).get("values", {})
    values.get("global", {}).get("env", {}).pop(VARIABLE, None)
    return found


def _lists(found: Mapping[str, Any]) -> list[list[Any]]:
    containers = found.get("template", {}).get("spec", {}).get("containers", [])
    overrides = found.get("wandb", {}).get("legacyOverrides", {}).values()
    return [each["env"] for each in (*containers, *overrides) if "env" in each]


def _is_ours(plural: str, metadata: Mapping[str, Any]) -> bool:
    """Whether it belongs to the operator or to the test's own buckets, or is W&B's operator's record of what it has applied."""
    labels, name = metadata.get("labels", {}), metadata["name"]
    return (
        any(label.startswith("byob.wandb.com/") for label in labels)
        or labels.get("app.kubernetes.io/instance") == "byob"
        or name.startswith("sh.helm.release.")
        or (plural == "secrets" and name == f"{wandb_operator.NAME}-spec-active")
    )
