"""What W&B's SCIM API says of its teams, and what is said where it says something else."""

import base64
import json
from typing import Any

import pytest

from wandb_byob.decide import scim
from wandb_byob.decide.scim import ScimError


def answer(*names: Any, total: int | None = None) -> bytes:
    groups = [{"displayName": name} for name in names]
    return json.dumps({"totalResults": len(names) if total is None else total, "Resources": groups}).encode()


@pytest.mark.parametrize(
    ("text", "user", "key"),
    [("ann@acme.com:k1\n", "ann@acme.com", "k1"), (":k1", "", "k1"), ("k1", "", "k1")],
)
def test_credentials_are_a_user_and_a_key_or_a_key_alone(text: str, user: str, key: str) -> None:
    found = scim.credentials(text)
    assert (found.user, found.key) == (user, key)
    assert base64.b64decode(found.header.removeprefix("Basic ")).decode() == f"{user}:{key}"
    assert "k1" not in repr(found)


@pytest.mark.parametrize("text", ["", "\n", "user:", "user:secret-1\nsecret-2", "se\x00cret"])
def test_credentials_that_are_none_are_told_and_not_quoted(text: str) -> None:
    with pytest.raises(ScimError, match="user:key") as caught:
        scim.credentials(text)
    assert "cret" not in str(caught.value)


def test_a_page_ends_where_the_list_does() -> None:
    """A server that gives nothing more, or more than it has, ends the list too."""
    assert scim.page(200, answer("a", "b"), start=1) == scim.Page(names=("a", "b"), after=None)
    assert scim.page(200, answer("a", "b", total=3), start=1) == scim.Page(names=("a", "b"), after=3)
    assert scim.page(200, answer("c", total=3), start=3) == scim.Page(names=("c",), after=None)
    assert scim.page(200, answer(total=3), start=3) == scim.Page(names=(), after=None)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", "administrator"),
        (403, b"", "administrator"),
        (404, b"", "Is SCIM there"),
        (503, b"", "answered 503"),
        (200, b"<html>", "no SCIM API"),
        (200, b"[]", "no SCIM API"),
        (200, answer(7), "no SCIM API"),
        (200, b'{"totalResults": 1e999}', "no SCIM API"),
        (200, answer("a", total=1_000_000), "more than 10000"),
    ],
)
def test_an_answer_that_is_no_list_is_told(status: int, body: bytes, words: str) -> None:
    with pytest.raises(ScimError, match=words):
        scim.page(status, body, start=1)


def test_where_it_is() -> None:
    endpoint, path = scim.place("https://wandb.example.com:8443/scim/")
    assert (endpoint.url, path) == ("https://wandb.example.com:8443", "/scim")
    with pytest.raises(ScimError, match="W&B's address"):
        scim.place("ftp://wandb.example.com/scim")
