"""The variable as it stands in W&B's containers: who sets it there, to what, and how that is remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from wandb_byob.model import names

EnvVar = Mapping[str, Any]
"""An entry of a container's `env` in wire form."""

VARIABLE: Final = names.FILE_STORES


@dataclass(frozen=True, order=True, slots=True)
class Slot:
    """One container of one workload, or one level of a WeightsAndBiases object; printed as `Deployment/wandb-app/app`."""

    kind: str
    workload: str
    container: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.workload}/{self.container}"

    @property
    def place(self) -> str:
        """Return the place as a sentence begins with it."""
        what = "Container" if self.kind in ("Deployment", "StatefulSet") else "Level"
        return f"{what} {self.container} of {self.kind} {self.workload}"


class Origin(StrEnum):
    """Where a container has the variable from; `INHERITED` is `envFrom`, `OTHER` a field of the pod."""

    ABSENT = "absent"
    LITERAL = "literal"
    SECRET = "secret"  # noqa: S105 (no password)
    CONFIG_MAP = "configMap"
    INHERITED = "envFrom"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, repr=False)
class Reading:
    """What one container has: `env` is its own entry (None: it has none), `value` what the process sees (None: nothing).

    `secret` is the name of the Secret that `env` refers to, "" if it refers to none.
    """

    slot: Slot
    origin: Origin
    env: EnvVar | None = None
    value: str | None = None
    secret: str = ""

    def __repr__(self) -> str:
        return f"Reading({self.slot}, {self.origin}, secret={self.secret!r})"


def reference(secret: str) -> EnvVar:
    """Return the entry that takes the variable from one of our Secrets."""
    return {"name": VARIABLE, "valueFrom": {"secretKeyRef": {"name": secret, "key": names.FILE_STORES}}}


def refers_to(env: EnvVar | None, secret: str) -> bool:
    """Say whether an entry takes the variable from this Secret of ours."""
    found = ((env or {}).get("valueFrom") or {}).get("secretKeyRef") or {}
    return bool(secret) and found.get("name") == secret and found.get("key") == names.FILE_STORES
