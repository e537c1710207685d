"""What every reconciler is given and gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from wandb_byob.kube.client import KubeClient
from wandb_byob.model.config import Config
from wandb_byob.model.credentials import Credentials
from wandb_byob.model.keys import ObjectKey
from wandb_byob.model.recorder import Recorder
from wandb_byob.providers.base import Provider


class EventSink(Protocol):
    """Takes Kubernetes Events on transitions; implementations aggregate, never raise and never block a reconcile for long."""

    def publish(self, key: ObjectKey, *, uid: str, warning: bool, reason: str, message: str) -> None:
        """Tell the user of one transition of the object; `message` is already free of secrets."""


class SecretKeeper(Protocol):
    """Learns every secret value that was read, so that no log line, Event or status can show it (model.redaction)."""

    def learn(self, credentials: Credentials) -> None:
        """Remember the values, and every encoded form of them, for redaction."""

    def redact(self, text: str) -> str:
        """Return the text with every known secret value replaced."""


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything a reconciler may touch; the only state is behind these.

    `providers` maps `spec.provider` to what is built; a provider that is missing answers `NotImplemented`.
    `fence` raises when this process may no longer write (the Lease's deadline has passed).
    """

    kube: KubeClient
    providers: Mapping[str, Provider]
    config: Config
    recorder: Recorder
    events: EventSink
    secrets: SecretKeeper
    fence: Callable[[], None]
    now: Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Result:
    """When to look at the object again: `after` None means only when something changes."""

    after: timedelta | None = None


Reconcile = Callable[[World, ObjectKey], Result]
"""One look at one object; raises KubeError (retried with backoff) and nothing else on purpose."""
