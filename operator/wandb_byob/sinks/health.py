"""How the rollout of a Deployment or StatefulSet goes: what `kubectl rollout status` looks at, and its new pods.

Pods that have our settings as the present template has them are the new ones; what is wrong with older ones tells nothing
about it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from wandb_byob.decide.grants import matches
from wandb_byob.decide.rollouts.variable import VARIABLES, EnvVar
from wandb_byob.decide.rollouts.workloads import Health, State
from wandb_byob.model.api import LabelSelector

Wire = Mapping[str, Any]

_CRASHES: Final = 3
_CONFIG_ERRORS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_CONFIG_ERROR_AGE: Final = timedelta(seconds=30)
"""A kubelet may see a new Secret a moment late, so that only a lasting error counts."""


def health(workload: Wire, containers: Sequence[str], *, pods: Sequence[Wire], now: datetime) -> Health:
    """Return how far the workload is with its present template; `pods` are those of its namespace."""
    mine = tuple(pods_of(workload, pods))
    newest = tuple(pod for pod in mine if _same_settings(workload, pod, containers))
    live = len(newest) == len(mine)
    by_design = _never_finishes(workload)
    if by_design:
        return Health(state=State.NOT_WAITED_FOR, message=by_design, live=live)
    failure = next((text for pod in newest for text in _failing(pod, now=now)), "") or _deadline_exceeded(workload)
    if failure:
        return Health(state=State.FAILED, message=failure, live=live)
    waiting = _unfinished(workload)
    if waiting:
        return Health(state=State.PROGRESSING, message=waiting, live=live)
    return Health(state=State.CURRENT, live=live)


def _never_finishes(workload: Wire) -> str:
    spec = workload["spec"]
    if spec.get("replicas", 1) == 0:
        return "It has no replicas; its next pod starts with the configuration."
    if spec.get("paused"):
        return "It is paused; its pods get the configuration when it is resumed."
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return "Its update strategy is OnDelete: each pod gets the configuration when it is deleted."
    if (strategy.get("rollingUpdate") or {}).get("partition"):
        return "It has a partition: pods below it do not get the configuration."
    return ""


def _deadline_exceeded(workload: Wire) -> str:
    status = workload.get("status") or {}
    if not _observed(workload):
        return ""
    for condition in status.get("conditions") or ():
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return "Its new pods did not become available within progressDeadlineSeconds."
    return ""


def _unfinished(workload: Wire) -> str:
    """Return what is still missing; counts that move would change the status at every look, so they are not told."""
    status = workload.get("status") or {}
    wanted = workload["spec"].get("replicas", 1)
    if not _observed(workload):
        return "Its controller has not seen the change yet."
    if status.get("updatedReplicas", 0) < wanted or _revisions_differ(status):
        return "New pods are being started."
    if workload["kind"] == "Deployment" and status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return "Old pods are being stopped."
    if min(status.get("availableReplicas", 0), status.get("readyReplicas", 0)) < wanted:
        return "Not all new pods are ready."
    return ""


def _observed(workload: Wire) -> bool:
    observed: int = (workload.get("status") or {}).get("observedGeneration", 0)
    generation: int = workload["metadata"].get("generation", 0)
    return observed >= generation


def _revisions_differ(status: Wire) -> bool:
    update: str = status.get("updateRevision", "")
    return update not in ("", status.get("currentRevision", ""))


def pods_of(workload: Wire, pods: Sequence[Wire]) -> Iterator[Wire]:
    """Yield the pods of a workload that run, or are about to."""
    selector = msgspec.convert(workload["spec"]["selector"], LabelSelector)
    return (pod for pod in pods if runs(pod) and matches(selector, pod["metadata"].get("labels") or {}))


def runs(pod: Wire) -> bool:
    """Say whether a pod has not ended and is not being deleted."""
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return not ended and not pod["metadata"].get("deletionTimestamp")


def _same_settings(workload: Wire, pod: Wire, containers: Sequence[str]) -> bool:
    template, running = _entries(workload["spec"]["template"]["spec"]), _entries(pod["spec"])
    return all(template.get(name) == running.get(name) for name in containers)


def _entries(spec: Wire) -> dict[str, list[EnvVar]]:
    return {
        container["name"]: [env for env in container.get("env") or () if env["name"] in VARIABLES]
        for container in spec["containers"]
    }


def _failing(pod: Wire, *, now: datetime) -> Iterator[str]:
    status = pod.get("status") or {}
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = ((container.get("state") or {}).get("waiting") or {}).get("reason", "")
        where = f"Pod {pod['metadata']['name']}: container {container['name']}"
        if waiting == "CrashLoopBackOff" and container.get("restartCount", 0) >= _CRASHES:
            ended = (container.get("lastState") or {}).get("terminated") or {}
            code = f", exit code {ended['exitCode']}" if "exitCode" in ended else ""
            yield f"{where} ends again and again (CrashLoopBackOff{code})."
        if waiting in _CONFIG_ERRORS and now - _created(pod) >= _CONFIG_ERROR_AGE:
            yield f"{where} cannot be started ({waiting})."


def _created(pod: Wire) -> datetime:
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
