"""One configuration of W&B as an immutable Secret: the variable, where its entries come from, and what it replaces.

Everything that is needed to go on after our statuses were lost stands in it. Two configurations are compared by content;
nothing outside the Secret, not even a hash, tells about it.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from wandb_byob.decide.variable import EnvVar, Slot
from wandb_byob.model import names

INSTANCE_UID: Final = f"{names.GROUP}/instance-uid"
_LABEL_LENGTH: Final = 63


@dataclass(frozen=True, kw_only=True, repr=False)
class Before:
    """A workload as it was when a configuration was made: what a rollback restores, and whether it may.

    `template` is a digest of its pod template without our variable; `healthy` False: it did not run well before either, so
    that its state says nothing about the new configuration.
    """

    template: str
    healthy: bool
    env: Mapping[str, EnvVar | None]


@dataclass(frozen=True, kw_only=True, repr=False)
class Configuration:
    """What one file-store Secret holds; `before` maps `Kind/name` of a workload to what it had."""

    value: str
    separator: str
    provenance: Mapping[str, str]
    before: Mapping[str, Before]

    def same_list(self, other: "Configuration") -> bool:
        """Say whether both put the same into the variable."""
        return self.value == other.value and self.provenance == other.provenance

    def restores(self, slot: Slot) -> tuple[bool, EnvVar | None]:
        """Return whether it is known what a container had before, and what (None: no entry)."""
        before = self.before.get(f"{slot.kind}/{slot.workload}")
        if before is None or slot.container not in before.env:
            return False, None
        return True, before.env[slot.container]


@dataclass(frozen=True, kw_only=True, repr=False)
class Stored:
    """A file-store Secret that exists."""

    name: str
    uid: str
    created: datetime
    configuration: Configuration = field(repr=False)

    def __repr__(self) -> str:
        return f"Stored({self.name!r})"


def instance_label(instance: str) -> str:
    """Return the label's value for an instance; a name too long for a label is cut and told apart by a digest."""
    if len(instance) <= _LABEL_LENGTH:
        return instance
    return f"{instance[:46].rstrip('.-')}-{hashlib.sha256(instance.encode()).hexdigest()[:16]}"


def secret_body(configuration: Configuration, *, instance: str, namespace: str, uid: str) -> dict[str, Any]:
    """Return the Secret to create. It has no owner: garbage collection would break the next start of a pod."""
    data = {
        names.FILE_STORES: configuration.value.encode("utf-8", "surrogateescape"),
        names.PROVENANCE: _dump({"separator": configuration.separator, "entries": dict(configuration.provenance)}),
        names.PREVIOUS: _dump({key: _before_to_wire(before) for key, before in configuration.before.items()}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "generateName": f"{instance}-file-stores-",
            "namespace": namespace,
            "labels": {names.INSTANCE: instance_label(instance), INSTANCE_UID: uid},
        },
        "type": "Opaque",
        "immutable": True,
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def stored(secret: Mapping[str, Any]) -> Stored | None:
    """Read one of our Secrets; None where it holds no configuration (somebody else's with our label, or damaged)."""
    try:
        configuration = _configuration(secret.get("data") or {})
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    metadata = secret["metadata"]
    created = datetime.fromisoformat(metadata["creationTimestamp"]).astimezone(UTC)
    return Stored(name=metadata["name"], uid=metadata["uid"], created=created, configuration=configuration)


def _configuration(data: Mapping[str, str]) -> Configuration:
    provenance = json.loads(decoded(data[names.PROVENANCE]))
    previous = json.loads(decoded(data[names.PREVIOUS]))
    return Configuration(
        value=decoded(data[names.FILE_STORES]),
        separator=str(provenance["separator"]),
        provenance={str(key): str(value) for key, value in provenance["entries"].items()},
        before={str(key): _before_from_wire(value) for key, value in previous.items()},
    )


def decoded(data: str) -> str:
    """Return a value of a Secret's `data` as text that can be turned back into the same bytes; raises ValueError."""
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "surrogateescape")
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _before_to_wire(before: Before) -> dict[str, Any]:
    return {"template": before.template, "healthy": before.healthy, "env": dict(before.env)}


def _before_from_wire(wire: Mapping[str, Any]) -> Before:
    return Before(template=str(wire["template"]), healthy=bool(wire["healthy"]), env=dict(wire["env"]))


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
