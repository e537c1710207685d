"""W&B's SCIM API in small: scim2-server below /scim, that asks for a user and an API key as W&B does and keeps teams as groups."""

import base64
import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import shift_path_info

from scim2_models import UnauthorizedException
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.utils import load_default_provider

from testbed import http

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ROOT = "/scim"


@dataclass
class Scim:
    """A running server: `url` is what W&B calls its base address, `asked` the paths of all requests until now.

    It gives at most `most` groups at once and takes `pause` seconds for each answer.
    """

    url: str
    user: str
    key: str
    most: int | None = None
    pause: float = 0
    asked: list[str] = field(default_factory=list)

    @property
    def authorization(self) -> str:
        """The header that lets in."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.key}".encode()).decode()

    def create(self, names: Iterable[str]) -> None:
        """Make a team of each name, as an administrator."""
        headers = {"Authorization": self.authorization, "Content-Type": "application/scim+json"}
        for name in names:
            body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
            data = json.dumps(body).encode()
            answer = http.request(f"{self.url}/Groups", method="POST", body=data, headers=headers)
            assert answer.status == 201, answer.body.decode()


class _Application(WSGIApplication):
    def __init__(self, scim: Scim) -> None:
        super().__init__(InMemoryStorage(), load_default_provider())
        self._scim = scim

    def check_auth(self, request: ScimRequest) -> None:
        if request.header("Authorization") != self._scim.authorization:
            raise UnauthorizedException

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self._scim.asked.append(f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}")
        if self._scim.pause:
            time.sleep(self._scim.pause)  # as slow as a test wants it
        if self._scim.most is not None and environ["REQUEST_METHOD"] == "GET":
            asked = dict(parse_qsl(environ.get("QUERY_STRING", "")))
            environ["QUERY_STRING"] = urlencode(asked | {"count": str(self._scim.most)})
        if shift_path_info(environ) != ROOT.strip("/"):
            start_response("404 Not Found", [])
            return [b""]
        return super().__call__(environ, start_response)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the standard library's name)
        """Log nothing."""


@contextmanager
def running(
    *,
    user: str = "admin@acme.example",
    key: str = "0123456789abcdef0123456789abcdef01234567",
    teams: Sequence[str] = (),
) -> Iterator[Scim]:
    """A server on a free port of 127.0.0.1 with these teams."""
    scim = Scim(url="", user=user, key=key)
    with make_server("127.0.0.1", 0, _Application(scim), handler_class=_Quiet) as server:
        scim.url = f"http://127.0.0.1:{server.server_port}{ROOT}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            scim.create(teams)
            scim.asked.clear()
            yield scim
        finally:
            server.shutdown()
            thread.join()
