"""Requests that no SDK makes: signed URLs as W&B's clients use them, and preflights as browsers send them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from wandb_byob.providers import calls
from wandb_byob.providers.base import Context
from wandb_byob.providers.transport import GuardedSession, Reply

EXTRA: Final = ("X-User", "wandb-byob")
"""The query parameter that W&B adds to its URLs before it signs them."""
LIFETIME: Final = 300
"""Seconds that a probe's signed URL lives."""


@dataclass(frozen=True, kw_only=True)
class RawRequests:
    """Sends to one store for one look, tries again what may pass, and counts; `code` is the store's word in an error reply."""

    context: Context
    provider: str
    session: GuardedSession
    code: Callable[[Reply], str]

    def use(self, operation: str, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Use a signed URL, fenced where it writes; raises TransportError."""
        if method not in ("GET", "HEAD"):
            self.context.fence()
        return self._counted(operation, method, url, headers=headers, body=body)

    def preflight(self, url: str, *, origin: str, method: str, headers: tuple[str, ...]) -> Reply:
        """Ask as a browser does before it sends; raises TransportError."""
        asked = {"Origin": origin, "Access-Control-Request-Method": method}
        if headers:
            asked["Access-Control-Request-Headers"] = ",".join(headers)
        return self._counted("Preflight", "OPTIONS", url, headers=asked, body=None)

    def _counted(
        self, operation: str, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        send = partial(self.session.request, method, url, headers=headers, body=body)
        recorder = self.context.recorder
        return calls.make(send, recorder=recorder, provider=self.provider, operation=operation, code=self.code)


def page_headers(*, origin: str, body: bytes | None) -> dict[str, str]:
    """Return the headers of a request from a page of `origin` ("": no page)."""
    headers = {"Origin": origin} if origin else {}
    return headers if body is None else {**headers, "Content-Type": "application/octet-stream"}
