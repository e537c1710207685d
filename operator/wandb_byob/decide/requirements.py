"""What W&B itself must have for a bucket: a version that knows the feature, and for CoreWeave without keys a Secret of W&B's own.

The numbers and names are W&B's: its page on bringing one's own bucket, its release notes, its chart.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from wandb_byob.decide import versions
from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

KEYLESS_SECRET: Final = "gorilla-coreweave-caios"  # noqa: S105 (a Secret's name)
KEYLESS_KEYS: Final = (
    "GORILLA_COREWEAVE_WANDB_INTEGRATION_ACCESS_ID",
    "GORILLA_COREWEAVE_WANDB_INTEGRATION_SECRET_KEY",
)
"""What W&B's chart gives its pods from that Secret where it is there, under the same names, and nothing where it is not."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """Which W&B runs: the versions of its server and its chart, None where nothing tells."""

    server: str | None = None
    chart: str | None = None


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a feature takes; `chart` only where W&B is self-managed, "" where any will do."""

    feature: str
    server: str
    chart: str = ""


_COREWEAVE: Final = Need(feature="CoreWeave AI Object Storage", server="0.73.0", chart="0.33.14")
_ASSUMED_ROLE: Final = Need(feature="spec.s3.externalID (a role that W&B assumes)", server="0.85.0")


def need(spec: BucketStoreSpec, deployment_type: str) -> Need | None:
    """Return what the bucket takes, None where any W&B will do; on Multi-tenant Cloud the newest runs."""
    if deployment_type == "MultiTenantCloud":
        return None
    if spec.provider == "CoreWeave":
        hosted = deployment_type != "SelfManaged"
        return Need(feature=_COREWEAVE.feature, server=_COREWEAVE.server) if hosted else _COREWEAVE
    return _ASSUMED_ROLE if spec.s3 is not None and spec.s3.external_id else None


def version_check(wanted: Need, running: Running) -> Check:
    """Return the check of W&B's version; raises `Stalled` with it where W&B is too old, so that no bucket is made for nothing."""
    needed = f"W&B server {wanted.server} or newer" + (f" and chart {wanted.chart} or newer" if wanted.chart else "")
    parts = tuple(_parts(wanted, running))
    there = " and ".join(f"{part.name} {part.there}" for part in parts if part.there is not None)
    if any(part.there is not None and versions.older(part.there, part.needed) for part in parts):
        check = _check(
            CheckResult.FAILED,
            f"{wanted.feature} takes {needed}, and there is {there}.",
            f"Upgrade W&B, or correct {_fields(parts)} of the WandbInstance if it runs a newer one.",
        )
        raise Stalled(Reason.NOT_AVAILABLE, f"{check.message} {check.remedy}", check=check)
    unknown = [part for part in parts if part.there is None]
    if unknown:
        what = " and ".join(part.name for part in unknown)
        return _check(
            CheckResult.WARNING,
            f"{wanted.feature} takes {needed}; the version of W&B's {what} is not known.",
            f"See that W&B is new enough, and set {_fields(unknown)} of the WandbInstance.",
        )
    return _check(CheckResult.PASSED, f"W&B is new enough for {wanted.feature}: {there}.")


@dataclass(frozen=True, kw_only=True)
class _Part:
    name: str
    needed: str
    there: str | None
    field: str


def _parts(wanted: Need, running: Running) -> Iterator[_Part]:
    yield _Part(name="server", needed=wanted.server, there=running.server, field="spec.version")
    if wanted.chart:
        yield _Part(name="chart", needed=wanted.chart, there=running.chart, field="spec.chartVersion")


def _fields(parts: Collection[_Part]) -> str:
    return " and ".join(part.field for part in parts)


def _check(result: CheckResult, message: str, remedy: str = "") -> Check:
    return Check(name=CheckName.WANDB_VERSION, result=result, message=message, remedy=remedy)


@dataclass(frozen=True, kw_only=True)
class Keyless:
    """What W&B has to reach CoreWeave without keys of ours: `present` are the keys of its Secret that hold something.

    `read`: a container of W&B's has the variables that the chart makes of them.
    """

    namespace: str
    present: frozenset[str]
    read: bool


def keyless_check(found: Keyless | None) -> Check:
    """Return the check of W&B's own keys for CoreWeave (None: W&B is not here to be looked at); without them `cw://` fails without a word."""
    name = CheckName.KEYLESS_SECRET
    if found is None:
        message = f"Whether W&B's pods have the Secret {KEYLESS_SECRET}, with which they reach CoreWeave, can't be seen from here."
        return Check(name=name, result=CheckResult.SKIPPED, message=message)
    missing = [key for key in KEYLESS_KEYS if key not in found.present]
    if missing:
        lacks = "is not there" if len(missing) == len(KEYLESS_KEYS) and not found.present else f"lacks {missing[0]}"
        return Check(
            name=name,
            result=CheckResult.FAILED,
            message=f"The Secret {KEYLESS_SECRET} in namespace {found.namespace} {lacks}: without it W&B cannot sign for CoreWeave, "
            "and does not say so.",
            remedy=f"Ask W&B support for the keys of W&B's CoreWeave user, put them into that Secret as {' and '.join(KEYLESS_KEYS)}, "
            "and restart W&B. Or give keys of your own in spec.credentials.secretRef.",
        )
    if not found.read:
        return Check(
            name=name,
            result=CheckResult.WARNING,
            message=f"The Secret {KEYLESS_SECRET} is there, but no container of W&B has the variable {KEYLESS_KEYS[0]}.",
            remedy=f"Upgrade W&B's chart to {_COREWEAVE.chart} or newer, which hands it to W&B's pods.",
        )
    message = f"W&B's pods have the keys for CoreWeave from the Secret {KEYLESS_SECRET}."
    return Check(name=name, result=CheckResult.PASSED, message=message)
