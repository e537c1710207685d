"""The endpoint policy as an attacker and an administrator would try it."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_byob.decide.endpoints import (
    Endpoint,
    Policy,
    Refusal,
    parse_allow_list,
    parse_endpoint,
    refuse_addresses,
    refuse_endpoint,
)

FIELD = "spec.s3Compatible.endpoint"


def parsed(url: str) -> Endpoint:
    """The endpoint, which must be one."""
    found = parse_endpoint(url, field=FIELD)
    assert isinstance(found, Endpoint), found
    return found


def policy(url: str, *allowed: str, trusted: bool = False) -> Policy:
    """The policy for a URL and an administrator's list."""
    return Policy(endpoint=parsed(url), allowed=parse_allow_list(allowed), field=FIELD, trusted=trusted)


def refused(url: str, addresses: Sequence[str], *allowed: str, trusted: bool = False) -> Refusal | None:
    """What both looks say: at the name, then at the addresses that DNS gives."""
    found = policy(url, *allowed, trusted=trusted)
    endpoint = found.endpoint
    given = tuple(ipaddress.ip_address(text) for text in addresses)
    return refuse_endpoint(found) or refuse_addresses(found, host=endpoint.host, port=endpoint.port, addresses=given)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://s3.example.com", "https://s3.example.com"),
        ("https://s3.example.com/", "https://s3.example.com"),
        ("https://S3.Example.COM:443", "https://s3.example.com"),
        ("HTTPS://s3.example.com:8443", "https://s3.example.com:8443"),
        ("http://minio:9000", "http://minio:9000"),
        ("http://minio:80", "http://minio"),
        ("https://s3.example.com.", "https://s3.example.com"),
        ("https://[2606:4700:0:0::1111]:9000/", "https://[2606:4700::1111]:9000"),
        ("https://[::ffff:8.8.8.8]", "https://[::ffff:808:808]"),
        ("https://52.1.2.3", "https://52.1.2.3"),
        ("https://bucket.vpce-1a2b.s3.eu-central-1.vpce.amazonaws.com", None),
        ("https://my_minio.example.com", None),
        ("https://xn--bcher-kva.example", None),
    ],
)
def test_parsed(url: str, expected: str | None) -> None:
    """An endpoint has one form, whatever the case, the default port, the slash or the dot at its end."""
    assert parsed(url).url == (expected or url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3.example.com",
        "s3.example.com:9000",
        "//s3.example.com",
        "ftp://s3.example.com",
        "file:///etc/passwd",
        "gopher://s3.example.com:70/_x",
        "s3://s3.example.com",
        "https:s3.example.com",
        "https:///s3.example.com",
        "https://",
        "https://:9000",
        "https://s3.example.com:0",
        "https://s3.example.com:65536",
        "https://s3.example.com:99999999999",
        "https://s3.example.com:",
        "https://s3.example.com:http",
        "https://s3.example.com/bucket",
        "https://s3.example.com//",
        "https://s3.example.com/?x=1",
        "https://s3.example.com?region=x",
        "https://s3.example.com#x",
        "https://s3.example.com\\@evil.example.com",
        "https://user@s3.example.com",
        "https://key:secret@s3.example.com",
        "https://s3.example.com%2f@evil.example.com",
        "https://s3.example.com%00.evil.example.com",
        "https://s3 .example.com",
        "https://s3.example.com\n",
        "https://s3.example.com\r\nHost: evil",
        "https://s3.example.com\x00",
        " https://s3.example.com",
        "https://-s3.example.com",
        "https://s3-.example.com",
        "https://s3..example.com",
        "https://.example.com",
        "https://" + "a" * 64 + ".example.com",
        "https://" + "a." * 130 + "example.com",
        "https://[::1",
        "https://[::1]x",
        "https://[fe80::1%25eth0]",
        "https://[fe80::1%eth0]",
        "https://[127.0.0.1]",
        "https://b\u00fccher.example.com",
        "https://\uff11\uff12\uff17.0.0.1",
        "https://169\u3002254\u3002169\u3002254",
        "https://\u212aube.example.com",
    ],
)
def test_not_an_endpoint(url: str) -> None:
    """What is no plain URL of a host and a port is refused, with the field and what to write in it."""
    found = parse_endpoint(url, field=FIELD)
    assert isinstance(found, Refusal)
    assert FIELD in found.message
    assert FIELD in found.remedy


@pytest.mark.parametrize(
    "host",
    [
        "2852039166",  # 169.254.169.254 in decimal
        "0xa9fea9fe",
        "0xA9.0xFE.0xA9.0xFE",
        "0251.0376.0251.0376",
        "025177524776",
        "169.254.43518",
        "169.16689662",
        "0177.0.0.1",
        "127.1",
        "127.0.0.01",
        "1.2.3.4.5",
        "256.1.1.1",
        "foo.0x7f",
        "0",
        "0x",
    ],
)
def test_only_one_notation_of_ipv4(host: str) -> None:
    """IPv4 in decimal, octal, hexadecimal or shortened form is no host, so that nobody reads it in two ways."""
    assert isinstance(parse_endpoint(f"http://{host}:80", field=FIELD), Refusal)


def test_keys_in_the_url_are_not_repeated() -> None:
    """A refusal quotes nothing of a URL that could hold a key."""
    found = parse_endpoint("https://AKIACANARY:canary-secret@s3.example.com", field=FIELD)
    assert isinstance(found, Refusal)
    assert "canary" not in f"{found}".lower()
    assert "Secret" in found.remedy


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    """Whatever is typed is an endpoint or a refusal; what is taken can be written and read again."""
    for url in (text, f"https://{text}"):
        found = parse_endpoint(url, field=FIELD)
        if isinstance(found, Endpoint):
            assert parse_endpoint(found.url, field=FIELD) == found


@pytest.mark.parametrize(
    ("url", "addresses", "allowed"),
    [
        ("https://s3.example.com", ["52.1.2.3", "2606:4700::1"], []),
        ("https://52.1.2.3:9000", ["52.1.2.3"], []),
        ("https://s3.example.com", ["64:ff9b::34.1.2.3"], []),
        ("http://minio:9000", ["10.1.2.3"], ["minio"]),
        ("http://minio:9000", ["10.1.2.3"], ["minio:9000"]),
        ("http://minio:9000", ["10.1.2.3"], ["MINIO:9000"]),
        ("http://minio.storage.svc:9000", ["10.1.2.3"], ["*.svc"]),
        ("http://minio.storage.svc:9000", ["10.1.2.3"], ["*.storage.svc:9000"]),
        ("http://minio.storage.svc.cluster.local:9000", ["10.1.2.3"], ["10.0.0.0/8"]),
        ("http://minio.storage.svc:9000", ["10.1.2.3", "fd00::5"], ["10.0.0.0/8", "fd00::/8"]),
        ("http://127.0.0.1:9000", ["127.0.0.1"], ["127.0.0.1"]),
        ("http://127.0.0.1:9000", ["127.0.0.1"], ["127.0.0.1:9000"]),
        ("http://localhost:9000", ["127.0.0.1", "::1"], ["localhost"]),
        ("http://[::1]:9000", ["::1"], ["::1"]),
        ("http://[fd00::1]:9000", ["fd00::1"], ["[fd00::1]:9000"]),
        ("https://s3.internal.example.com", ["10.1.2.3"], ["s3.internal.example.com"]),
        ("https://s3.example.com", ["10.1.2.3", "52.1.2.3"], ["10.0.0.0/8"]),
        ("http://s3.example.com", ["::ffff:10.1.2.3"], ["10.0.0.0/8"]),
    ],
)
def test_allowed(url: str, addresses: list[str], allowed: list[str]) -> None:
    """Https at public addresses needs nothing; everything else the administrator's list."""
    assert refused(url, addresses, *allowed) is None


@pytest.mark.parametrize(
    ("url", "addresses", "allowed"),
    [
        ("http://s3.example.com", ["52.1.2.3"], []),
        ("https://s3.example.com", ["10.1.2.3"], []),
        ("https://s3.example.com", ["52.1.2.3", "10.1.2.3"], []),
        ("https://s3.example.com", ["127.0.0.1"], []),
        ("https://s3.example.com", ["::1"], []),
        ("https://s3.example.com", ["fd00::1"], []),
        ("https://s3.example.com", ["100.64.0.1"], []),
        ("https://s3.example.com", ["0.0.0.0"], []),
        ("https://localhost", ["127.0.0.1"], []),
        ("https://foo.localhost", ["127.0.0.1"], []),
        ("https://minio", ["52.1.2.3"], []),
        ("https://minio.storage.svc", ["52.1.2.3"], []),
        ("https://minio.storage.svc.cluster.local", ["52.1.2.3"], []),
        ("https://metadata.google.internal", ["52.1.2.3"], []),
        ("https://127.0.0.1", ["127.0.0.1"], []),
        ("https://10.1.2.3", ["10.1.2.3"], []),
        ("https://[::ffff:10.1.2.3]", ["::ffff:10.1.2.3"], []),
        ("http://minio:9000", ["10.1.2.3"], ["minio:9001"]),
        ("http://minio:9000", ["10.1.2.3"], ["other", "*.minio"]),
        ("http://evilminio", ["10.1.2.3"], ["*.minio", "minio"]),
        ("http://svc:9000", ["10.1.2.3"], ["*.svc"]),
        ("http://minio.storage.svc.evil.example.com", ["10.1.2.3"], ["*.storage.svc"]),
        ("http://minio:9000", ["10.1.2.3", "192.168.0.1"], ["10.0.0.0/8"]),
        ("http://minio:9000", ["11.1.2.3"], ["10.0.0.0/8"]),
    ],
)
def test_not_allowed(url: str, addresses: list[str], allowed: list[str]) -> None:
    """The refusal names the field, the endpoint to add and the setting to add it to."""
    found = refused(url, addresses, *allowed)
    assert found is not None
    assert FIELD in found.message
    assert f"{parsed(url).authority} to allowedEndpoints" in found.remedy


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://169.254.169.254", "169.254.169.254"),
        ("https://[::ffff:169.254.169.254]", "::ffff:169.254.169.254"),
        ("https://[64:ff9b::a9fe:a9fe]", "64:ff9b::a9fe:a9fe"),
        ("https://[2002:a9fe:a9fe::]", "2002:a9fe:a9fe::"),
        ("https://[fd00:ec2::254]", "fd00:ec2::254"),
        ("https://[fe80::1]", "fe80::1"),
        ("https://168.63.129.16", "168.63.129.16"),
        ("https://192.0.0.192", "192.0.0.192"),
        ("https://s3.example.com", "169.254.169.254"),
        ("https://s3.example.com", "::ffff:a9fe:a9fe"),
    ],
)
@pytest.mark.parametrize("trusted", [False, True])
def test_never_allowed(url: str, address: str, trusted: bool) -> None:
    """Link-local and metadata addresses are refused though every list there is includes them."""
    everything = ("0.0.0.0/0", "::/0", "169.254.169.254", "s3.example.com", "169.254.0.0/16")
    found = refused(url, ["52.1.2.3", address] if "example" in url else [address], *everything, trusted=trusted)
    assert found is not None
    assert "no setting" in found.remedy


def test_refused_without_dns() -> None:
    """What the name alone shows is refused before DNS is asked, unless the list holds networks, which only addresses can match."""
    assert refuse_endpoint(policy("http://minio:9000")) is not None
    assert refuse_endpoint(policy("http://10.0.0.1", "10.0.0.0/16")) is None
    assert refuse_endpoint(policy("http://10.1.0.1", "10.0.0.0/16")) is not None
    assert refuse_endpoint(policy("http://minio:9000", "10.0.0.0/8")) is None
    assert refuse_endpoint(policy("https://s3.example.com")) is None


def test_hosts_that_the_operator_chose() -> None:
    """AWS' own endpoint may be at a private address: a VPC endpoint with private DNS."""
    assert refused("https://s3.eu-central-1.amazonaws.com", ["10.1.2.3"], trusted=True) is None


@pytest.mark.parametrize(
    ("addresses", "allowed"),
    [
        (["169.254.169.254"], True),
        (["169.254.169.254", "fd20:ce::254"], True),
        (["169.254.169.253"], False),
        (["169.254.169.254", "127.0.0.1"], False),
        (["52.1.2.3"], False),
    ],
)
def test_a_clouds_metadata_server_is_at_its_own_addresses(addresses: list[str], allowed: bool) -> None:
    """What is forbidden to every endpoint of a user is all that the call for a token may go to."""
    only = (ipaddress.ip_address("169.254.169.254"), ipaddress.ip_address("fd20:ce::254"))
    host = "metadata.google.internal"
    asked = Policy(endpoint=parsed(f"http://{host}"), field=FIELD, trusted=True, only=only)
    found = refuse_addresses(asked, host=host, port=80, addresses=[ipaddress.ip_address(each) for each in addresses])
    assert (found is None) is allowed
    assert refuse_addresses(asked, host="evil.example.com", port=80, addresses=only) is not None


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("bucket.s3.example.com", True),
        ("s3.example.com", True),
        ("evil.example.com", False),
        ("xs3.example.com", False),
        ("169.254.169.254", False),
    ],
)
def test_only_the_endpoint_and_its_subdomains(host: str, allowed: bool) -> None:
    """Connections go to the endpoint or, with the bucket in the host name, below it; nowhere else."""
    found = refuse_addresses(
        policy("https://s3.example.com"), host=host, port=443, addresses=(ipaddress.ip_address("52.1.2.3"),)
    )
    assert (found is None) is allowed


def test_listed_host_covers_its_buckets() -> None:
    """A host on the list may be addressed with the bucket before it, too."""
    found = refuse_addresses(
        policy("http://minio.example.com:9000", "minio.example.com:9000"),
        host="bucket.minio.example.com",
        port=9000,
        addresses=(ipaddress.ip_address("10.1.2.3"),),
    )
    assert found is None


@pytest.mark.parametrize(
    "entry", ["", "*", "*.", "http://minio", "minio:x", "10.0.0.0/33", "10.0.0.1/8", "a b", "mini/o", "127.1"]
)
def test_wrong_entries(entry: str) -> None:
    """An entry of the list that means nothing is an error that names it, not an entry that never matches."""
    with pytest.raises(ValueError, match="allowedEndpoints"):
        parse_allow_list([entry])
