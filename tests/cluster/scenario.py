"""One namespace as a user has it: W&B's stand-in, the operator installed by Helm, buckets and teams to apply."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from testbed.cluster import Cluster, WriteEvent
from testbed.coreweave import ZONE
from testbed.installation import Installation
from testbed.object_store import Keys, Store
from testbed.processes import TestbedError, wait_for
from testbed.wandb import VARIABLE, StandIn

API: Final = "/apis/byob.wandb.com/v1alpha1"
PLURALS: Final = {"WandbInstance": "wandbinstances", "BucketStore": "bucketstores", "TeamStorage": "teamstorages"}
VALUES: Final[Mapping[str, Any]] = {"crds": {"install": False}, "allowedEndpoints": ["127.0.0.1"]}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What a test of the main job works with."""

    cluster: Cluster
    namespace: str
    wandb: StandIn
    installation: Installation

    def remove(self) -> None:
        """Take the operator away and let the namespace go; finalizers are dropped as an administrator would."""
        self.cluster.delete(f"/apis/apps/v1/namespaces/{self.namespace}/deployments/byob-wandb-byob")
        wait_for(
            lambda: not self.installation.kubelet.running(self.namespace),
            timeout=30,
            what="the operator's processes have ended",
        )
        for plural in ("teamstorages", "bucketstores", "wandbinstances"):
            path = f"{API}/namespaces/{self.namespace}/{plural}"
            for found in (self.cluster.get(path) or {"items": []})["items"]:
                self.cluster.patch(f"{path}/{found['metadata']['name']}", {"metadata": {"finalizers": None}})
        self.cluster.delete(f"/api/v1/namespaces/{self.namespace}")

    # --- manifests -----------------------------------------------------------------------------------------------------

    def keys(self, name: str, keys: Keys, **values: str) -> dict[str, Any]:
        """A watched Secret with an access key."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {"byob.wandb.com/watch": "true"}},
            "stringData": {"accessKeyID": keys.access_key, "secretAccessKey": keys.secret_key, **values},
        }

    def bucket_store(
        self, name: str, store: Store, *, endpoint: str | None = None, secret: str | None = None, **spec: Any
    ) -> dict[str, Any]:
        """A BucketStore on this server with a bucket of the same name; moto stands for AWS, all others are S3-compatible."""
        where = {"bucket": f"{self.namespace}-{name}", "region": store.region, "endpoint": endpoint or store.endpoint}
        block: dict[str, Any] = (
            {"provider": "S3", "s3": where} if store.name == "moto" else {"provider": "S3Compatible"}
        )
        if store.name != "moto":
            block["s3Compatible"] = where
        reference = {"secretRef": {"name": secret or f"{store.name}-keys"}}
        return self._object(
            "BucketStore", name, {**block, "credentials": reference, "provisioning": reference} | dict(spec)
        )

    def coreweave_store(self, name: str, **spec: Any) -> dict[str, Any]:
        """A BucketStore on CoreWeave with a bucket of the same name, which the operator makes with the Secret `coreweave-keys`."""
        block = {"bucket": f"{self.namespace}-{name}", "availabilityZone": ZONE}
        provisioning = {"secretRef": {"name": "coreweave-keys"}}
        basic = {"provider": "CoreWeave", "coreWeave": block, "provisioning": provisioning}
        return self._object("BucketStore", name, basic | spec)

    def team(self, name: str, store: str | None = None, **spec: Any) -> dict[str, Any]:
        """A TeamStorage on the BucketStore of this, or the same, name."""
        return self._object("TeamStorage", name, {"bucketStoreRef": {"name": store or name}} | dict(spec))

    def _object(self, kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": "byob.wandb.com/v1alpha1", "kind": kind, "metadata": metadata, "spec": dict(spec)}

    # --- what is there -------------------------------------------------------------------------------------------------

    def path(self, kind: str, name: str) -> str:
        """Where the object is in the API."""
        return f"{API}/namespaces/{self.namespace}/{PLURALS[kind]}/{name}"

    def get(self, kind: str, name: str) -> Any:
        """The object as it is."""
        return self.cluster.get(self.path(kind, name))

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """`kubectl apply` all at once."""
        self.cluster.apply(objects, namespace=self.namespace)

    def condition(self, kind: str, name: str, condition: str) -> dict[str, Any]:
        """One condition of an object; empty where it is not there."""
        return condition_of(self.get(kind, name), condition)

    def wait_ready(self, kind: str, *names: str, timeout: float = 90) -> None:
        """Wait until these objects are Ready for what is asked of them now."""
        for name in names:
            self.wait_condition(kind, name, "Ready", "True", timeout=timeout)

    def wait_condition(
        self, kind: str, name: str, condition: str, status: str, *, reason: str | None = None, timeout: float = 90
    ) -> dict[str, Any]:
        """Wait for a condition with this status (and reason), made for the object's present generation, and return it."""

        def met(found: Any) -> bool:
            seen = condition_of(found, condition)
            current = seen.get("observedGeneration") == (found or {}).get("metadata", {}).get("generation")
            return bool(current and seen["status"] == status and reason in (None, seen["reason"]))

        try:
            found = self.cluster.wait(
                self.path(kind, name), met, timeout=timeout, what=f"{kind}/{name}: {condition}={status} {reason or ''}"
            )
        except TestbedError as error:
            raise TestbedError(
                f"{error}\nThe operator's log ends: {self.installation.kubelet.logs()[-3000:]}"
            ) from None
        return condition_of(found, condition)

    def checks(self, name: str) -> dict[str, dict[str, Any]]:
        """The checks of a BucketStore that did not pass, by name."""
        return {
            check["name"]: check
            for check in self.get("BucketStore", name)["status"].get("checks", [])
            if check["result"] != "Passed"
        }

    def entries(self) -> list[str]:
        """The entries of the variable as W&B's pods have it, which must be the same in all of them."""
        values = self.wandb.variable()
        assert len(values) == 1, f"the pods do not agree: {len(values)} values"
        (value,) = values
        return value.split(",") if value else []

    def writes(self, since: int) -> list[WriteEvent]:
        """The operator's own writes to the API server that succeeded, Leases apart."""
        user = f"system:serviceaccount:{self.namespace}:"
        return [
            event
            for event in self.cluster.audit(since)
            if event.user.startswith(user)
            and event.user_agent.startswith("wandb-byob")
            and event.resource != "leases.coordination.k8s.io"
            and event.status < 300
        ]

    def reference_to(self, value: str, *, name: str = "before") -> dict[str, Any]:
        """Make a Secret that holds a value of the variable and return the environment entry that refers to it."""
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"stores": value}})
        return {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": name, "key": "stores"}}}


def address(store: Store, bucket: str, keys: Keys | None = None, *, endpoint: str | None = None) -> str:
    """The address that W&B must get for a bucket here."""
    used = keys or store.keys
    host = (endpoint or store.endpoint).partition("://")[2]
    tls = "true" if store.authority else "false"
    user, password = quote(used.access_key, safe=""), quote(used.secret_key, safe="")
    return f"s3://{user}:{password}@{host}/{bucket}?region={store.region}&tls={tls}"


def condition_of(found: Any, condition: str) -> dict[str, Any]:
    """One condition of an object; empty where there is no object or no such condition."""
    conditions: Sequence[dict[str, Any]] = ((found or {}).get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == condition), {})


def wait_rest(scenario: Scenario, *, timeout: float = 60) -> None:
    """Wait until W&B is rolled out and the operator has nothing left to do at once."""

    def idle() -> bool:
        samples = scenario.installation.metrics()
        depth = sum(value for name, value in samples.items() if name.startswith("workqueue_depth"))
        return bool(samples) and depth == 0 and scenario.wandb.settled()

    wait_for(idle, timeout=timeout, what="W&B and the operator are at rest")


def dumped(value: Any) -> str:
    """JSON, for messages."""
    return json.dumps(value, indent=1)
