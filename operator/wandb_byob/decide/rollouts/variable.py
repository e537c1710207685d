"""The settings of W&B that are ours, as they stand in its containers: who sets them there, to what, and how that is remembered."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from wandb_byob.model import names
from wandb_byob.model.errors import Stalled

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
MARK: Final = "BYOB_INSTANCE_STORAGE"
"""Which bucket it is, for W&B's own operator to hand to the pods: nothing else in them would change with some buckets, and they would not restart."""
CHART_BUCKET: Final = "global.bucket"
"""The instance's own bucket in the values of W&B's chart."""
OBJECT_STORE: Final = "externalObjectStore"
"""The same in the object of W&B's operator v2."""
IN_VARIABLES: Final = (BUCKET, *SAME_AS_BUCKET, AWS_REGION, AWS_KMS_KEY, AZURE_KEY)
"""The settings of the instance's own bucket in plain workloads."""
STORAGE: Final = (*IN_VARIABLES, MARK, CHART_BUCKET, OBJECT_STORE)
"""The settings of the instance's own bucket, wherever W&B has its configuration."""
VARIABLES: Final = (VARIABLE, *IN_VARIABLES, MARK)


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
    `refusal` is why it must not be set at all.
    """

    slot: Slot
    origin: Origin
    env: EnvVar | None = None
    value: str | None = None
    secret: str = ""
    setters: tuple[str, ...] = ()
    refusal: Stalled | None = None

    def __repr__(self) -> str:
        return f"Reading({self.slot}, {self.origin}, secret={self.secret!r})"


def key_of(setting: str) -> str:
    """Return the key of our Secrets that a setting takes its value from."""
    return BUCKET if setting in SAME_AS_BUCKET else setting


def reference(secret: str, setting: str = VARIABLE) -> EnvVar:
    """Return the entry that takes a setting from one of our Secrets."""
    return {"name": setting, "valueFrom": {"secretKeyRef": {"name": secret, "key": key_of(setting)}}}


def secret_of(env: EnvVar | None) -> str:
    """Return the name of the Secret that what stands in a slot refers to, "" for none."""
    given = env or {}
    reference = (given.get("valueFrom") or {}).get("secretKeyRef") or {}
    within = given.get("secret") if isinstance(given.get("secret"), Mapping) else {}
    selectors = [each["name"] for each in given.values() if isinstance(each, Mapping) and set(each) >= {"name", "key"}]
    found: str = reference.get("name") or (within or {}).get("secretName") or next(iter(selectors), "")
    return found


def refers_to(env: EnvVar | None, secret: str, setting: str = VARIABLE) -> bool:
    """Say whether an entry takes a setting from this Secret of ours."""
    found = ((env or {}).get("valueFrom") or {}).get("secretKeyRef") or {}
    return bool(secret) and found.get("name") == secret and found.get("key") == key_of(setting)
