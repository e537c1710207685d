"""Each kind of provider at each real store, and what it costs and lacks there."""

import pytest

from wandb_byob.model.checks import CheckName

SITES = (
    ("S3", "moto"),
    ("S3Compatible", "moto"),
    ("S3Compatible", "versitygw"),
    ("S3Compatible", "minio"),
    ("CoreWeave", "versitygw"),
)
IDS = [f"{kind}-{store}" for kind, store in SITES]

CREATE_BUDGET, LOOK_BUDGET = 14, 8  # design budgets, with the one call that sees whether the bucket is there

# Which calls, in which order: what creating a bucket costs at each kind of store, and what a later look costs.
CREATED = {
    "S3-moto": [
        "HeadBucket", "HeadBucket", "CreateBucket", "PutBucketTagging", "PutBucketCors", "PutBucketPolicy", "PutBucketVersioning",
        "PutBucketEncryption", "PutPublicAccessBlock",
    ],
    "S3Compatible-moto": [
        "HeadBucket", "HeadBucket", "CreateBucket", "PutBucketTagging", "GetBucketCors", "UnsignedGet", "GetBucketVersioning",
        "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketLifecycleConfiguration", "PutBucketCors", "PutBucketVersioning",
        "PutPublicAccessBlock",
    ],
    "S3Compatible-versitygw": [
        "HeadBucket", "HeadBucket", "CreateBucket", "PutBucketTagging", "GetBucketCors", "UnsignedGet", "GetBucketVersioning",
        "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketLifecycleConfiguration", "PutBucketCors", "PutBucketVersioning",
    ],
    "S3Compatible-minio": [
        "HeadBucket", "HeadBucket", "CreateBucket", "PutBucketTagging", "GetBucketCors", "UnsignedGet", "GetBucketVersioning",
        "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketLifecycleConfiguration", "PutBucketVersioning",
    ],
    "CoreWeave-versitygw": [
        "HeadBucket", "HeadBucket", "CreateBucket", "PutBucketTagging", "GetBucketCors", "UnsignedGet", "GetBucketPolicy",
        "GetBucketVersioning", "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketLifecycleConfiguration", "PutBucketCors",
        "PutBucketPolicy", "PutBucketVersioning",
    ],
}  # fmt: skip
READ = [
    "HeadBucket", "GetBucketTagging", "GetBucketCors", "GetBucketVersioning", "GetBucketEncryption", "GetPublicAccessBlock",
    "GetBucketLifecycleConfiguration",
]  # fmt: skip
LOOKED = {
    "S3-moto": [*READ[:3], "GetBucketPolicy", *READ[3:]],
    "S3Compatible-moto": READ,
    "S3Compatible-versitygw": READ,
    "S3Compatible-minio": [*READ[:3], "UnsignedGet", *READ[3:]],
    "CoreWeave-versitygw": [*READ[:3], "GetBucketPolicy", *READ[3:]],
}
# What a store does not offer, or does not need: the checks that are skipped there on a bucket of our making.
SKIPPED = {
    "S3-moto": set(),
    "S3Compatible-moto": {CheckName.POLICY, CheckName.ENCRYPTION},
    "S3Compatible-versitygw": {CheckName.POLICY, CheckName.ENCRYPTION, CheckName.PUBLIC_ACCESS, CheckName.LIFECYCLE},
    "S3Compatible-minio": {CheckName.POLICY, CheckName.ENCRYPTION, CheckName.CORS, CheckName.PUBLIC_ACCESS},
    "CoreWeave-versitygw": {CheckName.ENCRYPTION, CheckName.PUBLIC_ACCESS, CheckName.LIFECYCLE},
}


def at_sites(*without: str) -> pytest.MarkDecorator:
    """The sites but those at these stores."""
    chosen = [(kind, store) for kind, store in SITES if store not in without]
    return pytest.mark.parametrize("site", chosen, indirect=True, ids=[f"{kind}-{store}" for kind, store in chosen])
