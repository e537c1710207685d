"""Delete what a probe has written: its objects, on a versioned bucket their versions and delete markers too.

Only keys in a probe's own folder are ever deleted. What an earlier probe left (the operator was killed) goes as well, once it
is so old that no probe can still be using it.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from wandb_byob.providers.s3 import errors
from wandb_byob.providers.transport import TransportError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER: Final = ".wandb-byob-probe/"
_STALE: Final = timedelta(hours=1)
_MOST: Final = 100
"""How many old leftovers one look deletes."""


class Opener(Protocol):
    """Opens a client: `Clients.open`, with the context and the credentials given."""

    def __call__(self) -> AbstractContextManager["S3Client"]:
        """Lend the client."""


@dataclass(frozen=True, order=True)
class Leftover:
    """One object or one version of it ("" on a bucket without versioning)."""

    key: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.key} (version {self.version})" if self.version else self.key


@dataclass(frozen=True, kw_only=True)
class CleanUp:
    """Deletes as W&B, and where that is refused as whoever provisions the bucket."""

    bucket: str
    folder: str
    openers: tuple[Opener, ...]
    now: datetime

    def delete(self, known: Iterable[Leftover], *, keys: frozenset[str], uncertain: bool) -> tuple[Leftover, ...]:
        """Delete what is known to be there, and where there may be more (versions) all of `keys`; returns what stays."""
        left = tuple(sorted(known))
        try:
            found = self._versions(keys) if uncertain else None
            if found is not None:
                left = tuple(sorted({*found, *(item for item in left if item.version)}))
            for opener in self.openers:
                left = self._refused(opener, left) if left else left
        except TransportError:
            pass  # The store is away: what is left is told, and a later look finds it again.
        return left

    def stale(self, listing: Iterable[Any]) -> tuple[Leftover, ...]:
        """Return what an earlier probe left, out of a listing of the folder."""
        return tuple(Leftover(item["Key"]) for item in listing if self._is_stale(item))[:_MOST]

    def _is_stale(self, item: Any) -> bool:
        key, written = item.get("Key", ""), item.get("LastModified")
        return bool(key.startswith(self.folder) and written is not None and self.now - written > _STALE)

    def _versions(self, keys: frozenset[str]) -> tuple[Leftover, ...] | None:
        """List the versions of these keys and of old leftovers; None where nobody may."""
        for opener in self.openers:
            try:
                with opener() as client:
                    listed = client.list_object_versions(Bucket=self.bucket, Prefix=self.folder)
            except TransportError:
                raise
            except errors.SDK_ERRORS:
                continue
            items: list[Any] = [
                item
                for item in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ()))
                if "Key" in item and "VersionId" in item
            ]
            own = [item for item in items if item["Key"] in keys]
            old = [item for item in items if item["Key"] not in keys and self._is_stale(item)]
            return tuple(Leftover(item["Key"], item["VersionId"]) for item in (*own, *old[:_MOST]))
        return None

    def _refused(self, opener: Opener, items: tuple[Leftover, ...]) -> tuple[Leftover, ...]:
        """Delete with one identity; returns what that may not delete."""
        left: list[Leftover] = []
        with opener() as client:
            for item in items:
                version = {"VersionId": item.version} if item.version else {}
                try:
                    client.delete_object(Bucket=self.bucket, Key=item.key, **version)  # type: ignore[arg-type]
                except TransportError:
                    raise
                except errors.SDK_ERRORS:
                    left.append(item)
        return tuple(left)
