"""YAML that kubectl reads as it was meant."""

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

# From go.yaml.in/yaml/v2 (as sigs.k8s.io/yaml has it): what is a number or a truth value there, and a text to PyYAML.
_NO_TEXT: Final = re.compile(
    r"(?:[yYnN]|[-+]?(?:0[xXoObB][0-9a-fA-F_]+|(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?))\Z"
)


class _Dumper(yaml.SafeDumper):
    """Puts into quotes whatever another reader could take for something else than a text."""


_Dumper.add_implicit_resolver("!no-text", _NO_TEXT, list("yYnN+-.0123456789"))


def dump_all(documents: Iterable[Any], *, width: int | None = None) -> str:
    """Return documents as one text, keys in their order."""
    found: str = yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width)
    return found
