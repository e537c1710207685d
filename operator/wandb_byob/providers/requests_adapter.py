"""The guarded way (providers.transport) for SDKs that send with `requests`: Google's and Azure's.

Each call is counted and each write fenced for whoever is calling right now, since clients are shared by many looks. Imported
only with the SDKs that need it: `requests` costs memory that an operator of S3 buckets alone need not pay.
"""

import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import requests
import urllib3
from requests.adapters import BaseAdapter
from requests.models import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict

from wandb_byob.providers.base import Context
from wandb_byob.providers.transport import GuardedSession, Reply, RetriedTransportError

_ATTEMPTS: Final = 3
_BACKOFF: Final = 0.2
_READS: Final = ("GET", "HEAD", "OPTIONS")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Calling:
    """For whom each thread is calling right now."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def on_behalf_of(self, context: Context) -> Iterator[None]:
        """Let the calls inside count for, and be fenced by, this look."""
        before = getattr(self._local, "context", None)
        self._local.context = context
        try:
            yield
        finally:
            self._local.context = before

    @property
    def context(self) -> Context:
        """The look that is calling."""
        context = getattr(self._local, "context", None)
        if not isinstance(context, Context):
            raise RuntimeError("a cloud's client is used outside of a look")
        return context


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How calls are counted: `provider` as in the metrics, the `operation` of a request, the `result` of an error reply."""

    provider: str
    operation: Callable[[PreparedRequest], str]
    result: Callable[[Reply], str]


class GuardedAdapter(BaseAdapter):
    """Sends what `requests` has prepared through a `GuardedSession`; raises `TransportError`, which no SDK takes for its own.

    Timeouts, trust and proxies that the caller names are left aside: the session's own hold. Redirects are not shown to
    `requests`, which would follow them, nor is compression, which would let a small reply become a large one.
    """

    def __init__(self, session: GuardedSession, *, naming: Naming, calling: Calling) -> None:
        super().__init__()
        self._session = session
        self._naming = naming
        self._calling = calling

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
        """Send a request, again where no connection came about, and return the whole reply."""
        context = self._calling.context
        if request.method not in _READS:
            context.fence()
        started, result = time.monotonic(), "error"
        try:
            reply = self._retried(request)
            result = "ok" if reply.status < 300 else self._naming.result(reply)
            return _response(request, reply)
        finally:
            context.recorder.cloud_call(
                provider=self._naming.provider,
                operation=self._naming.operation(request),
                result=result,
                seconds=time.monotonic() - started,
            )

    def close(self) -> None:
        """Leave the connections open: other clients use them."""

    def _retried(self, request: PreparedRequest) -> Reply:
        headers = {**request.headers, "Accept-Encoding": "identity"}
        method, url = str(request.method), str(request.url)
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._session.request(method, url, headers=headers, body=request.body)
            except RetriedTransportError:
                time.sleep(_BACKOFF * attempt)
        return self._session.request(method, url, headers=headers, body=request.body)


def guarded_requests(adapter: GuardedAdapter, session: requests.Session | None = None) -> requests.Session:
    """Return a session of `requests` (a new one, or an SDK's) that sends by this adapter alone and reads no environment."""
    session = session if session is not None else requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _response(request: PreparedRequest, reply: Reply) -> Response:
    headers = _shown(reply)
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


def _shown(reply: Reply) -> Mapping[str, str]:
    hidden = {"content-encoding", "location"} if reply.status in _REDIRECTS else {"content-encoding"}
    return {name: value for name, value in reply.headers.items() if name.lower() not in hidden}
