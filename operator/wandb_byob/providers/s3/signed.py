"""Requests as W&B's clients and browsers make them: signed URLs with an extra query parameter, and preflights.

boto3 signs no extra parameters, so the URLs are signed here with botocore's own signer, the way W&B's server does:
`X-User` is part of the query before it is signed.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

import botocore.session
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKeys
from botocore.exceptions import ClientError, NoCredentialsError

from wandb_byob.decide.explanations import Explanation
from wandb_byob.model.credentials import AccessKey, Ambient, Credentials
from wandb_byob.providers.base import Context
from wandb_byob.providers.probing.raw import EXTRA, LIFETIME, RawRequests, page_headers
from wandb_byob.providers.s3 import errors
from wandb_byob.providers.s3.guard import session_for
from wandb_byob.providers.s3.target import Target, route_for
from wandb_byob.providers.transport import Reply

_OPERATIONS: Final = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject"}
_ERROR_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9._-]{1,64})</Code>")


@dataclass(frozen=True, kw_only=True)
class SignedAccess:
    """Signed URLs of one bucket; safe as long as the look that it was made for."""

    target: Target
    raw: RawRequests
    keys: SigningKeys

    def call(self, method: str, key: str, *, origin: str, body: bytes | None = None) -> Reply:
        """Use a signed URL as a page of `origin` ("": no page) does; raises botocore's ClientError for an error reply, TransportError."""
        operation, headers = _OPERATIONS[method], page_headers(origin=origin, body=body)
        reply = self.raw.use(operation, method, self._url(method, key), headers=headers, body=body)
        if not 200 <= reply.status < 300:
            raise _client_error(reply, operation)
        return reply

    def preflight(self, key: str, *, origin: str, method: str, headers: tuple[str, ...]) -> Reply:
        """Ask as a browser does before it sends; raises TransportError."""
        return self.raw.preflight(self._plain_url(key), origin=origin, method=method, headers=headers)

    def _plain_url(self, key: str) -> str:
        return f"{self.target.bucket_url}/{quote(key, safe='/~')}"

    def _url(self, method: str, key: str) -> str:
        request = AWSRequest(method=method, url=f"{self._plain_url(key)}?{'='.join(EXTRA)}")
        S3SigV4QueryAuth(self.keys, "s3", self.target.route.region, expires=LIFETIME).add_auth(request)
        return str(request.url)


def signed_access(context: Context, target: Target, credentials: Credentials) -> SignedAccess:
    """Return signed access with these credentials; raises `Stalled` for an endpoint that may not be used, or no identity."""
    route = route_for(target, credentials)
    if route.addressing == "auto":
        # What SDKs do: the bucket goes into the host name where a wildcard certificate covers it.
        route = replace(route, addressing="path" if "." in target.bucket else "virtual")
    session = session_for(route, ca_bundle=context.ca_bundle, allowed=context.allowed_endpoints)
    return SignedAccess(
        target=replace(target, route=route),
        raw=RawRequests(context=context, provider=route.provider, session=session, code=_code),
        keys=_signing_keys(credentials, target),
    )


def _signing_keys(credentials: Credentials, target: Target) -> SigningKeys:
    if isinstance(credentials, AccessKey):
        return SigningKeys(credentials.access_key_id, credentials.secret_access_key, credentials.session_token or None)
    own = botocore.session.Session().get_credentials()
    if own is None:
        raise explained(NoCredentialsError(), target, credentials).error()
    return own


def _code(reply: Reply) -> str:
    found = _ERROR_CODE.search(reply.body)
    return found.group(1).decode() if found else ""


def _client_error(reply: Reply, operation: str) -> ClientError:
    """Return the error as boto3 would raise it; of the body only the code is taken, without parsing XML."""
    response: dict[str, Any] = {
        "Error": {"Code": _code(reply) or str(reply.status)},
        "ResponseMetadata": {
            "HTTPStatusCode": reply.status,
            "HTTPHeaders": {name.lower(): value for name, value in reply.headers.items()},
        },
    }
    return ClientError(response, operation)  # type: ignore[arg-type]  # a part of the response is enough


def explained(error: BaseException, target: Target, credentials: Credentials | None) -> Explanation:
    """Return what an error of the data path means; the keys, or the identity, are W&B's."""
    keys = "spec.credentials" if isinstance(credentials, Ambient) else "spec.credentials.secretRef"
    return errors.explain(error, errors.Where(target=target, keys=keys))
