"""One namespace with W&B's stand-in, and looks at its objects made one by one: what a reconciler reads and writes is real."""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cluster.scenario import API, PLURALS, condition_of
from testbed.cluster import Cluster
from testbed.processes import wait_for
from testbed.wandb import VARIABLE, StandIn, workload
from wandb_byob.kube import gather
from wandb_byob.kube.client import ConflictError, KubeClient
from wandb_byob.kube.connection import from_kubeconfig
from wandb_byob.kube.rest import RestClient
from wandb_byob.model.api import BucketStore
from wandb_byob.model.config import CloudEndpoints, Config
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.model.redaction import Redactor
from wandb_byob.providers.registry import providers
from wandb_byob.reconcile import teamstorage, wandbinstance
from wandb_byob.reconcile.base import Result, World
from wandb_byob.reconcile.inputs import gather_inputs

HOST: Final = "store.example.com"
SECRET: Final = "se/cr+et,%"
ESCAPED: Final = "se%2Fcr%2Bet%2C%25"


class Silent:
    """Publishes no Events."""

    def publish(self, key: ObjectKey, *, uid: str, warning: bool, reason: str, message: str) -> None:
        """Ignore the Event."""


@dataclass
class InstanceWorld:
    """A namespace in which looks are made by hand; `ahead` is how far our clock is ahead of the cluster's."""

    cluster: Cluster
    namespace: str
    world: World
    ahead: timedelta = timedelta(minutes=1)
    stand_in: StandIn = field(init=False)

    def __post_init__(self) -> None:
        self.stand_in = StandIn(self.cluster, self.namespace, components=("app", "api"))
        self.world = replace(self.world, now=lambda: datetime.now(UTC) + self.ahead)

    @classmethod
    def make(cls, cluster: Cluster, namespace: str, *others: str) -> "InstanceWorld":
        """Watch this namespace, and others."""
        world = World(
            kube=RestClient(from_kubeconfig([cluster.kubeconfig])),
            providers=providers(CloudEndpoints()),
            config=Config(release_namespace=namespace, namespaces=(namespace, *others)),
            recorder=NullRecorder(),
            events=Silent(),
            secrets=Redactor(),
            fence=lambda: None,
            now=lambda: datetime.now(UTC),
        )
        return cls(cluster=cluster, namespace=namespace, world=world)

    def remove(self) -> None:
        """Take everything away; finalizers are dropped as an administrator would."""
        for namespace in self.world.config.namespaces:
            for plural in PLURALS.values():
                path = f"{API}/namespaces/{namespace}/{plural}"
                for found in (self.cluster.get(path) or {"items": []})["items"]:
                    one = f"{path}/{found['metadata']['name']}"
                    self.cluster.patch(one, {"metadata": {"finalizers": None}})
                    self.cluster.delete(one)
            self.cluster.delete(f"/api/v1/namespaces/{namespace}")

    # --- looks ---------------------------------------------------------------------------------------------------------

    def look(self, name: str = "wandb", *, kube: KubeClient | None = None) -> Result:
        """One look at the WandbInstance, by another client where one is given.

        Without one, a look that a controller's own write has crossed is made again, as the work queue does it.
        """
        key = ObjectKey(Kind.WANDB_INSTANCE, self.namespace, name)
        if kube is not None:
            return wandbinstance.reconcile(replace(self.world, kube=kube), key)
        for _ in range(20):
            with suppress(ConflictError):
                return wandbinstance.reconcile(self.world, key)
        raise AssertionError("twenty conflicts in a row")

    def settle(
        self, condition: str = "RolledOut", status: str = "True", *, reason: str | None = None
    ) -> dict[str, Any]:
        """Look again and again until the condition is so, and return it."""

        def met() -> bool:
            self.look()
            found = self.condition(condition)
            return found.get("status") == status and reason in (None, found.get("reason"))

        # A look is a dozen of calls, and a rollout takes seconds.
        what = f"{condition}={status} {reason or ''}"
        wait_for(met, timeout=60, what=what, detail=lambda: json.dumps(self.instance()), longest=0.3)
        return self.condition(condition)

    @property
    def path(self) -> str:
        """Where the WandbInstance is in the API."""
        return f"{API}/namespaces/{self.namespace}/wandbinstances/wandb"

    def instance(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster.get(self.path)
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.instance().get("status", {})
        return found

    def condition(self, condition: str) -> dict[str, Any]:
        return condition_of(self.instance(), condition)

    # --- objects -------------------------------------------------------------------------------------------------------

    def apply(self, *objects: Mapping[str, Any], namespace: str | None = None) -> None:
        self.cluster.apply(objects, namespace=namespace or self.namespace)

    def bucket(
        self, name: str, *, namespace: str | None = None, verified: bool = True, secret: str = SECRET, **spec: Any
    ) -> None:
        """A BucketStore with its keys, verified as its own reconciler would record it (no store is asked here)."""
        place = namespace or self.namespace
        self.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{name}-keys"}, "stringData": {"accessKeyID": f"AK{name}", "secretAccessKey": secret}},
            _object("BucketStore", name, {key: value for key, value in ({
                "provider": "S3Compatible",
                "s3Compatible": {"bucket": f"bucket-{name}", "endpoint": f"https://{HOST}", "region": "eu-1"},
                "credentials": {"secretRef": {"name": f"{name}-keys"}},
            } | spec).items() if value is not None}),
            namespace=place,
        )  # fmt: skip
        if verified:
            self.verify(name, namespace=place)

    def verify(self, name: str, *, namespace: str | None = None, paths: Sequence[str] = ("",)) -> None:
        """Record that the bucket is verified, with the credentials that it has now, under these paths."""
        place = namespace or self.namespace
        path = f"{API}/namespaces/{place}/bucketstores/{name}"
        store = gather.typed(self.cluster.get(path), BucketStore)
        inputs = gather_inputs(self.world, store)
        conditions = [
            _condition(type_, generation=store.metadata.generation)
            for type_ in ("Accepted", "Reachable", "Configured", "DataPathVerified", "Ready")
        ]
        status = {
            "observedGeneration": store.metadata.generation,
            "conditions": conditions,
            "verifiedInputs": inputs.mark,
            "instanceRef": {"name": inputs.instance.name, "namespace": inputs.instance.namespace},
            "bucket": {"created": True, "adopted": False, "identity": inputs.identity},
            "checks": [{"name": "PutObject", "result": "Passed", "message": "m", "path": path} for path in paths],
        }
        self.cluster.patch(f"{path}/status", {"status": status})

    def verify_paths(self, name: str, *paths: str) -> None:
        """Record that the bucket is verified under these paths."""
        self.verify(name)
        checks = [{"name": "PutObject", "result": "Passed", "message": "m", "path": path} for path in paths]
        path = f"{API}/namespaces/{self.namespace}/bucketstores/{name}/status"
        self.cluster.patch(path, {"status": {"checks": checks}})

    def team(self, name: str, *, namespace: str | None = None, bucket: str | None = None, **spec: Any) -> None:
        """A TeamStorage, which its own reconciler has looked at."""
        reference: dict[str, Any] = {"name": bucket or name}
        self.apply(_object("TeamStorage", name, {"bucketStoreRef": reference} | spec), namespace=namespace)
        self.look_at_team(name, namespace=namespace)

    def look_at_team(self, name: str, *, namespace: str | None = None) -> None:
        teamstorage.reconcile(self.world, ObjectKey(Kind.TEAM_STORAGE, namespace or self.namespace, name))

    def get(self, kind: str, name: str, *, namespace: str | None = None) -> Any:
        return self.cluster.get(f"{API}/namespaces/{namespace or self.namespace}/{PLURALS[kind]}/{name}")

    def secrets(self) -> dict[str, Any]:
        """Our file-store Secrets by name."""
        found = self.cluster.get(f"/api/v1/namespaces/{self.namespace}/secrets?labelSelector=byob.wandb.com/instance")
        return {secret["metadata"]["name"]: secret for secret in found["items"]}

    def secrets_decoded(self) -> list[str]:
        """The values of the variable in our Secrets."""
        return [base64.b64decode(secret["data"][VARIABLE]).decode() for secret in self.secrets().values()]

    def deployment(self, component: str) -> Any:
        return self.cluster.get(self.deployment_path(component))

    def deployment_path(self, component: str) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/wandb-{component}"

    def env(self, component: str) -> Any:
        """The variable's entry in the workload's first container."""
        container = self.deployment(component)["spec"]["template"]["spec"]["containers"][0]
        return next((each for each in container.get("env", []) if each["name"] == VARIABLE), None)

    def entries(self) -> list[str]:
        """The entries that W&B's pods have, all the same."""
        values = self.stand_in.variable()
        assert len(values) == 1, values
        (value,) = values
        return value.split(",") if value else []

    def writes(self, since: int) -> list[tuple[str, str, str]]:
        """Successful writes of the looks: verb, resource (with subresource) and name."""
        return [
            (event.verb, f"{event.resource}/{event.subresource}".rstrip("/"), event.name)
            for event in self.cluster.audit(since)
            if event.user_agent.startswith("wandb-byob") and event.status < 300 and event.namespace == self.namespace
        ]


def address(name: str, *, secret: str = ESCAPED) -> str:
    """The address that a bucket of this name must have."""
    return f"s3://AK{name}:{secret}@{HOST}/bucket-{name}?region=eu-1&tls=true"


def stateful(component: str, **rest: Any) -> dict[str, Any]:
    """A StatefulSet of the stand-in."""
    return workload(component, kind="StatefulSet", **rest)


def _object(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "byob.wandb.com/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def _condition(type_: str, *, generation: int) -> dict[str, Any]:
    return {
        "type": type_,
        "status": "True",
        "reason": "Verified",
        "message": "m",
        "observedGeneration": generation,
        "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
