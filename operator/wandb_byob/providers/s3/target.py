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
_REGION: Final = "{region}"
_REGION_FIELDS: Final = {
    "S3": "spec.s3.region",
    "S3Compatible": "spec.s3Compatible.region",
    "CoreWeave": "spec.coreWeave.availabilityZone",
}


@dataclass(frozen=True, kw_only=True)
class Route:
    """The way to a store (or to the service with its keys), apart from the bucket: clients are shared by buckets of one route.

    `endpoint` is the URL that a user named, None for the cloud's own; `way` is where the administrator says that this is reached, with
    `{region}` where the region belongs.
    """

    provider: Literal["S3", "S3Compatible", "CoreWeave"]
    region: str
    endpoint: str | None = None
    way: str = ""
    addressing: AddressingStyle = "path"
    service: Literal["s3", "kms"] = "s3"

    @property
    def region_field(self) -> str:
        """Where a user would edit the region."""
        if self.service == "kms":
            return "spec.s3.kmsKeyARN"
        return _REGION_FIELDS[self.provider]

    @property
    def field(self) -> str:
        """What a user would edit to reach another host: where the endpoint stands, or what the host's name is made of ("": of nothing)."""
        if self.endpoint is not None:
            return f"spec.{self.provider[0].lower()}{self.provider[1:]}.endpoint"
        flag = f"the operator's flag --{self.service if self.aws else 'coreweave'}-endpoint"
        made_of_region = _REGION in self.way if self.way else self.aws
        return " or ".join([*([self.region_field] if made_of_region else ()), *([flag] if self.way else ())])

    @property
    def public(self) -> bool:
        """Whether the host is the cloud's own, at its public name, which nobody has named."""
        return self.trusted and not self.way

    @property
    def trusted(self) -> bool:
        """Whether no user chose where requests go."""
        return self.endpoint is None

    @property
    def by_name(self) -> bool:
        """Whether the SDK knows the host, with the bucket in it where nobody asks for a path: AWS' own S3, at its public name."""
        return self.aws and self.service == "s3" and self.public

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
        """The URL at which the operator reaches the store, without a slash at the end."""
        return self.way.replace(_REGION, self.region).rstrip("/") or self.home

    @property
    def home(self) -> str:
        """The URL of the store as W&B has it, without a slash at the end."""
        return (self.endpoint or self._public).rstrip("/")

    @property
    def _public(self) -> str:
        if self.provider == "CoreWeave":
            return COREWEAVE_URL
        china = ".cn" if self.region.startswith("cn-") else ""
        return f"https://{self.service}.{self.region}.amazonaws.com{china}"

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
    return Route(provider="S3", region=region, way=endpoint, service="kms")


def target_of(spec: BucketStoreSpec, endpoint: str = "") -> Target:
    """Return what the specification means; W&B addresses a bucket at any explicit endpoint in path style, and so do we.

    `endpoint`: where the administrator says that the cloud itself is reached; a bucket of CoreWeave is a subdomain there, too.
    """
    if spec.provider == "S3" and spec.s3 is not None:
        return _aws(spec.s3, endpoint)
    if spec.provider == "S3Compatible" and spec.s3_compatible is not None:
        return _compatible(spec.s3_compatible)
    if spec.provider == "CoreWeave" and spec.core_weave is not None:
        return _coreweave(spec.core_weave, endpoint)
    raise blocks.missing(spec.provider)


def _aws(s3: S3Spec, endpoint: str) -> Target:
    way = "" if s3.endpoint else endpoint
    route = Route(provider="S3", region=s3.region, endpoint=s3.endpoint or None, way=way)
    return Target(route=route, bucket=s3.bucket, account_id=s3.account_id or "", kms_key_arn=s3.kms_key_arn or "")


def _compatible(store: S3CompatibleSpec) -> Target:
    virtual = store.addressing_style == "Virtual"
    route = Route(
        provider="S3Compatible",
        region=store.region,
        endpoint=store.endpoint,
        addressing="virtual" if virtual else "path",
    )
    return Target(route=route, bucket=store.bucket)


def _coreweave(store: CoreWeaveSpec, endpoint: str) -> Target:
    route = Route(
        provider="CoreWeave",
        region=store.availability_zone or ANY_ZONE,
        way=endpoint,
        addressing="virtual",
    )
    return Target(route=route, bucket=store.bucket)


def route_for(target: Target, credentials: Credentials) -> Route:
    """Return the route as these credentials use it: keys make the address name an endpoint, which is path style."""
    route = target.route
    return replace(route, addressing="auto") if isinstance(credentials, Ambient) and route.by_name else route


def identity_of(target: Target) -> str:
    """Return the identity of the bucket, the same as that of every address that names it."""
    host = target.route.home.partition("://")[2]
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
    scheme, _, host = target.route.home.partition("://")
    return addresses.s3(
        target.bucket,
        keys,
        host=host if isinstance(keys, AccessKey) else "",
        region=target.route.region,
        tls=scheme == "https",
        vhost=target.route.addressing == "virtual",
    ).reveal()
