"""Our addresses as Go's net/url reads them, which is what W&B's server parses them with."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.addresses import GoParser
from wandb_byob.decide import addresses, neturl
from wandb_byob.model.credentials import AccessKey

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
LABEL = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\Z")
BUCKET = st.from_regex(r"\A[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]\Z")
HOST = st.one_of(
    LABEL,
    st.lists(LABEL, min_size=2, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
PORT = st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}"))
# What breaks parsers, more often than chance would have it.
TOKENS = [*'ab09%/?#@:;,&=+[]<>"{}|\\^` \n\té', "%2F", "%e9", "s3://", "//", ":80", "::1"]
NASTY = st.lists(st.sampled_from(TOKENS), max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(key=TEXT, secret=TEXT, bucket=BUCKET, region=TEXT, host=HOST, port=PORT, tls=st.booleans(), vhost=st.booleans())
def test_an_s3_address_gives_back_its_parts(
    go_parser: GoParser, key: str, secret: str, bucket: str, region: str, host: str, port: str, tls: bool, vhost: bool
) -> None:
    """Whatever key, secret, bucket, region and endpoint: Go reads the same parts, and so do we."""
    credentials = AccessKey(access_key_id=key, secret_access_key=secret)
    address = addresses.s3(bucket, credentials, host=host + port, region=region, tls=tls, vhost=vhost)
    parsed = go_parser.parse(address.reveal())
    assert parsed.error == ""
    assert (parsed.scheme, parsed.username, parsed.password) == ("s3", key, secret)
    assert parsed.host == address.host
    assert parsed.hostname == host.strip("[]")
    assert parsed.path == f"/{bucket}"
    style = {"forcePathStyle": ["false"]} if vhost else {}
    assert parsed.query == {"region": [region], "tls": ["true" if tls else "false"], **style}
    assert addresses.parse(address.reveal()) == address


@settings(max_examples=100, deadline=None)
@given(key=TEXT, secret=TEXT, bucket=BUCKET)
def test_the_other_providers_addresses_give_back_their_parts(
    go_parser: GoParser, key: str, secret: str, bucket: str
) -> None:
    """CoreWeave, Google (a PEM with line breaks, an @ in the e-mail) and Azure (no user name)."""
    coreweave = go_parser.parse(
        addresses.coreweave(bucket, AccessKey(access_key_id=key, secret_access_key=secret)).reveal()
    )
    assert (coreweave.username, coreweave.password, coreweave.host) == (key, secret, "cwobject.com")
    assert (coreweave.path, coreweave.query) == (f"/{bucket}", {"tls": ["true"]})
    gcs = go_parser.parse(
        addresses.gcs(bucket, email=f"{key}@project.example", private_key=f"-----BEGIN\n{secret}\n").reveal()
    )
    assert (gcs.username, gcs.password) == (f"{key}@project.example", f"-----BEGIN\n{secret}\n")
    assert (gcs.host, gcs.path) == (bucket, "")
    azure = go_parser.parse(addresses.azure("account", bucket, key=secret).reveal())
    assert (azure.username, azure.password, azure.host, azure.path) == ("", secret, "account", f"/{bucket}")


@settings(max_examples=2000, deadline=None)
@given(text=st.tuples(st.sampled_from(["", "s3://", "az://", "s3://a:b@", "s3://[", "cw:"]), NASTY).map("".join))
def test_we_refuse_what_go_refuses_and_read_the_rest_alike(go_parser: GoParser, text: str) -> None:
    """Entries that somebody else wrote are understood exactly as W&B understands them."""
    parsed = go_parser.parse(text)
    try:
        url = neturl.parse(text)
    except neturl.NotAURLError:
        assert parsed.error, "Go accepts it"
        return
    assert parsed.error == ""

    def shown(part: str) -> str:
        """Bytes that are no UTF-8 come through JSON as the replacement character."""
        return part.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    ours = [url.scheme, url.user, url.password, url.host, url.path, url.fragment]
    assert [shown(part) for part in ours] == [
        parsed.scheme,
        parsed.username,
        parsed.password,
        parsed.host,
        parsed.path,
        parsed.fragment,
    ]


@pytest.mark.parametrize(
    "raw",
    ["se/cret", "se?cret", "se#cret", "se%cret", "se cret"],
    ids=["slash", "question", "hash", "percent", "space"],
)
def test_what_an_unescaped_character_does_in_go(go_parser: GoParser, raw: str) -> None:
    """The reason for the escaping: written raw, the secret is refused or read as something else."""
    parsed = go_parser.parse(f"s3://AKIA:{raw}@minio.example.com/bucket")
    assert parsed.error or parsed.password != raw
    escaped = addresses.s3(
        "bucket", AccessKey(access_key_id="AKIA", secret_access_key=raw), host="minio.example.com", region="r"
    )
    assert go_parser.parse(escaped.reveal()).password == raw
