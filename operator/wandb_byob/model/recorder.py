"""What the layers below the runtime report to whoever counts: the runtime's Prometheus metrics, or nothing."""

from typing import Protocol

from wandb_byob.model.checks import Check
from wandb_byob.model.keys import ObjectKey


class Recorder(Protocol):
    """Receives facts worth counting; implementations never raise and never block."""

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        """Count one call to a cloud API; `result` is "ok" or the error's code."""

    def checks(self, key: ObjectKey, checks: tuple[Check, ...]) -> None:
        """Take the latest check results of one BucketStore."""

    def probed(self, key: ObjectKey, *, timestamp: float) -> None:
        """Note when the data path of a BucketStore was probed last (Unix seconds)."""

    def rollout(self, key: ObjectKey, *, result: str) -> None:
        """Count one finished rollout of a WandbInstance: "succeeded", "failed" or "rolled-back"."""


class NullRecorder:
    """Counts nothing: for the command line and tests."""

    def cloud_call(self, *, provider: str, operation: str, result: str, seconds: float) -> None:
        """Ignore the call."""

    def checks(self, key: ObjectKey, checks: tuple[Check, ...]) -> None:
        """Ignore the results."""

    def probed(self, key: ObjectKey, *, timestamp: float) -> None:
        """Ignore the time."""

    def rollout(self, key: ObjectKey, *, result: str) -> None:
        """Ignore the rollout."""
