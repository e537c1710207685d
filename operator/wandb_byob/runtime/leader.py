"""Which process of the release may write: the one that holds its Lease.

Held for 15 s and renewed every 2 s. A holder that could not renew for 10 s writes nothing more until it has renewed (so an API server
that is away for a while costs no restart), and ends when it finds that somebody else has held the Lease.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from wandb_byob.kube.client import ConflictError, KubeError
from wandb_byob.runtime.leases import LeaseLock, boottime

logger = logging.getLogger(__name__)

DURATION: Final = 15.0
RENEW_DEADLINE: Final = 10.0
RETRY: Final = 2.0


class NotLeadingError(Exception):
    """The process may not write: it does not hold the Lease, or has not renewed it in time."""


class Election:
    """Takes the release's Lease, keeps it, and says so; runs in a thread of its own.

    `on_started` is called once, when the Lease is first held; `on_lost` when somebody else holds it: the process must end then.
    """

    def __init__(
        self,
        lock: LeaseLock,
        *,
        on_started: Callable[[], None],
        on_lost: Callable[[str], None],
        clock: Callable[[], float] = boottime,
    ) -> None:
        self._lock = lock
        self._on_started = on_started
        self._on_lost = on_lost
        self._clock = clock
        self._stop = threading.Event()
        self._closed = False
        self._trouble = ""
        self.leading = False
        self._thread = threading.Thread(target=self._run, name="leader-election", daemon=True)

    def start(self) -> None:
        """Begin to compete for the Lease."""
        self._thread.start()

    def alive(self) -> bool:
        """Say whether the thread runs."""
        return self._thread.is_alive()

    def fence(self) -> None:
        """Raise NotLeadingError unless the Lease was renewed within the last 10 s (it is held for 15: the rest is for the call itself)."""
        if self._closed or not self.leading or self._clock() >= self._lock.renewed_at + RENEW_DEADLINE:
            raise NotLeadingError("This process does not hold the Lease.")

    def close_fence(self) -> None:
        """Let no write pass any more, although the Lease is still held."""
        self._closed = True

    def stop(self, *, release: bool) -> None:
        """End the competition; `release` lets a successor begin at once, else it waits until the Lease expires."""
        self._stop.set()
        self._thread.join(timeout=5)
        self.close_fence()
        if release and self.leading:
            try:
                self._lock.release()
            except KubeError as error:
                logger.warning("The Lease could not be released and expires by itself: %s", error)

    def step(self) -> None:
        """Try once to take or renew the Lease."""
        try:
            held = self._lock.hold(DURATION, keep=self.leading)
        except ConflictError:
            # Somebody wrote it at the same moment: the next step sees who.
            return
        except KubeError as error:
            self._note(str(error))
            return
        self._note("")
        if self.leading and not held:
            self._on_lost(self._lock.holder or "nobody")
        elif held and not self.leading:
            self.leading = True
            self._on_started()

    def _note(self, trouble: str) -> None:
        """Log trouble once, not at every step, and its end."""
        if trouble and trouble != self._trouble:
            logger.warning("The Lease can't be taken or renewed: %s", trouble)
        elif self._trouble and not trouble:
            logger.info("The Lease can be taken and renewed again")
        self._trouble = trouble

    def _run(self) -> None:
        while not self._stop.is_set():
            self.step()
            self._stop.wait(RETRY)
