"""Buckets in CoreWeave AI Object Storage: the S3 API, virtual-hosted over TLS 1.3, with policies that name W&B's own CoreWeave user."""

from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context
from wandb_byob.providers.s3 import S3Provider


class CoreWeaveProvider(S3Provider):
    """The Provider for `CoreWeave`."""

    def __init__(self, endpoints: CloudEndpoints) -> None:
        super().__init__(endpoints)
        self._endpoint = endpoints.coreweave.rstrip("/")

    def validate(self, context: Context) -> tuple[Check, ...]:
        """Check the bucket's name and the endpoint, and that somebody has keys: no cloud identity of a pod is one of CoreWeave's."""
        checks = super().validate(context)
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
        found = super().exists(context)
        store = context.spec.core_weave
        if not found and store is not None and store.availability_zone is None and context.admin is not None:
            raise Stalled(
                Reason.INVALID_SPEC,
                f"There is no bucket {store.bucket} at CoreWeave, and to create it takes an availability zone. Set "
                "spec.coreWeave.availabilityZone, such as US-EAST-04A, or correct the name.",
            )
        return found
