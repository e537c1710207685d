"""What to set by hand on a storage account of Azure: for its containers CORS, soft delete and versioning are the account's."""

from collections.abc import Iterator

from wandb_byob.decide import blocks
from wandb_byob.decide.clouds.azure_container import RETENTION_DAYS
from wandb_byob.decide.clouds.azure_identity import AUDIENCE, ROLES, installed, subject
from wandb_byob.decide.clouds.azure_origins import rule
from wandb_byob.decide.clouds.cors import MAX_AGE_SECONDS
from wandb_byob.decide.handwork.document import PLACEHOLDER, Document, Reader
from wandb_byob.decide.probing.browsers import METHODS
from wandb_byob.model.api import AzureSpec, BucketStoreSpec


def azure(spec: BucketStoreSpec, reader: Reader) -> Iterator[Document]:
    """Yield CORS, soft delete and versioning of the account, and for a managed identity its roles and how pods become it."""
    if spec.azure is None:
        raise blocks.missing("Azure")
    store = spec.azure
    yield _cors(store, reader)
    yield _protection(store)
    if spec.credentials.secret_ref is None:
        for role in ROLES:
            yield _role(store, role)
        yield _federated(store, reader)


def _cors(store: AzureSpec, reader: Reader) -> Document:
    wanted = rule(reader.origins)
    body = {
        "allowedOrigins": wanted["AllowedOrigins"],
        "allowedMethods": wanted["AllowedMethods"],
        "allowedHeaders": wanted["AllowedHeaders"],
        "exposedHeaders": wanted["ExposeHeaders"],
        "maxAgeInSeconds": wanted["MaxAgeSeconds"],
    }
    words = ("az", "storage", "cors", "add", "--account-name", store.storage_account, "--services", "b")
    return Document(
        name="cors",
        purpose=f"lets browsers at {', '.join(reader.origins)} use signed URLs",
        body={"corsRules": [body]},
        command=(
            *(*words, "--origins", *reader.origins, "--methods", *METHODS),
            *("--allowed-headers", "*", "--exposed-headers", "*", "--max-age", str(MAX_AGE_SECONDS)),
        ),
        caution="It holds for every container of the storage account, and is added to the rules that are there.",
    )


def _protection(store: AzureSpec) -> Document:
    words = ("az", "storage", "account", "blob-service-properties", "update", "--account-name", store.storage_account)
    days = str(RETENTION_DAYS)
    return Document(
        name="soft-delete",
        purpose="keeps what W&B's garbage collection of artifacts deletes by mistake, and what is overwritten",
        body={"deleteRetentionPolicy": {"enabled": True, "days": RETENTION_DAYS}, "isVersioningEnabled": True},
        command=(
            *(*words, "--resource-group", store.resource_group or PLACEHOLDER),
            *("--enable-delete-retention", "true", "--delete-retention-days", days, "--enable-versioning", "true"),
        ),
        caution="It holds for every container of the storage account.",
    )


def _role(store: AzureSpec, role: str) -> Document:
    group = (
        f"/subscriptions/{store.subscription_id or PLACEHOLDER}/resourceGroups/{store.resource_group or PLACEHOLDER}"
    )
    scope = f"{group}/providers/Microsoft.Storage/storageAccounts/{store.storage_account}"
    client = store.client_id or PLACEHOLDER
    return Document(
        name=f"role-{role.lower().replace(' ', '-')}",
        purpose=f"gives W&B's managed identity the role {role} on the storage account",
        body={"role": role, "assignee": client, "scope": scope},
        command=("az", "role", "assignment", "create", "--assignee", client, "--role", role, "--scope", scope),
    )


def _federated(store: AzureSpec, reader: Reader) -> Document:
    issuer = installed(reader.identity).issuer or f"https://{PLACEHOLDER}/"
    who = subject(namespace=reader.namespace or PLACEHOLDER, service_account=PLACEHOLDER)
    words = ("az", "identity", "federated-credential", "create", "--name", "wandb", "--identity-name", PLACEHOLDER)
    told = "The issuer is the OIDC issuer URL of W&B's cluster with its trailing /, the subject system:serviceaccount:<namespace>:<name>."
    if reader.deployment_type == "SelfManaged":
        told += " The pods need the label azure.workload.identity/use=true."
    else:
        told += " Ask your W&B account team for both."
    return Document(
        name="federated-credential",
        purpose="lets W&B's ServiceAccount become the managed identity; one for each ServiceAccount whose pods read files",
        body={"issuer": issuer, "subject": who, "audiences": [AUDIENCE]},
        command=(
            *(*words, "--resource-group", store.resource_group or PLACEHOLDER),
            *("--issuer", issuer, "--subject", who, "--audiences", AUDIENCE),
        ),
        caution=told,
    )
