"""One call of a service by our own requests: made again where that may help at once, and counted once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wandb_byob.decide.connections import Fault
from wandb_byob.model.recorder import Recorder
from wandb_byob.providers.transport import Reply, RetriedTransportError


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often a call is made at the most, and how many seconds are waited after the first time; each later wait is that much longer.

    `passing` are the statuses after which it is made again, `final` the faults after which it is not.
    """

    attempts: int = 3
    pause: float = 0.2
    passing: frozenset[int] = frozenset({429, 500, 502, 503, 504})
    final: frozenset[Fault] = frozenset()


USUAL: Final = Patience()
ONCE: Final = Patience(attempts=1)


def make(
    send: Callable[[], Reply],
    *,
    recorder: Recorder,
    provider: str,
    operation: str,
    code: Callable[[Reply], str] = lambda _: "",
    patience: Patience = USUAL,
) -> Reply:
    """Return the last reply, whatever its status; raises `TransportError`. `code` is the service's own word in an error reply."""
    started, result = time.monotonic(), "error"
    try:
        reply = _tried(send, patience)
        result = "ok" if reply.status < 300 else code(reply) or str(reply.status)
        return reply
    finally:
        seconds = time.monotonic() - started
        recorder.cloud_call(provider=provider, operation=operation, result=result, seconds=seconds)


def _tried(send: Callable[[], Reply], patience: Patience) -> Reply:
    for attempt in range(1, patience.attempts):
        try:
            reply = send()
        except RetriedTransportError as error:
            if error.fault in patience.final:
                raise
        else:
            if reply.status not in patience.passing:
                return reply
        time.sleep(patience.pause * attempt)
    return send()
