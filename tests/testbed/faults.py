"""What the proxy can be told to break, and what it has seen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What to do to requests whose method and target (path and query as sent) match; `times` of them, or all.

    At most one of `status`, `reset`, `truncate_after`, `endless` says how it ends; a `delay` in seconds comes before, and alone it only delays.
    `without` are the headers that the store's answer loses, by a pattern that ignores case; `headers` are those that it gains.
    `forward_first`: the store gets the request, and only its answer is replaced (the outcome is then unknown to the client).
    """

    method: str = ".*"
    target: str = ".*"
    times: int | None = None
    delay: float = 0
    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset: bool = False
    truncate_after: int | None = None
    endless: bool = False
    forward_first: bool = False
    without: str | None = None

    def matches(self, method: str, target: str) -> bool:
        """Whether this fault is meant for the request."""
        return re.fullmatch(self.method, method) is not None and re.search(self.target, target) is not None

    def takes_away(self, header: str) -> bool:
        """Whether the store's answer loses this header."""
        return self.without is not None and re.fullmatch(self.without, header, re.IGNORECASE) is not None


@dataclass(frozen=True)
class Recorded:
    """One request as it came, and what the client got. `status` is 0 where the connection was reset."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    status: int
    faulted: bool
    seconds: float
