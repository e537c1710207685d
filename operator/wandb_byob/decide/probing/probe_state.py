"""How far a probe's Job is, by what Kubernetes says of it: running, told its result, or why it never will.

The words of Kubernetes, of registries and of admission are passed on in short; they are nobody's keys, and not trusted either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from wandb_byob.decide.probing.probe_job import CONTAINER, deadline

Wire = Mapping[str, Any]

_LONGEST_WORDS: Final = 400
_STARTING: Final = frozenset({"", "ContainerCreating", "PodInitializing"})
_IMAGE: Final = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
# Autoscalers take minutes to add a node; a registry is asked again after 10, 20 and 40 seconds.
_PATIENCE: Final = {"Unschedulable": timedelta(minutes=4), "FailedCreate": timedelta(seconds=20)}
_PATIENCE_ELSE: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Running:
    """It has not ended; `obstacle` says in Kubernetes' words what keeps it from starting ("": nothing)."""

    obstacle: str = ""


@dataclass(frozen=True, kw_only=True)
class Told:
    """Its termination message, which is still to be read with suspicion."""

    message: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """It gives no result; `message` and `remedy` are for the user."""

    message: str
    remedy: str


State = Running | Told | Ended


@dataclass(frozen=True, kw_only=True)
class _Obstacle:
    reason: str
    words: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.words}" if self.words else self.reason


def state(job: Wire, pods: Sequence[Wire], events: Sequence[Wire], *, now: datetime) -> State:
    """Return how far the Job is; `pods` may be any of its namespace, `events` are those about the Job."""
    pod = _own(job, pods)
    container = _container(pod)
    end = (container.get("state") or {}).get("terminated")
    if end is not None:
        return Told(message=end["message"]) if end.get("message") else _speechless(end)
    failed = _condition(job, "Failed") or _condition(job, "FailureTarget")
    if failed is not None:
        return _given_up(failed)
    if _condition(job, "Complete") is not None:
        return Ended(message="Its pod was gone before it could be read.", remedy="It is made again at the next look.")
    if "running" in (container.get("state") or {}):
        return Running()
    obstacle = _obstacle(pod, container, events)
    age = now - _time(job["metadata"]["creationTimestamp"])
    if obstacle is None:
        late = age > deadline(0)
        return _not_started(_Obstacle(reason="Pending", words="no reason is given"), job) if late else Running()
    if age > _PATIENCE.get(obstacle.reason, _PATIENCE_ELSE):
        return _not_started(obstacle, job)
    return Running(obstacle=str(obstacle))


def ended(job: Wire) -> bool:
    """Say whether a Job has no pod that runs any more."""
    return _condition(job, "Complete") is not None or _condition(job, "Failed") is not None


def _own(job: Wire, pods: Sequence[Wire]) -> Wire:
    """Return the Job's pod, by its owner's uid: labels can be anybody's."""
    uid = job["metadata"]["uid"]
    own = [
        pod
        for pod in pods
        if any(
            owner.get("uid") == uid and owner.get("controller")
            for owner in pod["metadata"].get("ownerReferences") or ()
        )
    ]
    return max(own, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), default={})


def _container(pod: Wire) -> Wire:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((each for each in statuses if each["name"] == CONTAINER), {})


def _condition(subject: Wire, type_: str) -> Wire | None:
    conditions = (subject.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == type_ and each["status"] == "True"), None)


def _obstacle(pod: Wire, container: Wire, events: Sequence[Wire]) -> _Obstacle | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    if waiting.get("reason", "") not in _STARTING:
        return _Obstacle(reason=waiting["reason"], words=_words(waiting.get("message", "")))
    conditions = (pod.get("status") or {}).get("conditions") or ()
    placed = next((each for each in conditions if each["type"] == "PodScheduled" and each["status"] == "False"), None)
    if placed is not None:
        return _Obstacle(reason=placed.get("reason") or "Unschedulable", words=_words(placed.get("message", "")))
    if pod:
        return None
    refused = [event for event in events if event.get("reason") == "FailedCreate"]
    return _Obstacle(reason="FailedCreate", words=_words(refused[-1].get("note", ""))) if refused else None


def _not_started(obstacle: _Obstacle, job: Wire) -> Ended:
    return Ended(message=f"It could not be started. {obstacle}.", remedy=_remedy(obstacle, job))


def _remedy(obstacle: _Obstacle, job: Wire) -> str:
    namespace, pod = job["metadata"]["namespace"], job["spec"]["template"]["spec"]
    words = obstacle.words.lower()
    if obstacle.reason in _IMAGE:
        return (
            f"See that {pod['containers'][0]['image']} can be pulled in namespace {namespace}: put the Secret for its registry there, "
            "and name it in the chart's imagePullSecrets."
        )
    if obstacle.reason == "Unschedulable":
        return f"Make room on a node that the pods of ServiceAccount {pod['serviceAccountName']} may run on, or set verification.from to Operator."
    if "quota" in words:
        return f"Raise the ResourceQuota of namespace {namespace}: the probe asks for 20m CPU and 64Mi, with limits of 500m and 256Mi."
    if "podsecurity" in words or "denied" in words:
        return f"The probe's pod meets the restricted Pod Security Standard: admit it in namespace {namespace}."
    return f"Remove what keeps the pod from starting: kubectl -n {namespace} describe job {job['metadata']['name']}."


def _speechless(end: Wire) -> Ended:
    reason = f" ({end['reason']})" if end.get("reason") else ""
    return Ended(
        message=f"It ended with exit status {end.get('exitCode', '?')}{reason} and without a result.",
        remedy="See that the image is that of this operator, and that no LimitRange gives the pod less than 256Mi of memory.",
    )


def _given_up(condition: Wire) -> Ended:
    words = _words(condition.get("message", ""))
    return Ended(
        message=f"Kubernetes ended it. {condition.get('reason', 'Failed')}: {words}.",
        remedy="It is tried again at the next interval; see that the store answers W&B's pods, and that nodes have room.",
    )


def _words(text: str) -> str:
    """Return somebody else's words on one line, without what is not to be printed."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    short = " ".join(plain.split()).rstrip(".")
    return short if len(short) <= _LONGEST_WORDS else f"{short[:_LONGEST_WORDS]}…"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
