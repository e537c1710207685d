"""Lists of storage addresses: nothing is lost, and a key that was torn apart is neither shown nor taken for a bucket."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wandb_byob.decide import address_lists, addresses
from wandb_byob.model.credentials import AccessKey

SECRET = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=40)


@given(
    key=SECRET,
    secret=SECRET,
    host=st.sampled_from(["h.example", "h.example:9000", ""]),
    rest=st.sampled_from(["/b", "/b?region=r", "", "/b#x"]),
)
@example(key="AKIA12345678", secret="123/12345678", host="h.example", rest="/b")
@example(key="AKIA/12345678", secret="123412345678", host="h.example", rest="/b")
@example(key="AKIA12345678", secret="?12345678123", host="", rest="/b")
@example(key="AK@12345678?", secret="12345678123,", host="h.example", rest="/b")
@example(key="AKIA12345678,,", secret="123412345678", host="h.example", rest="/b")
def test_redaction_never_leaks_an_unescaped_key(key: str, secret: str, host: str, rest: str) -> None:
    """However the characters of a raw key and secret tear the address, no eight of them in a row are shown, in no identity either."""
    whole = f"s3://{key}:{secret}@{host}{rest}"
    entries = address_lists.split(whole)
    shown = "\n".join((*address_lists.redact(entries), *filter(None, address_lists.identities(entries))))
    pieces = {value[at : at + 8] for value in (key, secret) for at in range(len(value) - 7)}
    allowed = f"s3://***:***@{host}{rest}"
    assert not [piece for piece in pieces if piece in shown and piece not in allowed]


@pytest.mark.parametrize(
    ("entries", "known"),
    [
        (["s3://k:s@h.example/b", "garbage"], "s3://h.example/b"),
        (["s3://b", "garbage"], "s3://amazonaws.com/b"),
        (["s3://b", "", "s3://k:s@h.example/c"], "s3://amazonaws.com/b"),
        (["s3://AKIA", "rest:secret@h.example/b"], None),
        (["s3://AKIA", "re", "st:secret@h.example/b"], None),
    ],
)
def test_only_a_torn_key_costs_an_entry_its_identity(entries: list[str], known: str | None) -> None:
    """What else stands beside an entry must not keep it from being recognized."""
    assert address_lists.identities(entries)[0] == known


@given(value=st.text(max_size=80), separator=st.sampled_from([",", ";", "|", " ", "\n"]))
def test_split_and_join_lose_nothing(value: str, separator: str) -> None:
    """Empty, white and malformed entries come back byte for byte."""
    assert address_lists.join(address_lists.split(value, separator), separator) == value


@given(
    keys=st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=5),
    separator=st.sampled_from([",", ";", "|", " ", "\n"]),
)
def test_no_credential_tears_a_list(keys: list[tuple[str, str]], separator: str) -> None:
    """A separator inside a key is percent-encoded, so that a joined list splits into the same addresses."""
    texts = tuple(
        addresses.s3(
            "bucket", AccessKey(access_key_id=key, secret_access_key=secret), host="h.example:9000", region="r"
        ).reveal()
        for key, secret in keys
        if not any(0xD800 <= ord(character) <= 0xDFFF for character in key + secret)
    )
    assert address_lists.split(address_lists.join(texts, separator), separator) == texts


def test_join_refuses_to_tear_an_entry() -> None:
    with pytest.raises(ValueError, match="separator"):
        address_lists.join(["s3://a;b"], ";")


def test_a_list_of_separators_alone_is_looked_through_once() -> None:
    """128 KiB of them are 131 073 entries: looking through what follows each anew takes more than a minute."""
    entries = address_lists.split("s3://AKIA:begun" + "," * 131_072 + "rest@h.example/b")
    begun = time.process_time()
    shown = address_lists.redact(entries)
    assert (shown[0], shown[-1], set(shown[1:-1])) == ("s3://***", "***", {""})
    assert time.process_time() - begun < 5
