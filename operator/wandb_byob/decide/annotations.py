"""What a user says by annotations, as predicates."""

from wandb_byob.model import names
from wandb_byob.model.api import ObjectMeta


def paused(metadata: ObjectMeta) -> bool:
    """Say whether nothing may be written for this object, not even its status."""
    return metadata.annotations.get(names.PAUSED) == "true"
