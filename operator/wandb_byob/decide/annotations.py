"""What a user says by annotations, as predicates."""

from wandb_byob.model import names
from wandb_byob.model.api import ObjectMeta


def paused(metadata: ObjectMeta) -> bool:
    """Say whether nothing may be written for this object, not even its status."""
    return metadata.annotations.get(names.PAUSED) == "true"


def handed_over(metadata: ObjectMeta) -> bool:
    """Say whether a person has told W&B what `status.handOver` asks for."""
    return metadata.annotations.get(names.HANDED_OVER) == "true"
