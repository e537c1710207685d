"""What a manifest does not have right, in the words of who writes it: msgspec's own texts speak of Python's types."""

import re
from typing import Any, Final, get_type_hints

import msgspec.inspect

from wandb_byob.model.api import BucketStore, TeamStorage, WandbInstance

_AT: Final = r"(?: - at `\$\.?(?P<path>[^`]*)`)?$"
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]+)`" + _AT)
_TYPE: Final = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<found>[^`]+)`" + _AT)
_CHOICE: Final = re.compile(r"Invalid enum value .*?" + _AT, re.DOTALL)
_NUMBER: Final = re.compile(r"\[[^\]]*\]")
_WORDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a block of fields",
    "array": "a list",
    "null": "empty",
}
_SCALARS: Final = (_WORDS["int"], _WORDS["float"], _WORDS["bool"])


def told(error: msgspec.ValidationError, type_: type[BucketStore | TeamStorage | WandbInstance]) -> str:
    """Return a sentence that names the field and what it takes; a text of another kind is returned as it is."""
    text = str(error)
    if found := _MISSING.match(text):
        return f"{_joined(found['path'], found['name'])} is missing."
    if found := _CHOICE.match(text):
        return f"{found['path']} is not one of {', '.join(_choices(type_, found['path'] or ''))}."
    if found := _TYPE.match(text):
        return _of_type(found)
    return f"{text}."


def _of_type(found: re.Match[str]) -> str:
    wanted = [_WORDS.get(each.strip(), each.strip()) for each in found["wanted"].split("|") if each.strip() != "null"]
    have = _WORDS.get(found["found"], found["found"])
    quotes = " Put it in quotation marks." if wanted == [_WORDS["str"]] and have in _SCALARS else ""
    return f"{found['path']} has to be {' or '.join(wanted)}, and is {have}.{quotes}"


def _joined(path: str | None, name: str) -> str:
    return f"{path}.{name}" if path else name


def _choices(type_: type[Any], path: str) -> tuple[str, ...]:
    """Return what the field at this path may be."""
    first, *rest = _NUMBER.sub("", path).split(".")
    found = msgspec.inspect.type_info(get_type_hints(type_)[first])
    for name in rest:
        (struct,) = (each for each in _alternatives(found) if isinstance(each, msgspec.inspect.StructType))
        found = next(field.type for field in struct.fields if field.encode_name == name)
    literals = (each for each in _alternatives(found) if isinstance(each, msgspec.inspect.LiteralType))
    return tuple(str(value) for each in literals for value in each.values)


def _alternatives(type_: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, ...]:
    if isinstance(type_, msgspec.inspect.VarTupleType):
        return _alternatives(type_.item_type)
    return type_.types if isinstance(type_, msgspec.inspect.UnionType) else (type_,)
