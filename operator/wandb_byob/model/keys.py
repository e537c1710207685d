"""Which object is meant: the key that the work queue, events and reconcilers share."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The three kinds of the API."""

    WANDB_INSTANCE = "WandbInstance"
    BUCKET_STORE = "BucketStore"
    TEAM_STORAGE = "TeamStorage"


@dataclass(frozen=True, order=True, slots=True)
class ObjectKey:
    """One object of ours by kind, namespace and name; printed as `BucketStore/team-a/data`."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"
