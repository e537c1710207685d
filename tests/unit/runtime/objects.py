"""Objects as the API server sends them, as small as they can be."""

from typing import Any


def condition(type_: str, status: str = "True", reason: str = "Ready") -> dict[str, Any]:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": "m",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def made(
    kind: str,
    name: str,
    spec: dict[str, Any],
    *,
    namespace: str = "ns",
    status: dict[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    basic = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1"}
    return {
        "apiVersion": "byob.wandb.com/v1alpha1",
        "kind": kind,
        "metadata": basic | metadata,
        "spec": spec,
        "status": status or {},
    }


def instance(name: str = "wandb", *, target: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    spec = {"deploymentType": "SelfManaged", "host": "https://wandb.example.com"}
    return made("WandbInstance", name, spec | ({"target": target} if target else {}) | rest.pop("spec", {}), **rest)


def store(name: str = "data", *, instance: Any = None, secret: str | None = None, **rest: Any) -> dict[str, Any]:
    credentials = {"source": "Secret", "secretRef": {"name": secret}} if secret else {"source": "Ambient"}
    spec = {"provider": "S3", "s3": {"bucket": "bucket", "region": "us-east-1"}, "credentials": credentials}
    return made(
        "BucketStore", name, spec | ({"instanceRef": instance} if instance else {}) | rest.pop("spec", {}), **rest
    )


def team(name: str = "team", *, store: str = "data", **rest: Any) -> dict[str, Any]:
    return made("TeamStorage", name, {"bucketStoreRef": {"name": store}} | rest.pop("spec", {}), **rest)


def deployment(
    name: str = "api", *, labels: dict[str, str] | None = None, ready: int = 1, generation: int = 1
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": generation, "labels": labels or {}}
    return {"kind": "Deployment", "metadata": metadata, "spec": {}, "status": {"readyReplicas": ready}}
