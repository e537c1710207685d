"""What is checked before and around the calls to a store: the specification alone, and the connection itself."""

from wandb_byob.decide.bucket_names import check_bucket_name
from wandb_byob.decide.choices import check_provider_choice, check_trust
from wandb_byob.decide.clouds import key_checks
from wandb_byob.decide.connections import clock_check, connection_checks
from wandb_byob.decide.endpoints import Policy, Refusal, refuse_endpoint
from wandb_byob.decide.stores import wants_data_path
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import Ambient, Credentials
from wandb_byob.providers.base import Context
from wandb_byob.providers.s3.guard import policy_of, session_for
from wandb_byob.providers.s3.target import Target, route_for, target_of


def validate(context: Context) -> tuple[Check, ...]:
    """Check the bucket's name, the endpoint, the choice of provider and of trust, without I/O."""
    target = target_of(context.spec, context.endpoint)
    route = target.route
    keyless = route.by_name and isinstance(context.data, Ambient)
    name = check_bucket_name(route.provider, target.bucket, virtual=keyless or route.addressing == "virtual")
    policy = policy_of(route, allowed=context.allowed_endpoints)
    if isinstance(policy, Refusal):
        return (name, _not_allowed(policy))
    refusal = refuse_endpoint(policy)
    if refusal is not None:
        return (name, _not_allowed(refusal))
    return (name, *_of_endpoint(context, target, policy))


def _not_allowed(refusal: Refusal) -> Check:
    return Check(
        name=CheckName.ENDPOINT_ALLOWED, result=CheckResult.FAILED, message=refusal.message, remedy=refusal.remedy
    )


def _of_endpoint(context: Context, target: Target, policy: Policy) -> tuple[Check, ...]:
    allowed, *_ = connection_checks(policy.endpoint, fault=None)
    trusted = check_trust(
        private_authority=context.ca_bundle is not None,
        from_workload=context.spec.verification.from_ == "Workload" and wants_data_path(context.spec),
        tls=policy.endpoint.scheme == "https",
    )
    if target.route.provider != "S3Compatible":
        key = key_checks.elsewhere(target.kms_key_arn, target.route.region) if target.kms_key_arn else None
        return (allowed, trusted, *([key] if key is not None else []))
    return (allowed, check_provider_choice(policy.endpoint), trusted)


def connection(context: Context, signer: Credentials) -> tuple[Check, ...]:
    """Return what calls that were answered have shown of the connection and of the store's clock; makes none."""
    route = route_for(target_of(context.spec, context.endpoint), signer)
    session = session_for(route, ca_bundle=context.ca_bundle, allowed=context.allowed_endpoints)
    clock = clock_check(session.last_date, now=context.now())
    tls = session.tls if route.tls13 else ""
    _, *proved = connection_checks(session.policy.endpoint, fault=None, tls=tls)
    return (*proved, clock)
