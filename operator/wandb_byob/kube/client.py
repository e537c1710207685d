"""The Kubernetes API as the operator uses it: one small Protocol, its errors, and the resources it knows.

Objects are plain dicts in wire form (camelCase); typed views come from model.api. The implementation is kube.rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from wandb_byob.model import names

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """A kind of object at its API path; `namespaced` resources need a namespace in every call."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """Return `group/version`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


WANDB_INSTANCES: Final = Resource(names.GROUP, names.VERSION, "wandbinstances", "WandbInstance")
BUCKET_STORES: Final = Resource(names.GROUP, names.VERSION, "bucketstores", "BucketStore")
TEAM_STORAGES: Final = Resource(names.GROUP, names.VERSION, "teamstorages", "TeamStorage")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace")
PODS: Final = Resource("", "v1", "pods", "Pod")
EVENTS: Final = Resource("events.k8s.io", "v1", "events", "Event")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS: Final = Resource("apps", "v1", "statefulsets", "StatefulSet")
REPLICA_SETS: Final = Resource("apps", "v1", "replicasets", "ReplicaSet")
CONTROLLER_REVISIONS: Final = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
JOBS: Final = Resource("batch", "v1", "jobs", "Job")
CRON_JOBS: Final = Resource("batch", "v1", "cronjobs", "CronJob")
WEIGHTS_AND_BIASES: Final = {
    version: Resource("apps.wandb.com", version, "weightsandbiases", "WeightsAndBiases") for version in ("v1", "v2")
}
"""The object of W&B's own operator, by version; only the one in which it is stored is to be used."""
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")


class PatchType(StrEnum):
    """The media types of a PATCH."""

    MERGE = "application/merge-patch+json"
    STRATEGIC_MERGE = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


class KubeError(Exception):
    """An API call that failed; `status` is the HTTP status (0: no answer), the text names verb and object, never the body sent."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ConflictError(KubeError):
    """409: somebody else wrote first, or the uid in the write is not the object's. Gather again."""


class ForbiddenError(KubeError):
    """403: RBAC lacks a verb; the message names it."""


class NamespaceTerminatingError(ForbiddenError):
    """403: nothing can be created any more, since the namespace is being deleted."""


class UnavailableError(KubeError):
    """A time-out, 429, 5xx or lost connection: nothing is known; never to be read as absence."""


class KubeClient(Protocol):
    """Synchronous calls with explicit time-outs, safe to use from many threads.

    Every call raises a KubeError; only `get` turns 404 into None.
    """

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one object from etcd, not from a cache; None if it is not there."""

    def list(
        self, resource: Resource, namespace: str, *, labels: str = "", fields: str = ""
    ) -> Sequence[dict[str, Any]]:
        """Read all objects of a namespace with resourceVersion unset (a quorum read), page by page.

        `labels` and `fields` are selectors (`fields`: metadata.name, and what the CRD lists under selectableFields).
        The namespace "" means all of them, which only a cluster-wide grant allows.
        """

    def stored_version(self, resources: Sequence[Resource]) -> Resource | None:
        """Return that one of the versions of a kind in which its objects are stored; None where the kind is not there."""

    def create(self, resource: Resource, namespace: str, body: Body) -> dict[str, Any]:
        """Create an object; `metadata.generateName` is allowed."""

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
        """Patch an object as field manager `wandb-byob` (APPLY with force); put uid and resourceVersion into body.metadata."""

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        """Delete an object if its uid is still this one; an object already gone is not an error."""
