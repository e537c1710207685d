"""The workload identity of this process: a token of Kubernetes exchanged for one of Microsoft Entra, at Entra's own hosts alone.

Kubernetes' token is read from the file that Azure's webhook mounts, and shown to nobody but those hosts.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from azure.core.credentials import AccessToken

from wandb_byob.decide.clouds.azure_identity import federation
from wandb_byob.decide.endpoints import Endpoint, Policy
from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.providers import calls
from wandb_byob.providers.base import Context
from wandb_byob.providers.tls import extended, trust
from wandb_byob.providers.transport import GuardedSession, Reply

AUTHORITIES: Final = (
    "https://login.microsoftonline.com",
    "https://login.microsoftonline.us",
    "https://login.partner.microsoftonline.cn",
    "https://login.chinacloudapi.cn",
)
"""Where Entra is, in each of its clouds."""
_FILE, _CLIENT, _TENANT, _AUTHORITY = (
    "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_AUTHORITY_HOST",
)  # fmt: skip
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LARGEST_TOKEN: Final = 64 * 1024
_RENEWED_BEFORE: Final = 300
_WORD: Final = re.compile(r"AADSTS\d{4,8}\b")
_NOT_FEDERATED: Final = frozenset({"AADSTS70021", "AADSTS700211", "AADSTS700212", "AADSTS700213", "AADSTS50166"})


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Whom this process can become, and by which file."""

    client: str
    tenant: str
    file: str = field(repr=False)
    authority: str = AUTHORITIES[0]


def workload(environment: Mapping[str, str], *, client: str = "", tenant: str = "") -> Workload:
    """Return what Azure's webhook has put into the environment; `client` and `tenant` take the place of its own. Raises `Stalled`."""
    given = {_FILE: environment.get(_FILE, "")}
    given |= {_CLIENT: client or environment.get(_CLIENT, ""), _TENANT: tenant or environment.get(_TENANT, "")}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise Stalled(
            Reason.ACCESS_DENIED,
            f"This pod has no workload identity of Azure: {' and '.join(missing)} not set. Annotate its ServiceAccount with "
            'azure.workload.identity/client-id and label the pod azure.workload.identity/use: "true", with Azure\'s webhook installed.',
        )
    authority = environment.get(_AUTHORITY, "").rstrip("/") or AUTHORITIES[0]
    if authority not in AUTHORITIES:
        raise Stalled(
            Reason.ENDPOINT_NOT_ALLOWED,
            f"{_AUTHORITY} names a host that is none of Microsoft Entra's, and no token is shown to it. Remove it, or set it to one of "
            f"{', '.join(AUTHORITIES)}.",
        )
    return Workload(client=given[_CLIENT], tenant=given[_TENANT], file=given[_FILE], authority=authority)


class Tokens:
    """The tokens of this process, kept until shortly before they end; safe for many threads."""

    def __init__(self, *, ca_bundle: str | None, session: Callable[[Policy], GuardedSession] | None = None) -> None:
        self._session = session or (lambda policy: GuardedSession(policy, trust=trust(extended(ca_bundle))))
        self._mutex = threading.Lock()
        self._known: dict[tuple[Workload, tuple[str, ...]], AccessToken] = {}
        self._sessions: dict[str, GuardedSession] = {}

    def of(self, workload: Workload, scopes: tuple[str, ...], context: Context) -> AccessToken:
        """Return a token; raises `Stalled`, `Waiting` and `TransportError`."""
        with self._mutex:
            known = self._known.get((workload, scopes))
            if known is None or known.expires_on - _RENEWED_BEFORE < time.time():
                known = self._exchanged(workload, scopes, context)
                self._known[workload, scopes] = known
            return known

    def _exchanged(self, workload: Workload, scopes: tuple[str, ...], context: Context) -> AccessToken:
        form = {
            "client_id": workload.client,
            "scope": " ".join(scopes),
            "client_assertion_type": _ASSERTION,
            "client_assertion": _assertion(workload),
            "grant_type": "client_credentials",
        }
        send = partial(
            self._session_of(workload.authority).request,
            "POST",
            f"{workload.authority}/{workload.tenant}/oauth2/v2.0/token",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(form).encode(),
        )
        reply = calls.make(send, recorder=context.recorder, provider="Azure", operation="GetToken", code=_word)
        return _token(reply, workload)

    def _session_of(self, authority: str) -> GuardedSession:
        if authority not in self._sessions:
            endpoint = Endpoint(scheme="https", host=authority.removeprefix("https://"), port=443)
            self._sessions[authority] = self._session(Policy(endpoint=endpoint, field="", trusted=True, public=True))
        return self._sessions[authority]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What Azure's SDK asks for tokens, for one look."""

    workload: Workload
    tokens: Tokens
    context: Context

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token for these scopes."""
        return self.tokens.of(self.workload, scopes, self.context)


def _assertion(workload: Workload) -> str:
    try:
        with Path(workload.file).open(encoding="ascii") as file:
            return file.read(_LARGEST_TOKEN).strip()
    except (OSError, ValueError):
        raise Waiting(
            Reason.ACCESS_DENIED,
            f"The token of Kubernetes that {_FILE} names cannot be read. See that Azure's webhook mounts it into this pod.",
        ) from None


def _token(reply: Reply, workload: Workload) -> AccessToken:
    if reply.status != 200:
        raise _refused(reply, workload)
    try:
        found = json.loads(reply.body)
        return AccessToken(str(found["access_token"]), int(time.time()) + int(found["expires_in"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        raise _unusable(f"The reply of {workload.authority} holds no token.") from None


def _refused(reply: Reply, workload: Workload) -> DomainError:
    word = _word(reply)
    if reply.status >= 500 or reply.status == 429:
        return _unusable(f"{workload.authority} answered the request for a token with status {reply.status}.")
    told = f"Microsoft Entra gives this pod no token as client {workload.client} of tenant {workload.tenant} ({word or reply.status})."
    fix = "See that spec.azure.tenantID and clientID (of the operator: its ServiceAccount's annotations) are right"
    if word in _NOT_FEDERATED:
        fix = f"Give the managed identity {federation('')}"
    return Stalled(Reason.ACCESS_DENIED, f"{told} {fix}.")


def _unusable(told: str) -> Waiting:
    return Waiting(Reason.PROVIDER_ERROR, f"{told} It is tried again.")


def _word(reply: Reply) -> str:
    found = _WORD.search(reply.body[:16384].decode("utf-8", errors="replace"))
    return found.group() if found else ""
