"""One verified fact about a bucket, as it stands in `status.checks`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wandb_byob.model.texts import clean


class CheckResult(StrEnum):
    """The outcome of a check: only `Failed` keeps a bucket from being verified."""

    PASSED = "Passed"
    FAILED = "Failed"
    WARNING = "Warning"
    SKIPPED = "Skipped"


class CheckName(StrEnum):
    """The catalogue of checks; the name is what a user sees and searches the documentation for."""

    BUCKET_NAME = "BucketName"
    ENDPOINT_ALLOWED = "EndpointAllowed"
    ENDPOINT_REACHABLE = "EndpointReachable"
    TLS = "TLS"
    CLOCK_SKEW = "ClockSkew"
    CREDENTIALS = "Credentials"
    PROVISIONING_PERMISSION = "ProvisioningPermission"
    BUCKET_EXISTS = "BucketExists"
    REGION = "Region"
    OWNER = "Owner"
    CORS = "CORS"
    POLICY = "Policy"
    ENCRYPTION = "Encryption"
    KMS_KEY = "KMSKey"
    VERSIONING = "Versioning"
    SOFT_DELETE = "SoftDelete"
    PUBLIC_ACCESS = "PublicAccess"
    UNIFORM_ACCESS = "UniformAccess"
    LIFECYCLE = "Lifecycle"
    STORAGE_ACCOUNT = "StorageAccount"
    IMMUTABILITY = "Immutability"
    MANAGED_IDENTITY = "ManagedIdentity"
    PROVIDER_CHOICE = "ProviderChoice"
    TRUST = "Trust"
    WANDB_VERSION = "WandbVersion"
    KEYLESS_SECRET = "KeylessSecret"  # noqa: S105 (a check's name)
    PUT_OBJECT = "PutObject"
    OVERWRITE_OBJECT = "OverwriteObject"
    GET_OBJECT = "GetObject"
    LIST_OBJECTS = "ListObjects"
    DELETE_OBJECT = "DeleteObject"
    KEY_ENCODING = "KeyEncoding"
    SIGNING = "Signing"
    SIGNED_PUT = "SignedPut"
    SIGNED_GET = "SignedGet"
    PREFLIGHT = "Preflight"
    ETAG_EXPOSED = "ETagExposed"
    CLEAN_UP = "CleanUp"
    WORKLOAD_PROBE = "WorkloadProbe"


OF_A_PATH: Final = frozenset(
    {
        CheckName.PUT_OBJECT,
        CheckName.OVERWRITE_OBJECT,
        CheckName.GET_OBJECT,
        CheckName.LIST_OBJECTS,
        CheckName.DELETE_OBJECT,
        CheckName.KEY_ENCODING,
        CheckName.SIGNED_PUT,
        CheckName.SIGNED_GET,
        CheckName.CLEAN_UP,
    }
)
"""The checks that are made under each declared path; all others are about the bucket as a whole."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was looked at, what came out, and what to do about it.

    `path` is the declared sub-path that was probed ("" is the bucket's root); a Failed or Warning check has a remedy. What a store
    said is shown as plain text (`texts.clean`).
    """

    name: CheckName
    result: CheckResult
    message: str
    remedy: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", clean(self.message))
        object.__setattr__(self, "remedy", clean(self.remedy))
