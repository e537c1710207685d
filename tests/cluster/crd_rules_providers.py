"""The rules about names in each provider's block of a BucketStore."""

from cluster.crd_rules import endpoints, of

_LONG = "a" * 63
_UUID = "00000000-1111-2222-3333-444444444444"
_NO_UUID = ("", "acme", _UUID[:-1], "00000000_1111_2222_3333_444444444444", "g" + _UUID[1:])
_ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

S3 = [
    of(
        "s3",
        "spec.s3.bucket",
        "An S3 bucket name has 3 to 63 characters",
        good=("abc", "a.b-c", _LONG),
        bad=("", "ab", "Acme", "acme_wandb", "-ab", "ab-", ".ab", "abc\n", "a/b", "ａbc"),
    ),
    of(
        "s3",
        "spec.s3.bucket",
        "no two dots in a row and does not look like an IP address",
        good=("a.b.c", "1.2.3.a"),
        bad=("a..b", "192.168.5.4"),
    ),
    of(
        "s3",
        "spec.s3.bucket",
        "AWS reserves bucket names",
        good=("axn--a", "a-s3aliasx"),
        bad=("xn--acme", "sthree-acme", "amzn-s3-demo-a", "acme-s3alias", "acme--ol-s3", "acme.mrap", "a--x-s3"),
    ),
    of(
        "s3",
        "spec.s3.region",
        "must be an AWS region",
        good=("us-gov-west-1", "us-isob-east-1"),
        bad=("", "Frankfurt", "eu-central", "eu-central-1a", "r?tls=true"),
    ),
    of(
        "s3",
        "spec.s3.accountID",
        "must be 12 digits",
        good=("111122223333",),
        bad=("", "1111-2222-33", "11112222333", "aaaabbbbcccc"),
    ),
    of(
        "s3",
        "spec.s3.kmsKeyARN",
        "must be the full ARN of a KMS key",
        good=(_ARN, "arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/wandb"),
        bad=("", "alias/wandb", _ARN[-36:], _ARN + "*"),
    ),
    of(
        "s3",
        "spec.s3.externalID",
        "has 2 to 256 characters",
        good=("wandb:acme", "a" * 256),
        bad=("", "a", "a b", "a*b"),
    ),
    *endpoints("s3", "spec.s3.endpoint"),
]

OTHERS = [
    of(
        "coreWeave",
        "spec.coreWeave.bucket",
        "A CoreWeave bucket name has 3 to 63 characters",
        good=("abc", _LONG),
        bad=("ab", "a.b", "a_b", "Acme", "-ab", "ab-"),
    ),
    of(
        "coreWeave",
        "spec.coreWeave.bucket",
        "CoreWeave reserves",
        good=("acw-a", "integers"),
        bad=("xn--acme", "cw-acme", "vip-acme", "log-stitcher-ch-1", "int"),
    ),
    of(
        "coreWeave",
        "spec.coreWeave.availabilityZone",
        "must be the name of a CoreWeave zone",
        good=("US-EAST-04A",),
        bad=("", "us east", "-a"),
    ),
    of(
        "coreWeave",
        "spec.coreWeave.directAccess.organizationID",
        "holds letters, digits, hyphens and underscores only",
        good=("org-1_a",),
        bad=("", "*", "org:*", "a b"),
    ),
    of(
        "gcs",
        "spec.gcs.bucket",
        "A GCS bucket name has 3 to 63 characters",
        good=("abc", "a_b.c-d", _LONG),
        bad=("ab", "Acme", "_ab", "ab-", "a/b"),
    ),
    of(
        "gcs",
        "spec.gcs.bucket",
        "no two dots in a row and does not look like an IP address",
        good=("a.b.c",),
        bad=("a..b", "192.168.5.4"),
    ),
    of(
        "gcs",
        "spec.gcs.bucket",
        "Google reserves bucket names",
        good=("go-og", "agoog"),
        bad=("goog-acme", "my-google-bucket"),
    ),
    of(
        "gcs",
        "spec.gcs.projectID",
        "must be a project ID",
        good=("acme-ml-prod", "example.com:acme-ml"),
        bad=("", "acme", "Acme-ml-prod", "123456789012", "acme-ml-"),
    ),
    of(
        "gcs",
        "spec.gcs.location",
        "must be a Cloud Storage location",
        good=("EU", "europe-west3"),
        bad=("", "E", "europe west3"),
    ),
    of(
        "azure",
        "spec.azure.storageAccount",
        "An Azure storage account name",
        good=("abc", "a" * 24),
        bad=("", "ab", "acme-wandb", "Acme"),
    ),
    of(
        "azure",
        "spec.azure.container",
        "An Azure container name",
        good=("abc", "a-b-c", _LONG),
        bad=("", "ab", "a--b", "-ab", "ab-", "Abc", "a.b", "$web"),
    ),
    of("azure", "spec.azure.tenantID", "spec.azure.tenantID must be a UUID", good=(_UUID,), bad=_NO_UUID),
    of("azure", "spec.azure.clientID", "spec.azure.clientID must be a UUID", good=(_UUID,), bad=_NO_UUID),
    of("azure", "spec.azure.subscriptionID", "spec.azure.subscriptionID must be a UUID", good=(_UUID,), bad=_NO_UUID),
    of(
        "azure",
        "spec.azure.resourceGroup",
        "spec.azure.resourceGroup has 1 to 90 characters",
        good=("rg_1.(a)-b",),
        bad=("", "rg.", "r g", "a/b"),
    ),
    of(
        "s3Compatible",
        "spec.s3Compatible.bucket",
        "A bucket name has 3 to 63 characters",
        good=("abc", "Team_Bucket.1", _LONG),
        bad=("", "ab", "a..b", "_ab", "ab-", "a b", "a/b", "a,b"),
    ),
    *endpoints("s3Compatible", "spec.s3Compatible.endpoint"),
    of(
        "s3Compatible",
        "spec.s3Compatible.region",
        "spec.s3Compatible.region holds letters",
        good=("us-east-1", "default"),
        bad=("", "us east", "r?tls=true", "r&tls=true", "-a"),
    ),
]

RULES = [*S3, *OTHERS]
