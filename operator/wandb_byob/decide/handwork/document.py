"""What a document to set by hand is, and for whom it is written."""

import json
from dataclasses import dataclass
from typing import Any, Final

PLACEHOLDER: Final = "REPLACE-ME"
"""Stands for a name that is not known here."""
REPLACES: Final = "It takes the place of what is set now: where there is something, merge it in first."


@dataclass(frozen=True, kw_only=True)
class Reader:
    """The W&B that reads the bucket, as far as policies name it (providers.base.Tenant has the same).

    `namespace`: where its pods run, "" for W&B's own clouds.
    """

    deployment_type: str
    origins: tuple[str, ...]
    identity: str | None = None
    org_id: str | None = None
    namespace: str = ""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One thing to set: `name` is what a user asks for it by, `body` goes out as JSON.

    `command` are the words of a command that applies it, without the shell's quotes; none where no command is common to the
    stores. `file` is the name of a file with the body that the command reads ("": the command has all it needs).
    """

    name: str
    purpose: str
    body: Any
    command: tuple[str, ...] = ()
    caution: str = ""
    file: str = ""


def text(body: Any) -> str:
    """Return a body as commands take it: JSON in one line."""
    return json.dumps(body, separators=(",", ":"))
