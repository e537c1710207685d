"""`$(OTHER)` in a plain value: by the rules of Kubernetes, whose own table of cases this is in part."""

import time

import pytest

from wandb_byob.decide import expansion

VALUES = {"A": "a", "B": "$(A)", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://$(A)/$(A)", "s3://a/a"),
        ("$(B)", "$(A)"),
        ("$(EMPTY)-", "-"),
        ("$(NONE)", "$(NONE)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$a"),
        ("$$$$(A)", "$$(A)"),
        ("$(A", "$(A"),
        ("$A $ (A) $", "$A $ (A) $"),
        ("$($(A)", "$($(A)"),
        ("$(A))", "a)"),
        ("$()", "$()"),
    ],
)
def test_what_a_value_becomes(text: str, expected: str) -> None:
    """A value that is put in is not looked at again; what is not defined, or not closed, stays."""
    assert expansion.expanded(text, VALUES, longest=100) == expected


def test_a_value_that_no_process_could_have_is_none() -> None:
    """It is not even made."""
    assert expansion.expanded("$(A)" * 1000, {"A": "x" * 1000}, longest=10_000) is None


def test_what_is_referred_to() -> None:
    assert expansion.references("$(A)$$(B)$(C)$(A) $D $(") == ("A", "C")


def test_a_text_of_beginnings_alone_is_looked_through_once() -> None:
    """A Secret's value may be 1 MiB of them: looking for the end of each anew takes many minutes, in which nothing else is done."""
    text = "$(" * 500_000 + "$$"
    begun = time.process_time()
    assert expansion.references(text) == ()
    assert expansion.expanded(text, VALUES, longest=len(text)) == text[:-1]
    assert expansion.references(f"$(A){text}") == ("A",)
    assert time.process_time() - begun < 5
