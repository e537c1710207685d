"""Names below `.localhost` mean this machine, as RFC 6761 has it; the C library alone knows only `localhost` itself.

So buckets can be in the host name here. What a cluster's DNS would do for a store of one's own.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
"""In PYTHONPATH, a program that is started resolves these names, too (sitecustomize.py)."""


def resolver(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """What `socket.getaddrinfo` is where such names are known."""

    def local(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        below = isinstance(name, str) and name.lower().rstrip(".").endswith(".localhost")
        return resolve("127.0.0.1" if below else host, *arguments, **named)

    return local
