"""Plain HTTP to the testbed's own servers: no proxies, no environment, an answer of any status is an answer."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def request(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    authority: Path | None = None,
    timeout: float = 30,
) -> Answer:
    """Send one request; raises OSError only when no answer came."""
    opener = _opener(authority)
    wanted = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)
    try:
        with opener.open(wanted, timeout=timeout) as answer:
            return Answer(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as refused:
        with refused:
            return Answer(refused.code, refused.read(), dict(refused.headers))


def answers(url: str, *, authority: Path | None = None, below: int = 400) -> bool:
    """Whether the server answers with a status below this."""
    try:
        return request(url, authority=authority, timeout=2).status < below
    except OSError:
        return False


@lru_cache(maxsize=16)
def _opener(authority: Path | None) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context(cafile=authority)
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirects()
    )


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
