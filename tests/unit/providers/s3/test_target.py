"""Which bucket a specification means, how it is addressed, and what W&B is told."""

import pytest

from wandb_byob.decide import addresses
from wandb_byob.model.api import BucketStoreSpec, CoreWeaveSpec, Credentials, S3CompatibleSpec, S3Spec
from wandb_byob.model.credentials import AccessKey, Ambient
from wandb_byob.model.errors import Stalled
from wandb_byob.providers.s3.target import address_of, identity_of, kms_route, route_for, target_of

KEYS = AccessKey(access_key_id="AKIA+1", secret_access_key="s/e@c,r?et")


def aws(**changes: str) -> BucketStoreSpec:
    values = {"bucket": "acme", "region": "eu-central-1", **changes}
    return BucketStoreSpec(provider="S3", credentials=Credentials(), s3=S3Spec(**values))


def compatible(**changes: str) -> BucketStoreSpec:
    values = {"bucket": "acme", "region": "us-east-1", "endpoint": "https://minio.example.com:9000", **changes}
    return BucketStoreSpec(provider="S3Compatible", credentials=Credentials(), s3_compatible=S3CompatibleSpec(**values))  # type: ignore[arg-type]


def coreweave() -> BucketStoreSpec:
    return BucketStoreSpec(provider="CoreWeave", credentials=Credentials(), core_weave=CoreWeaveSpec(bucket="acme"))


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        (aws(), "https://s3.eu-central-1.amazonaws.com/acme"),
        (aws(region="cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn/acme"),
        (aws(endpoint="https://vpce.example.com"), "https://vpce.example.com/acme"),
        (compatible(), "https://minio.example.com:9000/acme"),
        (compatible(endpoint="http://minio.store.svc:9000/"), "http://minio.store.svc:9000/acme"),
        (compatible(addressing_style="Path"), "https://minio.example.com:9000/acme"),
        (compatible(addressing_style="Virtual"), "https://acme.minio.example.com:9000"),
    ],
)
def test_where_the_bucket_is(spec: BucketStoreSpec, url: str) -> None:
    assert target_of(spec).bucket_url == url


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        (aws(), "s3://AKIA%2B1:s%2Fe%40c%2Cr%3Fet@s3.eu-central-1.amazonaws.com/acme?region=eu-central-1&tls=true"),
        (compatible(), "s3://AKIA%2B1:s%2Fe%40c%2Cr%3Fet@minio.example.com:9000/acme?region=us-east-1&tls=true"),
        (
            compatible(addressing_style="Virtual"),
            "s3://AKIA%2B1:s%2Fe%40c%2Cr%3Fet@minio.example.com:9000/acme?forcePathStyle=false&region=us-east-1&tls=true",
        ),
        (
            compatible(addressing_style="Path"),
            "s3://AKIA%2B1:s%2Fe%40c%2Cr%3Fet@minio.example.com:9000/acme?region=us-east-1&tls=true",
        ),
        (
            compatible(endpoint="http://minio:9000"),
            "s3://AKIA%2B1:s%2Fe%40c%2Cr%3Fet@minio:9000/acme?region=us-east-1&tls=false",
        ),
    ],
)
def test_the_address_with_keys_names_the_endpoint_and_the_same_bucket(spec: BucketStoreSpec, address: str) -> None:
    target = target_of(spec)
    assert address_of(target, KEYS) == address
    assert addresses.identity(address) == identity_of(target)


@pytest.mark.parametrize("credentials", [Ambient(), None])
def test_without_keys_the_address_is_the_bare_bucket(credentials: Ambient | None) -> None:
    target = target_of(aws())
    assert address_of(target, credentials) == "s3://acme"
    assert addresses.identity("s3://acme") == identity_of(target)


def test_a_bucket_in_aws_is_the_same_through_every_endpoint_of_its_partition() -> None:
    vpce = "https://bucket.vpce-1a2b3c4d-5e6f.s3.eu-central-1.vpce.amazonaws.com"
    assert identity_of(target_of(aws())) == identity_of(target_of(aws(endpoint=vpce)))
    assert identity_of(target_of(aws())) != identity_of(target_of(aws(region="cn-north-1")))


def test_keys_are_tried_in_path_style_as_wandb_does_and_an_identity_as_the_sdk_does() -> None:
    target = target_of(aws())
    assert route_for(target, KEYS).addressing == "path"
    assert route_for(target, Ambient()).addressing == "auto"


@pytest.mark.parametrize("provider", ["S3", "S3Compatible"])
def test_a_stored_object_without_its_block_is_told_what_is_missing(provider: str) -> None:
    spec = BucketStoreSpec(provider=provider, credentials=Credentials())  # type: ignore[arg-type]
    with pytest.raises(Stalled, match=r"spec\.s3"):
        target_of(spec)


def test_the_way_that_the_administrator_names_is_the_operators_alone() -> None:
    """Requests go there, by a path, with the bucket's region in it; what W&B is told, and the bucket's identity, stay the cloud's."""
    way = "https://bucket.vpce-1a2b.s3.{region}.vpce.amazonaws.com"
    target = target_of(aws(), way)
    assert target.bucket_url == "https://bucket.vpce-1a2b.s3.eu-central-1.vpce.amazonaws.com/acme"
    assert target.route.trusted
    assert route_for(target, Ambient()).addressing == "path"
    assert address_of(target, KEYS) == address_of(target_of(aws()), KEYS)
    assert identity_of(target) == identity_of(target_of(aws()))


@pytest.mark.parametrize(
    ("spec", "way", "field", "public"),
    [
        (aws(), "", "spec.s3.region", True),
        (aws(), "https://s3.example.com", "the operator's flag --s3-endpoint", False),
        (aws(), "https://s3.{region}.example.com", "spec.s3.region or the operator's flag --s3-endpoint", False),
        (aws(endpoint="https://vpce.example.com"), "", "spec.s3.endpoint", False),
        (aws(endpoint="https://vpce.example.com"), "https://s3.example.com", "spec.s3.endpoint", False),
        (compatible(), "", "spec.s3Compatible.endpoint", False),
        (coreweave(), "", "", True),
        (coreweave(), "https://gateway.example.com", "the operator's flag --coreweave-endpoint", False),
    ],
)
def test_what_one_would_edit_to_reach_another_host_is_what_was_given(
    spec: BucketStoreSpec, way: str, field: str, public: bool
) -> None:
    route = target_of(spec, way).route
    assert (route.field, route.public) == (field, public)


@pytest.mark.parametrize(
    ("way", "field"),
    [
        ("", "spec.s3.kmsKeyARN"),
        ("https://kms.example.com", "the operator's flag --kms-endpoint"),
        ("https://kms.{region}.example.com", "spec.s3.kmsKeyARN or the operator's flag --kms-endpoint"),
    ],
)
def test_a_keys_region_is_that_of_its_arn(way: str, field: str) -> None:
    assert kms_route("eu-central-1", way).field == field


def test_an_endpoint_that_a_user_names_is_not_replaced_by_it() -> None:
    """It is the user's choice, and stays under the rules for those."""
    named = target_of(aws(endpoint="https://s3.example.com"), "https://gateway.example.com")
    assert (named.route.url, named.route.trusted) == ("https://s3.example.com", False)
