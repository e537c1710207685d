"""The domain's two errors: what waits for an edit, and what is looked at again after a time."""

from datetime import timedelta

from wandb_byob.model.checks import Check
from wandb_byob.model.reasons import Reason
from wandb_byob.model.texts import clean


class DomainError(Exception):
    """A known state that keeps an object from being Ready; the text is written for the user and holds no secret.

    `check` is the check of the catalogue that failed with it, where it is one.
    """

    def __init__(self, reason: Reason, message: str, *, check: Check | None = None) -> None:
        self.message = clean(message)
        super().__init__(self.message)
        self.reason = reason
        self.check = check


class Stalled(DomainError):  # noqa: N818 (named after the kstatus condition that it becomes)
    """Only an edit (of the object, or of what it refers to) can help: no retry until something changes."""


class Waiting(DomainError):  # noqa: N818
    """The world may change by itself: look again after `after`."""

    def __init__(
        self, reason: Reason, message: str, *, check: Check | None = None, after: timedelta = timedelta(seconds=30)
    ) -> None:
        super().__init__(reason, message, check=check)
        self.after = after
