"""Storage addresses: which bucket they mean, and what may be shown of them."""

import pytest

from wandb_byob.decide import addresses
from wandb_byob.model.credentials import AccessKey, Ambient

KEYS = AccessKey(access_key_id="AKIA,1", secret_access_key="se/c,r@t")
ESCAPED = "AKIA%2C1:se%2Fc%2Cr%40t"

BUILT = [
    (addresses.s3("b", KEYS, host="minio.example.com:9000", region="eu-1", tls=False), f"s3://{ESCAPED}@minio.example.com:9000/b?region=eu-1&tls=false"),
    (addresses.s3("b", KEYS, host="s3.eu-west-1.amazonaws.com", region="eu-west-1"), f"s3://{ESCAPED}@s3.eu-west-1.amazonaws.com/b?region=eu-west-1&tls=true"),
    (addresses.s3("b", KEYS, host="h.example", region="r", vhost=True), f"s3://{ESCAPED}@h.example/b?forcePathStyle=false&region=r&tls=true"),
    (addresses.s3("b", Ambient(), region="eu-west-1"), "s3://b"),
    (addresses.s3("b", KEYS, host="minio", region="r", tls=False), f"s3://{ESCAPED}@minio:80/b?region=r&tls=false"),
    (addresses.coreweave("b", KEYS), f"cw://{ESCAPED}@cwobject.com/b?tls=true"),
    (addresses.gcs("b", email="a@p.iam", private_key="-----\n+"), "gs://a%40p.iam:-----%0A%2B@b"),
    (addresses.gcs("b"), "gs://b"),
    (addresses.azure("acc", "c", key="k+/="), "az://:k%2B%2F%3D@acc/c"),
    (addresses.azure("acc", "c"), "az://acc/c"),
]  # fmt: skip


@pytest.mark.parametrize(("address", "text"), BUILT, ids=[text for _, text in BUILT])
def test_the_form_of_each_provider(address: addresses.Address, text: str) -> None:
    """Each address has W&B's documented form, every credential is percent-encoded, and it parses back to itself."""
    assert address.reveal() == text
    assert addresses.parse(text) == address


@pytest.mark.parametrize(("credentials", "host"), [(KEYS, ""), (Ambient(), "minio.example.com")])
def test_an_ambient_identity_is_never_paired_with_an_endpoint(credentials: AccessKey | Ambient, host: str) -> None:
    """Keys without an endpoint, and an endpoint without keys, make no address."""
    with pytest.raises(ValueError, match="endpoint"):
        addresses.s3("b", credentials, host=host, region="r")


def test_an_address_shows_its_credentials_nowhere() -> None:
    """Neither repr, nor str, nor a format string gives them away."""
    address = addresses.s3("b", KEYS, host="h.example", region="r")
    for shown in (repr(address), str(address), f"{address}", f"{[address]}"):
        assert "AKIA" not in shown
        assert "se%2F" not in shown
        assert "h.example/b" in shown


SAME = [
    ["s3://a:b@S3.eu-west-1.amazonaws.com/data?region=eu-west-1", "s3://c:d@s3.dualstack.us-east-1.amazonaws.com:443/data", "s3://data",
     "s3://data.s3.amazonaws.com", "s3://s3-accelerate.amazonaws.com/data", "s3://x:y@bucket.vpce-1a-2b.s3.us-east-1.vpce.amazonaws.com/data"],
    ["s3://a:b@Minio.Example.com/data?tls=true", "s3://minio.example.com:443/data", "s3://minio.example.com:80/data/", " s3://minio.example.com./data "],
    ["cw://a:b@cwobject.com/data?tls=true", "cw://data.cwobject.com", "cw://data", "cw://cwlota.com/data"],
    ["gs://data", "gs://e%40p:k@data"],
    ["az://acc/c", "az://:key@ACC/c", "az://acc.blob.core.windows.net/c"],
]  # fmt: skip


@pytest.mark.parametrize("texts", SAME, ids=lambda texts: texts[0])
def test_every_way_to_name_a_bucket_is_one_identity(texts: list[str]) -> None:
    """Case, default ports, AWS' many endpoints and white space make no other bucket."""
    assert len({addresses.identity(text) for text in texts}) == 1
    assert addresses.identity(texts[0]) is not None


def test_what_is_another_bucket() -> None:
    """Another port, host, account, partition, provider or name is another bucket; so is the case of a bucket's name."""
    texts = [
        "s3://data", "s3://Data", "s3://data?region=cn-north-1", "s3://s3.us-gov-west-1.amazonaws.com/data", "s3://minio.example.com/data",
        "s3://minio.example.com:9000/data", "s3://minio.example.org/data", "s3://s3-data-1234567890.us-east-1.elb.amazonaws.com/data",
        "s3://s3.data.execute-api.us-east-1.amazonaws.com/data", "gs://data", "cw://data", "az://data/data", "az://other/data", "cw://",
    ]  # fmt: skip
    assert len({addresses.identity(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    "text",
    ["", " ", "nonsense", "s3://", "s3://a:b/c@h/b", "gcs://b", "s3:b", "s3://h:9000", "az://acc", "https://h/b"],
)
def test_what_names_no_bucket(text: str) -> None:
    """Malformed entries have no identity, and lint says something about each but nothing of their text."""
    assert addresses.identity(text) is None
    assert addresses.lint(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("s3://k:se%2@h/b", "%25"),
        ("s3://k:se/cret@h/b", "percent-encoded"),
        ("gcs://b", "gs://"),
        ("azure://a/c", "az://"),
        ("s3://k:s@h/b?region=r?tls=true", "second ?"),
        ("s3://k:s@h/b?region=r;tls=true", "&"),
        ("s3://k:s\n@h/b", "line break"),
        ("cw://k:s@cwlota.com/b?tls=true", "cwobject.com"),
    ],
)
def test_lint_says_what_is_wrong(text: str, words: str) -> None:
    """The mistakes that W&B accepts silently are named, without quoting what may be secret."""
    found = addresses.lint(text)
    assert found is not None
    assert words in found
    assert "se" not in found.split()


@pytest.mark.parametrize(
    "text", [text for _, text in BUILT] + ["cw://", "s3://k:s@h.example/b?region=r&tls=true&forcePathStyle=true"]
)
def test_lint_has_nothing_against_good_entries(text: str) -> None:
    assert addresses.lint(text) is None


REDACTED = [
    ("s3://AKIA:secret@h.example:9000/b?region=r&tls=true", "s3://***:***@h.example:9000/b?region=r&tls=true"),
    ("az://:secret@acc/c", "az://:***@acc/c"),
    ("gs://e%40p:secret@b", "gs://***:***@b"),
    ("s3://b", "s3://b"),
    ("cw://", "cw://"),
    ("", ""),
    (" ", " "),
    ("s3://AKIA:sec/ret@h.example/b", "s3://***:***@h.example/b"),
    ("s3://AKIA:sec@ret@h.example/b", "s3://***:***@h.example/b"),
    ("s3://AKIA:sec#ret@h.example/b", "s3://***:***@h.example/b"),
    ("s3://AKIA:123", "s3://***"),
    ("s3://AKIA:sec%zz", "s3://***"),
    ("AKIA:secret@h.example/b", "***"),
    ("ret@h.example/b", "***"),
    ("az://acc/c?sig=secret&tls=true", "az://acc/c?sig=***&tls=true"),
    ("s3://AKIA:secret@h.example/b?region=r?tls=true", "s3://***:***@h.example/b?region=r?tls=true"),
]


@pytest.mark.parametrize(("text", "shown"), REDACTED)
def test_redaction(text: str, shown: str) -> None:
    """Credentials give way to ***, nothing else changes; what is no address shows nothing that could be one's."""
    assert addresses.redact(text) == shown
