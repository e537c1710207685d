"""What `$(OTHER)` in a plain value of a container stands for, by the rules of Kubernetes (k8s.io/kubernetes/third_party/forked/golang/expansion).

`$$` is a plain `$`, so that `$$(OTHER)` is no reference; a reference to nothing that is defined stays as it is, as does one that is
not closed.
"""

import re
from collections.abc import Mapping
from typing import Final

MARK: Final = "$("
_DOLLAR: Final = re.compile(r"\$(?:\$|\(([^)]*)\))")


def references(text: str) -> tuple[str, ...]:
    """Return the variables that a plain value refers to, each once."""
    return tuple(dict.fromkeys(found[1] for found in _DOLLAR.finditer(_closed(text)) if found[1] is not None))


def expanded(text: str, values: Mapping[str, str], *, longest: int) -> str | None:
    """Return a plain value with these values in the place of references to them; None where that is longer than `longest` characters."""
    closed = _closed(text)
    length = len(text) + sum(len(values.get(found[1] or "", "")) for found in _DOLLAR.finditer(closed))
    if length > longest:
        return None
    given = _DOLLAR.sub(lambda found: "$" if found[1] is None else values.get(found[1], found[0]), closed)
    return given + text[len(closed) :].replace("$$", "$")


def _closed(text: str) -> str:
    """Return the text as far as a reference can be closed: behind that, each `$(` would have all of the rest looked through for its end."""
    return text[: text.rfind(")") + 1]
