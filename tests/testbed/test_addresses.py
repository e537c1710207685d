"""The Go program takes addresses apart as W&B's server does."""

import pytest

from testbed.addresses import GoParser


def test_an_escaped_address_gives_back_its_parts(go_parser: GoParser) -> None:
    parsed = go_parser.parse("s3://a%2Fk:s%3A%40%2C@store.example:9000/bucket?region=r&tls=true")
    assert (parsed.scheme, parsed.username, parsed.password) == ("s3", "a/k", "s:@,")
    assert (parsed.host, parsed.hostname, parsed.port, parsed.path) == (
        "store.example:9000",
        "store.example",
        "9000",
        "/bucket",
    )
    assert parsed.query == {"region": ["r"], "tls": ["true"]}


@pytest.mark.parametrize(
    ("address", "words"), [("s3://ak:s/k@host/b", "invalid port"), ("s3://ak:s%k@host/b", "invalid URL escape")]
)
def test_what_go_refuses_comes_with_its_words(go_parser: GoParser, address: str, words: str) -> None:
    assert words in go_parser.parse(address).error
