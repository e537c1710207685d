"""What goes into a probe that runs as a Job under W&B's ServiceAccount, and what comes out of it.

The input is the one file of a Secret that lives as long as the Job; the output is the container's termination message, which
Kubernetes cuts at 4096 bytes and shows to everybody who may read pods.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, json

from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import AccessKey, AccountKey, Ambient, Credentials, ServiceAccountKey

LARGEST_MESSAGE: Final = 4096
"""Bytes that the kubelet keeps of a termination message."""

INPUT_FILE: Final = "input.json"


class Signer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who signs; all empty is the identity that the pod has by itself."""

    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    service_account_json: str = ""
    account_key: str = ""

    def __repr__(self) -> str:
        return "Signer(<redacted>)"


class ProbeInput(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One look at the data path of one bucket: what `providers.base.Context` holds, in a form that can be sent."""

    uid: str
    spec: BucketStoreSpec
    deployment_type: Literal["SelfManaged", "DedicatedCloud", "MultiTenantCloud"]
    origins: tuple[str, ...]
    paths: tuple[str, ...]
    signer: Signer
    identity: str | None = None
    org_id: str | None = None
    ca_bundle: str | None = None
    allowed_endpoints: tuple[str, ...] = ()
    cloud_endpoints: CloudEndpoints = CloudEndpoints()

    def __repr__(self) -> str:
        return "ProbeInput(<redacted>)"


Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=LARGEST_MESSAGE)]


class Row(Struct, frozen=True, array_like=True):
    """Equal checks of several paths: `paths` are indexes into the input's, such as `0-3,7` ("" is the bucket as a whole)."""

    name: Name
    result: Literal["Passed", "Failed", "Warning", "Skipped"]
    paths: Text = ""
    message: Text = ""
    remedy: Text = ""


class ProbeOutput(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the probe found. `lent`: TLS held only with the BucketStore's own CA bundle; `cut`: not all fitted; `error`: it gave up."""

    rows: tuple[Row, ...] = ()
    lent: bool = False
    cut: bool = False
    error: Text = ""


# Made at import, as model.api's are: two threads that prepare a class at once end the process.
INPUTS: Final = json.Decoder(ProbeInput)
OUTPUTS: Final = json.Decoder(ProbeOutput)


def signer_of(credentials: Credentials) -> Signer:
    """Return credentials in a form that can be sent."""
    match credentials:
        case AccessKey():
            return Signer(
                access_key_id=credentials.access_key_id,
                secret_access_key=credentials.secret_access_key,
                session_token=credentials.session_token,
            )
        case ServiceAccountKey():
            return Signer(service_account_json=credentials.json)
        case AccountKey():
            return Signer(account_key=credentials.key)
        case Ambient():
            return Signer()


def credentials_of(signer: Signer) -> Credentials:
    """Return what was sent as credentials again."""
    if signer.access_key_id:
        return AccessKey(
            access_key_id=signer.access_key_id,
            secret_access_key=signer.secret_access_key,
            session_token=signer.session_token,
        )
    if signer.service_account_json:
        return ServiceAccountKey(signer.service_account_json)
    return AccountKey(signer.account_key) if signer.account_key else Ambient()
