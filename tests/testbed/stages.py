"""kwok Stages that make pods fail, for tests of rollouts.

A pod fails where its own annotation asks for it, or where a test has said so for a namespace while the pods were not there yet
(`Cluster.fail_pods`), which is how only a new configuration is made to fail: the pods that the running one already has are let be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

CRASH_ANNOTATION = "testbed.byob.wandb.com/crash"
HANG_ANNOTATION = "testbed.byob.wandb.com/hang"

# Set on a pod that a Stage made fail, so that the Stage does it once.
_FAILED_CONDITION = "testbed.byob.wandb.com/Failing"
_SECRETS_OF_POD = ".spec.containers[].env[]?.valueFrom.secretKeyRef.name"


class Failure(Enum):
    """How a pod fails: its containers exit again and again, or start and never become ready."""

    CRASH = "crash"
    HANG = "hang"


@dataclass(frozen=True, kw_only=True)
class PodSelector:
    """Which pods of a namespace fail; all that is given must hold.

    `secrets`: some environment variable comes from one of these Secrets. `other_secrets`: one comes from a Secret that is not among these
    (pass the present ones, and the next generated name fails). `labels`: the pod has these.
    """

    namespace: str
    labels: dict[str, str] | None = None
    secrets: Iterable[str] | None = None
    other_secrets: Iterable[str] | None = None

    def expressions(self) -> list[dict[str, Any]]:
        """The selector in kwok's terms; the keys are jq programs."""
        found: list[dict[str, Any]] = [{"key": ".metadata.namespace", "operator": "In", "values": [self.namespace]}]
        if self.secrets is not None:
            found.append({"key": _SECRETS_OF_POD, "operator": "In", "values": list(self.secrets)})
        if self.other_secrets is not None:
            known = " and ".join(f'. != "{name}"' for name in self.other_secrets) or "true"
            found.append({"key": f"{_SECRETS_OF_POD} | select(. != null and ({known}))", "operator": "Exists"})
        return found


def standing() -> list[dict[str, Any]]:
    """The Stages that are always there: failing by annotation, and the restarts of what crashes."""
    return [
        *(
            failing(f"pod-{kind.value}", kind, _by_annotation(name))
            for kind, name in ((Failure.CRASH, CRASH_ANNOTATION), (Failure.HANG, HANG_ANNOTATION))
        ),
        _restarting(),
    ]


def failing(name: str, failure: Failure, selector: dict[str, Any]) -> dict[str, Any]:
    """A Stage by which new pods that match `selector` fail instead of becoming ready."""
    pending = [
        {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
        {"key": ".status.phase", "operator": "In", "values": ["Pending"]},
    ]
    both = selector | {"matchExpressions": [*pending, *selector.get("matchExpressions", [])]}
    template = _status(_CRASHED if failure is Failure.CRASH else _HANGING)
    return _stage(name, {"selector": both, "weight": 1, "next": {"statusTemplate": template}})


def selecting(pods: PodSelector) -> dict[str, Any]:
    """The selector of a Stage for these pods."""
    return {"matchExpressions": pods.expressions()} | ({"matchLabels": pods.labels} if pods.labels else {})


def made_to_fail(pod: Any) -> bool:
    """Whether a Stage made this pod fail."""
    return any(each["type"] == _FAILED_CONDITION for each in pod["status"].get("conditions", []))


def _by_annotation(name: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": f'.metadata.annotations["{name}"]', "operator": "In", "values": ["true"]}]}


def _restarting() -> dict[str, Any]:
    """Once a second the containers of a crashed pod are restarted and crash again."""
    crashed = [
        {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
        {"key": ".status.containerStatuses[]?.state.waiting.reason", "operator": "In", "values": ["CrashLoopBackOff"]},
        {
            "key": f'.status.conditions[]? | select(.type == "{_FAILED_CONDITION}") | .status',
            "operator": "In",
            "values": ["True"],
        },
        {"key": "[.status.containerStatuses[]?.restartCount] | max | select(. < 5) | tostring", "operator": "Exists"},
    ]
    spec = {
        "selector": {"matchExpressions": crashed},
        "weight": 1,
        "delay": {"durationMilliseconds": 1000},
        "next": {"statusTemplate": _status(_CRASHED)},
    }
    return _stage("pod-crash-again", spec)


def _stage(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {"resourceRef": {"apiGroup": "v1", "kind": "Pod"}} | spec,
    }


_CRASHED = """
  ready: false
  started: false
  restartCount: {{ add $before 1 }}
  state: {waiting: {reason: CrashLoopBackOff, message: back-off restarting failed container}}
  lastState: {terminated: {exitCode: 1, reason: Error, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
"""
_HANGING = """
  ready: false
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
"""


def _status(container: str) -> str:
    """The pod's status with each container in the given state; `$before` is its restart count until now."""
    return f"""
{{{{ $now := Now }}}}
{{{{ $statuses := or .status.containerStatuses list }}}}
phase: Running
startTime: {{{{ or .status.startTime $now | Quote }}}}
conditions:
- {{type: Initialized, status: "True", lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{{{ $now | Quote }}}}}}
- {{type: {_FAILED_CONDITION}, status: "True", lastTransitionTime: {{{{ $now | Quote }}}}}}
containerStatuses:
{{{{ range $index, $container := .spec.containers }}}}
{{{{ $before := 0 }}}}
{{{{ range $statuses }}}}{{{{ if eq .name $container.name }}}}{{{{ $before = .restartCount }}}}{{{{ end }}}}{{{{ end }}}}
- name: {{{{ $container.name | Quote }}}}
  image: {{{{ $container.image | Quote }}}}
  imageID: ""{container.rstrip()}
{{{{ end }}}}
"""
