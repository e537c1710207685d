"""The bucket for the instance itself, as W&B's settings hold it: how a bucket, its path and its keys are written there, and read.

W&B's chart writes AWS buckets without a host, `s3://[key:secret@]<bucket>[/<path>]`, and those of S3-compatible stores with one,
`s3://key:secret@<host:port>/<bucket>[/<path>]?…`. Which of the two is meant is told by the port, so that ours always has one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from wandb_byob.decide import addresses, expansion, neturl
from wandb_byob.decide.addresses import Address
from wandb_byob.decide.rollouts.variable import AWS_KMS_KEY, AWS_REGION, AZURE_KEY, BUCKET, SAME_AS_BUCKET, Settings
from wandb_byob.decide.teams import segments
from wandb_byob.model.api import BucketStoreSpec

_OF_AN_ENDPOINT: Final = frozenset({"tls", "region", "forcePathStyle"})
_COREWEAVE: Final = (addresses.COREWEAVE_HOST, "cwlota.com", "coreweave.com")
_TORN: Final = "a key with an unescaped character tears it apart, so percent-encode the keys"


@dataclass(frozen=True, kw_only=True, repr=False)
class Bucket:
    """One bucket for the instance: `address` with its keys, its path as `prefix`, and a `host` where that is no cloud's own.

    `region` "" and `kms_key` "": none is stated. `known` False: its keys come from elsewhere, and cannot be compared.
    """

    address: Address
    region: str = ""
    kms_key: str = ""
    known: bool = True

    def __repr__(self) -> str:
        return f"Bucket({self.shown})"

    @property
    def identity(self) -> str:
        """Return which bucket it is, as `addresses.identity` tells."""
        return addresses.bucket_identity(
            self.address.scheme, self.address.host, self.address.bucket, region=self.region
        )

    @property
    def path(self) -> str:
        """Return the path in the bucket, "" for its root."""
        return "/".join(segments(self.address.prefix))

    @property
    def place(self) -> str:
        """Return bucket and path as a person names them: with the account before a container."""
        parts = (self.address.host if self.address.scheme == "az" else "", self.address.bucket, self.path)
        return "/".join(part for part in parts if part)

    @property
    def shown(self) -> str:
        """Return the address with its keys blotted out."""
        return addresses.redact(self.address.reveal())


@dataclass(frozen=True)
class Unreadable:
    """Something is set that means no bucket to us; `shown` is what may be shown of it, `why` what is wrong with it, and what to do."""

    shown: str
    why: str


Present = Bucket | Unreadable


def of_store(spec: BucketStoreSpec, address: str, *, path: str) -> Bucket:
    """Return the bucket of a BucketStore under a path; `address` is that for a team, with its keys."""
    parsed = addresses.parse(address)
    if parsed is None:
        raise ValueError("no address")
    stated = dict(parsed.query).get("region", "")
    if spec.core_weave is not None and not parsed.bucket:
        # For a team without keys all of CoreWeave is one entry.
        parsed = replace(parsed, host=addresses.COREWEAVE_HOST, bucket=spec.core_weave.bucket)
    if spec.s3 is not None and spec.s3.endpoint is None:
        parsed = replace(parsed, host="", query=())
    elif parsed.scheme == "s3" and parsed.host:
        parsed = replace(parsed, host=_with_port(parsed.host, tls=dict(parsed.query).get("tls") == "true"))
    return Bucket(
        address=replace(parsed, prefix=path),
        region=stated or (spec.s3.region or "" if spec.s3 is not None else ""),
        kms_key=spec.s3.kms_key_arn or "" if spec.s3 is not None else "",
    )


def _with_port(host: str, *, tls: bool) -> str:
    return host if ":" in host.rpartition("]")[2] else f"{host}:{443 if tls else 80}"


def same_place(one: Bucket, other: Bucket) -> bool:
    """Say whether both keep the files at the same place."""
    return (one.identity, one.path) == (other.identity, other.path)


def same(present: Bucket, wanted: Bucket) -> bool:
    """Say whether W&B has what is wanted: the same place, keys, region and encryption; what is not stated there is no difference."""
    keys = not present.known or _keys(present.address) == _keys(wanted.address)
    region = present.region in ("", wanted.region)
    return (
        same_place(present, wanted)
        and keys
        and region
        and present.kms_key == wanted.kms_key
        and _way(present.address) == _way(wanted.address)
    )


def _keys(address: Address) -> tuple[str, str]:
    return address.user, address.password


def _way(address: Address) -> tuple[bool, str]:
    """Return how requests reach a store that is no cloud's own: whether by TLS, and where the bucket goes."""
    if address.scheme != "s3" or not address.host or _of_a_cloud(address.host):
        return True, ""
    query = dict(address.query)
    return query.get("tls") == "true", query.get("forcePathStyle", "true")


def to_variables(bucket: Bucket) -> Settings:
    """Return the environment variables of a bucket; None for one that must not be set."""
    address = bucket.address
    text = replace(address, password="").reveal() if address.scheme == "az" else address.reveal()
    values: dict[str, str | None] = dict.fromkeys((BUCKET, *SAME_AS_BUCKET), text)
    if address.scheme == "s3":
        values |= {AWS_REGION: bucket.region} if bucket.region else {}
        values[AWS_KMS_KEY] = bucket.kms_key or None
    if address.scheme == "az":
        values[AZURE_KEY] = address.password or None
    return values


def from_variables(values: Mapping[str, str | None]) -> Present | None:
    """Return which bucket these environment variables mean, None where they name none."""
    texts = [text for name in (BUCKET, *SAME_AS_BUCKET) if (text := (values.get(name) or "").strip())]
    if not texts:
        return None
    if len(set(texts)) > 1:
        named = ", ".join((BUCKET, *SAME_AS_BUCKET))
        why = f"{named} of one container name different buckets; make them the same"
        return Unreadable(" and ".join(addresses.redact(text) for text in dict.fromkeys(texts)), why)
    # Very old installations have the bare name of a bucket of AWS.
    text = texts[0] if "://" in texts[0] else f"s3://{texts[0]}"
    userinfo, _, place = text.rpartition("@")
    unknown = expansion.references(" ".join((place, *(values.get(name) or "" for name in (AWS_REGION, AWS_KMS_KEY)))))
    if unknown:
        named = ", ".join(f"{expansion.MARK}{name})" for name in unknown)
        why = f"what {named} stands for is not known here; see that it is defined above, and that the Secret or ConfigMap of it is there"
        return Unreadable(addresses.redact(texts[0]), why)
    address = _parse(text)
    if address is None:
        wrong = _TORN if addresses.torn(text) else addresses.lint(text) or "it names no bucket"
        return Unreadable(addresses.redact(texts[0]), f"{wrong}; correct it where it is set")
    if address.scheme == "az" and not address.password:
        address = replace(address, password=values.get(AZURE_KEY) or "")
    of_aws = address.scheme == "s3"
    return Bucket(
        address=address,
        region=dict(address.query).get("region") or (values.get(AWS_REGION) or "" if of_aws else ""),
        kms_key=values.get(AWS_KMS_KEY) or "" if of_aws else "",
        known=not expansion.references(f"{userinfo} {values.get(AZURE_KEY) or ''}"),
    )


def _parse(text: str) -> Address | None:
    """Read an address as W&B's setting for the instance has it; None where it names no bucket."""
    address = None if addresses.torn(text) else addresses.parse(text)
    if address is not None and address.scheme in ("s3", "cw"):
        url = neturl.parse(text)
        named = {key for key, _ in url.query} & _OF_AN_ENDPOINT
        if url.host and ":" not in url.host and not named and not _of_a_cloud(url.host):
            address = replace(address, host="", bucket=url.host, prefix=url.path.removeprefix("/"))
    return address if address is not None and address.bucket else None


def _of_a_cloud(host: str) -> bool:
    """Say whether a host is an endpoint of AWS or CoreWeave, which no bucket can be called like."""
    return host.endswith(_COREWEAVE) or addresses.in_aws(addresses.bucket_identity("s3", host, ""))
