"""Our objects as the API server returns them, for tests: complete, with everything that a test does not care about filled in."""

from collections.abc import Mapping
from typing import Any

import msgspec

from wandb_byob.model.api import BucketStore, TeamStorage, WandbInstance

NAMESPACE = "team-a"
CREATED = "2026-11-22T10:00:00Z"

S3: Mapping[str, Any] = {"provider": "S3", "s3": {"bucket": "data", "region": "eu-central-1"}}


def _object(
    kind: str, name: str, *, spec: Mapping[str, Any], status: Mapping[str, Any] | None, **metadata: Any
) -> dict[str, Any]:
    given = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": f"uid-{kind}-{metadata.get('namespace', NAMESPACE)}-{name}".lower(),
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": CREATED,
        **metadata,
    }
    body = {"apiVersion": "byob.wandb.com/v1alpha1", "kind": kind, "metadata": given, "spec": dict(spec)}
    return body | ({"status": dict(status)} if status is not None else {})


def bucket_store(
    name: str = "data",
    *,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """A BucketStore on S3 with keys in the Secret `keys`; `spec` replaces fields."""
    base = {
        **S3,
        "credentials": {"secretRef": {"name": "keys"}},
        "provisioning": {"secretRef": {"name": "keys"}},
        "instanceRef": {"name": "wandb"},
    }
    full = {key: value for key, value in (base | dict(spec or {})).items() if value is not None}
    return _object("BucketStore", name, spec=full, status=status, **metadata)


def team_storage(
    name: str = "ml", *, spec: Mapping[str, Any] | None = None, status: Mapping[str, Any] | None = None, **metadata: Any
) -> dict[str, Any]:
    """A TeamStorage on the BucketStore `data`."""
    return _object(
        "TeamStorage", name, spec={"bucketStoreRef": {"name": "data"}} | dict(spec or {}), status=status, **metadata
    )


def wandb_instance(
    name: str = "wandb",
    *,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """A self-managed W&B."""
    base = {
        "deploymentType": "SelfManaged",
        "host": "https://wandb.example.com",
        "target": {"workloads": {"names": ["app"]}},
        "identity": "arn:aws:iam::111122223333:role/wandb",
    }
    return _object("WandbInstance", name, spec=base | dict(spec or {}), status=status, **metadata)


def condition(
    type_: str, status: str = "True", *, reason: str = "Ready", message: str = "", **more: Any
) -> dict[str, Any]:
    """One condition in wire form."""
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": CREATED,
        "observedGeneration": 1,
        **more,
    }


def check(
    name: str, result: str = "Passed", *, path: str = "", message: str = "As it should be.", **more: Any
) -> dict[str, Any]:
    """One check in wire form."""
    return {"name": name, "result": result, "message": message, "path": path, **more}


def as_store(body: Mapping[str, Any]) -> BucketStore:
    """The typed view."""
    return msgspec.convert(body, BucketStore)


def as_team(body: Mapping[str, Any]) -> TeamStorage:
    """The typed view."""
    return msgspec.convert(body, TeamStorage)


def as_instance(body: Mapping[str, Any]) -> WandbInstance:
    """The typed view."""
    return msgspec.convert(body, WandbInstance)
