"""Pods of the operator's probe Jobs, as the kubelet in small runs them: with their Secrets as files, and no environment but their own.

A probe runs in W&B's namespace on W&B's nodes, which are kwok's here, so that it is found by its label. Volumes are folders below
the kubelet's; an image whose tag is `missing` can't be pulled.
"""

import base64
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from testbed.cluster import Cluster

_LABEL: Final = "byob.wandb.com/probe"


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What to run, and where it tells its result."""

    argv: list[str]
    said: Path


def is_probe(pod: Any) -> bool:
    """Whether a pod is a probe's."""
    return _LABEL in pod["metadata"].get("labels", {})


def placed(cluster: Cluster, namespaces: Iterable[str]) -> list[Any]:
    """The probes in these namespaces that the scheduler has put on a node."""
    found = [
        pod
        for namespace in namespaces
        for pod in cluster.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={_LABEL}")["items"]
    ]
    return [pod for pod in found if pod["spec"].get("nodeName")]


def prepare(cluster: Cluster, pod: Any, folder: Path) -> Prepared | None:
    """Mount a probe's volumes, or say as the kubelet does why it can't start yet (None)."""
    (container,) = pod["spec"]["containers"]
    if container["image"].endswith(":missing"):
        _waiting(cluster, pod, "ImagePullBackOff", f'Back-off pulling image "{container["image"]}"')
        return None
    own = folder / pod["metadata"]["uid"]
    argv = container["args"]
    for mount in container["volumeMounts"]:
        volume = next(each for each in pod["spec"]["volumes"] if each["name"] == mount["name"])
        if "emptyDir" in volume:
            continue
        files = _files(cluster, pod["metadata"]["namespace"], volume)
        if files is None:
            return None
        target = own / mount["name"].partition("-")[0] / mount["mountPath"].rpartition("/")[2]
        target.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (target / name).write_bytes(data)
        argv = [word.replace(mount["mountPath"], str(target)) for word in argv]
    argv = [word.replace("/var/run/wandb-byob/authorities", str(own / "authorities")) for word in argv]
    said = own / "termination-log"
    return Prepared(argv=[*argv, f"--result={said}"], said=said)


def without_environment(argv: Sequence[str], own: Mapping[str, str]) -> list[str]:
    """The command with the pod's own environment and nothing of this process', as a container has nothing of the kubelet's."""
    given = [f"{name}={value}" for name, value in own.items()]
    return ["env", "-i", f"PATH={os.defpath}", "HOME=/tmp", *given, sys.executable, "-m", "wandb_byob", *argv]


def _files(cluster: Cluster, namespace: str, volume: Any) -> dict[str, bytes] | None:
    """What a volume holds; None where what it comes from is not there and has to be."""
    if "secret" in volume:
        secret = cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{volume['secret']['secretName']}")
        return None if secret is None else {name: base64.b64decode(data) for name, data in secret["data"].items()}
    found = cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{volume['configMap']['name']}")
    return {name: data.encode() for name, data in (found or {}).get("data", {}).items()}


def _waiting(cluster: Cluster, pod: Any, reason: str, message: str) -> None:
    if pod["status"].get("containerStatuses"):
        return
    container = pod["spec"]["containers"][0]
    state = {"waiting": {"reason": reason, "message": message}}
    status = {
        "phase": "Pending",
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": state,
            }
        ],
    }
    meta = pod["metadata"]
    cluster.patch(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status", {"status": status})
