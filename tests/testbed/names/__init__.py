"""Names below `.localhost` mean this machine, as RFC 6761 has it; the C library alone knows only `localhost` itself.

So buckets can be in the host name here. What a cluster's DNS would do for a store of one's own. Other names may be given to servers
of this machine, too: those of a cloud that is not to be reached.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_VARIABLE = "TESTBED_HOSTS"


def environment(hosts: Mapping[str, int] | None = None) -> dict[str, str]:
    """With these variables a Python program that is started resolves such names, too (sitecustomize.py), and `hosts` to ports of this machine."""
    known = os.environ.get("PYTHONPATH")
    path = {"PYTHONPATH": os.pathsep.join([str(_FOLDER), *([known] if known else [])])}
    return path | ({_VARIABLE: json.dumps(dict(hosts))} if hosts else {})


def given_hosts() -> Mapping[str, int]:
    """The hosts that this program was given."""
    found: Mapping[str, int] = json.loads(os.environ.get(_VARIABLE, "{}"))
    return found


def resolver(resolve: Callable[..., Any], hosts: Mapping[str, int] | None = None) -> Callable[..., Any]:
    """What `socket.getaddrinfo` is where such names are known."""
    known = hosts or {}

    def local(host: Any, port: Any = None, *arguments: Any, **named: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        name = name.lower().rstrip(".") if isinstance(name, str) else ""
        here = name.endswith(".localhost") or name in known
        return resolve("127.0.0.1" if here else host, known.get(name, port), *arguments, **named)

    return local
