"""Buckets as W&B wants them on each store, with the manifests that describe them: what the faults of cases.py start from."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError

from console import program
from contract.probing import contents
from testbed.coreweave import ZONE, CoreWeave
from testbed.gcs import GoogleCloud
from testbed.google_accounts import PROJECT
from testbed.object_store import Store

HOST: Final = "https://wandb.example.com"
ROLE: Final = "arn:aws:iam::123456789012:role/wandb"
RULE: Final[Mapping[str, Any]] = {
    "AllowedHeaders": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedOrigins": [HOST],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 3000,
}


_BLOCKS: Final = {"S3": "s3", "S3Compatible": "s3Compatible", "CoreWeave": "coreWeave", "GCS": "gcs", "Azure": "azure"}
GOOGLES_RULE: Final[Mapping[str, Any]] = {
    "origin": [HOST],
    "method": ["GET", "HEAD", "PUT"],
    "responseHeader": ["Content-MD5", "Content-Type", "ETag"],
}


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A bucket at a store and what stands in the manifests about it; the dicts may be changed before they are written.

    `arguments` say where the cloud is, if not at its public name; `files` are what they name.
    """

    store: Store | CoreWeave | GoogleCloud
    bucket: str
    spec: dict[str, Any]
    keys: dict[str, str]
    instance: dict[str, Any]
    team: dict[str, Any]
    more: tuple[dict[str, Any], ...] = ()
    arguments: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The manifests: W&B, the keys, the bucket, a team."""
        return [
            _ours("WandbInstance", "wandb", self.instance),
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": dict(self.keys)},
            _ours("BucketStore", "vision", self.spec),
            _ours("TeamStorage", "vision", self.team),
            *self.more,
        ]

    @property
    def block(self) -> dict[str, Any]:
        """The provider's block of the BucketStore."""
        found: dict[str, Any] = self.spec[_BLOCKS[self.spec["provider"]]]
        return found

    def write(self, folder: Path) -> None:
        """Write the manifests, as bucket.yaml, and the files."""
        program.write(folder, self.objects)
        for name, text in self.files.items():
            (folder / name).write_text(text)

    def contents(self) -> list[tuple[str, str]]:
        """Everything in the bucket: objects, old versions and what marks a deletion."""
        if isinstance(self.store, GoogleCloud):
            return self.store.buckets.contents(self.bucket)
        return contents(self.store, self.bucket)

    def client(self, call: str, **arguments: Any) -> Any:
        """One call of the S3 API as root, past the program."""
        assert not isinstance(self.store, GoogleCloud)
        client = self.store.client()
        try:
            return getattr(client, call)(Bucket=self.bucket, **arguments)
        finally:
            client.close()

    def changed(self, **fields: Any) -> "Setup":
        """The same with fields of its own changed."""
        return replace(self, **fields)


def _ours(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "byob.wandb.com/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def s3(store: Store, *, location: str = "") -> Setup:
    """A bucket on moto in AWS' place (`location`: not in the store's own region), with everything that the operator would set."""
    setup = _setup(store, "S3", "s3")
    where = {"CreateBucketConfiguration": {"LocationConstraint": location}} if location else {}
    setup.client("create_bucket", **where)
    setup.client("put_bucket_cors", CORSConfiguration={"CORSRules": [RULE]})
    setup.client("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    setup.client("put_bucket_encryption", ServerSideEncryptionConfiguration=encryption)
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    setup.client("put_public_access_block", PublicAccessBlockConfiguration=dict.fromkeys(names, True))
    arn = f"arn:aws:s3:::{setup.bucket}"
    statement = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    setup.client("put_bucket_policy", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return setup


def with_key(setup: Setup) -> Setup:
    """The same where a KMS key is asked for: a new one, whose policy lets W&B use it."""
    assert isinstance(setup.store, Store)
    root = f"arn:aws:iam::{ROLE.split(':')[4]}:root"
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": who}, "Action": "kms:*", "Resource": "*"} for who in (root, ROLE)
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    with kms_client(setup.store) as kms:
        setup.block["kmsKeyARN"] = kms.create_key(KeyUsage="ENCRYPT_DECRYPT", Policy=policy)["KeyMetadata"]["Arn"]
    return setup.changed(arguments=("--kms-endpoint", setup.store.endpoint))


@contextmanager
def kms_client(store: Store | CoreWeave) -> Iterator[Any]:
    """A client of moto's KMS."""
    client = boto3.client(
        "kms",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    yield client
    client.close()


def s3_compatible(store: Store) -> Setup:
    """A bucket on versitygw or MinIO; what the store does not offer is left out."""
    setup = _setup(store, "S3Compatible", "s3Compatible")
    setup.client("create_bucket")
    with suppress(ClientError):
        setup.client("put_bucket_cors", CORSConfiguration={"CORSRules": [RULE]})
    setup.client("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
    return setup


def coreweave(place: CoreWeave) -> Setup:
    """A bucket at CoreWeave's stand-in, which lets W&B's user in for one organization; what its store does not offer is left out."""
    bucket, keys = _bucket_name(), place.store.keys
    setup = Setup(
        store=place,
        bucket=bucket,
        spec={
            "provider": "CoreWeave",
            "coreWeave": {"bucket": bucket, "availabilityZone": ZONE},
            "credentials": {"secretRef": {"name": "keys"}},
        },
        keys={"accessKeyID": keys.access_key, "secretAccessKey": keys.secret_key},
        instance={
            "deploymentType": "SelfManaged",
            "host": HOST,
            "wandbOrgID": "acme",
            "version": "0.85.0",
            "chartVersion": "0.43.8",
        },
        team={"bucketStoreRef": {"name": "vision"}, "path": "teams/vision"},
        arguments=("--coreweave-endpoint", place.endpoint, "--cloud-ca-file", "authority.pem"),
        files={"authority.pem": place.authority.read_text()},
    )
    setup.client("create_bucket")
    setup.client("put_bucket_cors", CORSConfiguration={"CORSRules": [RULE]})
    setup.client("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
    setup.client("put_bucket_policy", Policy=coreweave_policy(bucket))
    return setup


def gcs(place: GoogleCloud) -> Setup:
    """A bucket at Google's stand-in, which lets W&B's service account in, with everything that the operator would set."""
    bucket, reference = _bucket_name(), {"secretRef": {"name": "keys"}}
    place.buckets.make(
        bucket,
        location="EU",
        cors=[GOOGLES_RULE],
        versioning={"enabled": True},
        softDeletePolicy={"retentionDurationSeconds": "604800"},
        iamConfiguration={"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"},
    )
    place.buckets.grant(bucket, place.wandb.email)
    block = {"bucket": bucket, "projectID": PROJECT, "location": "EU"}
    return Setup(
        store=place,
        bucket=bucket,
        spec={"provider": "GCS", "gcs": block, "credentials": reference},
        keys={"serviceAccount.json": place.wandb.key_file()},
        instance={"deploymentType": "SelfManaged", "host": HOST, "identity": place.wandb.email},
        team={"bucketStoreRef": {"name": "vision"}, "path": "teams/vision"},
        arguments=("--gcs-endpoint", place.endpoint),
    )


def coreweave_policy(bucket: str, *, user: str = "wandb-integration", organization: str = "acme") -> str:
    """The policy of W&B's page for this user of W&B's and this organization."""
    arn = f"arn:aws:s3:::{bucket}"
    statement = {
        "Sid": "AllowWandbUser",
        "Effect": "Allow",
        "Principal": {"CW": f"arn:aws:iam::wandb:static/{user}"},
        "Action": ["s3:*"],
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"StringLike": {"wandb:OrgID": [organization]}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _bucket_name() -> str:
    return f"acme-{uuid.uuid4().hex[:6]}"


def _setup(store: Store, provider: str, block: str) -> Setup:
    bucket = _bucket_name()
    where = {"bucket": bucket, "endpoint": store.endpoint, "region": store.region}
    reference = {"secretRef": {"name": "keys"}}
    return Setup(
        store=store,
        bucket=bucket,
        spec={"provider": provider, block: where, "credentials": reference},
        keys={"accessKeyID": store.keys.access_key, "secretAccessKey": store.keys.secret_key},
        instance={"deploymentType": "SelfManaged", "host": HOST, "identity": ROLE},
        team={"bucketStoreRef": {"name": "vision"}, "path": "teams/vision"},
    )
