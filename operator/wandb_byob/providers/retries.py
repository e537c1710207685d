"""Trying again at once what may pass at once, for calls that no SDK tries again."""

import time
from collections.abc import Mapping
from typing import Any, Final

from wandb_byob.providers.transport import GuardedSession, Reply, RetriedTransportError

_ATTEMPTS: Final = 3
_BACKOFF: Final = 0.2
_PASSING: Final = frozenset({429, 500, 502, 503, 504})


def request(session: GuardedSession, method: str, url: str, *, headers: Mapping[str, Any], body: Any) -> Reply:
    """Send up to three times, and return the last reply; raises `TransportError`."""
    for attempt in range(1, _ATTEMPTS):
        try:
            reply = session.request(method, url, headers=headers, body=body)
        except RetriedTransportError:
            pass
        else:
            if reply.status not in _PASSING:
                return reply
        time.sleep(_BACKOFF * attempt)
    return session.request(method, url, headers=headers, body=body)
