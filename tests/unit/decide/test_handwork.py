"""The documents to set by hand are what the operator itself would set, and enough by its own checks."""

import json
from typing import Any

import msgspec
import pytest

from wandb_byob.decide import bucket_policy, cors
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
    ],
    ids=["a role", "a role and keys", "a KMS key", "keys alone", "S3-compatible"],
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
