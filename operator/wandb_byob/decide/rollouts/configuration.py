"""One configuration of W&B as an immutable Secret: the settings, where their contents come from, and what they replace.

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

from wandb_byob.decide import bucket_forms
from wandb_byob.decide.rollouts.variable import VARIABLE, EnvVar, Reading, Settings, Slot, key_of, reference, refers_to
from wandb_byob.model import names

INSTANCE_UID: Final = f"{names.GROUP}/instance-uid"
_LABEL_LENGTH: Final = 63


@dataclass(frozen=True, kw_only=True, repr=False)
class Before:
    """A workload as it was when a configuration was made: what a rollback restores (by `Slot.within`), and whether it may.

    `template` is a digest of its pod template without our settings; `healthy` False: it did not run well before either, so
    that its state says nothing about the new configuration.
    """

    template: str
    healthy: bool
    env: Mapping[str, EnvVar | None]


@dataclass(frozen=True, kw_only=True, repr=False)
class Configuration:
    """What one of our Secrets holds: `values` are the settings that it governs, all others are none of its business.

    `storage` is the uid of the BucketStore that the instance's own bucket comes from ("" for none of ours). `before` maps
    `Kind/name` of a workload to what it had.
    """

    values: Settings
    separator: str
    provenance: Mapping[str, str]
    before: Mapping[str, Before]
    storage: str = ""

    @property
    def value(self) -> str:
        """Return the list of file stores, "" where it is not governed."""
        return self.values.get(VARIABLE) or ""

    def restores(self, slot: Slot) -> tuple[bool, EnvVar | None]:
        """Return whether it is known what stood in a slot before, and what (None: no entry)."""
        before = self.before.get(f"{slot.kind}/{slot.workload}")
        if before is None or slot.within not in before.env:
            return False, None
        return True, before.env[slot.within]


@dataclass(frozen=True, kw_only=True, repr=False)
class Stored:
    """One of our Secrets that exists."""

    name: str
    uid: str
    created: datetime
    configuration: Configuration = field(repr=False)

    def __repr__(self) -> str:
        return f"Stored({self.name!r})"

    def governs(self, slot: Slot) -> bool:
        """Say whether this configuration says what is to stand there."""
        return slot.setting in self.configuration.values

    def entry(self, slot: Slot) -> EnvVar | None:
        """Return what is to stand in a slot that it governs."""
        return entry(self.configuration, slot, secret=self.name)

    def stands_in(self, reading: Reading) -> bool:
        """Say whether a slot that it governs has just what it wants there."""
        setting, wanted = reading.slot.setting, self.entry(reading.slot)
        if wanted is None:
            return reading.env is None
        if setting in bucket_forms.FORMS:
            return bucket_forms.stands(setting, reading.env, wanted)
        return refers_to(reading.env, self.name, setting)


def entry(configuration: Configuration, slot: Slot, *, secret: str) -> EnvVar | None:
    """Return what is to stand in a slot that the configuration governs, once it is in the Secret of this name."""
    value = configuration.values[slot.setting]
    if value is None:
        return None
    if slot.setting in bucket_forms.FORMS:
        return bucket_forms.entry(slot.setting, value, secret=secret)
    return reference(secret, slot.setting)


def instance_label(instance: str) -> str:
    """Return the label's value for an instance; a name too long for a label is cut and told apart by a digest."""
    if len(instance) <= _LABEL_LENGTH:
        return instance
    return f"{instance[:46].rstrip('.-')}-{hashlib.sha256(instance.encode()).hexdigest()[:16]}"


def secret_body(configuration: Configuration, *, instance: str, namespace: str, uid: str) -> dict[str, Any]:
    """Return the Secret to create. It has no owner: garbage collection would break the next start of a pod."""
    given = {setting: value for setting, value in configuration.values.items() if value is not None}
    texts = {key_of(setting): value for setting, value in given.items()}
    for form in given.keys() & set(bucket_forms.FORMS):
        texts |= bucket_forms.data(form, given[form])
    data = {
        **{key: value.encode("utf-8", "surrogateescape") for key, value in texts.items()},
        names.PROVENANCE: _dump(_provenance_to_wire(configuration)),
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
    values = {setting: decoded(data[key_of(setting)]) for setting in provenance["settings"]}
    return Configuration(
        values=values | dict.fromkeys(provenance["absent"]),
        separator=str(provenance["separator"]),
        provenance={str(key): str(value) for key, value in provenance["entries"].items()},
        before={str(key): _before_from_wire(value) for key, value in previous.items()},
        storage=str(provenance["storage"]),
    )


def _provenance_to_wire(configuration: Configuration) -> dict[str, Any]:
    values = configuration.values
    return {
        "separator": configuration.separator,
        "entries": dict(configuration.provenance),
        "settings": sorted(setting for setting in values if values[setting] is not None),
        "absent": sorted(setting for setting in values if values[setting] is None),
        "storage": configuration.storage,
    }


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
