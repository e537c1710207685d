"""A stand-in for the API server's Leases: one resourceVersion per write, conflicts as the real one has them, and faults on demand."""

import itertools
from collections.abc import Sequence
from typing import Any

from wandb_byob.kube.client import Body, ConflictError, KubeError, PatchType, Resource


class LeaseServer:
    """A KubeClient that knows Leases only; `fails` is raised by every call while it is set."""

    def __init__(self) -> None:
        self.leases: dict[tuple[str, str], dict[str, Any]] = {}
        self.fails: KubeError | None = None
        self.refuses_create: KubeError | None = None
        self.writes = 0
        self._versions = itertools.count(1)

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        self._maybe_fail()
        found = self.leases.get((namespace, name))
        return None if found is None else {"metadata": dict(found["metadata"]), "spec": dict(found["spec"])}

    def create(self, resource: Resource, namespace: str, body: Body) -> dict[str, Any]:
        self._maybe_fail()
        if self.refuses_create is not None:
            raise self.refuses_create
        key = (namespace, body["metadata"]["name"])
        if key in self.leases:
            raise ConflictError("create: AlreadyExists.", status=409)
        return self._write(key, dict(body["spec"]))

    def patch(
        self, resource: Resource, namespace: str, name: str, body: Body, *, patch_type: PatchType, subresource: str = ""
    ) -> dict[str, Any]:
        self._maybe_fail()
        found = self.leases.get((namespace, name))
        if found is None:
            raise KubeError("patch: NotFound.", status=404)
        if found["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise ConflictError("patch: Conflict.", status=409)
        merged = found["spec"] | body["spec"]
        return self._write((namespace, name), {key: value for key, value in merged.items() if value is not None})

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        raise NotImplementedError

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        raise NotImplementedError

    def _write(self, key: tuple[str, str], spec: dict[str, Any]) -> dict[str, Any]:
        self.writes += 1
        metadata = {"name": key[1], "namespace": key[0], "uid": "u", "resourceVersion": str(next(self._versions))}
        self.leases[key] = {"metadata": metadata, "spec": spec}
        return self.leases[key]

    def _maybe_fail(self) -> None:
        if self.fails is not None:
            raise self.fails
