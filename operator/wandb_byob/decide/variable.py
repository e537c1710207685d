"""The settings of W&B that are ours, as they stand in its containers: who sets them there, to what, and how that is remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from wandb_byob.model import names

EnvVar = Mapping[str, Any]
"""An entry of a container's `env` in wire form."""

Settings = Mapping[str, str | None]
"""What W&B shall have, by setting; None: it must not be set at all."""

VARIABLE: Final = names.FILE_STORES
BUCKET: Final = "BUCKET"
AWS_REGION: Final = "AWS_REGION"
AWS_KMS_KEY: Final = "AWS_S3_KMS_ID"
AZURE_KEY: Final = "AZURE_STORAGE_KEY"
SAME_AS_BUCKET: Final = ("GORILLA_FILE_STORE", "GORILLA_STORAGE_BUCKET")
"""W&B's chart sets these to what it sets BUCKET to; where they are not set, W&B does not need them."""
STORAGE: Final = (BUCKET, *SAME_AS_BUCKET, AWS_REGION, AWS_KMS_KEY, AZURE_KEY)
"""The settings of the instance's own bucket."""
VARIABLES: Final = (VARIABLE, *STORAGE)


@dataclass(frozen=True, order=True, slots=True)
class Slot:
    """Where one setting stands: a container of a workload, or a level of a WeightsAndBiases object; printed as `Deployment/wandb-app/app`."""

    kind: str
    workload: str
    container: str
    setting: str = VARIABLE

    def __str__(self) -> str:
        return f"{self.kind}/{self.workload}/{self.container}"

    @property
    def within(self) -> str:
        """Return the place within its workload."""
        return f"{self.container}/{self.setting}"

    @property
    def place(self) -> str:
        """Return the place as a sentence begins with it."""
        what = "Container" if self.kind in ("Deployment", "StatefulSet") else "Level"
        return f"{what} {self.container} of {self.kind} {self.workload}"


class Origin(StrEnum):
    """Where a container has a setting from; `INHERITED` is `envFrom`, `OTHER` a field of the pod."""

    ABSENT = "absent"
    LITERAL = "literal"
    SECRET = "secret"  # noqa: S105 (no password)
    CONFIG_MAP = "configMap"
    INHERITED = "envFrom"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, repr=False)
class Reading:
    """What stands in one slot: `env` is its own entry (None: it has none), `value` what the process sees (None: nothing).

    `secret` is the name of the Secret that `env` refers to, "" if it refers to none. `setters` are the other field managers that set it.
    """

    slot: Slot
    origin: Origin
    env: EnvVar | None = None
    value: str | None = None
    secret: str = ""
    setters: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Reading({self.slot}, {self.origin}, secret={self.secret!r})"


def key_of(setting: str) -> str:
    """Return the key of our Secrets that a setting takes its value from."""
    return BUCKET if setting in SAME_AS_BUCKET else setting


def reference(secret: str, setting: str = VARIABLE) -> EnvVar:
    """Return the entry that takes a setting from one of our Secrets."""
    return {"name": setting, "valueFrom": {"secretKeyRef": {"name": secret, "key": key_of(setting)}}}


def refers_to(env: EnvVar | None, secret: str, setting: str = VARIABLE) -> bool:
    """Say whether an entry takes a setting from this Secret of ours."""
    found = ((env or {}).get("valueFrom") or {}).get("secretKeyRef") or {}
    return bool(secret) and found.get("name") == secret and found.get("key") == key_of(setting)
