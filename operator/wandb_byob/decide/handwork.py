"""What an administrator sets on a bucket by hand, where no operator does: documents, and the commands that apply them.

One pure function for each provider gives its documents; they are what the operator itself would configure (decide.cors,
decide.bucket_policy), and a key or a name that is not known here stands as REPLACE-ME.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide import bucket_policy, cors
from wandb_byob.model.api import BucketStoreSpec, S3CompatibleSpec, S3Spec
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

PLACEHOLDER: Final = "REPLACE-ME"
_REPLACES: Final = "It takes the place of what is set now: where there is something, merge it in first."
_KMS_ACTIONS: Final = ("kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """The W&B that reads the bucket, as far as policies name it (providers.base.Tenant has the same)."""

    deployment_type: str
    origins: tuple[str, ...]
    identity: str | None = None
    org_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Document:
    """One thing to set: `name` is what a user asks for it by, `body` goes out as JSON.

    `command` are the words of a command that applies it, without the shell's quotes; none where no command is common to the stores.
    """

    name: str
    purpose: str
    body: Any
    command: tuple[str, ...] = ()
    caution: str = ""


Documents = Callable[[BucketStoreSpec, Reader], Sequence[Document]]


def documents(spec: BucketStoreSpec, reader: Reader) -> tuple[Document, ...]:
    """Return the documents for a bucket, in the order in which they are to be applied; raises `Stalled` where there are none yet."""
    make = DOCUMENTS.get(spec.provider)
    if make is None:
        raise Stalled(
            Reason.NOT_IMPLEMENTED,
            f"This version has no documents for {spec.provider} yet. It has them for {', '.join(sorted(DOCUMENTS))}.",
        )
    return tuple(make(spec, reader))


def text(body: Any) -> str:
    """Return a body as commands take it: JSON in one line."""
    return json.dumps(body, separators=(",", ":"))


@dataclass(frozen=True, kw_only=True)
class _Bucket:
    """A bucket with the S3 API, and the options that every command about it has."""

    name: str
    arn: str
    options: tuple[str, ...]

    def put(self, what: str, option: str, body: Any) -> tuple[str, ...]:
        return ("aws", "s3api", f"put-{what}", "--bucket", self.name, *self.options, option, text(body))


def _s3(spec: BucketStoreSpec, reader: Reader) -> Iterator[Document]:
    if spec.s3 is None:
        raise Stalled(Reason.INVALID_SPEC, "The provider is S3, but spec.s3 is missing. Fill in spec.s3.")
    bucket = _aws_bucket(spec.s3)
    principal = bucket_policy.principal(reader.deployment_type, reader.identity)
    yield _cors(bucket, reader)
    if principal:
        body = bucket_policy.merged(None, arn=bucket.arn, reader=principal)
        yield Document(
            name="bucket-policy",
            purpose=f"lets {principal} read and write for W&B",
            body=body,
            command=bucket.put("bucket-policy", "--policy", body),
            caution=_REPLACES,
        )
    if spec.credentials.secret_ref is not None or not principal:
        body = _user_policy(bucket, spec.s3.kms_key_arn)
        user = ("--user-name", PLACEHOLDER, "--policy-name", bucket_policy.STATEMENT_ID)
        yield Document(
            name="user-policy",
            purpose="what the user whose keys W&B signs with must be allowed",
            body=body,
            command=("aws", "iam", "put-user-policy", *user, "--policy-document", text(body)),
        )
    yield _versioning(bucket)
    yield _encryption(bucket, spec.s3.kms_key_arn)
    yield _public_access(bucket)
    if spec.s3.kms_key_arn:
        yield _kms(spec.s3, spec.s3.kms_key_arn, principal)


def _aws_bucket(s3: S3Spec) -> _Bucket:
    options: tuple[str, ...] = ("--region", s3.region)
    if s3.endpoint:
        options += ("--endpoint-url", s3.endpoint)
    if s3.account_id:
        options += ("--expected-bucket-owner", s3.account_id)
    return _Bucket(name=s3.bucket, arn=bucket_policy.bucket_arn(s3.bucket, s3.region), options=options)


def _s3_compatible(spec: BucketStoreSpec, reader: Reader) -> Iterator[Document]:
    store = spec.s3_compatible
    if store is None:
        raise Stalled(
            Reason.INVALID_SPEC,
            "The provider is S3Compatible, but spec.s3Compatible is missing. Fill in spec.s3Compatible.",
        )
    bucket = _compatible_bucket(store)
    yield _cors(bucket, reader, also=" MinIO has no CORS of a bucket: set MINIO_API_CORS_ALLOW_ORIGIN there.")
    yield _versioning(bucket)
    yield Document(
        name="user-policy",
        purpose="what the user whose keys W&B signs with must be allowed; each store has its own way to set it",
        body=_user_policy(bucket, None),
    )


def _compatible_bucket(store: S3CompatibleSpec) -> _Bucket:
    options = ("--region", store.region, "--endpoint-url", store.endpoint)
    return _Bucket(name=store.bucket, arn=bucket_policy.bucket_arn(store.bucket, ""), options=options)


def _cors(bucket: _Bucket, reader: Reader, *, also: str = "") -> Document:
    body = {"CORSRules": [cors.rule(reader.origins)]}
    return Document(
        name="cors",
        purpose=f"lets browsers at {', '.join(reader.origins)} use signed URLs",
        body=body,
        command=bucket.put("bucket-cors", "--cors-configuration", body),
        caution=_REPLACES + also,
    )


def _user_policy(bucket: _Bucket, kms_key_arn: str | None) -> Mapping[str, Any]:
    statement = {key: value for key, value in bucket_policy.statement(bucket.arn, "").items() if key != "Principal"}
    statements = [statement]
    if kms_key_arn:
        key = {"Sid": "WandbByobKey", "Effect": "Allow", "Action": list(_KMS_ACTIONS), "Resource": kms_key_arn}
        statements.append(key)
    return {"Version": "2012-10-17", "Statement": statements}


def _versioning(bucket: _Bucket) -> Document:
    body = {"Status": "Enabled"}
    return Document(
        name="versioning",
        purpose="keeps what W&B's garbage collection of artifacts deletes by mistake",
        body=body,
        command=bucket.put("bucket-versioning", "--versioning-configuration", body),
    )


def _encryption(bucket: _Bucket, kms_key_arn: str | None) -> Document:
    key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key_arn} if kms_key_arn else {"SSEAlgorithm": "AES256"}
    body = {"Rules": [{"ApplyServerSideEncryptionByDefault": key}]}
    return Document(
        name="encryption",
        purpose=f"encrypts new objects with {f'the key {kms_key_arn}' if kms_key_arn else 'keys that S3 manages'}",
        body=body,
        command=bucket.put("bucket-encryption", "--server-side-encryption-configuration", body),
    )


def _public_access(bucket: _Bucket) -> Document:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    body = dict.fromkeys(names, True)
    words = ("aws", "s3api", "put-public-access-block", "--bucket", bucket.name, *bucket.options)
    return Document(
        name="public-access-block",
        purpose="keeps the public out, whatever a policy or an ACL says later",
        body=body,
        command=(*words, "--public-access-block-configuration", text(body)),
    )


def _kms(s3: S3Spec, key: str, principal: str | None) -> Document:
    parts = key.split(":")
    partition, account = (
        (parts[1], s3.account_id or parts[4]) if len(parts) >= 6 else ("aws", s3.account_id or PLACEHOLDER)
    )
    external = principal or f"arn:{partition}:iam::{account}:user/{PLACEHOLDER}"
    body = {
        "Version": "2012-10-17",
        "Statement": [
            _statement("Internal", f"arn:{partition}:iam::{account}:root", ["kms:*"]),
            _statement("External", external, list(_KMS_ACTIONS)),
        ],
    }
    return Document(
        name="kms-key-policy",
        purpose=f"lets your account manage the key, and {external} use it",
        body=body,
        command=(
            *("aws", "kms", "put-key-policy", "--key-id", key, "--region", s3.region, "--policy-name", "default"),
            *("--policy", text(body)),
        ),
        caution=_REPLACES,
    )


def _statement(sid: str, who: str, actions: list[str]) -> Mapping[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": who}, "Action": actions, "Resource": "*"}


DOCUMENTS: Final[Mapping[str, Documents]] = {
    "S3": lambda spec, reader: tuple(_s3(spec, reader)),
    "S3Compatible": lambda spec, reader: tuple(_s3_compatible(spec, reader)),
}
"""The providers that have documents: a new one is one function and one line here."""
