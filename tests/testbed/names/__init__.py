"""Names below `.localhost` mean this machine, as RFC 6761 has it; the C library alone knows only `localhost` itself.

So buckets can be in the host name here. What a cluster's DNS would do for a store of one's own.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def environment() -> dict[str, str]:
    """With these variables a Python program that is started resolves such names, too (sitecustomize.py)."""
    known = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(_FOLDER), *([known] if known else [])])}


def resolver(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """What `socket.getaddrinfo` is where such names are known."""

    def local(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        below = isinstance(name, str) and name.lower().rstrip(".").endswith(".localhost")
        return resolve("127.0.0.1" if below else host, *arguments, **named)

    return local
