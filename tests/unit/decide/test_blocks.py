"""A provider's block is found by the provider's name, and what blocks have in common by the names of their fields."""

import pytest

from wandb_byob.decide import blocks
from wandb_byob.model import api
from wandb_byob.model.errors import Stalled

CREDENTIALS = api.Credentials(source="Ambient")


@pytest.mark.parametrize(
    ("provider", "where", "bucket"),
    [
        ("S3", "spec.s3", "spec.s3.bucket"),
        ("CoreWeave", "spec.coreWeave", "spec.coreWeave.bucket"),
        ("GCS", "spec.gcs", "spec.gcs.bucket"),
        ("Azure", "spec.azure", "spec.azure.container"),
        ("S3Compatible", "spec.s3Compatible", "spec.s3Compatible.bucket"),
    ],
)
def test_where(provider: str, where: str, bucket: str) -> None:
    """In the words of the API, so that a message can name the field."""
    assert (blocks.field(provider), blocks.bucket_field(provider)) == (where, bucket)
    assert isinstance(blocks.missing(provider), Stalled)
    assert where in blocks.missing(provider).message


def test_every_provider_of_the_api_has_one() -> None:
    assert [blocks.bucket_field(provider) for provider in blocks.PROVIDERS]


def test_what_blocks_have_in_common() -> None:
    """A container is a bucket; where there is no endpoint it is the cloud's own; a missing block has nothing."""
    azure = api.BucketStoreSpec(
        provider="Azure", credentials=CREDENTIALS, azure=api.AzureSpec(storage_account="acme", container="files")
    )
    assert (blocks.bucket(azure), blocks.endpoint(azure), blocks.ca_bundle(azure)) == ("files", None, None)
    bundle = api.CABundleReference(name="authority")
    store = api.S3CompatibleSpec(bucket="b", endpoint="https://x", region="r", ca_bundle_ref=bundle)
    compatible = api.BucketStoreSpec(provider="S3Compatible", credentials=CREDENTIALS, s3_compatible=store)
    assert blocks.endpoint(compatible) == ("https://x", "spec.s3Compatible.endpoint")
    assert (blocks.bucket(compatible), blocks.ca_bundle(compatible)) == ("b", bundle)
    aws = api.BucketStoreSpec(provider="S3", credentials=CREDENTIALS, s3=api.S3Spec(bucket="b", region="r"))
    assert blocks.endpoint(aws) is None
    empty = api.BucketStoreSpec(provider="GCS", credentials=CREDENTIALS)
    assert (blocks.bucket(empty), blocks.block(empty), blocks.endpoint(empty)) == ("", None, None)
