"""Ways to sign a request to the API server, as the value of its Authorization header."""

import base64
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

# client-go reads a token file again after a minute; the kubelet replaces it long before it expires.
_TOKEN_AGE: Final = 60.0
_PLUGIN_SECONDS: Final = 30.0
_EARLY_SECONDS: Final = 60.0


class AuthorizationError(Exception):
    """No credentials could be had; the text says from where, and holds none."""


class Authorization(Protocol):
    """Gives the header's value; safe to use from many threads. Raises AuthorizationError."""

    def header(self) -> str | None:
        """Return the value for the next request; None where nothing is to be sent."""

    def invalidate(self) -> None:
        """Take note that the API server refused the last value (401)."""


class NoAuthorization:
    """Nothing is sent: a client certificate says who we are."""

    def header(self) -> str | None:
        """Return nothing."""
        return None

    def invalidate(self) -> None:
        """Do nothing: there is nothing to renew."""


class Token(NoAuthorization):
    """A token that stays the same."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def header(self) -> str | None:
        """Return the token."""
        return self._header


class Basic(Token):
    """A user's name and password."""

    def __init__(self, name: str, password: str) -> None:
        self._header = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class TokenFile:
    """A token in a file that is replaced before the token expires."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._read_at = float("-inf")

    def header(self) -> str | None:
        """Return the token, read again after a minute; the last one where the file can't be read just now."""
        with self._lock:
            if self._clock() - self._read_at >= _TOKEN_AGE:
                self._read()
            return f"Bearer {self._token}"

    def invalidate(self) -> None:
        """Read the file before the next request."""
        with self._lock:
            self._read_at = float("-inf")

    def _read(self) -> None:
        try:
            self._token = self._path.read_text(encoding="utf-8").strip() or self._token
        except OSError as error:
            if not self._token:
                raise AuthorizationError(f"The token file {self._path} can't be read: {error.strerror}.") from None
        self._read_at = self._clock()


class ExecPlugin:
    """A program that prints an ExecCredential with a token, as cloud providers ship them for kubectl."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        api_version: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._command = tuple(command)
        self._environ = environ
        self._api_version = api_version
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._expires: datetime | None = None

    def header(self) -> str | None:
        """Return the token; the program runs again a minute before the token expires."""
        with self._lock:
            if not self._token or self._expired():
                self._run()
            return f"Bearer {self._token}"

    def invalidate(self) -> None:
        """Run the program before the next request."""
        with self._lock:
            self._token = ""

    def _expired(self) -> bool:
        return self._expires is not None and (self._expires - self._now()).total_seconds() < _EARLY_SECONDS

    def _run(self) -> None:
        program = self._command[0]
        request = {"apiVersion": self._api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
        environ = os.environ | dict(self._environ) | {"KUBERNETES_EXEC_INFO": json.dumps(request)}
        try:
            done = subprocess.run(
                self._command,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PLUGIN_SECONDS,
                check=True,
            )
            status = json.loads(done.stdout)["status"]
            self._token = status["token"]
            expires = status.get("expirationTimestamp")
            self._expires = datetime.fromisoformat(expires) if expires else None
        except FileNotFoundError:
            raise AuthorizationError(f"The kubeconfig's plugin {program} is not installed.") from None
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
            # Neither what it printed nor its arguments: both may hold credentials.
            raise AuthorizationError(
                f"The kubeconfig's plugin {program} gave no token. Run kubectl once to see why."
            ) from None
