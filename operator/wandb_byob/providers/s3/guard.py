"""The guarded way (providers.transport) to the endpoint of a route, for boto3 clients and for raw requests."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from wandb_byob.decide.endpoints import Policy, Refusal, parse_allow_list, parse_endpoint, refuse_endpoint
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.s3.target import Route
from wandb_byob.providers.tls import trust
from wandb_byob.providers.transport import GuardedSession


def policy_of(route: Route, *, allowed: tuple[str, ...]) -> Policy | Refusal:
    """Return what connections of a route are held to, or why its endpoint is none."""
    endpoint = parse_endpoint(route.url, field=route.field)
    if isinstance(endpoint, Refusal):
        return endpoint
    return Policy(
        endpoint=endpoint,
        allowed=parse_allow_list(allowed),
        field=route.field,
        trusted=route.trusted,
        public=route.public,
        tls13=route.tls13,
    )


@lru_cache(maxsize=256)
def session_for(route: Route, *, ca_bundle: str | None, allowed: tuple[str, ...]) -> GuardedSession:
    """Return the session of a route; buckets of one route share its connections. Raises `Stalled` before any I/O."""
    policy = policy_of(route, allowed=allowed)
    if isinstance(policy, Refusal):
        raise Stalled(Reason.INVALID_SPEC, f"{policy.message} {policy.remedy}")
    refusal = refuse_endpoint(policy)
    if refusal is not None:
        raise Stalled(Reason.ENDPOINT_NOT_ALLOWED, f"{refusal.message} {refusal.remedy}")
    try:
        verifier = trust(ca_bundle, tls13=route.tls13)
    except ValueError:
        raise Stalled(
            Reason.INVALID_SPEC,
            "The CA bundle holds no certificate. Put certificates in PEM form into what spec.s3Compatible.caBundleRef (for a cloud: "
            "the operator's flag --cloud-ca-file) names.",
        ) from None
    return GuardedSession(policy, trust=verifier)


def sender(route: Route, *, ca_bundle: str | None, allowed: tuple[str, ...]) -> Callable[..., Any]:
    """Return the handler of botocore's event `before-send` that sends in botocore's stead."""
    return session_for(route, ca_bundle=ca_bundle, allowed=allowed).send
