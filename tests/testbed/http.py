"""Plain HTTP to the testbed's own servers: no proxies, no environment, an answer of any status is an answer."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import urllib3


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
    """Send one request over a connection that may be an earlier one's; raises OSError only when no answer came."""
    pools = _pools(authority)
    try:
        answer = pools.request(method, url, body=body, headers=headers, timeout=timeout, retries=False, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise OSError(f"{method} {url}: {error}") from error
    return Answer(answer.status, answer.data, dict(answer.headers))


def answers(url: str, *, authority: Path | None = None, below: int = 400) -> bool:
    """Whether the server answers with a status below this."""
    try:
        return request(url, authority=authority, timeout=2).status < below
    except OSError:
        return False


@lru_cache(maxsize=16)
def _pools(authority: Path | None) -> urllib3.PoolManager:
    return urllib3.PoolManager(ssl_context=ssl.create_default_context(cafile=authority), maxsize=16)
