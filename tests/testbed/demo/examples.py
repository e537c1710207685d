"""The manifests of examples/ with the endpoints and keys of the demo's own stores, and the buckets that two of them expect to find."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from testbed.demo.home import ROOT
from testbed.object_store import Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ACCOUNT: Final = "123456789012"
"""The account that moto plays."""
IDENTITY: Final = f"arn:aws:iam::{ACCOUNT}:role/wandb"
HOST: Final = "https://wandb.example.com"
CORS_RULE: Final[Any] = {
    "AllowedHeaders": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedOrigins": [HOST],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 3000,
}


def write(folder: Path, *, moto: Store, minio: Store, versitygw: Store) -> None:
    """Write the manifests to apply. One example is used twice, for two stores: the second time everything in it is named otherwise."""
    folder.mkdir(mode=0o700)
    _write(folder / "wandbinstance.yaml", _read("wandbinstance.yaml"))
    _write(folder / "s3.yaml", _adapted(_read("s3.yaml"), moto))
    _write(folder / "s3-compatible.yaml", _adapted(_read("s3-compatible.yaml"), minio))
    _write(folder / "s3-compatible-speech.yaml", _adapted(_read("s3-compatible.yaml", vision="speech"), versitygw))
    _write(folder / "check-only.yaml", _adapted(_read("check-only.yaml"), moto))


@dataclass(frozen=True, kw_only=True)
class Described:
    """What the manifests ask for about one bucket, in words."""

    name: str
    text: str


def described(folder: Path) -> list[Described]:
    """Say what the manifests in this folder ask for."""
    found = [each for file in sorted(folder.iterdir()) for each in yaml.safe_load_all(file.read_text())]
    teams = [each for each in found if each["kind"] == "TeamStorage"]
    stores = [each for each in found if each["kind"] == "BucketStore"]
    return [_described(each, teams) for each in stores]


def _described(store: Any, teams: list[Any]) -> Described:
    name, spec = store["metadata"]["name"], store["spec"]
    users = [each["metadata"]["name"] for each in teams if each["spec"]["bucketStoreRef"]["name"] == name]
    task = "create the bucket" if spec.get("adoptionPolicy") != "Adopt" else "configure the bucket that is there"
    if spec.get("managementPolicy") == "Observe":
        task = "only look at the bucket, change nothing"
    used = f"for team{'s' * (len(users) > 1)} {' and '.join(users)}" if users else "no team uses it yet"
    return Described(name=name, text=f"{spec['provider']}: {task}; {used}")


def make_buckets(*, moto: Store, minio: Store, versitygw: Store) -> None:
    """Make what exists before the operator comes: two empty buckets, and one that somebody has configured by hand."""
    minio.client().create_bucket(Bucket="vision")
    versitygw.client().create_bucket(Bucket="speech")
    client = moto.client()
    client.create_bucket(Bucket="acme-legacy")
    client.put_bucket_versioning(Bucket="acme-legacy", VersioningConfiguration={"Status": "Enabled"})
    encryption: Any = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    client.put_bucket_encryption(Bucket="acme-legacy", ServerSideEncryptionConfiguration=encryption)
    names = ["arn:aws:s3:::acme-legacy", "arn:aws:s3:::acme-legacy/*"]
    statement = {"Effect": "Allow", "Principal": {"AWS": IDENTITY}, "Action": "s3:*", "Resource": names}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    client.put_bucket_policy(Bucket="acme-legacy", Policy=json.dumps(policy))
    allow_browsers(client, "acme-legacy")


def allow_browsers(client: "S3Client", bucket: str) -> None:
    """Give a bucket the CORS rule that W&B needs."""
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [CORS_RULE]})


def cors_rules(client: "S3Client", bucket: str) -> int:
    """How many CORS rules the bucket has."""
    try:
        return len(client.get_bucket_cors(Bucket=bucket)["CORSRules"])
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchCORSConfiguration":
            raise
        return 0


def _read(file: str, **renamed: str) -> list[Any]:
    text = (ROOT / "examples" / file).read_text()
    for old, new in renamed.items():
        text = re.sub(rf"\b{old}", new, text)
    return list(yaml.safe_load_all(text))


def _adapted(objects: list[Any], store: Store) -> Iterator[Any]:
    for each in objects:
        if each["kind"] == "Secret":
            each["stringData"] = {name: _key(name, store) for name in each["stringData"]}
        if each["kind"] == "BucketStore":
            spec = each["spec"]
            where = spec["s3" if spec["provider"] == "S3" else "s3Compatible"]
            where["endpoint"] = store.endpoint
            if "accountID" in where:
                where["accountID"] = ACCOUNT
        yield each


def _key(name: str, store: Store) -> str:
    """The half of the store's key pair that this name asks for; both ways to name them say `secret` in the secret one only."""
    return store.keys.secret_key if "secret" in name.lower() else store.keys.access_key


def _write(file: Path, objects: Any) -> None:
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump_all(objects, sort_keys=False))
