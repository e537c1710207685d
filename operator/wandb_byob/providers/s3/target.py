"""Which bucket is meant and how requests reach it, the same for AWS and for every store with the S3 API."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from wandb_byob.decide import addresses, blocks
from wandb_byob.model.api import BucketStoreSpec, CoreWeaveSpec, S3CompatibleSpec, S3Spec
from wandb_byob.model.credentials import AccessKey, Ambient, Credentials

AddressingStyle = Literal["auto", "path", "virtual"]

ANY_ZONE: Final = "us-east-1"
"""What requests for a bucket of CoreWeave are signed for where its zone (what S3 calls a region) is not told."""
COREWEAVE_URL: Final = f"https://{addresses.COREWEAVE_HOST}"


@dataclass(frozen=True, kw_only=True)
class Route:
    """The way to a store (or to the service with its keys), apart from the bucket: clients are shared by buckets of one route.

    `endpoint` is the URL that a user (of CoreWeave: the administrator) named, None for AWS' own regional one; `field` and
    `region_field` are where a user would edit endpoint and region.
    """

    provider: Literal["S3", "S3Compatible", "CoreWeave"]
    region: str
    field: str
    endpoint: str | None = None
    addressing: AddressingStyle = "path"
    service: Literal["s3", "kms"] = "s3"

    @property
    def region_field(self) -> str:
        """Where a user would edit the region."""
        if self.provider == "CoreWeave":
            return "spec.coreWeave.availabilityZone"
        return self.field.rpartition(".")[0] + ".region"

    @property
    def trusted(self) -> bool:
        """Whether no user chose where requests go."""
        return self.endpoint is None or self.provider == "CoreWeave" or self.service == "kms"

    @property
    def tls13(self) -> bool:
        """Whether TLS 1.3 is the least that may be spoken."""
        return self.provider == "CoreWeave"

    @property
    def policed(self) -> bool:
        """Whether a policy of the bucket lets W&B in; elsewhere W&B signs with the store's own keys."""
        return self.provider != "S3Compatible"

    @property
    def url(self) -> str:
        """The URL of the store, without a slash at the end."""
        return (self.endpoint or f"https://{aws_host(self.region)}").rstrip("/")

    @property
    def aws(self) -> bool:
        """Whether this is AWS (or what a test or a VPC endpoint puts in its place), with all of its operations."""
        return self.provider == "S3"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One bucket and the way to it. `account_id` goes with every request (ExpectedBucketOwner), "" where it is unknown."""

    route: Route
    bucket: str
    account_id: str = ""
    kms_key_arn: str = ""

    @property
    def bucket_url(self) -> str:
        """Where the bucket is, in the form in which requests address it."""
        if self.route.addressing == "virtual":
            scheme, _, authority = self.route.url.partition("://")
            return f"{scheme}://{self.bucket}.{authority}"
        return f"{self.route.url}/{self.bucket}"


def kms_route(region: str, endpoint: str) -> Route:
    """Return the way to KMS: where the administrator says that it is reached, else at its public name."""
    public = f"https://kms.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    named = endpoint.replace("{region}", region) or public
    return Route(
        provider="S3", region=region, field="the operator's flag --kms-endpoint", endpoint=named, service="kms"
    )


def aws_host(region: str) -> str:
    """Return AWS' regional S3 endpoint."""
    return f"s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def target_of(spec: BucketStoreSpec, endpoint: str = "") -> Target:
    """Return what the specification means; W&B addresses a bucket at any explicit endpoint in path style, and so do we.

    `endpoint`: where the administrator says that CoreWeave is reached; the bucket is a subdomain there, too.
    """
    if spec.provider == "S3" and spec.s3 is not None:
        return _aws(spec.s3)
    if spec.provider == "S3Compatible" and spec.s3_compatible is not None:
        return _compatible(spec.s3_compatible)
    if spec.provider == "CoreWeave" and spec.core_weave is not None:
        return _coreweave(spec.core_weave, endpoint)
    raise blocks.missing(spec.provider)


def _aws(s3: S3Spec) -> Target:
    route = Route(provider="S3", region=s3.region, field="spec.s3.endpoint", endpoint=s3.endpoint or None)
    return Target(route=route, bucket=s3.bucket, account_id=s3.account_id or "", kms_key_arn=s3.kms_key_arn or "")


def _compatible(store: S3CompatibleSpec) -> Target:
    virtual = store.addressing_style == "Virtual"
    route = Route(
        provider="S3Compatible",
        region=store.region,
        field="spec.s3Compatible.endpoint",
        endpoint=store.endpoint,
        addressing="virtual" if virtual else "path",
    )
    return Target(route=route, bucket=store.bucket)


def _coreweave(store: CoreWeaveSpec, endpoint: str) -> Target:
    route = Route(
        provider="CoreWeave",
        region=store.availability_zone or ANY_ZONE,
        field="the operator's flag --coreweave-endpoint",
        endpoint=endpoint or COREWEAVE_URL,
        addressing="virtual",
    )
    return Target(route=route, bucket=store.bucket)


def route_for(target: Target, credentials: Credentials) -> Route:
    """Return the route as these credentials use it: keys make the address name an endpoint, which is path style."""
    keyless = isinstance(credentials, Ambient) and target.route.endpoint is None
    return replace(target.route, addressing="auto") if keyless else target.route


def identity_of(target: Target) -> str:
    """Return the identity of the bucket, the same as that of every address that names it."""
    host = target.route.url.partition("://")[2]
    if target.route.provider == "CoreWeave":
        return addresses.bucket_identity("cw", host, target.bucket)
    return addresses.bucket_identity("s3", host, target.bucket, region=target.route.region)


def address_of(target: Target, credentials: Credentials | None) -> str:
    """Return the storage address as W&B reads it; without keys it is the form for W&B's own identity."""
    keys = credentials if isinstance(credentials, AccessKey) else Ambient()
    if target.route.provider == "CoreWeave":
        # W&B reaches CoreWeave at its public name, whatever way the operator takes.
        if isinstance(keys, Ambient):
            return addresses.COREWEAVE_SHARED
        return addresses.coreweave(target.bucket, keys).reveal()
    scheme, _, host = target.route.url.partition("://")
    return addresses.s3(
        target.bucket,
        keys,
        host=host if isinstance(keys, AccessKey) else "",
        region=target.route.region,
        tls=scheme == "https",
        vhost=target.route.addressing == "virtual",
    ).reveal()
