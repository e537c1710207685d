"""Secrets do not survive in any text, however they are encoded."""

import base64
import html
import json
import logging
import re
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_byob.model.credentials import AccessKey, AccountKey, Ambient, ServiceAccountKey
from wandb_byob.model.redaction import MARK, Redactor

NASTY = "wJalr/XUtnF+EMI=K7\"M<D>E&N'G%b:P@x\\é"
LINES = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu",
]
PEM = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(LINES) + "\n-----END PRIVATE KEY-----\n"


def redactor(*values: str) -> Redactor:
    made = Redactor()
    made.learn_values(values)
    return made


ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "percent": lambda value: quote(value, safe=""),
    "percent, slashes kept": quote,
    "percent, plus for spaces": quote_plus,
    "percent, lower case": lambda value: re.sub(
        "%[0-9A-F]{2}", lambda escape: escape[0].lower(), quote(value, safe="")
    ),
    "percent twice": lambda value: quote(quote(value, safe=""), safe=""),
    "JSON": json.dumps,
    "JSON, not ASCII": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON by Go": lambda value: (
        json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    ),
    "XML": lambda value: html.escape(value, quote=False),
    "XML attribute": html.escape,
    "repr": repr,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("value", [NASTY, "x" * 8 + "/+/", "minio123", "a value, with spaces"])
def test_no_encoding_shows_a_secret(value: str, encode: Callable[[str], str]) -> None:
    encoded = encode(value)
    shown = redactor(value).redact(f"before {encoded} after")
    assert MARK in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    # Of base64 the last characters may be left, which depend on what stands behind the secret.
    assert not any(encoded[at : at + 6] in shown for at in range(len(encoded) - 6))


@given(st.text(min_size=8, max_size=60), st.binary(max_size=5), st.binary(max_size=5))
def test_base64_hides_a_secret_wherever_it_begins(value: str, before: bytes, after: bytes) -> None:
    """Whatever stands before and after it: what is left decodes to at most what was not ours, and three bytes at each end."""
    value = value.strip()
    if len(value) < 8:
        return
    encoded = base64.b64encode(before + value.encode() + after).decode()
    shown = redactor(value).redact(encoded)
    assert MARK in shown
    assert len(shown) - len(MARK) <= (len(before) + len(after)) * 4 / 3 + 12


@given(st.binary(max_size=5), st.binary(max_size=5))
def test_base64_of_an_address_hides_its_percent_encoded_key(before: bytes, after: bytes) -> None:
    """What a dump of one of our Secrets would show."""
    encoded = base64.b64encode(before + quote(NASTY, safe="").encode() + after).decode()
    shown = redactor(NASTY).redact(encoded)
    assert len(shown) - len(MARK) <= (len(before) + len(after)) * 4 / 3 + 12


@given(st.text("0123456789 .:/-%", max_size=300), st.text("abcdefgh", min_size=8, max_size=40))
def test_text_without_the_secret_is_left_as_it_is(text: str, value: str) -> None:
    assert redactor(value).redact(text) == text


def test_a_private_key_is_hidden_line_by_line() -> None:
    """Also where only a part of it is shown, as in the middle of a dump."""
    made = Redactor()
    made.learn(
        ServiceAccountKey(
            json.dumps({"private_key": PEM, "private_key_id": "0123456789abcdef", "client_email": "a@b.c"})
        )
    )
    for text in (
        PEM,
        json.dumps(PEM),
        quote(PEM, safe=""),
        f"line {LINES[1]}",
        base64.b64encode(PEM.encode()).decode(),
        "id 0123456789abcdef",
    ):
        shown = made.redact(text)
        assert MARK in shown
        assert not any(line[8:-8] in shown or quote(line[8:-8], safe="") in shown for line in LINES)
    assert made.redact("client_email a@b.c") == "client_email a@b.c"


def test_a_key_file_that_is_no_json_is_hidden_as_it_is() -> None:
    made = Redactor()
    made.learn(ServiceAccountKey("not json, but secret"))
    assert made.redact("got: not json, but secret") == f"got: {MARK}"


@pytest.mark.parametrize(
    "credentials",
    [
        AccessKey(access_key_id="AKIAEXAMPLE1", secret_access_key="s3cr3t-s3cr3t", session_token="t0ken-t0ken"),
        AccountKey("c2VjcmV0LXNlY3JldA=="),
    ],
)
def test_every_value_of_credentials_is_learned(credentials: AccessKey | AccountKey) -> None:
    made = Redactor()
    made.learn(credentials)
    assert made.redact(" ".join(credentials.secrets())) == " ".join([MARK] * len(credentials.secrets()))


def test_ambient_credentials_hide_nothing() -> None:
    made = Redactor()
    made.learn(Ambient())
    assert made.redact("anything at all") == "anything at all"


@pytest.mark.parametrize(
    "text",
    [
        "The certificate of https://certificate.example.com:9000/certificate is for another host name: certificate expired.",
        "spec.provisioning.source to None; annotation byob.wandb.com/confirm-delete: ml",
        "arn:aws:iam::wandb:static/wandb-integration",
        "W&B is configured with the bucket",
        "BucketStore data (minio.storage.svc:9000)",
    ],
)
def test_nobody_makes_messages_unreadable_by_what_he_calls_a_secret(text: str) -> None:
    """Words and names of our messages are chosen as secrets, here or as lines of a key file; what others read stays."""
    made = redactor(
        "the", "None", "certificate", "provisioning", "byob.wandb.com/confirm-delete", "static/wandb-integration",
        "BucketStore", "minio.storage.svc", "Bucketst\nconfigured with the\nspec.provisioning",
    )  # fmt: skip
    assert made.redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"key": "minioadmin"}', f'{{"key": "{MARK}"}}'),
        ("AWS_SECRET_ACCESS_KEY=minioadmin region=a", f"AWS_SECRET_ACCESS_KEY={MARK} region=a"),
        ("s3://minioadmin:minioadmin@minio/data", f"s3://{MARK}:{MARK}@minio/data"),
        (base64.b64encode(b"x minioadmin y").decode(), None),
    ],
)
def test_a_secret_that_looks_like_a_word_is_hidden_where_it_stands_as_a_value(text: str, shown: str | None) -> None:
    """MinIO's own default, say: in a URL, quoted, as a variable, encoded."""
    found = redactor("minioadmin").redact(text)
    assert MARK in found
    assert shown is None or found == shown


def test_values_of_less_than_eight_characters_are_left() -> None:
    """No secret is so short; the name of a key may be."""
    assert redactor("minio12").redact("minio12") == "minio12"


def test_many_values_that_begin_alike_cost_no_more_than_one() -> None:
    """Thousands of Secrets made to be slow: the work for one text, counted in values that are compared with it."""
    text = "a1" * 2000

    class Counting(list[str]):
        looked = 0

        def __getitem__(self, index: Any) -> Any:
            Counting.looked += 1
            return super().__getitem__(index)

    made = redactor(
        *("a1" * length + "!" for length in range(4, 400)), *(f"a1a1a1a1-{number}" for number in range(2000))
    )
    for prefix, known in made._index.items():
        made._index[prefix] = Counting(known)
    made.redact(text)
    assert 0 < Counting.looked <= 60 * len(text)


def test_of_two_values_that_begin_alike_the_longer_is_hidden_whole() -> None:
    assert redactor("abcd3fgh", "abcd3fghijkl").redact("abcd3fghijkl") == MARK


def test_memory_is_bounded_and_what_was_learned_last_stays() -> None:
    made = Redactor(limit=20_000)
    values = [f"secret-number-{number:05}" for number in range(500)]
    made.learn_values(values[:1])
    for value in values[1:]:
        made.learn_values([values[0]])
        made.learn_values([value])
    assert made.redact(values[-1]) == MARK
    assert made.redact(values[0]) == MARK
    assert made.redact(values[1]) == values[1]
    assert sum(len(form) for forms in made._forms.values() for form in forms) <= 20_000
    assert {form for forms in made._index.values() for form in forms} <= {
        form for forms in made._forms.values() for form in forms
    }


def test_exceptions_are_hidden_by_the_text_they_end_in() -> None:
    """Redaction is by value, so a traceback's text is as good as any."""
    try:
        raise ValueError(f"refused {NASTY}")
    except ValueError:
        text = logging.Formatter().format(logging.LogRecord("n", 40, "p", 1, "m", None, sys.exc_info()))
    assert NASTY in text
    assert NASTY not in redactor(NASTY).redact(text)
