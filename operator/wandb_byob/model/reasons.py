"""Why a condition is what it is: the enum of reasons, with one sentence and one remedy each.

The table of reasons in docs/ is generated from here.
"""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Reasons of conditions, CamelCase as Kubernetes asks: each with what it means and what a user can do about it ("": nothing)."""

    meaning: str
    remedy: str

    def __new__(cls, value: str, meaning: str, remedy: str = "") -> Self:
        """Make a member, which is its value alone."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning, member.remedy = meaning, remedy
        return member

    # Fine.
    ACCEPTED = ("Accepted", "The specification is valid, its references are found and granted, and W&B offers this.")
    REACHABLE = ("Reachable", "The store answers, and the credentials are accepted.")
    CONFIGURED = ("Configured", "The configuration is what was asked for.")
    OBSERVED = ("Observed", "The bucket was checked and nothing was changed, as managementPolicy Observe asks.")
    VERIFIED = ("Verified", "Writing, reading and deleting under the declared paths works as W&B and a browser do it.")
    READY = ("Ready", "Everything that can be checked is in order.")
    ROLLED_OUT = ("RolledOut", "W&B's pods run with the configuration.")
    SETTLED = ("Settled", "Nothing is going on.")
    # On the way.
    PROGRESSING = ("Progressing", "Work is going on.")
    WAITING_FOR_BUCKET = (
        "WaitingForBucket",
        "The bucket is not verified yet.",
        "Look at the BucketStore's conditions if it takes long.",
    )
    WAITING_FOR_INSTANCE = (
        "WaitingForInstance",
        "W&B's configuration does not hold the bucket yet.",
        "Look at the WandbInstance's conditions if it takes long.",
    )
    WAITING_FOR_BUCKETS = (
        "WaitingForBuckets",
        "Other buckets of the same W&B are still being verified, and W&B is restarted once for all of them.",
    )
    WAITING_FOR_WINDOW = (
        "WaitingForWindow",
        "W&B is restarted only in the maintenance windows of spec.rollout.windows, and none is open.",
        "Wait for the time that the message names; to have it now, add a window that is open, or remove spec.rollout.windows for the moment.",
    )
    ROLLOUT_IN_PROGRESS = ("RolloutInProgress", "W&B's pods are being replaced by ones with the new configuration.")
    ROLLING_BACK = (
        "RollingBack",
        "A rollout failed, and W&B's pods are being returned to the last good configuration.",
    )
    PROBING_FROM_WORKLOAD = (
        "ProbingFromWorkload",
        "The data path is being tried from a Job under W&B's ServiceAccount.",
        "If it takes long, the message says in Kubernetes' own words what keeps the Job from starting.",
    )
    # The specification.
    NOT_IMPLEMENTED = (
        "NotImplemented",
        "This version of the operator does not have what the specification asks for.",
        "Remove the field that the message names, or upgrade the operator once it has it.",
    )
    NOT_AVAILABLE = (
        "NotAvailable",
        "W&B does not offer this provider for this scope and deployment type.",
        "Use one of the providers that the message names.",
    )
    INVALID_SPEC = ("InvalidSpec", "The specification contradicts a rule.", "Correct the field that the message names.")
    ENDPOINT_NOT_ALLOWED = (
        "EndpointNotAllowed",
        "The endpoint is not an https address on the public internet, and not on the administrator's list.",
        "Use a public https endpoint, or have the administrator add this one to the operator's allowed endpoints.",
    )
    OPERATOR_IDENTITY_NOT_ALLOWED = (
        "OperatorIdentityNotAllowed",
        "The operator's own cloud identity may not be used for this bucket.",
        "Give keys in provisioning.secretRef, or have the administrator allow the operator's identity; it is never shown to an endpoint that a user names.",
    )
    PRINCIPAL_UNKNOWN = (
        "PrincipalUnknown",
        "It is not known which identity W&B's pods run as, so that the bucket's policy cannot admit it.",
        "Set spec.identity of the WandbInstance.",
    )
    INSTANCE_NOT_FOUND = (
        "InstanceNotFound",
        "The WandbInstance does not exist.",
        "Create it, or correct spec.instanceRef.",
    )
    INSTANCE_AMBIGUOUS = (
        "InstanceAmbiguous",
        "The namespace has more than one WandbInstance.",
        "Set spec.instanceRef.name.",
    )
    BUCKET_STORE_NOT_FOUND = (
        "BucketStoreNotFound",
        "The BucketStore does not exist.",
        "Create it, or correct spec.bucketStoreRef.",
    )
    NOT_GRANTED = (
        "NotGranted",
        "The object of another namespace does not exist or does not admit this namespace.",
        "Check the name, and ask the owner to admit this namespace in spec.allowedNamespaces.",
    )
    SECRET_NOT_FOUND = (
        "SecretNotFound",
        "The Secret or ConfigMap does not exist.",
        "Create it in the BucketStore's own namespace, or correct the reference.",
    )
    SECRET_INVALID = (
        "SecretInvalid",
        "A key of the Secret or ConfigMap is missing, empty, or not what it should be.",
        "Correct the key that the message names; a line break at the end is the usual cause.",
    )
    PATH_CONFLICT = (
        "PathConflict",
        "Another team has this path of the bucket, or one above or below it.",
        "Choose a path that lies apart, or set pathOverlap: Allow on both where both teams already exist.",
    )
    TEAM_CONFLICT = (
        "TeamConflict",
        "Another TeamStorage of the namespace is for the same team.",
        "Delete one of the two: a W&B team has one storage.",
    )
    BUCKET_CONFLICT = (
        "BucketConflict",
        "Another BucketStore holds this bucket.",
        "Use one BucketStore for both, or another bucket.",
    )
    TARGET_CONFLICT = (
        "TargetConflict",
        "Another WandbInstance of the namespace configures one of the same workloads.",
        "Delete one of the two, or choose other workloads in spec.target.",
    )
    IDENTITY_CHANGED = (
        "IdentityChanged",
        "The specification means another bucket than the one that is in place.",
        "Undo the change, and create a new BucketStore for the other bucket.",
    )
    PAUSED = ("Paused", "The annotation byob.wandb.com/paused stops all writes.", "Remove the annotation.")
    # The bucket.
    BUCKET_EXISTS = (
        "BucketExists",
        "The bucket existed before, and adoptionPolicy is Refuse.",
        "Set adoptionPolicy: Adopt if it shall be configured, or choose another name.",
    )
    BUCKET_NOT_FOUND = (
        "BucketNotFound",
        "The bucket does not exist.",
        "Create it, restore it, or let the operator create it (provisioning).",
    )
    BUCKET_NOT_OURS = (
        "BucketNotOurs",
        "The bucket belongs to somebody else.",
        "Choose another name, or correct the account.",
    )
    UNREACHABLE = (
        "Unreachable",
        "The store does not answer.",
        "Check the endpoint, DNS, firewalls and certificates, as the message says.",
    )
    ACCESS_DENIED = (
        "AccessDenied",
        "The store refuses the credentials, or what they ask for.",
        "Give the identity the permission that the message names.",
    )
    PROVIDER_ERROR = (
        "ProviderError",
        "The store answered with an error of its own.",
        "It is tried again; look at the provider's status page if it stays.",
    )
    THROTTLED = ("Throttled", "The store asks to slow down.", "It is tried again later.")
    CHECKS_FAILED = ("ChecksFailed", "At least one check failed.", "Do what status.checks says under remedy.")
    NOT_PROVABLE_FROM_HERE = (
        "NotProvableFromHere",
        "Nobody here can sign as W&B does, so that the data path is not proved.",
        "Try an upload in W&B; everything else was checked.",
    )
    DATA_PATH_NOT_REQUESTED = (
        "DataPathNotRequested",
        "The data path is not checked, because verification.dataPath is false.",
        "Set verification.dataPath: true to have it proved.",
    )
    NO_PATH_DECLARED = (
        "NoPathDeclared",
        "No path is declared under which probe objects may be written.",
        "Set probePath, or create a TeamStorage that uses this BucketStore.",
    )
    # W&B's workloads.
    TARGET_NOT_FOUND = (
        "TargetNotFound",
        "No workload matches spec.target.",
        "Correct spec.target of the WandbInstance, or install W&B.",
    )
    CONTAINER_NOT_FOUND = (
        "ContainerNotFound",
        "A workload has no container of the name that spec.target gives.",
        "Correct containers in spec.target.",
    )
    CONTAINER_AMBIGUOUS = (
        "ContainerAmbiguous",
        "A workload has several containers, and spec.target does not say which read the variable.",
        "Set containers in spec.target.",
    )
    LEVEL_WINS = (
        "LevelWins",
        "A level of W&B's values that wins over ours sets the variable too.",
        "Take the variable out at the level that the message names, or move it to global.env.",
    )
    VALUES_CLASH = (
        "ValuesClash",
        "Setting the variable beside what is set already would stop W&B's own operator.",
        "Take out, or correct, what the message names.",
    )
    WOULD_DROP_VALUES = (
        "WouldDropValues",
        "Setting the variable would make W&B's chart drop other variables.",
        "Move the variables that the message names to global.env.",
    )
    CHART_TOO_OLD = ("ChartTooOld", "W&B's chart is too old for this.", "Upgrade W&B.")
    LITERAL_PRESENT = (
        "LiteralPresent",
        "The variable is set in the workload as plain text.",
        "Remove it there, or set fileStores.takeOwnership: true.",
    )
    FOREIGN_REFERENCE = (
        "ForeignReference",
        "The variable refers to an object that is not there, so that it is not known which entries must be kept.",
        "Create the object that the message names, or remove the reference.",
    )
    TARGET_MANAGED = (
        "TargetManaged",
        "W&B's own operator makes these workloads, and would lose what is written there.",
        "Name its object in spec.target.weightsAndBiases.",
    )
    TARGET_REVERTED = (
        "TargetReverted",
        "Somebody else sets the variable back each time it is written.",
        "Remove it from the chart, manifest or controller that the message names.",
    )
    VARIABLE_TOO_LARGE = (
        "VariableTooLarge",
        "The variable would reach the size with which Linux no longer starts a container.",
        "Remove buckets, or let teams share one with a path each.",
    )
    VARIABLE_INVALID = (
        "VariableInvalid",
        "The variable holds something that W&B cannot read.",
        "Correct the entry that the message describes.",
    )
    ROLLOUT_FAILED = (
        "RolloutFailed",
        "W&B's pods did not come up with the new configuration.",
        "Look at the pods that the message names, then set byob.wandb.com/reconcile-requested-at to try again.",
    )
    ROLLED_BACK = (
        "RolledBack",
        "The last configuration failed, and W&B runs with the one before.",
        "Correct the cause that the message names, then set byob.wandb.com/reconcile-requested-at to try again.",
    )
    ROLLBACK_BLOCKED = (
        "RollbackBlocked",
        "A rollout failed and could not be taken back, because the workload was changed in other ways since.",
        "Repair the workload by hand.",
    )
    STORAGE_WOULD_CHANGE = (
        "StorageWouldChange",
        "W&B keeps the instance's files in another bucket, and would not find them in the one that spec.storage names.",
        "Correct spec.storage, or confirm the change with the annotation that the message names.",
    )
    ACTION_REQUIRED = (
        "ActionRequired",
        "A person has to do the next step.",
        'Do what status.handOver says, then set the annotation byob.wandb.com/handed-over to "true".',
    )
    # The Kubernetes API.
    FORBIDDEN = (
        "Forbidden",
        "The operator's role lacks a permission.",
        "Have the administrator upgrade or repair the operator's installation; the message names the permission.",
    )
    # Deletion.
    DELETION_BLOCKED = (
        "DeletionBlocked",
        "The object is deleted but still needed.",
        "Do what the message says: it names the two ways out.",
    )
    REMOVING_ENTRY = (
        "RemovingEntry",
        "The team's bucket is being taken out of W&B's configuration; then the object goes.",
    )
