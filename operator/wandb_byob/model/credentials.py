"""Credentials in memory: values that show themselves nowhere."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, repr=False)
class AccessKey:
    """An S3 access key; CoreWeave and S3-compatible stores use the same form."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must never be shown."""
        return tuple(value for value in (self.access_key_id, self.secret_access_key, self.session_token) if value)

    def __repr__(self) -> str:
        return "AccessKey(<redacted>)"


@dataclass(frozen=True, repr=False)
class ServiceAccountKey:
    """A Google service account key file (JSON text)."""

    json: str

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must never be shown."""
        return (self.json,)

    def __repr__(self) -> str:
        return "ServiceAccountKey(<redacted>)"


@dataclass(frozen=True, repr=False)
class AccountKey:
    """An Azure storage account key (base64 text)."""

    key: str

    def secrets(self) -> tuple[str, ...]:
        """Return every value that must never be shown."""
        return (self.key,)

    def __repr__(self) -> str:
        return "AccountKey(<redacted>)"


@dataclass(frozen=True)
class Ambient:
    """The identity of the process itself: a role, workload identity or managed identity; no values."""

    def secrets(self) -> tuple[str, ...]:
        """Return nothing: there is nothing to hide."""
        return ()


Credentials = AccessKey | ServiceAccountKey | AccountKey | Ambient
