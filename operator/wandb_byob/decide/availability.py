"""What W&B offers where: its table of scopes, providers and deployment types, cell by cell."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal

from wandb_byob.decide.blocks import PROVIDERS
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

DeploymentType = Literal["SelfManaged", "DedicatedCloud", "MultiTenantCloud"]


class Scope(StrEnum):
    """Whose files the bucket keeps: the whole instance's, or one team's."""

    INSTANCE = "instance"
    TEAM = "team"


class Offer(StrEnum):
    """`SUPPORT`: W&B offers it, but only W&B support can set it up."""

    AVAILABLE = "Available"
    SUPPORT = "Support"
    NOT_AVAILABLE = "NotAvailable"


_ALL: Final = dict.fromkeys(PROVIDERS, Offer.AVAILABLE)
_NONE: Final = dict.fromkeys(PROVIDERS, Offer.NOT_AVAILABLE)

TABLE: Final[dict[tuple[DeploymentType, Scope], dict[str, Offer]]] = {
    ("SelfManaged", Scope.INSTANCE): {**_ALL, "CoreWeave": Offer.SUPPORT},
    ("SelfManaged", Scope.TEAM): _ALL,
    ("DedicatedCloud", Scope.INSTANCE): {**_ALL, "CoreWeave": Offer.SUPPORT},
    ("DedicatedCloud", Scope.TEAM): _ALL,
    ("MultiTenantCloud", Scope.INSTANCE): _NONE,
    ("MultiTenantCloud", Scope.TEAM): {**_ALL, "Azure": Offer.NOT_AVAILABLE, "S3Compatible": Offer.NOT_AVAILABLE},
}


_OR_W_AND_BS_PODS: Final = ", or let W&B's pods look: verification.from Workload with dataPath true"


def offer(deployment: DeploymentType, scope: Scope, provider: str) -> Offer:
    """Return what W&B offers in this cell of the table."""
    return TABLE[deployment, scope][provider]


def require(deployment: DeploymentType, scope: Scope, provider: str | None = None) -> None:
    """Raise `Stalled` with a sentence that says what there is, where W&B does not offer this; without a provider, on none at all."""
    there = [name for name, cell in TABLE[deployment, scope].items() if cell is not Offer.NOT_AVAILABLE]
    if provider in there or (provider is None and there):
        return
    instead = (
        f"It offers {_listed(there)} there."
        if there
        else "Remove spec.storage of the WandbInstance, and give each team a bucket of its own."
    )
    level = "for the instance" if scope is Scope.INSTANCE else "for a team"
    on = f" on {provider}" if provider is not None else ""
    raise Stalled(Reason.NOT_AVAILABLE, f"W&B does not offer a bucket {level}{on} with {deployment}. {instead}")


def require_witness(deployment: DeploymentType, source: str | None, *, seen: bool, provider: str = "S3") -> None:
    """Raise `Stalled` where a self-managed W&B would get the address of a bucket that nobody here has looked at.

    `seen`: the operator has keys, or an identity, to ask the store with. On W&B's own clouds nothing is configured from here.
    """
    if deployment != "SelfManaged":
        return
    if source == "WandbAccount":
        raise Stalled(
            Reason.NOT_AVAILABLE,
            "credentials.source WandbAccount is for Dedicated and Multi-tenant Cloud, where W&B's own account signs. A self-managed "
            "W&B signs with keys (source Secret) or with its pods' identity (source Ambient).",
        )
    if not seen:
        # For CoreWeave W&B's pods have no identity that a Job could share, but keys in a Secret of W&B's own.
        other = "" if provider == "CoreWeave" else _OR_W_AND_BS_PODS
        raise Stalled(
            Reason.INVALID_SPEC,
            "Nobody here can look at the bucket: W&B's pods sign with an identity of their own (credentials.source Ambient), and "
            "spec.provisioning is not set. Set spec.provisioning to keys that may read the bucket's configuration (with "
            f"managementPolicy Observe nothing is changed){other}.",
        )


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
