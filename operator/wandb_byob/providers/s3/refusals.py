"""What a store has refused to be configured with for good, remembered so that it is not asked at every look."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from wandb_byob.decide.clouds.bucket_state import Aspect, Unread
from wandb_byob.providers.s3.target import Target

_REMEMBERED: Final = timedelta(hours=24)
_MOST: Final = 4096


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    found: Unread
    until: datetime


class Refusals:
    """Some stores read a setting that they cannot set (versitygw without a folder for versions). Safe for many threads.

    Only what the store does not offer is kept, for a day; a lack of permission may be mended at any time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[Target, Aspect], _Refusal] = OrderedDict()

    def remember(self, target: Target, aspect: Aspect, found: Unread, *, now: datetime) -> None:
        """Keep a refusal, unless it is one of permission or of this very value."""
        if found.denied or aspect == "policy":
            return
        with self._lock:
            self._known[target, aspect] = _Refusal(found=found, until=now + _REMEMBERED)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)

    def known(self, target: Target, aspect: Aspect, *, now: datetime) -> Unread | None:
        """Return what the store answered within the last day, if it was a refusal."""
        with self._lock:
            refusal = self._known.get((target, aspect))
        return refusal.found if refusal is not None and now < refusal.until else None
