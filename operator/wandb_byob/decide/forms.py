"""What a person has to do in W&B's web app, or tell W&B, for a team to get its storage.

`form` follows W&B's page "Create a new team" from top to bottom; `hand_over` is for deployments that are not in this
cluster. Neither holds a key.
"""

from collections.abc import Iterator
from typing import Final

from wandb_byob.decide.addresses import COREWEAVE_SHARED
from wandb_byob.decide.availability import DeploymentType
from wandb_byob.decide.buckets import bucket_name
from wandb_byob.decide.clouds import azure_identity
from wandb_byob.model.api import BucketStore, FormStep, HandOver

_PROVIDER_LABEL: Final = {
    "CoreWeave": "CoreWeave",
    "S3": "AWS",
    "GCS": "Google Cloud",
    "Azure": "Azure",
    "S3Compatible": "AWS (an S3-compatible store is entered as AWS: W&B's page has no entry of its own for it, and this is an "
    "assumption of ours)",
}


_BY_SCIM: Final = "W&B server 0.85.0 and newer; where the page has no such field, create the team by SCIM, whose storageBucket has awsExternalId"
_SUPPORT: Final = "W&B support"
_ACCOUNT_TEAM: Final = "Your W&B account team"
_VALIDATE_ALL: Final = "Please have W&B support validate the bucket and the team's settings first."
_VALIDATE_BUCKET: Final = "Please have W&B support validate the bucket first."


def form(store: BucketStore, *, team: str, path: str, address: str) -> tuple[FormStep, ...]:
    """Return the steps on W&B's page for this team; `address` is redacted."""
    return tuple(FormStep(field_=name, value=value) for name, value in _steps(store, team, path, address))


def _steps(store: BucketStore, team: str, path: str, address: str) -> Iterator[tuple[str, str]]:
    spec = store.spec
    if spec.provider == "CoreWeave":
        yield (
            "Before you start",
            "Have W&B support validate the bucket and the team's settings: storage cannot be changed once the team exists",
        )
    if spec.azure is not None and spec.credentials.secret_ref is None:
        yield (
            "Before you start",
            f"See that managed identity {spec.azure.client_id} has {azure_identity.federation('')}; byob policy prints the commands",
        )
    yield (
        "Log in",
        "As a user with the admin role; open the navigation at the top left, then Create a team to collaborate",
    )
    yield "Team name", team
    yield "Storage Type", "External"
    yield (
        "Bucket location",
        f"Choose {bucket_name(store)} in the list of existing buckets; only if it is not there, Add bucket and go on below",
    )
    yield "Cloud provider", _PROVIDER_LABEL.get(spec.provider, spec.provider)
    yield from _details(store, address)
    if path:
        yield "Path", path
    if spec.s3 is not None and spec.s3.kms_key_arn:
        yield "KMS key ARN", spec.s3.kms_key_arn
    if spec.s3 is not None and spec.s3.external_id:
        yield "External ID", f"{spec.s3.external_id} ({_BY_SCIM})"
    if spec.azure is not None:
        yield from _azure_identity(spec.azure.tenant_id, spec.azure.client_id)
    yield "Create team", "Click it when everything above is right: a team's storage cannot be changed afterwards"


def _details(store: BucketStore, address: str) -> Iterator[tuple[str, str]]:
    spec = store.spec
    if spec.azure is not None:
        yield "Account name", spec.azure.storage_account
        yield "Container name", spec.azure.container
    elif spec.provider == "CoreWeave":
        yield "Bucket name", bucket_name(store)
    else:
        yield "Bucket name", f"{address}{_whole(store)}" if "***" in address else address


def _whole(store: BucketStore) -> str:
    place = f"{store.metadata.name} --namespace {store.metadata.namespace}"
    return f" (in place of ***, {_keys(store)}: `byob address {place} --reveal` prints it so)"


def _keys(store: BucketStore) -> str:
    reference = store.spec.credentials.secret_ref
    where = f" in Secret {reference.name}" if reference is not None else ""
    return f"the keys{where}, each percent-encoded"


def _azure_identity(tenant: str | None, client: str | None) -> Iterator[tuple[str, str]]:
    if tenant:
        yield "Tenant ID", tenant
    if client:
        yield "Managed Identity Client ID", client


def _oidc(store: BucketStore) -> str:
    """Ask for what a managed identity of ours must trust of W&B's own cluster."""
    azure = store.spec.azure
    if azure is None or store.spec.credentials.secret_ref is not None:
        return ""
    return (
        f" W&B reads it as managed identity {azure.client_id} of tenant {azure.tenant_id}. Please tell us the OIDC issuer URL of the instance's "
        "cluster, with its trailing /, and the namespace and names of the ServiceAccounts that read files, so that we can give the identity "
        f"{azure_identity.federation('')}."
    )


def hand_over(store: BucketStore, deployment: DeploymentType, *, team: str, path: str, address: str) -> HandOver | None:
    """Return what W&B has to be told before this team is created, None where nothing has to be.

    Dedicated Cloud: the account team adds the address to the supported file stores, and on Azure without a key names the OIDC
    issuer. A CoreWeave team: support validates bucket and settings first.
    """
    place = f"{bucket_name(store)}, path {path}" if path else bucket_name(store)
    if deployment == "DedicatedCloud":
        validate = f" {_VALIDATE_ALL}" if store.spec.provider == "CoreWeave" else ""
        whom = f"It is for team {team} ({place}), which we create once you tell us that it is there."
        return _to_account_team(store, address, f"{whom}{validate}")
    if store.spec.provider == "CoreWeave":
        return HandOver(
            recipient=_SUPPORT,
            text=f"Please validate CoreWeave bucket {place} and the settings of team {team}, which will keep its files there. "
            "We create the team once you tell us that both are right, since a team's storage cannot be changed later.",
        )
    return None


def bucket_hand_over(store: BucketStore, deployment: DeploymentType, *, address: str) -> HandOver | None:
    """Return what W&B has to be told of a bucket, whichever teams will use it; None where nothing has to be."""
    if deployment == "DedicatedCloud":
        validate = f" {_VALIDATE_BUCKET}" if store.spec.provider == "CoreWeave" else ""
        whom = "It is for teams of ours, which we create once you tell us that it is there."
        return _to_account_team(store, address, f"{whom}{validate}")
    if store.spec.provider == "CoreWeave":
        return HandOver(
            recipient=_SUPPORT,
            text=f"Please validate CoreWeave bucket {bucket_name(store)} before we create teams that keep their files there: a team's storage "
            "cannot be changed later. We send you the settings of each team.",
        )
    return None


def instance_hand_over(
    store: BucketStore, deployment: DeploymentType, *, host: str, path: str, address: str
) -> HandOver | None:
    """Return what W&B has to be told of the bucket for the instance itself, None where it is configured from here.

    Dedicated Cloud: W&B's team sets it. CoreWeave: W&B support does, wherever W&B runs.
    """
    coreweave = store.spec.provider == "CoreWeave"
    place = f"{bucket_name(store)}, path {path}" if path else bucket_name(store)
    where = f"bucket {place} of CoreWeave AI Object Storage" if coreweave else f"{address}, path {path or 'none'}"
    later = " Files that are there already are not copied; please tell us when it is set."
    if deployment == "DedicatedCloud":
        keys = f" In place of *** belong {_keys(store)}; they follow over a secure channel." if "***" in address else ""
        who = f"{_ACCOUNT_TEAM}, and {_SUPPORT}" if coreweave else _ACCOUNT_TEAM
        text = (
            f"Please make this the storage of our Dedicated Cloud instance {host}: {where}.{keys}{_oidc(store)}{later}"
        )
        return HandOver(recipient=who, text=text)
    if coreweave and deployment == "SelfManaged":
        text = f"Please configure {where} as the storage of our self-managed W&B {host}.{later}"
        return HandOver(recipient=_SUPPORT, text=text)
    return None


def _to_account_team(store: BucketStore, address: str, whom: str) -> HandOver:
    keys = f" In place of *** belong {_keys(store)}; they follow over a secure channel." if "***" in address else ""
    what = f"add this bucket to the supported file stores of our Dedicated Cloud instance: {address}.{keys}"
    if address == COREWEAVE_SHARED:
        what = (
            f"make CoreWeave selectable on our Dedicated Cloud instance (the entry {address} of its supported file stores), for bucket "
            f"{bucket_name(store)}, whose policy lets W&B's own CoreWeave user in."
        )
    return HandOver(recipient=_ACCOUNT_TEAM, text=f"Please {what} {whom}{_oidc(store)}")
