"""The documents to set by hand are what the operator itself would set, and enough by its own checks."""

import json
from typing import Any

import msgspec
import pytest

from wandb_byob.decide.clouds import bucket_policy, cors
from wandb_byob.decide.handwork import DOCUMENTS, PLACEHOLDER, Document, Reader, documents, text
from wandb_byob.model.api import BucketStoreSpec
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

ROLE = "arn:aws:iam::111122223333:role/wandb"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1"
READER = Reader(deployment_type="SelfManaged", origins=("https://wandb.example.com",), identity=ROLE)


def spec(provider: str = "S3", *, keys: bool = False, **block: Any) -> BucketStoreSpec:
    blocks = {
        "S3": {"s3": {"bucket": "acme", "region": "eu-central-1", **block}},
        "S3Compatible": {"s3Compatible": {"bucket": "acme", "region": "r", "endpoint": "https://minio:9000", **block}},
        "CoreWeave": {"coreWeave": {"bucket": "acme", **block}},
        "GCS": {"gcs": {"bucket": "acme", **block}},
        "Azure": {"azure": {"storageAccount": "acmewandb", "container": "acme", **block}},
    }
    credentials = {"secretRef": {"name": "keys"}} if keys else {"source": "Ambient"}
    return msgspec.convert({"provider": provider, "credentials": credentials, **blocks[provider]}, BucketStoreSpec)


def named(found: tuple[Document, ...]) -> dict[str, Document]:
    return {document.name: document for document in found}


@pytest.mark.parametrize(
    ("given", "reader", "names"),
    [
        (spec(), READER, ["cors", "bucket-policy", "versioning", "encryption", "public-access-block"]),
        (
            spec(keys=True),
            READER,
            ["cors", "bucket-policy", "user-policy", "versioning", "encryption", "public-access-block"],
        ),
        (
            spec(kmsKeyARN=KEY),
            READER,
            ["cors", "bucket-policy", "versioning", "encryption", "public-access-block", "kms-key-policy"],
        ),
        (
            spec(keys=True),
            Reader(deployment_type="SelfManaged", origins=("https://w",)),
            ["cors", "user-policy", "versioning", "encryption", "public-access-block"],
        ),
        (spec("S3Compatible", keys=True), READER, ["cors", "versioning", "user-policy"]),
        (spec("CoreWeave"), READER, ["cors", "bucket-policy", "versioning"]),
        (
            spec("GCS"),
            READER,
            ["cors", "uniform-access", "soft-delete", "versioning", "iam", "iam-sign-blob"],
        ),
        (spec("Azure", keys=True), READER, ["cors", "soft-delete"]),
        (
            spec("Azure"),
            READER,
            [
                "cors",
                "soft-delete",
                "role-storage-blob-data-owner",
                "role-storage-account-contributor",
                "federated-credential",
            ],
        ),
    ],
    ids=[
        "a role",
        "a role and keys",
        "a KMS key",
        "keys alone",
        "S3-compatible",
        "CoreWeave",
        "GCS",
        "Azure with a key",
        "Azure with an identity",
    ],
)
def test_which_documents(given: BucketStoreSpec, reader: Reader, names: list[str]) -> None:
    """Those that the provider has, for whom W&B is, in the order in which they are applied."""
    assert [document.name for document in documents(given, reader)] == names


def test_they_are_enough() -> None:
    """The checks that judge a bucket find nothing missing in what is printed."""
    found = named(documents(spec(), READER))
    assert cors.problems(found["cors"].body["CORSRules"], READER.origins) == ()
    policy = found["bucket-policy"].body
    assert bucket_policy.missing_actions(policy, arn="arn:aws:s3:::acme", reader=ROLE) == ()


@pytest.mark.parametrize(
    ("deployment", "principal"),
    [
        ("MultiTenantCloud", "arn:aws:iam::725579432336:role/WandbIntegration"),
        ("DedicatedCloud", "arn:aws:iam::830241207209:root"),
    ],
)
def test_wandb_itself_reads(deployment: str, principal: str) -> None:
    """On W&B's own clouds the policies name W&B's principal."""
    found = named(documents(spec(kmsKeyARN=KEY), Reader(deployment_type=deployment, origins=("https://w",))))
    assert found["bucket-policy"].body["Statement"][0]["Principal"] == {"AWS": principal}
    internal, external = found["kms-key-policy"].body["Statement"]
    assert internal["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    assert internal["Action"] == ["kms:*"]
    assert external["Principal"] == {"AWS": principal}
    assert set(external["Action"]) == {
        "kms:Decrypt",
        "kms:Describe*",
        "kms:Encrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
    }


@pytest.mark.parametrize(
    ("deployment", "principal"),
    [("MultiTenantCloud", "wandb-integration-public"), ("SelfManaged", "wandb-integration")],
)
def test_coreweave_lets_one_organization_in(deployment: str, principal: str) -> None:
    """W&B's principal there is a CW one, under the condition of the organization; one's own organization only where it is asked for."""
    reader = Reader(deployment_type=deployment, origins=("https://w",), org_id="acme-org")
    (statement,) = named(documents(spec("CoreWeave"), reader))["bucket-policy"].body["Statement"]
    assert statement["Principal"] == {"CW": f"arn:aws:iam::wandb:static/{principal}"}
    assert statement["Condition"] == {"StringLike": {"wandb:OrgID": ["acme-org"]}}
    direct = spec("CoreWeave", directAccess={"organizationID": "cw-org"})
    *_, own = named(documents(direct, reader))["bucket-policy"].body["Statement"]
    assert (own["Principal"], own["Action"]) == ({"CW": "arn:aws:iam::cw-org:*"}, ["s3:*"])


@pytest.mark.parametrize(
    ("reader", "account"),
    [
        (
            Reader(deployment_type="MultiTenantCloud", origins=()),
            "wandb-integration@wandb-production.iam.gserviceaccount.com",
        ),
        (Reader(deployment_type="DedicatedCloud", origins=()), "deploy@wandb-production.iam.gserviceaccount.com"),
        (
            Reader(deployment_type="SelfManaged", origins=(), identity="wandb@acme.iam.gserviceaccount.com"),
            "wandb@acme.iam.gserviceaccount.com",
        ),
        (
            Reader(deployment_type="SelfManaged", origins=(), identity=ROLE),
            "REPLACE-ME@REPLACE-ME.iam.gserviceaccount.com",
        ),
    ],
)
def test_gcs_grants_wandbs_service_account(reader: Reader, account: str) -> None:
    """The documented one, or the one that W&B's pods run as; only that one must also be able to sign."""
    found = named(documents(spec("GCS"), reader))
    assert found["iam"].body == {"role": "roles/storage.admin", "members": [f"serviceAccount:{account}"]}
    assert ("iam-sign-blob" in found) is (reader.deployment_type == "SelfManaged")


def test_gcs_exposes_by_response_header() -> None:
    """GCS has no exposeHeaders: what a page may read, and may send, is responseHeader; the command reads it from a file."""
    document = named(documents(spec("GCS"), READER))["cors"]
    (rule,) = document.body
    assert set(rule) == {"origin", "method", "responseHeader", "maxAgeSeconds"}
    assert {"ETag", "Content-Type"} <= set(rule["responseHeader"])
    assert f"--cors-file={document.file}" in document.command


def test_azure_says_whose_setting_it_is() -> None:
    """CORS and soft delete are those of the whole storage account, which is said."""
    found = named(documents(spec("Azure", subscriptionID="s", resourceGroup="g", clientID="c"), READER))
    assert all("every container of the storage account" in found[name].caution for name in ("cors", "soft-delete"))
    scope = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acmewandb"
    assert found["role-storage-blob-data-owner"].body == {
        "role": "Storage Blob Data Owner",
        "assignee": "c",
        "scope": scope,
    }
    assert found["federated-credential"].body["audiences"] == ["api://AzureADTokenExchange"]


@pytest.mark.parametrize(
    ("reader", "issuer", "subject", "told"),
    [
        (READER, "https://REPLACE-ME/", "system:serviceaccount:REPLACE-ME:REPLACE-ME", "azure.workload.identity/use"),
        (
            Reader(
                deployment_type="SelfManaged",
                origins=("https://w",),
                identity="CLIENT_ID=unknown - OIDC_ISSUER_URL=https://oidc.example.com/abc",
                namespace="wandb",
            ),
            "https://oidc.example.com/abc/",
            "system:serviceaccount:wandb:REPLACE-ME",
            "azure.workload.identity/use",
        ),
        (
            Reader(deployment_type="DedicatedCloud", origins=("https://w",)),
            "https://REPLACE-ME/",
            "system:serviceaccount:REPLACE-ME:REPLACE-ME",
            "account team",
        ),
    ],
    ids=["nothing known", "installed by W&B's module", "Dedicated Cloud"],
)
def test_a_federated_credential(reader: Reader, issuer: str, subject: str, told: str) -> None:
    """What is known of W&B's cluster stands in it, the issuer with its trailing slash."""
    found = named(documents(spec("Azure"), reader))["federated-credential"]
    assert found.body == {"issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"]}
    assert {issuer, subject} <= set(found.command)
    assert told in found.caution


def test_a_user_who_is_not_known_is_left_to_fill_in() -> None:
    """Whose keys they are does not stand in a Secret's name."""
    found = named(
        documents(spec(keys=True, kmsKeyARN=KEY), Reader(deployment_type="SelfManaged", origins=("https://w",)))
    )
    assert PLACEHOLDER in found["user-policy"].command
    assert found["kms-key-policy"].body["Statement"][1]["Principal"]["AWS"].endswith(f":user/{PLACEHOLDER}")


@pytest.mark.parametrize("provider", ["S3", "S3Compatible"])
def test_commands_carry_the_document(provider: str) -> None:
    """Where a document has a command, its last word is the document, as one line of JSON; the store is named."""
    for document in documents(spec(provider, keys=True), READER):
        if document.command:
            assert json.loads(document.command[-1]) == document.body
            assert document.command[-1] == text(document.body)
            assert document.command[0] == "aws"
        if document.command[1:2] == ("s3api",):
            assert "acme" in document.command
            assert ("--endpoint-url" in document.command) is (provider == "S3Compatible")


@pytest.mark.parametrize("provider", sorted(DOCUMENTS))
def test_a_block_that_is_missing_is_named(provider: str) -> None:
    """A stored object may name a provider and lack its block."""
    bare = msgspec.convert({"provider": provider, "credentials": {}}, BucketStoreSpec)
    with pytest.raises(Stalled, match=r"spec\.\w+ is missing") as raised:
        documents(bare, READER)
    assert raised.value.reason is Reason.INVALID_SPEC
