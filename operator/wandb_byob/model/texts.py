"""Words of others in our messages: what a store, a key file or a user wrote is shown as one line of plain text, and not without end."""

import unicodedata
from typing import Final

LONGEST: Final = 4096
"""Characters of one message; a status with hundreds of them must still fit into an object of Kubernetes (1.5 MiB)."""
_IN_PLACE: Final = "\N{REPLACEMENT CHARACTER}"
# Control characters (line breaks and terminal escapes among them), formatting such as a change of direction, what is no character.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: str) -> str:
    """Return the text without anything that a terminal, a log or a reader's eye would take for more than text, cut to `LONGEST`."""
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
    if text.isprintable():
        return text
    return "".join(_IN_PLACE if unicodedata.category(each) in _HIDDEN else each for each in text)
