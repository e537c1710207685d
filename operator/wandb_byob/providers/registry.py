"""Which providers are built: a new one is one module, one block in the CRD and one line here."""

from wandb_byob.model.config import CloudEndpoints
from wandb_byob.providers.azure import AzureProvider
from wandb_byob.providers.base import Provider
from wandb_byob.providers.coreweave import CoreWeaveProvider
from wandb_byob.providers.gcs import GCSProvider
from wandb_byob.providers.s3 import S3Provider


def providers(endpoints: CloudEndpoints) -> dict[str, Provider]:
    """Return each provider by its name in `spec.provider`; S3 and S3Compatible share one, with its clients."""
    s3 = S3Provider(endpoints)
    return {
        "S3": s3,
        "S3Compatible": s3,
        "CoreWeave": CoreWeaveProvider(endpoints),
        "GCS": GCSProvider(endpoints),
        "Azure": AzureProvider(endpoints),
    }
