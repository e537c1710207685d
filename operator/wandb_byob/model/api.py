"""The API's types, generated from crds/*.yaml by hack/generate.py: do not edit.

`msgspec.convert(obj, type=BucketStore)` reads what the API server returns, `msgspec.to_builtins` gives the form on the wire.
Limits and rules (lengths, patterns, CEL) are the API server's business and not repeated here. Fields at their default may be left out
of the wire form: to see whether two objects differ, compare the classes. Absent lists and maps read as empty ones, an absent status
as an empty status.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct, field, json


class AzureSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A container in Azure Blob Storage."""

    storage_account: str
    container: str
    tenant_id: str | None = field(name="tenantID", default=None)
    client_id: str | None = field(name="clientID", default=None)
    subscription_id: str | None = field(name="subscriptionID", default=None)
    resource_group: str | None = None


class BucketStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The bucket, once it is in place."""

    created: bool
    adopted: bool
    identity: str
    assumed: bool | None = None
    owner: str | None = None
    region: str | None = None
    url: str | None = None


class ObjectMeta(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The part of Kubernetes' own metadata that the operator looks at; the rest is ignored."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()


class SecretKeys(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Names of the keys inside the Secret, where they differ from the usual."""

    access_key_id: str | None = field(name="accessKeyID", default=None)
    secret_access_key: str | None = None
    session_token: str | None = None
    service_account_json: str | None = field(name="serviceAccountJSON", default=None)
    account_key: str | None = None


class SecretReference(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A Secret in the BucketStore's own namespace that holds the keys."""

    name: str
    keys: SecretKeys | None = None


class Credentials(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Who signs W&B's requests to the bucket."""

    source: Literal["Secret", "Ambient", "WandbAccount"] | None = None
    secret_ref: SecretReference | None = None


class LabelSelectorRequirement(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One condition on a label."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class LabelSelector(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Labels that an object must have."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class NamespaceGrant(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Which namespaces' objects may refer to this one."""

    from_: Literal["Same", "All", "Selector"] = field(name="from", default="Same")
    selector: LabelSelector | None = None


class Cors(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the bucket's CORS configuration must allow."""

    allowed_origins: tuple[str, ...] = ()


class Verification(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How often and from where the bucket is checked."""

    interval: str = "5m"
    data_path: bool | None = None
    data_path_interval: str = "24h"
    from_: Literal["Operator", "Workload"] = field(name="from", default="Operator")


class S3Spec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A bucket in AWS S3."""

    bucket: str
    region: str
    account_id: str | None = field(name="accountID", default=None)
    kms_key_arn: str | None = field(name="kmsKeyARN", default=None)
    external_id: str | None = field(name="externalID", default=None)
    endpoint: str | None = None


class DirectAccess(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Lets users of your own CoreWeave organization work with the bucket directly, besides W&B: adds the policy statement AllowUsersInOrg (s3:* for the organization)."""

    organization_id: str = field(name="organizationID")


class CoreWeaveSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A bucket in CoreWeave AI Object Storage, at https://cwobject.com."""

    bucket: str
    availability_zone: str | None = None
    direct_access: DirectAccess | None = None


class GcsSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A bucket in Google Cloud Storage."""

    bucket: str
    project_id: str | None = field(name="projectID", default=None)
    location: str | None = None


class CABundleReference(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Certificates (PEM) of a private authority that signed the endpoint's certificate."""

    name: str
    kind: Literal["Secret", "ConfigMap"] = "ConfigMap"
    key: str = "ca.crt"


class S3CompatibleSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A bucket in a store with the S3 API that is not AWS or CoreWeave, such as MinIO, Ceph or StorageGRID."""

    bucket: str
    endpoint: str
    region: str
    addressing_style: Literal["Auto", "Path", "Virtual"] = "Auto"
    ca_bundle_ref: CABundleReference | None = None


class ObjectReference(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A reference to an object, by default in the referrer's own namespace."""

    name: str
    namespace: str | None = None


class Provisioning(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the operator configures the bucket with."""

    source: Literal["Secret", "Operator", "None"] | None = None
    secret_ref: SecretReference | None = None


class BucketStoreSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the bucket is, which W&B it belongs to, and what the operator may do with it."""

    provider: Literal["S3", "CoreWeave", "GCS", "Azure", "S3Compatible"]
    credentials: Credentials
    s3: S3Spec | None = None
    core_weave: CoreWeaveSpec | None = None
    gcs: GcsSpec | None = None
    azure: AzureSpec | None = None
    s3_compatible: S3CompatibleSpec | None = None
    instance_ref: ObjectReference | None = None
    provisioning: Provisioning | None = None
    probe_path: str | None = None
    management_policy: Literal["Manage", "Observe"] = "Manage"
    adoption_policy: Literal["Refuse", "Adopt"] = "Refuse"
    deletion_policy: Literal["Retain", "Delete"] = "Retain"
    allowed_namespaces: NamespaceGrant = NamespaceGrant()
    cors: Cors = Cors()
    verification: Verification = Verification()


class HandOver(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What must be told to W&B, where nothing in the cluster can be configured."""

    recipient: str
    text: str


class Condition(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One aspect of the object's state, as a Kubernetes condition."""

    type: str
    status: Literal["True", "False", "Unknown"]
    last_transition_time: datetime
    reason: str
    message: str
    observed_generation: int | None = None


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The result of one check."""

    name: str
    result: Literal["Passed", "Failed", "Warning", "Skipped"]
    message: str
    path: str = ""
    remedy: str | None = None


class PlannedChange(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One change that would be made."""

    change: str
    message: str


class BucketStoreStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the operator found and did."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    instance_ref: ObjectReference | None = None
    bucket: BucketStatus | None = None
    checks: tuple[Check, ...] = ()
    plan: tuple[PlannedChange, ...] = ()
    hand_over: HandOver | None = None
    verified_inputs: str | None = None
    observed_reconcile_request: str | None = None


class BucketStore(Struct, frozen=True, kw_only=True, rename="camel"):
    """One bucket of yours that W&B is to keep files in, attached to one W&B."""

    metadata: ObjectMeta
    spec: BucketStoreSpec
    api_version: str = "byob.wandb.com/v1alpha1"
    kind: str = "BucketStore"
    status: BucketStoreStatus = BucketStoreStatus()


class CreateTeam(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Create the team in W&B (through SCIM), once the bucket is verified and W&B is rolled out."""

    members: tuple[str, ...] = ()


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One entry of the variable."""

    address: str
    source: Literal["BucketStore", "Kept", "Shared"]
    identity: str | None = None
    bucket_store_ref: ObjectReference | None = None


class FailedConfiguration(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The last configuration whose rollout failed."""

    secret_name: str
    reason: str
    message: str
    time: datetime
    reconcile_request: str | None = None


class FileStores(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How the variable GORILLA_SUPPORTED_FILE_STORES is written."""

    separator: Literal[",", ";", "|", " ", "\n"] = ","
    take_ownership: bool = False


class FormStep(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One step on W&B's page."""

    field_: str = field(name="field")
    value: str


class InstanceForm(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What System Console > Settings > System Connections must show for the instance's storage."""

    provider: str
    bucket_name: str
    path: str | None = None
    warning: str | None = None


class LocalReference(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A reference to an object in the referrer's own namespace."""

    name: str


class InstanceStorage(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A bucket of your own for the instance itself, besides those of teams."""

    bucket_store_ref: LocalReference
    path: str | None = None
    take_ownership: bool = False


class Reverted(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The last time that somebody set the variable back and it was written again."""

    secret_name: str
    time: datetime
    by: str | None = None
    workloads: tuple[str, ...] = ()
    reconcile_request: str | None = None


class RolloutWindow(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A time that returns, in which W&B may be restarted."""

    schedule: str
    duration: str
    time_zone: str = "Etc/UTC"


class Rollout(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """When and how W&B is restarted."""

    max_wait: str = "2m"
    minimum_interval: str | None = None
    timeout: str = "15m"
    on_failure: Literal["RollBack", "Keep"] = "RollBack"
    windows: tuple[RolloutWindow, ...] = ()


class Scim(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How teams are created in W&B (TeamStorage.spec.createTeam)."""

    credentials_secret_ref: LocalReference
    base_url: str | None = field(name="baseURL", default=None)


class StorageEntry(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The bucket in which W&B keeps the instance's own files, as far as spec.storage has a say in it."""

    address: str
    source: Literal["BucketStore", "Kept"]
    identity: str | None = None
    path: str | None = None
    bucket_store_ref: LocalReference | None = None


class WorkloadsTarget(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Deployments and StatefulSets whose environment the variable is put into, by label or by name."""

    selector: LabelSelector | None = None
    names: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()


class WeightsAndBiasesTarget(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The WeightsAndBiases object of W&B's own operator, v1 or v2, whichever version is stored."""

    name: str


class Target(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Where W&B reads its configuration, in this namespace."""

    workloads: WorkloadsTarget | None = None
    weights_and_biases: WeightsAndBiasesTarget | None = None


class TeamStorageSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Which team, which bucket, and where in it."""

    bucket_store_ref: ObjectReference
    team: str | None = None
    path: str | None = None
    path_overlap: Literal["Refuse", "Allow"] = "Refuse"
    create_team: CreateTeam | None = None


class TeamStorageStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the operator found and did."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    identity: str | None = None
    address: str | None = None
    path: str | None = None
    form: tuple[FormStep, ...] = ()
    hand_over: HandOver | None = None
    observed_reconcile_request: str | None = None


class TeamStorage(Struct, frozen=True, kw_only=True, rename="camel"):
    """The storage of one W&B team: a bucket, and where in it."""

    metadata: ObjectMeta
    spec: TeamStorageSpec
    api_version: str = "byob.wandb.com/v1alpha1"
    kind: str = "TeamStorage"
    status: TeamStorageStatus = TeamStorageStatus()


class WandbInstanceSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What W&B it is, where it reads its configuration, and how it may be rolled out."""

    deployment_type: Literal["SelfManaged", "DedicatedCloud", "MultiTenantCloud"]
    host: str
    version: str | None = None
    chart_version: str | None = None
    wandb_org_id: str | None = field(name="wandbOrgID", default=None)
    identity: str | None = None
    target: Target | None = None
    storage: InstanceStorage | None = None
    file_stores: FileStores = FileStores()
    rollout: Rollout = Rollout()
    allowed_namespaces: NamespaceGrant = NamespaceGrant()
    scim: Scim | None = None


class WorkloadStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One workload that gets the variable."""

    kind: str
    name: str
    state: Literal["Current", "Progressing", "Failed", "NotWaitedFor", "Pending"]
    containers: tuple[str, ...] = ()
    message: str | None = None


class WandbInstanceStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the operator found and did."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    entries: tuple[Entry, ...] = ()
    storage: StorageEntry | None = None
    secret_name: str | None = None
    last_good_secret_name: str | None = None
    variable_bytes: int | None = None
    workloads: tuple[WorkloadStatus, ...] = ()
    failed: FailedConfiguration | None = None
    reverted: Reverted | None = None
    form: InstanceForm | None = None
    not_offered: tuple[str, ...] = ()
    hand_over: HandOver | None = None
    version: str | None = None
    observed_reconcile_request: str | None = None


class WandbInstance(Struct, frozen=True, kw_only=True, rename="camel"):
    """One W&B, which reads the buckets."""

    metadata: ObjectMeta
    spec: WandbInstanceSpec
    api_version: str = "byob.wandb.com/v1alpha1"
    kind: str = "WandbInstance"
    status: WandbInstanceStatus = WandbInstanceStatus()


# msgspec prepares a class when something is first read into it, and two threads that do so at once end the process (a null pointer
# in msgspec 0.22): so all classes are prepared here, in the one thread that imports this module.
for _kind in (BucketStore, TeamStorage, WandbInstance):
    json.Decoder(_kind)
