"""Two namespaces under one operator: the one where W&B runs, and that of a tenant who may or may not be trusted."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cluster.scenario import API, PLURALS, condition_of
from cluster.test_runtime import grant
from testbed.cluster import Cluster
from testbed.object_store import Keys, Store
from testbed.operator import Operator
from testbed.wandb import StandIn, instance


@dataclass(frozen=True, kw_only=True)
class Tenants:
    """`home` has a W&B with one workload; the operator watches both namespaces with the chart's rights in each."""

    cluster: Cluster
    home: str
    tenant: str
    wandb: StandIn
    operator: Operator
    store: Store

    @classmethod
    def start(cls, cluster: Cluster, store: Store, folder: Path) -> "Tenants":
        """Make the namespaces, W&B's stand-in and its WandbInstance, and start the operator."""
        tag = uuid.uuid4().hex[:6]
        home, tenant = cluster.create_namespace(f"home-{tag}"), cluster.create_namespace(f"tenant-{tag}")
        wandb = StandIn(cluster, home, components=("app",))
        wandb.deploy(replicas=1)
        kubeconfig = grant(cluster, home)
        grant(cluster, tenant, to=home)
        operator = Operator(
            folder,
            kubeconfig=kubeconfig,
            release_namespace=home,
            namespaces=[home, tenant],
            arguments=["--allowed-endpoints=127.0.0.1"],
        )
        made = cls(cluster=cluster, home=home, tenant=tenant, wandb=wandb, operator=operator, store=store)
        made.apply(instance(home, rollout={"maxWait": "2s"}))
        for namespace in (home, tenant):
            made.apply(secret("keys", namespace, store.keys))
        operator.start().wait_leading()
        return made

    def stop(self) -> None:
        """End the operator and let the namespaces go; finalizers are dropped as an administrator would."""
        self.operator.stop()
        for kind, plural in PLURALS.items():
            for namespace in (self.home, self.tenant):
                for found in (self.cluster.get(f"{API}/namespaces/{namespace}/{plural}") or {}).get("items", []):
                    name = found["metadata"]["name"]
                    self.cluster.patch(self.path(kind, namespace, name), {"metadata": {"finalizers": None}})
        for namespace in (self.home, self.tenant):
            self.cluster.delete(f"/api/v1/namespaces/{namespace}")

    # --- manifests -----------------------------------------------------------------------------------------------------

    def bucket_store(self, name: str, namespace: str, *, bucket: str = "", **spec: Any) -> dict[str, Any]:
        """A BucketStore with a bucket of its own name, unless another is given."""
        reference = {"secretRef": {"name": "keys"}}
        where = {
            "bucket": bucket or f"{namespace}-{name}",
            "region": self.store.region,
            "endpoint": self.store.endpoint,
        }
        basic = {
            "provider": "S3Compatible",
            "s3Compatible": where,
            "credentials": reference,
            "provisioning": reference,
            "instanceRef": {"name": "wandb", "namespace": self.home},
            "verification": {"interval": "30s"},
        }
        return made("BucketStore", name, namespace, {k: v for k, v in (basic | spec).items() if v is not None})

    def team(self, name: str, namespace: str, *, store: str, of: str = "", **spec: Any) -> dict[str, Any]:
        """A TeamStorage on a BucketStore (of the namespace `of`)."""
        reference = {"name": store} | ({"namespace": of} if of else {})
        return made("TeamStorage", name, namespace, {"bucketStoreRef": reference} | spec)

    # --- what is there -------------------------------------------------------------------------------------------------

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """`kubectl apply` all at once."""
        self.cluster.apply(objects)

    def path(self, kind: str, namespace: str, name: str) -> str:
        """Where the object is in the API."""
        return f"{API}/namespaces/{namespace}/{PLURALS[kind]}/{name}"

    def get(self, kind: str, namespace: str, name: str) -> Any:
        """The object as it is."""
        return self.cluster.get(self.path(kind, namespace, name))

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Ask for the deletion, and do not wait for it."""
        self.cluster.delete(self.path(kind, namespace, name))

    def annotate(self, kind: str, namespace: str, name: str, **annotations: str | None) -> None:
        """Set (or with None remove) annotations of our group."""
        given = {f"byob.wandb.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
        self.cluster.patch(self.path(kind, namespace, name), {"metadata": {"annotations": given}})

    def wait(self, kind: str, namespace: str, name: str, reason: str, *, condition: str = "Ready") -> dict[str, Any]:
        """Wait until the condition says this reason for the present generation, and return it."""

        def said(found: Any) -> bool:
            seen = condition_of(found, condition)
            return bool(
                found
                and seen.get("reason") == reason
                and seen.get("observedGeneration") == found["metadata"]["generation"]
            )

        found = self.cluster.wait(
            self.path(kind, namespace, name),
            said,
            timeout=60,
            what=f"{kind} {namespace}/{name}: {condition} says {reason}",
        )
        return condition_of(found, condition)

    def wait_gone(self, kind: str, namespace: str, name: str) -> None:
        """Wait until the object is gone."""
        self.cluster.wait(
            self.path(kind, namespace, name), lambda found: found is None, timeout=60, what=f"{kind} {name} is gone"
        )

    def entries(self) -> list[str]:
        """The buckets in W&B's configuration at home, by the status of the WandbInstance."""
        found = self.get("WandbInstance", self.home, "wandb")
        return sorted(entry["identity"] for entry in (found.get("status") or {}).get("entries", []))

    def identity(self, bucket: str) -> str:
        """How a bucket of the store is called in statuses."""
        return f"s3://{self.store.endpoint.partition('://')[2]}/{bucket}"


def made(kind: str, name: str, namespace: str, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """One of our objects."""
    return {
        "apiVersion": "byob.wandb.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": dict(spec),
    }


WATCHED: Final = {"byob.wandb.com/watch": "true"}


def secret(name: str, namespace: str, keys: Keys, **values: str) -> dict[str, Any]:
    """A Secret with an access key whose changes are seen at once."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": WATCHED},
        "stringData": {"accessKeyID": keys.access_key, "secretAccessKey": keys.secret_key, **values},
    }
