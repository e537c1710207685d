"""What an administrator sets on a bucket by hand, where no operator does: documents, and the commands that apply them.

One pure function for each provider gives its documents: what the operator itself would configure.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from wandb_byob.decide.handwork.azure import azure
from wandb_byob.decide.handwork.document import PLACEHOLDER, Document, Reader, text
from wandb_byob.decide.handwork.gcs import gcs
from wandb_byob.decide.handwork.s3 import coreweave, s3, s3_compatible
from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

__all__ = ["DOCUMENTS", "PLACEHOLDER", "Document", "Reader", "documents", "text"]

DOCUMENTS: Final[Mapping[str, Callable[[BucketStoreSpec, Reader], Iterator[Document]]]] = {
    "S3": s3,
    "S3Compatible": s3_compatible,
    "CoreWeave": coreweave,
    "GCS": gcs,
    "Azure": azure,
}
"""A new provider is one function and one line here."""


def documents(spec: BucketStoreSpec, reader: Reader) -> tuple[Document, ...]:
    """Return the documents for a bucket, in the order in which they are to be applied; raises `Stalled` where there are none, or the block is missing."""
    written = DOCUMENTS.get(spec.provider)
    if written is None:
        raise Stalled(Reason.NOT_IMPLEMENTED, f"What is set by hand is not written down for provider {spec.provider}.")
    return tuple(written(spec, reader))
