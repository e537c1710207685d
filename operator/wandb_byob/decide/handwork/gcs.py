"""What to set by hand on a bucket in Google Cloud Storage."""

from collections.abc import Iterator
from typing import Final

from wandb_byob.decide import blocks
from wandb_byob.decide.clouds.gcs_bucket import RETENTION_SECONDS, ROLE, SERVICE_ACCOUNT_SUFFIX, reader_of, rule
from wandb_byob.decide.handwork.document import PLACEHOLDER, REPLACES, Document, Reader
from wandb_byob.model.api import BucketStoreSpec

_FILE: Final = "cors.json"


def gcs(spec: BucketStoreSpec, reader: Reader) -> Iterator[Document]:
    """Yield CORS, uniform access, soft delete, versioning, the grant to W&B's service account, and its right to sign."""
    if spec.gcs is None:
        raise blocks.missing("GCS")
    url = f"gs://{spec.gcs.bucket}"
    update = ("gcloud", "storage", "buckets", "update", url)
    yield Document(
        name="cors",
        purpose=f"lets browsers at {', '.join(reader.origins)} use signed URLs and see the ETag (by responseHeader: exposeHeaders is no field of Google's)",
        body=[rule(reader.origins)],
        command=(*update, f"--cors-file={_FILE}"),
        caution=REPLACES,
        file=_FILE,
    )
    yield Document(
        name="uniform-access",
        purpose="lets IAM alone decide who may read",
        body={"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}},
        command=(*update, "--uniform-bucket-level-access"),
    )
    yield Document(
        name="soft-delete",
        purpose="keeps what W&B's garbage collection of artifacts deletes by mistake",
        body={"softDeletePolicy": {"retentionDurationSeconds": str(RETENTION_SECONDS)}},
        command=(*update, f"--soft-delete-duration={RETENTION_SECONDS}s"),
    )
    yield Document(
        name="versioning",
        purpose="keeps what is overwritten",
        body={"versioning": {"enabled": True}},
        command=(*update, "--versioning"),
    )
    yield from _grants(url, _account(reader), own=reader.deployment_type == "SelfManaged")


def _account(reader: Reader) -> str:
    unknown = f"{PLACEHOLDER}@{PLACEHOLDER}.iam{SERVICE_ACCOUNT_SUFFIX}"
    return reader_of(reader.deployment_type, reader.identity) or unknown


def _grants(url: str, account: str, *, own: bool) -> Iterator[Document]:
    member = f"serviceAccount:{account}"
    role = ROLE
    yield Document(
        name="iam",
        purpose=f"lets {account} read and write for W&B, and look at the bucket's CORS and versioning",
        body={"role": role, "members": [member]},
        command=("gcloud", "storage", "buckets", "add-iam-policy-binding", url, f"--member={member}", f"--role={role}"),
    )
    if own:
        role = "roles/iam.serviceAccountTokenCreator"
        words = ("gcloud", "iam", "service-accounts", "add-iam-policy-binding", account)
        yield Document(
            name="iam-sign-blob",
            purpose=f"lets {account} sign URLs with workload identity, where W&B has no key file",
            body={"role": role, "members": [member]},
            command=(*words, f"--member={member}", f"--role={role}"),
        )
