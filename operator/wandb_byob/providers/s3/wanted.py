"""What is asked of a bucket: from its specification, and from the W&B that reads it."""

from wandb_byob.decide.clouds import bucket_policy
from wandb_byob.decide.clouds.bucket_plan import Wanted
from wandb_byob.decide.clouds.bucket_policy import Grant
from wandb_byob.model.credentials import AccessKey
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context
from wandb_byob.providers.s3.target import Target


def wanted_of(context: Context, target: Target, *, created: bool) -> tuple[Wanted, str]:
    """Return what is asked of the bucket, and why no policy is needed ("" where one is)."""
    grants = _grants(context, target) if target.route.provider == "CoreWeave" else ()
    reader, reason = (grants[0].principal, "") if grants else _reader(context, target)
    wanted = Wanted(
        bucket=target.bucket,
        arn=bucket_policy.bucket_arn(target.bucket, target.route.region),
        origins=context.tenant.origins,
        reader=reader,
        kms_key_arn=target.kms_key_arn,
        aws=target.route.aws,
        created=created,
        grants=grants,
    )
    return wanted, reason


def _grants(context: Context, target: Target) -> tuple[Grant, ...]:
    """Return what CoreWeave's policy must hold; none where W&B signs with keys and the organization is not told."""
    store, tenant = context.spec.core_weave, context.tenant
    own = store.direct_access.organization_id if store is not None and store.direct_access is not None else None
    if tenant.org_id:
        return bucket_policy.coreweave_grants(tenant.deployment_type, tenant.org_id, direct_access=own)
    if isinstance(context.data, AccessKey) or context.spec.credentials.secret_ref is not None:
        return ()
    what = "organization ID" if tenant.deployment_type == "MultiTenantCloud" else "customer namespace"
    raise Stalled(
        Reason.PRINCIPAL_UNKNOWN,
        f"The policy of the bucket {target.bucket} lets W&B in for your organization only, and which that is, is not known. Set "
        f"spec.wandbOrgID of the WandbInstance to W&B's {what} of yours.",
    )


def _reader(context: Context, target: Target) -> tuple[str, str]:
    if target.route.provider == "CoreWeave":
        return "", (
            "W&B signs with the keys in spec.credentials, whose own user has its rights. Set spec.wandbOrgID of the WandbInstance to "
            "have W&B's own CoreWeave user let in, too."
        )
    if not target.route.policed:
        return "", "W&B signs with the store's keys in spec.credentials, so no bucket policy is needed."
    reader = bucket_policy.principal(context.tenant.deployment_type, context.tenant.identity)
    if reader:
        return reader, ""
    if isinstance(context.data, AccessKey) or context.spec.credentials.secret_ref is not None:
        return (
            "",
            "W&B signs with the keys in spec.credentials, whose own user has its rights: no bucket policy is needed.",
        )
    if not context.manages:
        return "", "Which role W&B's pods run as is not known, so the bucket policy is not checked."
    raise Stalled(
        Reason.PRINCIPAL_UNKNOWN,
        "The bucket policy needs to name the role that W&B's pods run as, and that is not known. Set spec.identity of the "
        "WandbInstance to its ARN (arn:aws:iam::<account>:role/<name>).",
    )
