"""Why a condition is what it is: the enum of reasons, with one sentence and one remedy each.

The table of reasons in docs/ is generated from here.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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
    WAITING_FOR_WINDOW = "WaitingForWindow"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    ROLLING_BACK = "RollingBack"
    PROBING_FROM_WORKLOAD = "ProbingFromWorkload"
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
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 (a reason, not a password)
    SECRET_INVALID = "SecretInvalid"  # noqa: S105 (as above)
    PATH_CONFLICT = "PathConflict"
    TEAM_CONFLICT = "TeamConflict"
    BUCKET_CONFLICT = "BucketConflict"
    TARGET_CONFLICT = "TargetConflict"
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
    NO_PATH_DECLARED = "NoPathDeclared"
    # W&B's workloads.
    TARGET_NOT_FOUND = "TargetNotFound"
    CONTAINER_NOT_FOUND = "ContainerNotFound"
    CONTAINER_AMBIGUOUS = "ContainerAmbiguous"
    LEVEL_WINS = "LevelWins"
    VALUES_CLASH = "ValuesClash"
    WOULD_DROP_VALUES = "WouldDropValues"
    CHART_TOO_OLD = "ChartTooOld"
    LITERAL_PRESENT = "LiteralPresent"
    FOREIGN_REFERENCE = "ForeignReference"
    TARGET_MANAGED = "TargetManaged"
    TARGET_REVERTED = "TargetReverted"
    VARIABLE_TOO_LARGE = "VariableTooLarge"
    VARIABLE_INVALID = "VariableInvalid"
    ROLLOUT_FAILED = "RolloutFailed"
    ROLLED_BACK = "RolledBack"
    ROLLBACK_BLOCKED = "RollbackBlocked"
    STORAGE_WOULD_CHANGE = "StorageWouldChange"
    ACTION_REQUIRED = "ActionRequired"
    # The Kubernetes API.
    FORBIDDEN = "Forbidden"
    # Deletion.
    DELETION_BLOCKED = "DeletionBlocked"
    REMOVING_ENTRY = "RemovingEntry"


REASONS: Final[dict[Reason, ReasonText]] = {
    # Fine.
    Reason.ACCEPTED: ReasonText(
        "The specification is valid, its references are found and granted, and W&B offers this."
    ),
    Reason.REACHABLE: ReasonText("The store answers, and the credentials are accepted."),
    Reason.CONFIGURED: ReasonText("The configuration is what was asked for."),
    Reason.OBSERVED: ReasonText("The bucket was checked and nothing was changed, as managementPolicy Observe asks."),
    Reason.VERIFIED: ReasonText(
        "Writing, reading and deleting under the declared paths works as W&B and a browser do it."
    ),
    Reason.READY: ReasonText("Everything that can be checked is in order."),
    Reason.ROLLED_OUT: ReasonText("W&B's pods run with the configuration."),
    Reason.SETTLED: ReasonText("Nothing is going on."),
    # On the way.
    Reason.PROGRESSING: ReasonText("Work is going on."),
    Reason.WAITING_FOR_BUCKET: ReasonText(
        "The bucket is not verified yet.", "Look at the BucketStore's conditions if it takes long."
    ),
    Reason.WAITING_FOR_INSTANCE: ReasonText(
        "W&B's configuration does not hold the bucket yet.", "Look at the WandbInstance's conditions if it takes long."
    ),
    Reason.WAITING_FOR_BUCKETS: ReasonText(
        "Other buckets of the same W&B are still being verified, and W&B is restarted once for all of them."
    ),
    Reason.WAITING_FOR_WINDOW: ReasonText(
        "W&B is restarted only in the maintenance windows of spec.rollout.windows, and none is open.",
        "Wait for the time that the message names; to have it now, add a window that is open, or remove spec.rollout.windows for the moment.",
    ),
    Reason.ROLLOUT_IN_PROGRESS: ReasonText("W&B's pods are being replaced by ones with the new configuration."),
    Reason.ROLLING_BACK: ReasonText(
        "A rollout failed, and W&B's pods are being returned to the last good configuration."
    ),
    Reason.PROBING_FROM_WORKLOAD: ReasonText(
        "The data path is being tried from a Job under W&B's ServiceAccount.",
        "If it takes long, the message says in Kubernetes' own words what keeps the Job from starting.",
    ),
    # The specification.
    Reason.NOT_IMPLEMENTED: ReasonText(
        "This version of the operator does not have what the specification asks for.",
        "Remove the field that the message names, or upgrade the operator once it has it.",
    ),
    Reason.NOT_AVAILABLE: ReasonText(
        "W&B does not offer this provider for this scope and deployment type.",
        "Use one of the providers that the message names.",
    ),
    Reason.INVALID_SPEC: ReasonText(
        "The specification contradicts a rule.", "Correct the field that the message names."
    ),
    Reason.ENDPOINT_NOT_ALLOWED: ReasonText(
        "The endpoint is not an https address on the public internet, and not on the administrator's list.",
        "Use a public https endpoint, or have the administrator add this one to the operator's allowed endpoints.",
    ),
    Reason.OPERATOR_IDENTITY_NOT_ALLOWED: ReasonText(
        "The operator's own cloud identity may not be used for this bucket.",
        "Give keys in provisioning.secretRef, or have the administrator allow the operator's identity; it is never shown to an endpoint that a user names.",
    ),
    Reason.PRINCIPAL_UNKNOWN: ReasonText(
        "It is not known which identity W&B's pods run as, so that the bucket's policy cannot admit it.",
        "Set spec.identity of the WandbInstance.",
    ),
    Reason.INSTANCE_NOT_FOUND: ReasonText(
        "The WandbInstance does not exist.", "Create it, or correct spec.instanceRef."
    ),
    Reason.INSTANCE_AMBIGUOUS: ReasonText(
        "The namespace has more than one WandbInstance.", "Set spec.instanceRef.name."
    ),
    Reason.BUCKET_STORE_NOT_FOUND: ReasonText(
        "The BucketStore does not exist.", "Create it, or correct spec.bucketStoreRef."
    ),
    Reason.NOT_GRANTED: ReasonText(
        "The object of another namespace does not exist or does not admit this namespace.",
        "Check the name, and ask the owner to admit this namespace in spec.allowedNamespaces.",
    ),
    Reason.SECRET_NOT_FOUND: ReasonText(
        "The Secret or ConfigMap does not exist.",
        "Create it in the BucketStore's own namespace, or correct the reference.",
    ),
    Reason.SECRET_INVALID: ReasonText(
        "A key of the Secret or ConfigMap is missing, empty, or not what it should be.",
        "Correct the key that the message names; a line break at the end is the usual cause.",
    ),
    Reason.PATH_CONFLICT: ReasonText(
        "Another team has this path of the bucket, or one above or below it.",
        "Choose a path that lies apart, or set pathOverlap: Allow on both where both teams already exist.",
    ),
    Reason.TEAM_CONFLICT: ReasonText(
        "Another TeamStorage of the namespace is for the same team.",
        "Delete one of the two: a W&B team has one storage.",
    ),
    Reason.BUCKET_CONFLICT: ReasonText(
        "Another BucketStore holds this bucket.", "Use one BucketStore for both, or another bucket."
    ),
    Reason.TARGET_CONFLICT: ReasonText(
        "Another WandbInstance of the namespace configures one of the same workloads.",
        "Delete one of the two, or choose other workloads in spec.target.",
    ),
    Reason.IDENTITY_CHANGED: ReasonText(
        "The specification means another bucket than the one that is in place.",
        "Undo the change, and create a new BucketStore for the other bucket.",
    ),
    Reason.PAUSED: ReasonText("The annotation byob.wandb.com/paused stops all writes.", "Remove the annotation."),
    # The bucket.
    Reason.BUCKET_EXISTS: ReasonText(
        "The bucket existed before, and adoptionPolicy is Refuse.",
        "Set adoptionPolicy: Adopt if it shall be configured, or choose another name.",
    ),
    Reason.BUCKET_NOT_FOUND: ReasonText(
        "The bucket does not exist.", "Create it, restore it, or let the operator create it (provisioning)."
    ),
    Reason.BUCKET_NOT_OURS: ReasonText(
        "The bucket belongs to somebody else.", "Choose another name, or correct the account."
    ),
    Reason.UNREACHABLE: ReasonText(
        "The store does not answer.", "Check the endpoint, DNS, firewalls and certificates, as the message says."
    ),
    Reason.ACCESS_DENIED: ReasonText(
        "The store refuses the credentials, or what they ask for.",
        "Give the identity the permission that the message names.",
    ),
    Reason.PROVIDER_ERROR: ReasonText(
        "The store answered with an error of its own.",
        "It is tried again; look at the provider's status page if it stays.",
    ),
    Reason.THROTTLED: ReasonText("The store asks to slow down.", "It is tried again later."),
    Reason.CHECKS_FAILED: ReasonText("At least one check failed.", "Do what status.checks says under remedy."),
    Reason.NOT_PROVABLE_FROM_HERE: ReasonText(
        "Nobody here can sign as W&B does, so that the data path is not proved.",
        "Try an upload in W&B; everything else was checked.",
    ),
    Reason.DATA_PATH_NOT_REQUESTED: ReasonText(
        "The data path is not checked, because verification.dataPath is false.",
        "Set verification.dataPath: true to have it proved.",
    ),
    Reason.NO_PATH_DECLARED: ReasonText(
        "No path is declared under which probe objects may be written.",
        "Set probePath, or create a TeamStorage that uses this BucketStore.",
    ),
    # W&B's workloads.
    Reason.TARGET_NOT_FOUND: ReasonText(
        "No workload matches spec.target.", "Correct spec.target of the WandbInstance, or install W&B."
    ),
    Reason.CONTAINER_NOT_FOUND: ReasonText(
        "A workload has no container of the name that spec.target gives.", "Correct containers in spec.target."
    ),
    Reason.CONTAINER_AMBIGUOUS: ReasonText(
        "A workload has several containers, and spec.target does not say which read the variable.",
        "Set containers in spec.target.",
    ),
    Reason.LEVEL_WINS: ReasonText(
        "A level of W&B's values that wins over ours sets the variable too.",
        "Take the variable out at the level that the message names, or move it to global.env.",
    ),
    Reason.VALUES_CLASH: ReasonText(
        "Setting the variable beside what is set already would stop W&B's own operator.",
        "Take out, or correct, what the message names.",
    ),
    Reason.WOULD_DROP_VALUES: ReasonText(
        "Setting the variable would make W&B's chart drop other variables.",
        "Move the variables that the message names to global.env.",
    ),
    Reason.CHART_TOO_OLD: ReasonText("W&B's chart is too old for this.", "Upgrade W&B."),
    Reason.LITERAL_PRESENT: ReasonText(
        "The variable is set in the workload as plain text.", "Remove it there, or set fileStores.takeOwnership: true."
    ),
    Reason.FOREIGN_REFERENCE: ReasonText(
        "The variable refers to an object that is not there, so that it is not known which entries must be kept.",
        "Create the object that the message names, or remove the reference.",
    ),
    Reason.TARGET_MANAGED: ReasonText(
        "W&B's own operator makes these workloads, and would lose what is written there.",
        "Name its object in spec.target.weightsAndBiases.",
    ),
    Reason.TARGET_REVERTED: ReasonText(
        "Somebody else sets the variable back each time it is written.",
        "Remove it from the chart, manifest or controller that the message names.",
    ),
    Reason.VARIABLE_TOO_LARGE: ReasonText(
        "The variable would reach the size with which Linux no longer starts a container.",
        "Remove buckets, or let teams share one with a path each.",
    ),
    Reason.VARIABLE_INVALID: ReasonText(
        "The variable holds something that W&B cannot read.", "Correct the entry that the message describes."
    ),
    Reason.ROLLOUT_FAILED: ReasonText(
        "W&B's pods did not come up with the new configuration.",
        "Look at the pods that the message names, then set byob.wandb.com/reconcile-requested-at to try again.",
    ),
    Reason.ROLLED_BACK: ReasonText(
        "The last configuration failed, and W&B runs with the one before.",
        "Correct the cause that the message names, then set byob.wandb.com/reconcile-requested-at to try again.",
    ),
    Reason.ROLLBACK_BLOCKED: ReasonText(
        "A rollout failed and could not be taken back, because the workload was changed in other ways since.",
        "Repair the workload by hand.",
    ),
    Reason.STORAGE_WOULD_CHANGE: ReasonText(
        "W&B keeps the instance's files in another bucket, and would not find them in the one that spec.storage names.",
        "Correct spec.storage, or confirm the change with the annotation that the message names.",
    ),
    Reason.ACTION_REQUIRED: ReasonText(
        "A person has to do the next step.",
        'Do what status.handOver says, then set the annotation byob.wandb.com/handed-over to "true".',
    ),
    # The Kubernetes API.
    Reason.FORBIDDEN: ReasonText(
        "The operator's role lacks a permission.",
        "Have the administrator upgrade or repair the operator's installation; the message names the permission.",
    ),
    # Deletion.
    Reason.DELETION_BLOCKED: ReasonText(
        "The object is deleted but still needed.", "Do what the message says: it names the two ways out."
    ),
    Reason.REMOVING_ENTRY: ReasonText(
        "The team's bucket is being taken out of W&B's configuration; then the object goes."
    ),
}
