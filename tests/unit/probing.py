"""W&B's workloads, and what Kubernetes says of a probe's Job, for tests without a cluster."""

from typing import Any

from wandb_byob.decide.probing.probe_job import CONTAINER, Host
from wandb_byob.model import names

HOST = Host(
    namespace="team-a",
    workload="Deployment/wandb-api",
    service_account="wandb-api",
    labels={},
    spec={},
    others=("wandb-app",),
)
WHO = "ServiceAccount wandb-api of Deployment/wandb-api in namespace team-a"


def workload(
    name: str, *, component: str = "", account: str = "", kind: str = "Deployment", **pod: Any
) -> dict[str, Any]:
    """A Deployment or StatefulSet of W&B in namespace team-a; `pod` is more of its pod template's spec."""
    spec = {"containers": [{"name": "main", "image": "wandb:1"}]} | ({"serviceAccountName": account} if account else {})
    return {
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "team-a",
            "labels": {"app.kubernetes.io/name": component} if component else {},
        },
        "spec": {"template": {"metadata": {"labels": {"app": name}}, "spec": spec | pod}},
    }


def pod_of(job: dict[str, Any], *, state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """The pod of a Job whose one container is in this state."""
    containers = (
        [{"name": "istio-proxy", "state": {"running": {}}}, {"name": CONTAINER, "state": state}] if state else []
    )
    meta = job["metadata"]
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-x",
            "namespace": meta["namespace"],
            "labels": {names.PROBE: meta["labels"][names.PROBE]},
            "ownerReferences": [{"kind": "Job", "uid": meta["uid"], "controller": True}],
        },
        "status": {"containerStatuses": containers, **status},
    }
