"""What to set by hand on buckets with the S3 API: AWS, S3-compatible stores, CoreWeave."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wandb_byob.decide import blocks
from wandb_byob.decide.clouds import bucket_policy, cors, key_policy
from wandb_byob.decide.clouds.key_policy import Key
from wandb_byob.decide.handwork.document import PLACEHOLDER, REPLACES, Document, Reader, text
from wandb_byob.model.api import BucketStoreSpec, CoreWeaveSpec, S3CompatibleSpec, S3Spec

_COREWEAVE_URL: Final = "https://cwobject.com"
_VIRTUAL_HOSTED: Final = (
    "The AWS CLI must put the bucket into the host name: aws configure set default.s3.addressing_style virtual."
)


@dataclass(frozen=True, kw_only=True)
class _Bucket:
    """A bucket with the S3 API, and the options that every command about it has."""

    name: str
    arn: str
    options: tuple[str, ...]

    def put(self, what: str, option: str, body: Any) -> tuple[str, ...]:
        return ("aws", "s3api", f"put-{what}", "--bucket", self.name, *self.options, option, text(body))


def s3(spec: BucketStoreSpec, reader: Reader) -> Iterator[Document]:
    """Yield all that the operator would set, and what the user whose keys are used needs."""
    if spec.s3 is None:
        raise blocks.missing("S3")
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
            caution=REPLACES,
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


def s3_compatible(spec: BucketStoreSpec, reader: Reader) -> Iterator[Document]:
    """Yield CORS, versioning, and the rights of the user whose keys are used."""
    store = spec.s3_compatible
    if store is None:
        raise blocks.missing("S3Compatible")
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


def coreweave(spec: BucketStoreSpec, reader: Reader) -> Iterator[Document]:
    """Yield CORS, the bucket policy with W&B's principal and organization, versioning."""
    store = spec.core_weave
    if store is None:
        raise blocks.missing("CoreWeave")
    arn = bucket_policy.bucket_arn(store.bucket, "")
    options = ("--endpoint-url", _COREWEAVE_URL)
    bucket = _Bucket(name=store.bucket, arn=arn, options=options)
    yield _cors(bucket, reader, also=f" {_VIRTUAL_HOSTED}")
    body = {"Version": "2012-10-17", "Statement": list(_coreweave_statements(store, reader, arn))}
    yield Document(
        name="bucket-policy",
        purpose="lets W&B's CoreWeave account read and write, for your organization only",
        body=body,
        command=bucket.put("bucket-policy", "--policy", body),
        caution=REPLACES,
    )
    yield _versioning(bucket)


def _coreweave_statements(store: CoreWeaveSpec, reader: Reader, arn: str) -> Iterator[Mapping[str, Any]]:
    public = "-public" if reader.deployment_type == "MultiTenantCloud" else ""
    yield {
        **bucket_policy.statement(arn, ""),
        "Sid": "AllowWandbUser",
        "Principal": {"CW": f"arn:aws:iam::wandb:static/wandb-integration{public}"},
        "Condition": {"StringLike": {"wandb:OrgID": [reader.org_id or PLACEHOLDER]}},
    }
    if store.direct_access is not None:
        yield {
            "Sid": "AllowUsersInOrg",
            "Effect": "Allow",
            "Principal": {"CW": f"arn:aws:iam::{store.direct_access.organization_id}:*"},
            "Action": ["s3:*"],
            "Resource": [arn, f"{arn}/*"],
        }


def _cors(bucket: _Bucket, reader: Reader, *, also: str = "") -> Document:
    body = {"CORSRules": [cors.rule(reader.origins)]}
    return Document(
        name="cors",
        purpose=f"lets browsers at {', '.join(reader.origins)} use signed URLs",
        body=body,
        command=bucket.put("bucket-cors", "--cors-configuration", body),
        caution=REPLACES + also,
    )


def _user_policy(bucket: _Bucket, kms_key_arn: str | None) -> Mapping[str, Any]:
    statement = {key: value for key, value in bucket_policy.statement(bucket.arn, "").items() if key != "Principal"}
    statements = [statement]
    if kms_key_arn:
        key = {"Sid": "WandbByobKey", "Effect": "Allow", "Action": list(key_policy.USE), "Resource": kms_key_arn}
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


def _kms(s3: S3Spec, given: str, principal: str | None) -> Document:
    key = Key(arn=given)
    reader = principal or f"{key.root.removesuffix('root')}user/{PLACEHOLDER}"
    internal, external = key_policy.grants(key, reader)
    # By the names of W&B's page, where nobody but the reader changes them.
    named = [{**internal.statement(), "Sid": "Internal"}, {**external.statement(), "Sid": "External"}]
    body = {"Version": "2012-10-17", "Statement": named}
    alias = " It takes the key's own ARN, no alias: aws kms describe-key shows it." if ":alias/" in given else ""
    return Document(
        name="kms-key-policy",
        purpose=f"lets your account manage the key, and {reader} use it",
        body=body,
        command=(
            *("aws", "kms", "put-key-policy", "--key-id", given, "--region", s3.region, "--policy-name", "default"),
            *("--policy", text(body)),
        ),
        caution=f"{REPLACES}{alias}",
    )
