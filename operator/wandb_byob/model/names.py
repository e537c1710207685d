"""Names under which the operator shows itself: API group, annotations, labels, finalizer, field manager."""

from typing import Final

GROUP: Final = "byob.wandb.com"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
FIELD_MANAGER: Final = "wandb-byob"
FINALIZER: Final = f"{GROUP}/finalizer"

# Annotations that a user sets.
PAUSED: Final = f"{GROUP}/paused"
RECONCILE_REQUESTED_AT: Final = f"{GROUP}/reconcile-requested-at"
CONFIRM_DELETE: Final = f"{GROUP}/confirm-delete"
RELEASE: Final = f"{GROUP}/release"
CHANGE_STORAGE: Final = f"{GROUP}/change-storage"
HANDED_OVER: Final = f"{GROUP}/handed-over"

# The annotation that we set, once, together with the finalizer: what we were about to create (decide.intent).
INTENT: Final = f"{GROUP}/intent"

# Labels.
WATCH: Final = f"{GROUP}/watch"  # on a user's Secret: a change of it wakes what refers to it
INSTANCE: Final = f"{GROUP}/instance"  # on our file-store Secrets: the WandbInstance they were made for
PROBE: Final = f"{GROUP}/probe"  # on probe Jobs, their Pods and Secrets: the uid of the BucketStore

# On a probe Job: what it was made with (decide.looks.mark).
PROBE_MARK: Final = f"{GROUP}/probe-mark"

# The tag (S3) or label (GCS) or metadata (Azure) on a bucket: the UID of the BucketStore that owns it.
OWNER_TAG: Final = "byob.wandb.com/owner"

# The variable that W&B reads its team buckets from, also the key inside our Secret.
FILE_STORES: Final = "GORILLA_SUPPORTED_FILE_STORES"
PROVENANCE: Final = "provenance.json"
PREVIOUS: Final = "previous.json"
