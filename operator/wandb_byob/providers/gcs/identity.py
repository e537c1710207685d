"""The identity that a pod has on Google Cloud by itself: tokens from the metadata server, signatures from IAM Credentials.

The metadata server's addresses are Google's own and open to nothing else: two paths are asked for, and a user chooses none of it.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Final
from urllib.parse import quote

from wandb_byob.decide.clouds.gcs_errors import NO_SERVICE_ACCOUNT, SIGN_BLOB, GcsError, iam_error_of, no_identity
from wandb_byob.decide.clouds.gcs_identity import (
    METADATA_ADDRESSES,
    REFRESH,
    Token,
    is_service_account,
    signature_of,
    token_of,
)
from wandb_byob.decide.clouds.gcs_texts import Who
from wandb_byob.decide.connections import Fault
from wandb_byob.decide.endpoints import Policy, Refusal, parse_endpoint
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.model.recorder import Recorder
from wandb_byob.providers import calls
from wandb_byob.providers.calls import Patience
from wandb_byob.providers.tls import trust
from wandb_byob.providers.transport import GuardedSession, Reply, Timeouts, TransportError

_METADATA: Final = "http://metadata.google.internal"
_IAM: Final = "https://iamcredentials.googleapis.com"
_ACCOUNT: Final = "/computeMetadata/v1/instance/service-accounts/default"
_FLAVOR: Final = {"Metadata-Flavor": "Google"}
# In a pod that has just started the metadata server is not there at once; elsewhere nobody knows its name.
_STARTING: Final = Patience(attempts=5, pause=0.3, final=frozenset({Fault.UNKNOWN_HOST}))


class PodIdentity:
    """What this process runs as on Google Cloud; its token is kept until it is about to end, in memory only."""

    def __init__(self, endpoints: CloudEndpoints) -> None:
        self._endpoints = endpoints
        self._token: Token | None = None

    def token(self, now: datetime, recorder: Recorder) -> Token:
        """Return a token that holds for some minutes; raises `GcsError` where there is no identity."""
        known = self._token
        if known is None or now + REFRESH >= known.ends:
            email = self._asked("/email", recorder).body.decode("utf-8", errors="replace").strip()
            known = token_of(self._asked("/token", recorder).body, email=email, now=now)
            self._token = known
        return known

    def forget(self, token: str) -> bool:
        """Drop a token that was refused; say whether it was one from before, so that a new one may be taken."""
        known = self._token
        if known is None or known.value != token:
            return False
        self._token = None
        return True

    def sign(self, text: bytes, now: datetime, recorder: Recorder) -> bytes:
        """Have Google sign a text with the service account's own key; raises `GcsError`, also for what is no service account."""
        token = self.token(now, recorder)
        if not is_service_account(token.email):
            raise GcsError(status=403, code=NO_SERVICE_ACCOUNT, permission="", operation=SIGN_BLOB)
        url = f"{self._iam.policy.endpoint.url}/v1/projects/-/serviceAccounts/{quote(token.email, safe='@')}:signBlob"
        headers = {"Authorization": f"Bearer {token.value}", "Content-Type": "application/json"}
        body = json.dumps({"payload": base64.b64encode(text).decode()}).encode()
        send = partial(self._iam.request, "POST", url, headers=headers, body=body)
        reply = calls.make(send, recorder=recorder, provider="GCS", operation=SIGN_BLOB, patience=_STARTING)
        if reply.status != 200:
            raise iam_error_of(reply.status, reply.body)
        return signature_of(reply.body)

    def _asked(self, what: str, recorder: Recorder) -> Reply:
        """Ask the metadata server."""
        url = f"{self._metadata.policy.endpoint.url}{_ACCOUNT}{what}"
        try:
            send = partial(self._metadata.request, "GET", url, headers=_FLAVOR)
            reply = calls.make(send, recorder=recorder, provider="GCS", operation="GetToken", patience=_STARTING)
        except TransportError:
            raise no_identity() from None
        if reply.status != 200 or reply.headers.get("Metadata-Flavor") != "Google":
            raise no_identity()
        return reply

    @cached_property
    def _metadata(self) -> GuardedSession:
        policy = service_policy(self._endpoints.gcs_metadata, public=_METADATA, flag="--gcs-metadata-endpoint")
        policy = replace(policy, only=METADATA_ADDRESSES if policy.public else ())
        return GuardedSession(policy, trust=trust(None), timeouts=Timeouts(connect=2, read=5, reply=10))

    @cached_property
    def _iam(self) -> GuardedSession:
        policy = service_policy(self._endpoints.gcs_iam, public=_IAM, flag="--gcs-iam-endpoint")
        return GuardedSession(policy, trust=trust(self._endpoints.ca_bundle))


@dataclass(frozen=True, kw_only=True)
class PodSigner:
    """Signs as the pod's own service account; `who` says whose that is."""

    identity: PodIdentity = field(repr=False)
    who: Who
    recorder: Recorder = field(repr=False)
    now: Callable[[], datetime] = field(repr=False)

    @property
    def email(self) -> str:
        """The account's address."""
        return self.identity.token(self.now(), self.recorder).email

    def token(self, now: datetime) -> str:
        """Return the pod's token."""
        return self.identity.token(now, self.recorder).value

    def renew(self, token: str) -> bool:
        """Forget a token that was refused: the ServiceAccount may have been given another identity."""
        return self.identity.forget(token)

    def sign(self, text: bytes, now: datetime) -> bytes:
        """Have IAM sign."""
        return self.identity.sign(text, now, self.recorder)


def service_policy(way: str, *, public: str, flag: str) -> Policy:
    """Return what connections to one of Google's services are held to: where the administrator's flag says, else at its public name."""
    field = f"the operator's flag {flag}" if way else ""
    endpoint = parse_endpoint(way or public, field=field)
    if isinstance(endpoint, Refusal):
        raise Stalled(Reason.INVALID_SPEC, f"{endpoint.message} {endpoint.remedy}")
    return Policy(endpoint=endpoint, field=field, trusted=True, public=not way)
