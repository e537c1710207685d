"""Buckets in CoreWeave AI Object Storage: the S3 API, virtual-hosted over TLS 1.3, with policies that name W&B's own CoreWeave user."""

from dataclasses import replace

from wandb_byob.decide.addresses import COREWEAVE_HOST
from wandb_byob.decide.choices import check_way
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context, Provisioned
from wandb_byob.providers.s3 import S3Provider
from wandb_byob.providers.tls import extended


class CoreWeaveProvider(S3Provider):
    """The Provider for `CoreWeave`: where the administrator names another endpoint, that is how the operator gets there, and W&B not."""

    def __init__(self, endpoints: CloudEndpoints) -> None:
        super().__init__()
        self._endpoint = endpoints.coreweave.rstrip("/")
        self._trusted = extended(endpoints.ca_bundle)

    def validate(self, context: Context) -> tuple[Check, ...]:
        """Check the bucket's name and the endpoint, and that somebody has keys: no cloud identity of a pod is one of CoreWeave's."""
        checks = tuple(self._of_the_way(check) for check in super().validate(self._there(context)))
        if isinstance(context.admin, Ambient):
            message = "CoreWeave knows no identity that the operator's pod could have (provisioning.source Operator)."
            remedy = (
                "Put a key of CoreWeave AI Object Storage into a Secret, and name it in spec.provisioning.secretRef."
            )
            return (
                *checks,
                Check(name=CheckName.CREDENTIALS, result=CheckResult.FAILED, message=message, remedy=remedy),
            )
        return checks

    def exists(self, context: Context) -> bool:
        """Look with one call; raises `Stalled` where a bucket would have to be made and no zone is named for it."""
        found = super().exists(self._there(context))
        store = context.spec.core_weave
        if not found and store is not None and store.availability_zone is None and context.admin is not None:
            raise Stalled(
                Reason.INVALID_SPEC,
                f"There is no bucket {store.bucket} at CoreWeave, and to create it takes an availability zone. Set "
                "spec.coreWeave.availabilityZone, such as US-EAST-04A, or correct the name.",
            )
        return found

    def provision(self, context: Context) -> Provisioned:
        """Create, adopt, configure, or only look, as the specification and the credentials allow."""
        return super().provision(self._there(context))

    def probe(self, context: Context) -> tuple[Check, ...]:
        """Try the data path under every declared path."""
        return super().probe(self._there(context))

    def delete(self, context: Context) -> None:
        """Delete the bucket if we made it and it is empty."""
        super().delete(self._there(context))

    def _of_the_way(self, check: Check) -> Check:
        if check.name is not CheckName.TRUST or not self._endpoint:
            return check
        return check_way(self._endpoint.partition("://")[2], public=COREWEAVE_HOST)

    def _there(self, context: Context) -> Context:
        return replace(context, endpoint=self._endpoint, ca_bundle=self._trusted)
