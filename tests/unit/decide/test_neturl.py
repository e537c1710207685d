"""What Go's net/url accepts, refuses and reads, case by case; tests/contract compares with Go itself on random text."""

import pytest

from wandb_byob.decide import neturl


@pytest.mark.parametrize(
    ("text", "user", "password", "host", "path"),
    [
        ("s3://a:b@h/p", "a", "b", "h", "/p"),
        ("s3://a%2F:b%40%0A@h:1/p%2Fq", "a/", "b@\n", "h:1", "/p/q"),
        ("s3://a:b:c@h", "a", "b:c", "h", ""),
        ("s3://a@b:c@h", "a@b", "c", "h", ""),
        ("az://:k@acc/c", "", "k", "acc", "/c"),
        ("S3://h:", "", "", "h:", ""),
        ("s3://[::1]:9000/p", "", "", "[::1]:9000", "/p"),
        ("s3://[fe80::1%25en0]/p", "", "", "[fe80::1%en0]", "/p"),
        ("s3:///p", "", "", "", "/p"),
        ("s3://a+b:c=d@h/p", "a+b", "c=d", "h", "/p"),
    ],
)
def test_the_parts(text: str, user: str, password: str, host: str, path: str) -> None:
    url = neturl.parse(text)
    assert (url.user, url.password, url.host, url.path) == (user, password, host, path)


@pytest.mark.parametrize(
    "text",
    ["s3://a:b/c@h", "s3://a:b%zz@h", "s3://a:b c@h", "s3://h:port", "s3://h\n", "s3://[::1", "s3://a[::1]", "s3://[1.2.3.4]", "s3://h%41", ":x", "a b:c", "s3://h/%", "s3://h?a;b"],
)  # fmt: skip
def test_what_is_refused(text: str) -> None:
    """With a sentence that quotes nothing of the text."""
    with pytest.raises(neturl.NotAURLError) as refused:
        neturl.parse(text)
    assert text not in str(refused.value)


def test_parameters_in_their_order_with_a_plus_as_a_space() -> None:
    assert neturl.parse("s3://h/p?b=1&a=x+y&b=2&&c").query == (("b", "1"), ("a", "x y"), ("b", "2"), ("c", ""))


def test_what_follows_a_scheme_without_a_slash() -> None:
    assert neturl.parse("s3:bucket").opaque == "bucket"


def test_bytes_that_are_no_text_come_back() -> None:
    assert neturl.parse("s3://a:%FF@h").password.encode("utf-8", "surrogateescape") == b"\xff"
