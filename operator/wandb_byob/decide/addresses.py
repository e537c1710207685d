"""Storage addresses as W&B reads them: build, parse, identify and redact one (a list of them: decide.address_lists).

The forms, and the escaping rules, are those of W&B's charts and operator; W&B parses with Go's net/url (decide.neturl).
"""

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from wandb_byob.decide import neturl
from wandb_byob.model.credentials import AccessKey, Ambient

Scheme = Literal["s3", "cw", "gs", "az"]

COREWEAVE_HOST: Final = "cwobject.com"
COREWEAVE_SHARED: Final = "cw://"
"""The bare entry that makes CoreWeave selectable for teams that type only a bucket name; also its identity."""

_KNOWN_SCHEMES: Final = ("s3", "cw", "gs", "az")
_REFUSED_SCHEMES: Final = {"gcs": "gs", "azure": "az"}
_KNOWN_PARAMETERS: Final = ("tls", "region", "forcePathStyle")
_COREWEAVE_DOMAINS: Final = (COREWEAVE_HOST, "cwlota.com", "coreweave.com")
_AZURE_SUFFIX: Final = ".blob.core.windows.net"
# s3.amazonaws.com, s3.<region>, s3-<region>, s3.dualstack.<region>, s3-fips…, s3-accelerate, bucket.<id>.s3.<region>.vpce.
# Nothing else below amazonaws.com: there anybody can have a name, such as a load balancer's, that looks like S3's.
_AWS_HOST: Final = re.compile(
    r"(?:(?P<before>.+)\.)?s3(?:-fips|-accelerate|-external-1)?(?:\.dualstack)?(?:[.-][a-z]{2,8}(?:-[a-z]+)+-\d{1,2})?"
    r"(?:\.vpce)?\.amazonaws\.com(?:\.cn)?"
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Address:
    """One storage address in parts, decoded; `str()` and `repr()` are redacted, `reveal()` is for a Secret only.

    `host` is the endpoint with its port (s3, cw; "" is the cloud's own) or the storage account (az); `prefix` is a path
    below the bucket that only entries written by others have.
    """

    scheme: Scheme
    user: str = ""
    password: str = ""
    host: str = ""
    bucket: str = ""
    prefix: str = ""
    query: tuple[tuple[str, str], ...] = ()

    def reveal(self) -> str:
        """Return the address with its credentials, each percent-encoded with no safe characters."""
        userinfo = ""
        if self.user or self.password:
            userinfo = _encode(self.user) + (f":{_encode(self.password)}" if self.password else "") + "@"
        path = "/".join(_encode(part) for part in (self.bucket, *self.prefix.split("/")) if part)
        place = f"{self.host}/{path}" if self.host else path
        query = "&".join(f"{_encode(key)}={_encode(value)}" for key, value in self.query)
        return f"{self.scheme}://{userinfo}{place}{'?' if query else ''}{query}"

    def __repr__(self) -> str:
        return redact(self.reveal())


def s3(
    bucket: str, credentials: AccessKey | Ambient, *, host: str = "", region: str, tls: bool = True, vhost: bool = False
) -> Address:
    """Return the address of a bucket on AWS or an S3-compatible store; `host` is the endpoint with its port, no scheme.

    Without `host` it is the ambient form `s3://<bucket>`, which takes no keys; with `vhost` the bucket goes into the host name of
    requests, and not into the path as W&B does it at an endpoint by default. A host name of one label gets its port written, so
    that nobody takes it for a bucket. Raises ValueError for keys without a host and a host without keys: an ambient identity is
    never paired with an endpoint that a user names.
    """
    if isinstance(credentials, Ambient) != (host == ""):
        raise ValueError("keys need an endpoint, and an endpoint needs keys")
    if isinstance(credentials, Ambient):
        return Address(scheme="s3", bucket=bucket)
    if not set(host) & set(".:["):
        host = f"{host}:{443 if tls else 80}"
    style = (("forcePathStyle", "false"),) if vhost else ()
    place = (("region", region),) if region else ()
    return Address(
        scheme="s3",
        user=credentials.access_key_id,
        password=credentials.secret_access_key,
        host=host,
        bucket=bucket,
        query=(*style, *place, ("tls", "true" if tls else "false")),
    )


def coreweave(bucket: str, credentials: AccessKey) -> Address:
    """Return the address of a bucket in CoreWeave AI Object Storage."""
    return Address(
        scheme="cw",
        user=credentials.access_key_id,
        password=credentials.secret_access_key,
        host=COREWEAVE_HOST,
        bucket=bucket,
        query=(("tls", "true"),),
    )


def gcs(bucket: str, *, email: str = "", private_key: str = "") -> Address:
    """Return the address of a Google Cloud Storage bucket; without a key W&B's pods sign with their own identity."""
    return Address(scheme="gs", user=email, password=private_key, bucket=bucket)


def azure(account: str, container: str, *, key: str = "") -> Address:
    """Return the address of an Azure container; without a key W&B's pods sign with their own identity."""
    return Address(scheme="az", password=key, host=account, bucket=container)


def parse(text: str) -> Address | None:
    """Return the parts of an address; None for what Go's net/url refuses and for a scheme that is none of W&B's."""
    try:
        url = neturl.parse(text)
    except neturl.NotAURLError:
        return None
    scheme = next((known for known in _KNOWN_SCHEMES if known == url.scheme), None)
    if scheme is None or url.opaque or url.fragment:
        return None
    path = url.path.removeprefix("/")
    host, (bucket, _, prefix) = url.host, path.partition("/")
    if scheme == "gs":
        host, bucket, prefix = "", url.host, path
    elif not bucket and scheme != "az":
        host, bucket = _bucket_in_host(url.host)
    return Address(
        scheme=scheme,
        user=url.user,
        password=url.password,
        host=host,
        bucket=bucket,
        prefix=prefix,
        query=tuple(sorted(url.query)),
    )


def _bucket_in_host(host: str) -> tuple[str, str]:
    bucket, _, domain = host.partition(".")
    if domain in _COREWEAVE_DOMAINS:
        return domain, bucket
    aws = _AWS_HOST.fullmatch(host)
    if aws and aws["before"]:
        return host.removeprefix(f"{aws['before']}."), aws["before"]
    # A bucket has no port: `s3://host:9000` alone names none.
    return (host, "") if ":" in host else ("", host)


def identity(text: str) -> str | None:
    """Return which bucket an address means, `scheme://host-or-account/bucket`, or None where it means none.

    Equal for every way to write the same bucket: the host's case, a default port, AWS endpoints (bucket names are
    unique in a partition of AWS), CoreWeave's domains. White space around the text does not count.
    """
    stripped = text.strip()
    if stripped == COREWEAVE_SHARED:
        return COREWEAVE_SHARED
    address = None if torn(stripped) else parse(stripped)
    if address is None or not address.bucket:
        return None
    return bucket_identity(address.scheme, address.host, address.bucket, region=dict(address.query).get("region", ""))


def torn(text: str) -> bool:
    """Say whether a raw / ? or # ends the authority inside of what is meant as a key: the rest of the key would pass for the bucket."""
    userinfo = text.partition("://")[2].rpartition("@")[0]
    return bool(set(userinfo) & set("/?#"))


def bucket_identity(scheme: Scheme, host: str, bucket: str, *, region: str = "") -> str:
    """Return the identity of a bucket from its parts; `host` as in `Address`, with or without a port."""
    if scheme == "gs":
        return f"gs://{bucket}"
    if scheme == "az":
        return f"az://{host.lower().removesuffix(_AZURE_SUFFIX)}/{bucket}"
    if scheme == "cw":
        return f"cw://{COREWEAVE_HOST}/{bucket}"
    host = re.sub(r":(?:443|80)?$", "", host.lower()).removesuffix(".")
    aws = _AWS_HOST.fullmatch(re.sub(r":\d+$", "", host))
    if aws or not host:
        return f"s3://{_aws_partition(host, region=region)}/{bucket}"
    return f"s3://{host}/{bucket}"


def _aws_partition(host: str, *, region: str) -> str:
    if host.endswith(".cn") or region.startswith("cn-"):
        return "amazonaws.com.cn"
    if "us-gov-" in host or region.startswith("us-gov-"):
        return "us-gov.amazonaws.com"
    return "amazonaws.com"


def in_aws(identity: str) -> bool:
    """Say whether a bucket of this identity is AWS' own."""
    return identity.startswith(("s3://amazonaws.com/", "s3://amazonaws.com.cn/", "s3://us-gov.amazonaws.com/"))


def lint(text: str) -> str | None:
    """Return what is wrong with an entry that somebody else wrote, in words that quote nothing of it; None if nothing."""
    stripped = text.strip()
    if stripped in ("", COREWEAVE_SHARED):
        return None if stripped else "it is empty"
    try:
        url = neturl.parse(stripped)
    except neturl.NotAURLError as error:
        return str(error)
    if url.scheme in _REFUSED_SCHEMES:
        return f"W&B knows no {url.scheme}://; write {_REFUSED_SCHEMES[url.scheme]}://"
    if url.scheme not in _KNOWN_SCHEMES:
        return "it begins with none of s3://, cw://, gs:// and az://"
    if url.scheme == "cw" and url.host.endswith("cwlota.com"):
        return f"it names CoreWeave's LOTA cache, which W&B does not support; write {COREWEAVE_HOST}"
    if any("?" in value for _, value in url.query):
        return "it has a second ? where a & is meant, so the value before it is wrong"
    if url.fragment or url.opaque or identity(stripped) is None:
        return "it names no bucket"
    return None


def redact(text: str) -> str:
    """Return the address with `***` in place of its credentials and of parameters that are not known to be harmless.

    Nothing else changes. A text that is no address loses everything that could belong to a credential.
    """
    if not text.strip():
        return text
    if not has_scheme(text):
        return "***"
    scheme, _, rest = text.partition("://")
    # The last @ of all, not of the authority: a raw / ? or # in a key moves the end of the authority before it.
    userinfo, at, place = rest.rpartition("@")
    if not _shows_no_secret(f"{scheme.strip()}://{place.strip()}", alone=not at):
        return f"{scheme}://***"
    user, colon, password = userinfo.partition(":")
    hidden = ("***" if user else "") + colon + ("***" if password else "")
    place, question, query = place.partition("?")
    return f"{scheme}://{hidden}{at}{place}{question}{'&'.join(_redact_parameter(part) for part in query.split('&'))}"


def has_scheme(text: str) -> bool:
    """Say whether a text begins as an address does, of W&B's schemes or of others that keys stand in."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.strip().lower() in (*_KNOWN_SCHEMES, *_REFUSED_SCHEMES, "http", "https")


def _shows_no_secret(text: str, *, alone: bool) -> bool:
    try:
        url = neturl.parse(text)
    except neturl.NotAURLError:
        return False
    # `s3://key:123` without a bucket: the head of a key and secret that a raw comma has torn apart.
    torn = alone and ":" in url.host and not url.host.startswith("[") and not url.path
    return not (torn or url.fragment)


def _redact_parameter(part: str) -> str:
    key, equals, _ = part.partition("=")
    if not part or key in _KNOWN_PARAMETERS:
        return part
    return f"{key}=***" if equals else "***"


def _encode(text: str) -> str:
    return quote(text, safe="", encoding="utf-8", errors="surrogateescape")
