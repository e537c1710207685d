"""A client that reads each object once: for one look that asks for the same ones again and again."""

from collections.abc import Sequence
from typing import Any, Final

from wandb_byob.kube.client import Body, KubeClient, PatchType, Resource

LONG: Final = 100
"""Lists longer than this are not kept: they are read once in a look anyway, and thousands of objects take much memory."""


class Once:
    """A KubeClient that remembers its reads for as long as it lives; writes go through. For one thread."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self._objects: dict[tuple[Resource, str, str], dict[str, Any] | None] = {}
        self._lists: dict[tuple[Resource, str, str, str], Sequence[dict[str, Any]]] = {}

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one object, from etcd the first time."""
        key = (resource, namespace, name)
        if key not in self._objects:
            self._objects[key] = self._kube.get(resource, namespace, name)
        return self._objects[key]

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        """Read a list, from etcd the first time; a long one each time."""
        key = (resource, namespace, labels, fields)
        known = self._lists.get(key)
        if known is not None:
            return known
        found = self._kube.list(resource, namespace, labels=labels, fields=fields)
        if len(found) <= LONG:
            self._lists[key] = found
        return found

    def stored_version(self, resources: Sequence[Resource]) -> Resource | None:
        """Return the version in which objects of a kind are stored."""
        return self._kube.stored_version(resources)

    def create(self, resource: Resource, namespace: str, body: Body) -> dict[str, Any]:
        """Create an object."""
        return self._kube.create(resource, namespace, body)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Body,
        *,
        patch_type: PatchType,
        subresource: str = "",
    ) -> dict[str, Any]:
        """Patch an object; what was read of it is not read anew."""
        return self._kube.patch(resource, namespace, name, body, patch_type=patch_type, subresource=subresource)

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        """Delete an object."""
        self._kube.delete(resource, namespace, name, uid=uid)
