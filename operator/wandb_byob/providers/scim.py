"""The teams that W&B has, by its SCIM API. Only names are read: what a team is stored in, SCIM does not tell."""

import ssl
from typing import Final
from urllib.parse import urlencode

from wandb_byob.decide import scim
from wandb_byob.decide.endpoints import Policy
from wandb_byob.decide.scim import Credentials, ScimError
from wandb_byob.providers import deadline
from wandb_byob.providers.transport import GuardedSession, TransportError

LISTING_SECONDS: Final = 120.0
"""What all pages of the list together may take: each reply has its own limit, but a server may have thousands of pages."""
_FIELD: Final = "W&B's address"


def teams(
    base_url: str, credentials: Credentials, *, trust: ssl.SSLContext, seconds: float = LISTING_SECONDS
) -> tuple[str, ...]:
    """Return the names of all teams in W&B's order; `base_url` is such as https://wandb.example.com/scim. Raises `ScimError`.

    Who asks has named the address himself, so that a private one is all right; addresses of metadata services are refused.
    """
    endpoint, path = scim.place(base_url)
    session = GuardedSession(Policy(endpoint=endpoint, field=_FIELD, trusted=True), trust=trust)
    headers = {"Authorization": credentials.header, "Accept": "application/scim+json"}
    names: list[str] = []
    start: int | None = 1
    with deadline.limited(seconds):
        try:
            while start is not None:
                query = urlencode({"startIndex": start, "count": scim.PAGE})
                reply = session.request("GET", f"{endpoint.url}{path}/Groups?{query}", headers=headers)
                found = scim.page(reply.status, reply.body, start=start)
                names += found.names
                start = found.after
        except TransportError as error:
            if deadline.is_over():
                raise scim.too_slow(seconds, read=len(names)) from None
            raise ScimError(f"{error.why.message} {error.why.remedy}") from None
        finally:
            session.close()
    return tuple(dict.fromkeys(names))
