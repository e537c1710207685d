"""Why a condition is what it is: the enum of reasons, with one sentence and one remedy each.

The table of reasons in docs/ is generated from here.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class ReasonText:
    """What a reason means and what a user can do about it ("" where there is nothing to do)."""

    meaning: str
    remedy: str = ""


class Reason(StrEnum):
    """Reasons of conditions, CamelCase as Kubernetes asks."""

    # Fine.
    ACCEPTED = "Accepted"
    REACHABLE = "Reachable"
    CONFIGURED = "Configured"
    OBSERVED = "Observed"
    VERIFIED = "Verified"
    READY = "Ready"
    ROLLED_OUT = "RolledOut"
    SETTLED = "Settled"
    # On the way.
    PROGRESSING = "Progressing"
    WAITING_FOR_BUCKET = "WaitingForBucket"
    WAITING_FOR_INSTANCE = "WaitingForInstance"
    WAITING_FOR_BUCKETS = "WaitingForBuckets"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    ROLLING_BACK = "RollingBack"
    # The specification.
    NOT_IMPLEMENTED = "NotImplemented"
    NOT_AVAILABLE = "NotAvailable"
    INVALID_SPEC = "InvalidSpec"
    ENDPOINT_NOT_ALLOWED = "EndpointNotAllowed"
    OPERATOR_IDENTITY_NOT_ALLOWED = "OperatorIdentityNotAllowed"
    PRINCIPAL_UNKNOWN = "PrincipalUnknown"
    INSTANCE_NOT_FOUND = "InstanceNotFound"
    INSTANCE_AMBIGUOUS = "InstanceAmbiguous"
    BUCKET_STORE_NOT_FOUND = "BucketStoreNotFound"
    NOT_GRANTED = "NotGranted"
    SECRET_NOT_FOUND = "SecretNotFound"
    SECRET_INVALID = "SecretInvalid"
    PATH_CONFLICT = "PathConflict"
    BUCKET_CONFLICT = "BucketConflict"
    IDENTITY_CHANGED = "IdentityChanged"
    PAUSED = "Paused"
    # The bucket.
    BUCKET_EXISTS = "BucketExists"
    BUCKET_NOT_FOUND = "BucketNotFound"
    BUCKET_NOT_OURS = "BucketNotOurs"
    UNREACHABLE = "Unreachable"
    ACCESS_DENIED = "AccessDenied"
    PROVIDER_ERROR = "ProviderError"
    THROTTLED = "Throttled"
    CHECKS_FAILED = "ChecksFailed"
    NOT_PROVABLE_FROM_HERE = "NotProvableFromHere"
    DATA_PATH_NOT_REQUESTED = "DataPathNotRequested"
    # W&B's workloads.
    TARGET_NOT_FOUND = "TargetNotFound"
    CONTAINER_NOT_FOUND = "ContainerNotFound"
    CONTAINER_AMBIGUOUS = "ContainerAmbiguous"
    LITERAL_PRESENT = "LiteralPresent"
    FOREIGN_REFERENCE = "ForeignReference"
    VARIABLE_TOO_LARGE = "VariableTooLarge"
    VARIABLE_INVALID = "VariableInvalid"
    ROLLOUT_FAILED = "RolloutFailed"
    ROLLED_BACK = "RolledBack"
    ROLLBACK_BLOCKED = "RollbackBlocked"
    ACTION_REQUIRED = "ActionRequired"
    # The Kubernetes API.
    FORBIDDEN = "Forbidden"
    API_UNAVAILABLE = "APIUnavailable"
    # Deletion.
    DELETION_BLOCKED = "DeletionBlocked"


REASONS: dict[Reason, ReasonText] = {}
