"""A running list of addresses, and what each entry becomes."""

import json
from typing import Any

import pytest

from wandb_byob.decide import address_lists, bucket_forms, imports, storage
from wandb_byob.decide.imports import Draft, Left
from wandb_byob.decide.storage import Present, Unreadable

KEYS = {"accessKeyID": "AK", "secretAccessKey": "s/k+"}
PEM = "-----BEGIN%20PRIVATE%20KEY-----%0Aabc%0A-----END%20PRIVATE%20KEY-----%0A"


def one(entry: str, **options: Any) -> Draft:
    (made,), left = imports.drafts([entry], **options)
    assert left == ()
    return made


@pytest.mark.parametrize(
    ("entry", "spec", "secret"),
    [
        ("s3://AK:s%2Fk%2B@s3.eu-west-1.amazonaws.com/b?region=eu-west-1", {"provider": "S3", "s3": {"bucket": "b", "region": "eu-west-1"}}, KEYS),
        ("s3://AK:s%2Fk%2B@s3.eu-west-1.amazonaws.com/b", {"provider": "S3", "s3": {"bucket": "b", "region": "eu-west-1"}}, KEYS),
        ("s3://AK:s%2Fk%2B@minio:9000/b?region=r&tls=true", {"provider": "S3Compatible", "s3Compatible": {"bucket": "b", "endpoint": "https://minio:9000", "region": "r"}}, KEYS),
        ("s3://AK:s%2Fk%2B@minio:9000/b?region=r", {"provider": "S3Compatible", "s3Compatible": {"bucket": "b", "endpoint": "http://minio:9000", "region": "r"}}, KEYS),
        ("cw://AK:s%2Fk%2B@cwobject.com/b?tls=true", {"provider": "CoreWeave", "coreWeave": {"bucket": "b"}}, KEYS),
        ("gs://b", {"provider": "GCS", "gcs": {"bucket": "b"}}, None),
        ("az://:a2V5@acme/data", {"provider": "Azure", "azure": {"storageAccount": "acme", "container": "data"}}, {"accountKey": "a2V5"}),
    ],
)  # fmt: skip
def test_each_form_becomes_its_provider(entry: str, spec: dict[str, Any], secret: dict[str, str] | None) -> None:
    made = one(entry)
    assert made.spec == spec
    assert made.secret == secret
    assert "s/k+" not in made.shown + repr(made)


def test_a_google_key_becomes_a_key_file() -> None:
    made = one(f"gs://sa%40p.iam.gserviceaccount.com:{PEM}@b")
    assert made.secret is not None
    key = json.loads(made.secret["serviceAccount.json"])
    assert key["client_email"] == "sa@p.iam.gserviceaccount.com"
    assert key["private_key"] == "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"


def test_a_bucket_of_aws_without_a_region_needs_the_administrators_word() -> None:
    """`s3://bucket` says nothing of it: W&B takes AWS_REGION."""
    made, (left,) = imports.drafts(["s3://b"])
    assert made == ()
    assert "--region" in left.why
    assert one("s3://b", region="us-east-1").spec["s3"] == {"bucket": "b", "region": "us-east-1"}


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (["s3://AK:sk@h.example/b?region=r?tls=true"], "second ?"),
        (["gcs://b"], "gs://"),
        (["s3://AK:{{ .key }}@h.example/b"], ""),
        (["s3://AK:$(KEY)@h.example/b?region=r&tls=true"], "Kubernetes would expand"),
        (["s3://AK:s", "k@h.example/b"], ""),
        (["", "cw://"], ""),
        (["cw://"], "makes CoreWeave selectable"),
        (["cw://A:b@cwlota.com/b"], "write cwobject.com"),
        (["s3://h.example:9000/b?region=r&tls=true"], "has no keys"),
        (["s3://lb.elb.eu-west-1.amazonaws.com/b?region=r"], "has no keys"),
    ],
)
def test_what_is_wrong_stays_as_it_is_and_is_told(entries: list[str], words: str) -> None:
    """None of it is quoted but what the redacted list shows."""
    made, left = imports.drafts(entries)
    assert made == ()
    assert [each.shown for each in left] == list(address_lists.redact(entries))
    assert any(words in each.why for each in left)


def test_a_bucket_twice_is_one_bucket_store() -> None:
    made, (left,) = imports.drafts(["gs://b", "gs://b"])
    assert len(made) == 1
    assert "the same bucket" in left.why


def test_names_are_told_apart() -> None:
    """Buckets of one name at two stores."""
    made, _ = imports.drafts(
        ["s3://A:b@h1.example/My_Data?region=r&tls=true", "s3://A:b@h2.example/My_Data?region=r&tls=true"]
    )
    assert [each.name for each in made] == ["my-data", "my-data-2"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("s3://A:b@h.example/b?region=r", "http"),
        ("s3://A:b@h.example/b?tls=true", "us-west-1"),
        ("s3://A:b@h.example/b/p?region=r&tls=true", "path"),
        ("cw://A:b@b.cwobject.com?tls=true", "subdomain"),
        ("s3://A:b+c=@h.example/b?region=r&tls=true", "not percent-encoded"),
        ("s3://A:b@s3.eu-west-1.amazonaws.com/b", "its own AWS_REGION"),
        (" gs://b", "white space"),
    ],
)
def test_what_is_odd_is_told(entry: str, words: str) -> None:
    assert words in " ".join(one(entry).doubts)


def test_a_bucket_that_has_a_bucket_store_gets_no_second_one() -> None:
    made, (left,) = imports.drafts(["gs://a", "gs://b"], known={"gs://a": "mine"}, taken={"b"})
    assert [each.name for each in made] == ["b-2"]
    assert left.why == "BucketStore mine is there for it"


def test_what_is_left_and_has_its_bucket_store_all_the_same_is_told_apart() -> None:
    """One that is there for it, or comes of an entry before; the shared entry asks for none."""
    given = ["gs://a", "gs://b", "gs://b", "cw://", "gcs://c", "s3://d"]
    _, left = imports.drafts(given, known={"gs://a": "mine"})
    assert [(each.shown, each.served) for each in left] == [
        ("gs://a", True), ("gs://b", True), ("cw://", True), ("gcs://c", False), ("s3://d", False)
    ]  # fmt: skip


def test_an_entry_without_fault_raises_no_doubt() -> None:
    for entry in ("s3://A:b%2B@h.example/b?region=r&tls=true", "cw://A:b@cwobject.com/b?tls=true", f"gs://sa%40p:{PEM}@b", "az://:a%3D@acme/data"):  # fmt: skip
        assert one(entry).doubts == ()


def test_each_team_gets_a_form() -> None:
    """Under names that Kubernetes takes and that are told apart; which bucket it has is filled in where there is one only."""
    first, second = (one(f"gs://{name}") for name in ("a", "b"))
    forms = imports.team_storages([first, second], ["ML Research", "ml-research", "研究"], namespace="wandb")
    assert [(each["metadata"]["name"], each["spec"]["team"]) for each in forms] == [
        ("ml-research", "ML Research"),
        ("ml-research-2", "ml-research"),
        ("team", "研究"),
    ]
    assert {each["spec"]["bucketStoreRef"]["name"] for each in forms} == {"BUCKETSTORE"}
    (form,) = imports.team_storages([first], ["x"], namespace="wandb")
    assert form["spec"] == {"team": "x", "bucketStoreRef": {"name": "a"}, "path": "PATH"}
    assert [each["spec"]["team"] for each in imports.team_storages([first, second], [], namespace="wandb")] == [
        "TEAM"
    ] * 2


def test_the_objects_change_nothing_and_are_checked() -> None:
    keyed = imports.bucket_store(one("az://:a2V5@acme/data"), namespace="wandb", instance="w")["spec"]
    assert (keyed["managementPolicy"], keyed["adoptionPolicy"]) == ("Observe", "Adopt")
    assert keyed["credentials"] == {"source": "Secret", "secretRef": {"name": "data"}}
    keyless = imports.bucket_store(one("gs://b"), namespace="wandb", instance="w")["spec"]
    assert keyless["credentials"] == {"source": "Ambient"}
    assert keyless["verification"]["from"] == "Workload"
    assert imports.secret(one("gs://b"), namespace="wandb") is None


KMS = "arn:aws:kms:eu-west-1:111122223333:key/1234-ab"
MINIO = "s3://AK:s%2Fk%2B@minio.example:9000"


def present(*given: dict[str, str | None]) -> list[Present]:
    """What containers with these variables have."""
    return [found for each in given if (found := storage.from_variables(each)) is not None]


@pytest.mark.parametrize(
    ("variables", "spec", "path", "secret"),
    [
        ({"BUCKET": "s3://acme/w/files/", "AWS_REGION": "eu-west-1", "AWS_S3_KMS_ID": KMS}, {"provider": "S3", "s3": {"bucket": "acme", "region": "eu-west-1", "kmsKeyARN": KMS}}, "w/files", None),
        ({"BUCKET": "s3://AK:s%2Fk%2B@acme"}, {"provider": "S3", "s3": {"bucket": "acme", "region": "us-east-1"}}, "", KEYS),
        ({"BUCKET": "acme", "AWS_REGION": "eu-west-1"}, {"provider": "S3", "s3": {"bucket": "acme", "region": "eu-west-1"}}, "", None),
        ({"BUCKET": f"{MINIO}/box/w?tls=true", "AWS_REGION": "r"}, {"provider": "S3Compatible", "s3Compatible": {"bucket": "box", "endpoint": "https://minio.example:9000", "region": "r"}}, "w", KEYS),
        ({"BUCKET": f"{MINIO}/box"}, {"provider": "S3Compatible", "s3Compatible": {"bucket": "box", "endpoint": "http://minio.example:9000", "region": "us-west-1"}}, "", KEYS),
        ({"BUCKET": f"{MINIO}/box?forcePathStyle=false&region=q&tls=true", "AWS_REGION": "r"}, {"provider": "S3Compatible", "s3Compatible": {"bucket": "box", "endpoint": "https://minio.example:9000", "region": "q", "addressingStyle": "Virtual"}}, "", KEYS),
        ({"BUCKET": "cw://AK:s%2Fk%2B@acme/w"}, {"provider": "CoreWeave", "coreWeave": {"bucket": "acme"}}, "w", KEYS),
        ({"BUCKET": "gs://acme"}, {"provider": "GCS", "gcs": {"bucket": "acme"}}, "", None),
        ({"BUCKET": "az://acct/box/w", "AZURE_STORAGE_KEY": "a/b=="}, {"provider": "Azure", "azure": {"storageAccount": "acct", "container": "box"}}, "w", {"accountKey": "a/b=="}),
    ],
    ids=["AWS", "AWS, keys", "the bare name", "S3-compatible", "http, no region", "virtual-hosted", "CoreWeave", "Google", "Azure"],
)  # fmt: skip
def test_the_instances_own_bucket(
    variables: dict[str, str | None], spec: dict[str, Any], path: str, secret: dict[str, str] | None
) -> None:
    """In the forms of W&B's settings, region and KMS key beside it; no key is shown."""
    found = imports.own(present(variables), region="us-east-1")
    assert isinstance(found, Draft)
    assert (found.spec, found.path, found.secret) == (spec, path, secret)
    for key in ("s/k", "s%2F", "a/b=="):
        assert key not in found.shown + repr(found)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([{"BUCKET": "s3://a", "GORILLA_FILE_STORE": "s3://b"}], "different buckets"),
        ([{"BUCKET": "gs://a"}, {"BUCKET": "gs://b"}], "do not have the same bucket"),
        ([{"BUCKET": "s3://AK:one@a"}, {"BUCKET": "s3://AK:two@a"}], "do not have the same bucket"),
        ([{"BUCKET": "gs://a"}, {"BUCKET": "file:///vol"}], "begins with none of s3://"),
        ([{"BUCKET": "s3://$(AK):$(SK)@a", "AWS_REGION": "eu-west-1"}], "its keys are not known"),
        ([{"BUCKET": "s3://a", "AWS_REGION": "eu-west-1", "AWS_S3_KMS_ID": "alias/mine"}], "AWS_S3_KMS_ID is no ARN"),
        ([{"BUCKET": f"{MINIO}/box", "AWS_S3_KMS_ID": KMS}], "AWS_S3_KMS_ID is no ARN of a key of AWS"),
        ([{"BUCKET": "gs://a/w b"}], "spec.storage.path takes"),
        ([{"BUCKET": "s3://minio.example:9000/box"}], "has no keys"),
        ([{"BUCKET": "s3://acme"}], "--region"),
        ([{"BUCKET": "s3://Acme", "AWS_REGION": "us-east-1"}], "does not take its name"),
        ([{"BUCKET": "s3://acme", "AWS_REGION": "frankfurt"}], "correct AWS_REGION"),
    ],
)
def test_what_the_instances_own_bucket_cannot_become(given: list[dict[str, str | None]], words: str) -> None:
    """In plain words, with what to do, and without a key."""
    found = imports.own(present(*given))
    assert isinstance(found, Left)
    assert words in found.why
    assert ":one@" not in found.shown + found.why


def test_a_region_that_one_component_does_not_say_is_no_difference() -> None:
    found = imports.own(
        present({"BUCKET": "s3://acme"}, {"BUCKET": "s3://acme", "AWS_REGION": "eu-west-1"}), taken={"acme"}
    )
    assert isinstance(found, Draft)
    assert (found.spec["s3"]["region"], found.name) == ("eu-west-1", "acme-2")


def test_a_bucket_of_v1_whose_secret_is_not_there() -> None:
    of_chart = bucket_forms.from_chart({"provider": "s3", "name": "acme", "region": "eu-west-1"}, keys=None)
    assert of_chart is not None
    found = imports.own([of_chart])
    assert isinstance(found, Left)
    assert "a Secret or a key of it is not there" in found.why


def test_an_object_store_of_wandbs_operator_stays() -> None:
    found = imports.own([Unreadable("an object store that W&B's operator runs", "it is no bucket of your own")])
    assert found == Left(shown="an object store that W&B's operator runs", why="it is no bucket of your own")
