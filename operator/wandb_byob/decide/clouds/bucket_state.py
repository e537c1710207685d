"""What is known of a bucket's configuration: read values, and for what could not be read the store's own word."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from wandb_byob.decide.clouds.bucket_policy import Policy
from wandb_byob.decide.clouds.cors import CorsRule

Aspect = Literal["tags", "cors", "policy", "versioning", "encryption", "public_access", "lifecycle"]


@dataclass(frozen=True, kw_only=True)
class Unread:
    """Something that could not be read or set: `code` is the store's word, `action` the permission that it is about.

    `denied` False: the store does not know the operation.
    """

    code: str
    action: str
    denied: bool


@dataclass(frozen=True, kw_only=True)
class Encryption:
    """A bucket's default encryption; `key` is "" for keys that the store manages."""

    algorithm: str
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class PublicAccess:
    """The four switches that keep the public out."""

    block_public_acls: bool = True
    ignore_public_acls: bool = True
    block_public_policy: bool = True
    restrict_public_buckets: bool = True

    @property
    def blocked(self) -> bool:
        """Whether all four are on."""
        return self == PublicAccess()


@dataclass(frozen=True, kw_only=True)
class LifecycleRule:
    """A rule that is switched on, as far as it matters here: `expires` current objects, under `prefix` ("" is everything)."""

    name: str
    prefix: str
    expires: bool


@dataclass(frozen=True, kw_only=True)
class BucketState:
    """The configuration of a bucket that is there; the defaults are those of a bucket just made.

    `region` is "" where the store names none. `lets_browsers_in`: the store does so although no CORS rule says it
    (stores without CORS rules for buckets do that for the whole server). `policy` is None where it was not looked at.
    """

    region: str = ""
    tags: Mapping[str, str] | Unread
    cors: tuple[CorsRule, ...] | Unread = ()
    lets_browsers_in: bool = False
    policy: Policy | Unread | None = None
    versioning: str | Unread = ""
    encryption: Encryption | Unread | None = None
    public_access: PublicAccess | Unread | None = None
    lifecycle: tuple[LifecycleRule, ...] | Unread = ()

    def refused(self, aspect: Aspect, found: Unread) -> Self:
        """Return the state with the store's word in place of what could not be set."""
        values: dict[str, Any] = {aspect: found}
        return replace(self, **values)
