"""The three places where a W&B of this cluster has its configuration, each with a W&B of one's own in it: variables, a list of buckets, values.

What a user has there is one thing to the tests, whichever place it is: `theirs` is all of it without our one field.
"""

import copy
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, Literal

from cluster.scenario import VALUES, Scenario
from testbed import wandb, wandb_operator
from testbed.cluster import Cluster
from testbed.installation import Installation
from testbed.kubelet import Kubelet
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
    version = stored_version(place)
    stand_in = wandb.StandIn(cluster, name) if version is None else Operated(cluster, name, version=version)
    scenario = Scenario(
        cluster=cluster, namespace=name, wandb=stand_in, installation=Installation(cluster, kubelet, namespace=name)
    )
    ends.callback(scenario.remove)
    scenario.reference_to(",".join(KEPT))
    target: dict[str, Any] = {}
    if isinstance(stand_in, Operated):
        ends.callback(stand_in.stop)
        stand_in.start(spec(stand_in.version, *BEFORE))
        target = {"target": {"weightsAndBiases": {"name": wandb_operator.NAME}}}
    else:
        stand_in.deploy(env=BEFORE)
    scenario.installation.install(VALUES)
    scenario.apply(wandb.instance(name, **target))
    return scenario


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
