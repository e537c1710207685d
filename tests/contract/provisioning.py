"""The S3 API at real servers, as sites of the contract."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from contract.site import ORIGIN, Site, Wire
from testbed.proxy import Fault, FaultyProxy
from testbed.stores import Keys, Minio, Store, VersityGW
from wandb_byob.model import api
from wandb_byob.model.checks import CheckName
from wandb_byob.model.credentials import AccessKey
from wandb_byob.providers.base import Tenant
from wandb_byob.providers.s3 import S3Provider

ROLE: Final = "arn:aws:iam::111122223333:role/wandb"
OWNER_TAG: Final = "byob.wandb.com/owner"
FOREIGN_RULE: Final[Mapping[str, Any]] = {
    "AllowedMethods": ["POST"],
    "AllowedOrigins": ["https://other.example.com"],
    "AllowedHeaders": ["x-other"],
}
_FOREIGN_TAG: Final = {"Key": "team", "Value": "ml"}


def error(code: str, text: str = "canary-in-the-body") -> bytes:
    """An error reply of S3."""
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{text}</Message></Error>".encode()


WIRE: Final = Wire(
    create=Fault(method="PUT", target=r"^/[^/?]*$"),
    configure=Fault(method="PUT", target=r"\?versioning"),
    write=Fault(method="PUT"),
    signed="X-Amz-Signature=",
    listing="list-type=2",
    denied=Fault(status=403, body=error("AccessDenied")),
    throttled=Fault(status=503, body=error("SlowDown")),
    expired=Fault(status=400, body=error("ExpiredToken")),
    to_create="s3:CreateBucket",
    to_configure="s3:PutBucketVersioning",
)


ACTIONS: Final[Mapping[CheckName, str]] = {
    CheckName.PUT_OBJECT: "s3:PutObject",
    CheckName.GET_OBJECT: "s3:GetObject",
    CheckName.LIST_OBJECTS: "s3:ListBucket",
    CheckName.DELETE_OBJECT: "s3:DeleteObject",
    CheckName.CLEAN_UP: "s3:DeleteObjectVersion",
    CheckName.VERSIONING: "s3:GetBucketVersioning",
}
"""What W&B needs of a bucket, by the check that tries it."""


def policy(bucket: str, user: str, actions: Sequence[str], *, effect: str = "Allow") -> str:
    """A bucket policy of one statement for a user of the store."""
    statement = {
        "Effect": effect,
        "Principal": {"AWS": [user]},
        "Action": list(actions),
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def new_name() -> str:
    """A bucket name that no other test uses."""
    return f"acme-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True, kw_only=True)
class S3Site(Site):
    """A bucket name of one's own at a server of the S3 API, as `kind` of provider: S3 or S3Compatible."""

    kind: str
    store: Store
    provider: S3Provider = field(default_factory=lambda: _PROVIDER)
    bucket: str = field(default_factory=new_name)

    @property
    def credentials(self) -> AccessKey:
        """The store's root keys."""
        return access_key(self.store.keys)

    @property
    def tenant(self) -> Tenant:
        """A W&B whose pods run as a role."""
        return Tenant(deployment_type="SelfManaged", origins=(ORIGIN,), identity=ROLE)

    def spec(self) -> api.BucketStoreSpec:
        """The BucketStore with the least that must be said."""
        credentials = api.Credentials(source="Secret", secret_ref=api.SecretReference(name="keys"))
        endpoint = self.endpoint or self.store.endpoint
        if self.kind == "S3":
            s3 = api.S3Spec(bucket=self.bucket, region=self.store.region, endpoint=endpoint)
            return api.BucketStoreSpec(provider="S3", credentials=credentials, s3=s3)
        block = api.S3CompatibleSpec(bucket=self.bucket, region=self.store.region, endpoint=endpoint)
        return api.BucketStoreSpec(provider="S3Compatible", credentials=credentials, s3_compatible=block)

    def client(self, call: str, **arguments: Any) -> Any:
        """Make one call as root, past the operator."""
        return getattr(self.raw(), call)(Bucket=self.bucket, **arguments)

    def raw(self) -> Any:
        """Another client, as root."""
        if self.store.endpoint not in _RAW:
            _RAW[self.store.endpoint] = self.store.client()
        return _RAW[self.store.endpoint]

    def other(self) -> Self:
        """The same with another bucket name."""
        return replace(self, bucket=new_name())

    def restarted(self) -> Self:
        """The same after a restart of the operator."""
        return replace(self, provider=S3Provider())

    def elsewhere(self) -> dict[str, Any]:
        """A region of no server here."""
        block = {"S3": "s3", "S3Compatible": "s3_compatible"}[self.kind]
        return {block: {"region": "eu-west-9"}}

    @contextmanager
    def behind(self) -> Iterator[tuple[Self, FaultyProxy]]:
        """Through a proxy of its own."""
        with FaultyProxy(self.store.port, store_authority=self.store.authority) as proxy:
            yield self.through(proxy.endpoint), proxy

    def stranger(self) -> AccessKey:
        """The root's access key with another secret."""
        return AccessKey(access_key_id=self.store.keys.access_key, secret_access_key="canary-secret-of-a-stranger")

    @contextmanager
    def limited(self, without: CheckName) -> Iterator[AccessKey]:
        """Of a user of versitygw, by the bucket's policy; of MinIO's STS."""
        actions = [action for name, action in ACTIONS.items() if name is not without]
        if isinstance(self.store, Minio):
            resources = [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"]
            yield access_key(self.store.limited({"Effect": "Allow", "Action": actions, "Resource": resources}))
            return
        assert isinstance(self.store, VersityGW)
        name = f"user-{self.bucket}"
        keys = self.store.create_user(name)
        self.client("put_bucket_policy", Policy=policy(self.bucket, name, actions))
        yield access_key(keys)
        self.store.delete_user(name)

    def make(self) -> None:
        """Make the bucket."""
        self.client("create_bucket")

    def remove(self) -> None:
        """Remove the bucket; moto would give the next one of this name the old one's tags."""
        with suppress(ClientError):
            self.client("delete_bucket_tagging")
        self.client("delete_bucket")

    def put(self, key: str, body: bytes = b"x") -> None:
        """Write an object."""
        self.client("put_object", Key=key, Body=body)

    def contents(self) -> list[tuple[str, str]]:
        """Objects, versions and delete markers."""
        listed = self.client("list_object_versions")
        entries: list[Any] = [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]
        return sorted((entry["Key"], entry["VersionId"]) for entry in entries)

    def leave(self, what: str) -> None:
        """An object, an old version, a delete marker or an unfinished upload."""
        if what == "upload":
            self.client("create_multipart_upload", Key="half")
            return
        version = self.client("put_object", Key="file", Body=b"x")["VersionId"]
        if what != "object":
            self.client("delete_object", Key="file")
        if what == "marker":
            self.client("delete_object", Key="file", VersionId=version)

    def configuration(self) -> dict[str, Any]:
        """What each call answers."""
        found: dict[str, Any] = {}
        for call, key in _CONFIGURATION.items():
            with suppress(ClientError):
                answer = self.client(call)
                if key in answer:
                    found[key] = json.loads(answer[key]) if key == "Policy" else answer[key]
        return found

    def tags(self) -> dict[str, str]:
        """The bucket's tags."""
        return {tag["Key"]: tag["Value"] for tag in self.configuration().get("TagSet", [])}

    def mark(self) -> str:
        """A tag."""
        return self.tags().get(OWNER_TAG, "")

    def set_mark(self, mark: str) -> None:
        """A tag."""
        self.client("put_bucket_tagging", Tagging={"TagSet": [{"Key": OWNER_TAG, "Value": mark}]})

    def dress(self) -> None:
        """A tag, a CORS rule and a statement, as far as the server keeps them."""
        self.client("put_bucket_tagging", Tagging={"TagSet": [_FOREIGN_TAG]})
        with suppress(ClientError):  # MinIO's NotImplemented
            self.client("put_bucket_cors", CORSConfiguration={"CORSRules": [FOREIGN_RULE]})
        if self.kind == "S3":
            document = {"Version": "2012-10-17", "Statement": [self._foreign_statement()]}
            self.client("put_bucket_policy", Policy=json.dumps(document))

    def theirs(self) -> Any:
        """Those that are still there, word for word."""
        found = self.configuration()
        return (
            [tag for tag in found.get("TagSet", []) if tag == _FOREIGN_TAG],
            [rule for rule in found.get("CORSRules", []) if rule == FOREIGN_RULE],
            [each for each in found.get("Policy", {}).get("Statement", []) if each == self._foreign_statement()],
        )

    def _foreign_statement(self) -> dict[str, Any]:
        return {
            "Sid": "Theirs",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::999988887777:root"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{self.bucket}/*",
        }

    def expire(self, prefix: str, *, name: str) -> str:
        """A lifecycle rule."""
        rule = {"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, "Expiration": {"Days": 30}}
        self.client("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [rule]})
        return name

    def let_everybody_in(self) -> None:
        """The sample of W&B's own page."""
        sample = {
            "AllowedHeaders": ["*"],
            "AllowedMethods": ["GET", "HEAD", "PUT"],
            "AllowedOrigins": ["*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 3000,
        }
        self.client("put_bucket_cors", CORSConfiguration={"CORSRules": [sample]})

    def take_away(self, aspect: CheckName) -> None:
        """Delete it, or suspend it."""
        call, arguments = _UNDO[aspect]
        self.client(call, **arguments)


_PROVIDER: S3Provider = S3Provider()
"""One for the test session, as for an operator; a test that restarts the operator makes its own."""

_RAW: dict[str, Any] = {}
"""One client for each store of the test session: making one takes longer than any call."""

_CONFIGURATION = {
    "get_bucket_tagging": "TagSet",
    "get_bucket_cors": "CORSRules",
    "get_bucket_policy": "Policy",
    "get_bucket_versioning": "Status",
    "get_bucket_encryption": "ServerSideEncryptionConfiguration",
    "get_public_access_block": "PublicAccessBlockConfiguration",
    "get_bucket_lifecycle_configuration": "Rules",
}
_UNDO: Mapping[CheckName, tuple[str, dict[str, Any]]] = {
    CheckName.CORS: ("delete_bucket_cors", {}),
    CheckName.POLICY: ("delete_bucket_policy", {}),
    CheckName.VERSIONING: ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
    CheckName.ENCRYPTION: ("delete_bucket_encryption", {}),
    CheckName.PUBLIC_ACCESS: ("delete_public_access_block", {}),
}


def access_key(keys: Keys) -> AccessKey:
    """The store's keys as the operator holds them."""
    return AccessKey(
        access_key_id=keys.access_key, secret_access_key=keys.secret_key, session_token=keys.session_token or ""
    )
