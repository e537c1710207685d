"""The guarded way (providers.transport) for an SDK that sends with `requests`, such as Azure's.

Each call is counted and each write fenced. Imported only with the SDK that needs it: `requests` costs memory that an operator of
S3 buckets alone need not pay.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import requests
import urllib3
from requests.adapters import BaseAdapter
from requests.models import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict

from wandb_byob.providers import calls
from wandb_byob.providers.base import Context
from wandb_byob.providers.transport import GuardedSession, Reply

_READS: Final = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How calls are told: `provider` as in the metrics, the `operation` of a request, the `code` of an error reply and what is raised for it."""

    provider: str
    operation: Callable[[PreparedRequest], str]
    code: Callable[[Reply], str]
    refusal: Callable[[Reply, str], Exception]


class GuardedAdapter(BaseAdapter):
    """Sends what `requests` has prepared, for one look; raises `TransportError`, and for an error reply what `naming` makes of it.

    No SDK takes these for its own, so that it neither tries again nor follows a redirect, and quotes nothing of a reply's body.
    Timeouts, trust and proxies that the caller names are left aside: the session's own hold. Compression is not asked for: with it
    a small reply could become a large one.
    """

    def __init__(self, session: GuardedSession, *, naming: Naming, context: Context) -> None:
        super().__init__()
        self._session = session
        self._naming = naming
        self._context = context

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """Send a request, again where that may help at once, and return the whole reply."""
        if request.method not in _READS:
            self._context.fence()
        operation = self._naming.operation(request)
        headers = {**request.headers, "Accept-Encoding": "identity"}
        reply = calls.make(
            partial(self._session.request, str(request.method), str(request.url), headers=headers, body=request.body),
            recorder=self._context.recorder,
            provider=self._naming.provider,
            operation=operation,
            code=self._naming.code,
        )
        if reply.status >= 300:
            raise self._naming.refusal(reply, operation)
        return _response(request, reply)

    def close(self) -> None:
        """Leave the connections open: other looks use them."""


def guarded_requests(adapter: GuardedAdapter) -> requests.Session:
    """Return a session of `requests` that sends by this adapter alone and reads no environment."""
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _response(request: PreparedRequest, reply: Reply) -> Response:
    headers = {name: value for name, value in reply.headers.items() if name.lower() != "content-encoding"}
    response = Response()
    response.status_code = reply.status
    response.headers = CaseInsensitiveDict(headers)
    response.encoding = "utf-8"
    response.reason = ""
    response.request = request
    response.url = str(request.url)
    response.raw = urllib3.HTTPResponse(
        body=io.BytesIO(reply.body),
        headers=headers,
        status=reply.status,
        preload_content=False,
        enforce_content_length=False,  # the answer to HEAD has a length and no body; others were read whole
    )
    return response
