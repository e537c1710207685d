"""What this process has done to buckets lately: Google takes only so much at a time, and does not know of all of it at once.

A project takes about one creation or deletion of a bucket every two seconds, a bucket one update a second, and a grant may take
seven minutes to be known everywhere. Nothing of it outlives the process: a 429 is waited for all the same.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from wandb_byob.decide import pacing
from wandb_byob.decide.pacing import Turns
from wandb_byob.model.errors import Waiting
from wandb_byob.model.reasons import Reason

_OF_A_PROJECT: Final = 2.5
"""Half a second more than Google asks, since what was sent two seconds apart may arrive closer together."""
_OF_A_BUCKET: Final = 1.0
_UNTIL_KNOWN: Final = timedelta(minutes=7).total_seconds()
_AGAIN: Final = timedelta(seconds=10)


class Recent:
    """Safe to use from many threads; `clock` counts seconds, `sleep` waits for some."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._mutex = threading.Lock()
        self._projects: dict[tuple[Hashable, str], Turns] = {}
        self._updates: dict[str, float] = {}
        self._grants: dict[str, float] = {}

    def take_turn(self, project: str, bucket: str, *, signer: Hashable = None) -> None:
        """Go on if a bucket of the project may be created or deleted now; raises `Waiting` until this one's turn.

        Turns are those of one signer: anybody may name a project, and must not make others wait who have rights there.
        """
        lane = (signer, project)
        with self._mutex:
            now = self._clock()
            turns = self._projects.get(lane, Turns())
            asked, wait = pacing.ask(turns, bucket, now=now, pause=_OF_A_PROJECT)
            others = {each: known for each, known in self._projects.items() if not pacing.over(known, now=now)}
            self._projects = others | {lane: asked}
        if wait:
            raise Waiting(
                Reason.PROGRESSING,
                "A project of Google Cloud takes one bucket created or deleted every two seconds, and others come before this one.",
                after=timedelta(seconds=wait),
            )

    @contextmanager
    def updating(self, bucket: str) -> Iterator[None]:
        """Update a bucket, a second after the update before was answered; nobody else of this process is at the same bucket."""
        with self._mutex:
            wait = self._updates.get(bucket, -math.inf) + _OF_A_BUCKET - self._clock()
        if wait > 0:
            self._sleep(wait)
        try:
            yield
        finally:
            with self._mutex:
                now = self._clock()
                recent = {name: at for name, at in self._updates.items() if at + _OF_A_BUCKET > now}
                self._updates = recent | {bucket: now}

    def granted(self, bucket: str) -> None:
        """Note that somebody was let into the bucket."""
        with self._mutex:
            now = self._clock()
            self._grants = {name: at for name, at in self._grants.items() if at + _UNTIL_KNOWN > now} | {bucket: now}

    def refused(self, bucket: str, why: str) -> None:
        """Take a refusal of the one who was let in; raises `Waiting` while Google may not know of it yet."""
        with self._mutex:
            at = self._grants.get(bucket)
        if at is not None and self._clock() < at + _UNTIL_KNOWN:
            raise Waiting(
                Reason.PROGRESSING,
                f"W&B's service account was let into the bucket, which Google may take 7 minutes to know everywhere. Until then: {why}",
                after=_AGAIN,
            )
