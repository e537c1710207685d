"""W&B's SCIM API as far as it lists teams (groups): where to ask, as whom, and what an answer says."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from wandb_byob.decide.endpoints import Endpoint, Refusal, parse_endpoint

PAGE: Final = 100
"""How many groups are asked for at once; a server may give fewer."""
MOST_TEAMS: Final = 10_000


class ScimError(Exception):
    """The teams could not be read; the text is for the user and quotes nothing of a credential."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A user's API key, or (without a user) that of a service account."""

    user: str = ""
    key: str = field(repr=False)

    @property
    def header(self) -> str:
        """The value of `Authorization`: W&B takes HTTP Basic, also on servers before 0.79.0."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.key}".encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Page:
    """The names on one page of the list; `after` is the number of the first group behind it, None at the end."""

    names: tuple[str, ...]
    after: int | None


def credentials(text: str) -> Credentials:
    """Read `user:key`, `:key` or `key`; raises `ScimError`."""
    lines = text.strip().splitlines()
    if len(lines) != 1 or not lines[0].isprintable():
        raise ScimError("the credentials are not one line such as user:key, or :key for a service account")
    user, colon, key = lines[0].rpartition(":")
    if not key:
        raise ScimError("the credentials have no API key; write user:key, or :key for a service account")
    return Credentials(user=user if colon else "", key=key)


def place(base_url: str) -> tuple[Endpoint, str]:
    """Return where SCIM is: an endpoint and the path below it; raises `ScimError`."""
    parts = urlsplit(base_url)
    endpoint = parse_endpoint(f"{parts.scheme}://{parts.netloc}", field="W&B's address")
    if isinstance(endpoint, Refusal):
        raise ScimError(f"{endpoint.message} {endpoint.remedy}")
    return endpoint, parts.path.rstrip("/")


def page(status: int, body: bytes, *, start: int) -> Page:
    """Return what one answer lists; `start` is the number of the first group that was asked for. Raises `ScimError`."""
    if status in (401, 403):
        raise ScimError(
            f"W&B refused the API key ({status}). It must be that of an administrator of the organization, or of a service account "
            "of the organization."
        )
    if status != 200:
        raise ScimError(
            f"W&B answered {status} to the question for its teams. Is {'SCIM' if status == 404 else 'W&B'} there?"
        )
    try:
        document = json.loads(body)
        names = tuple(_name(group) for group in document.get("Resources") or ())
        total = int(document["totalResults"])
    except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ScimError("what answered is no SCIM API: its list of groups cannot be read") from error
    after = start + len(names)
    if total > MOST_TEAMS:
        raise ScimError(f"W&B has {total} teams, and more than {MOST_TEAMS} are not read")
    return Page(names=names, after=after if names and after <= total else None)


def too_slow(seconds: float, *, read: int) -> ScimError:
    """Return the error for a list that took too long; `read` is how many of its names had come by then."""
    return ScimError(
        f"W&B's SCIM API is slow: {read} teams were read when the {seconds:g} seconds that all of them may take were over. Try again when "
        "W&B answers faster, or go on without its teams and write teamstorages.yaml by hand."
    )


def _name(group: Any) -> str:
    name = group["displayName"]
    if not isinstance(name, str) or not name:
        raise ValueError("a group has no name")
    return name
