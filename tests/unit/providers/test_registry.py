"""Which providers are built."""

from typing import get_args, get_type_hints

from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.providers.registry import providers


def test_every_provider_that_is_built_is_one_of_the_apis() -> None:
    offered = get_args(get_type_hints(BucketStoreSpec)["provider"])
    assert set(providers(CloudEndpoints())) <= set(offered)


def test_s3_and_compatible_stores_are_built() -> None:
    assert {"S3", "S3Compatible"} <= set(providers(CloudEndpoints()))
