"""Microsoft Entra in small: it exchanges a token of Kubernetes for one of Azure where a federated credential says so.

Real are TLS and the form of the exchange. Its tokens are as Azurite's basic OAuth reads them, which looks at audience, issuer and times
and at no signature.
"""

import base64
import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from testbed.certificates import Authority

TENANT: Final = "66666666-7777-8888-9999-000000000000"
CLIENT: Final = "11111111-2222-3333-4444-555555555555"
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(kw_only=True)
class Entra:
    """What it knows: `federated` is which client may be had for which token of Kubernetes, `asked` are the forms that came.

    `failing`: a status and Entra's word to answer with. `lifetime`: seconds that a token lives.
    """

    port: int
    authority: Path
    federated: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    failing: tuple[int, str] | None = None
    lifetime: int = 3600

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer one request, as Entra does."""
        self.asked.append({"path": path, **form})
        client = form.get("client_id", "")
        if self.failing is not None:
            status, word = self.failing
            return status, _error(word)
        if path != f"/{TENANT}/oauth2/v2.0/token":
            return 400, _error("AADSTS90002: Tenant not found.")
        if form.get("grant_type") != "client_credentials" or form.get("client_assertion_type") != _ASSERTION:
            return 400, _error("AADSTS900144: The request body must contain the parameter.")
        if form.get("scope") != "https://storage.azure.com/.default":
            return 400, _error("AADSTS70011: The provided value for the input parameter 'scope' is not valid.")
        if client not in self.federated:
            return 400, _error("AADSTS700016: Application was not found in the directory.")
        if form.get("client_assertion") != self.federated[client]:
            return 401, _error("AADSTS700213: No matching federated identity record found for presented assertion.")
        return 200, {"token_type": "Bearer", "expires_in": self.lifetime, "access_token": _token(client, self.lifetime)}


def _error(words: str) -> dict[str, str]:
    return {"error": "invalid_client", "error_description": f"{words} Trace ID: canary-in-the-body"}


def _token(client: str, lifetime: int) -> str:
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": now,
        "nbf": now - 1,
        "exp": now + lifetime,
        "appid": client,
        "oid": str(uuid.uuid5(uuid.NAMESPACE_URL, client)),
        "tid": TENANT,
        "jti": uuid.uuid4().hex,
    }
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return f"{text}.c2lnbmF0dXJl"


@contextmanager
def running(folder: Path) -> Iterator[Entra]:
    """Entra on a free port of 127.0.0.1, with a certificate of its own authority."""
    authority = Authority(folder)
    pair = authority.issue("entra", "login.microsoftonline.com")
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    entra = Entra(port=server.server_port, authority=authority.certificate)
    server.RequestHandlerClass = partial(_Handler, entra)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.05), daemon=True)
    thread.start()
    try:
        yield entra
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    timeout = 60

    def __init__(self, entra: Entra, *arguments: Any) -> None:
        self._entra = entra
        super().__init__(*arguments)

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        status, reply = self._entra.answer(self.path, {name: values[0] for name, values in form.items()})
        body = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
