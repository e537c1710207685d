"""Keep secret values out of every text that leaves the process: by value, and by every encoding in which they might appear.

Whoever may create a Secret chooses its values, and must not thereby choose what others can read. So values of less than eight
characters are left (`decide.secrets` takes no such secret, only names of keys), and one that could be a word or a name of our
messages (letters and separators, shorter than 32) is replaced only where it stands as a value: quoted, after `=`, or in the user
information of a URL. All else is replaced wherever it stands.
Of what is remembered the least recently learned goes first when `limit` characters are reached: each look at an object learns its
credentials again, so what may still be written about is what was learned last. To redact takes time in proportion to the text,
however many values there are and however alike they begin.
"""

import base64
import html
import json
import re
import threading
from bisect import bisect_right, insort
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from os.path import commonprefix
from typing import Final
from urllib.parse import quote, quote_plus

from wandb_byob.model.credentials import Credentials, ServiceAccountKey

MARK: Final = "[redacted]"
_SHORTEST: Final = 8
_PROSE: Final = re.compile(r"[A-Za-z ._:/-]{1,31}")
_TRIES: Final = 16
_LONGEST_VALUE: Final = 16 * 1024
_LONGEST_FORM: Final = 12 * _LONGEST_VALUE
"""A character of four bytes, percent-encoded twice, takes twenty; no value consists of those."""
_ESCAPE: Final = re.compile("%[0-9A-F]{2}")
_SECRET_FIELDS: Final = ("private_key", "private_key_id")


class Redactor:
    """Remembers secret values and takes them out of texts; safe to use from many threads."""

    def __init__(self, *, limit: int = 8 * 1024 * 1024) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._forms: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._uses: Counter[str] = Counter()
        self._size = 0
        self._encoded: Counter[str] = Counter()
        # By their first characters, in alphabetical order.
        self._index: dict[str, list[str]] = {}

    def learn(self, credentials: Credentials) -> None:
        """Remember every secret value of these credentials."""
        if isinstance(credentials, ServiceAccountKey):
            self.learn_values(_fields(credentials.json))
        else:
            self.learn_values(credentials.secrets())

    def learn_values(self, values: Iterable[str]) -> None:
        """Remember these values, each line of them by itself, and every encoded form."""
        for value in {part for given in values for part in _parts(given[:_LONGEST_VALUE])}:
            with self._lock:
                if value in self._forms:
                    self._forms.move_to_end(value)
                    continue
            forms, encoded = frozenset(_forms(value)), frozenset(_encoded(value))
            with self._lock:
                self._add(value, forms | encoded)
                self._encoded.update(encoded)

    def redact(self, text: str) -> str:
        """Return the text with every known secret value replaced by `[redacted]`."""
        if not self._index:
            return text
        pieces: list[str] = []
        begin = position = 0
        last = len(text) - _SHORTEST
        while position <= last:
            known = self._index.get(text[position : position + _SHORTEST])
            end = position + len(_longest(known, text, position)) if known else position
            if end == position or not self._hides(text, position, end):
                position += 1
                continue
            pieces += (text[begin:position], MARK)
            begin = position = end
        return "".join(pieces) + text[begin:] if pieces else text

    def _hides(self, text: str, start: int, end: int) -> bool:
        found = text[start:end]
        return not _PROSE.fullmatch(found) or found in self._encoded or _is_value(text, start, end)

    def _add(self, value: str, forms: frozenset[str]) -> None:
        if value in self._forms:
            return
        self._forms[value] = forms
        self._size += sum(map(len, forms))
        for form in (form for form in forms if not self._uses[form]):
            # A new list: another thread may be reading the old one.
            known = self._index.get(form[:_SHORTEST], [])[:]
            insort(known, form)
            self._index[form[:_SHORTEST]] = known
        self._uses.update(forms)
        while self._size > self._limit and len(self._forms) > 1:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, forms = self._forms.popitem(last=False)
        self._size -= sum(map(len, forms))
        self._uses.subtract(forms)
        for form in [form for form in forms if not self._uses[form]]:
            del self._uses[form]
            self._encoded.pop(form, None)
            if left := [known for known in self._index.get(form[:_SHORTEST], ()) if known != form]:
                self._index[form[:_SHORTEST]] = left
            else:
                self._index.pop(form[:_SHORTEST], None)


def _longest(known: Sequence[str], text: str, position: int) -> str:
    """Return the longest of these values with which the text goes on at the position, "" where it does with none.

    What comes before the text in the alphabet begins it, or shares a beginning with it, in which a shorter one may lie. Values that
    are made so that this takes long hide the shared beginning.
    """
    rest, end = text[position : position + _LONGEST_FORM], len(known)
    for _ in range(_TRIES):
        end = bisect_right(known, rest, hi=end)
        if not end:
            return ""
        if rest.startswith(known[end - 1]):
            return known[end - 1]
        rest = commonprefix((rest, known[end - 1]))  # noqa: RUF071 (its characters are what is compared)
    return rest


def _is_value(text: str, start: int, end: int) -> bool:
    """Say whether a piece of the text stands as a value, and not as a word of a sentence."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if before in ('"', "'"):
        return after == before
    if before == "=":
        return not after.isalnum()
    if before == ":":
        return after == "@"
    if before == "/":
        return after == "@" or (after == ":" and "@" in text[end : end + _LONGEST_FORM].split(" ")[0])
    return False


def _fields(key: str) -> Iterator[str]:
    """Yield what is secret in a Google key file; all of its lines where it cannot be read as one."""
    try:
        content = json.loads(key)
        found = [content[name] for name in _SECRET_FIELDS if isinstance(content.get(name), str)]
    except (ValueError, AttributeError):
        found = [key]
    yield from found


def _parts(value: str) -> Iterator[str]:
    """Yield the value and, where it has several lines (PEM), each line: a line may be shown alone."""
    if len(value.strip()) >= _SHORTEST:
        yield value.strip()
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST and not line.startswith("-----"))


def _forms(value: str) -> Iterator[str]:
    """Yield the value as it would look in URLs, JSON, XML and Python's repr."""
    percent = [quote(value, safe=""), quote(value), quote_plus(value), quote(quote(value, safe=""), safe="")]
    forms = [
        value,
        *percent,
        *(_ESCAPE.sub(lambda escape: escape[0].lower(), form) for form in percent),
        *_json_forms(value),
        html.escape(value),
        html.escape(value).replace("&#x27;", "&apos;"),
        html.escape(value, quote=False),
        repr(value)[1:-1],
    ]
    yield from (form for form in forms if len(form) >= _SHORTEST)


def _encoded(value: str) -> Iterator[str]:
    """Yield what base64 shows of the value, also in the middle of something longer."""
    for raw in {value, quote(value, safe="")}:
        yield from (form for form in _base64_forms(raw.encode()) if len(form) >= _SHORTEST)


def _json_forms(value: str) -> Iterator[str]:
    escaped = json.dumps(value)[1:-1]
    yield escaped
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    # Go's encoder escapes these too.
    yield escaped.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _base64_forms(value: bytes) -> Iterator[str]:
    """Yield what base64 shows of the value wherever it begins in the encoded bytes: the characters that depend on nothing else."""
    for offset in range(3):
        whole = (offset + len(value)) // 3 * 3 - offset
        first = (0, 2, 3)[offset]
        encoded = base64.b64encode(bytes(offset) + value[:whole]).decode()[first:]
        rest = len(value) - whole
        # Of an incomplete last group one (of one byte) or two (of two bytes) characters are the value's alone.
        encoded += base64.b64encode(value[whole:]).decode()[:rest] if rest else ""
        yield encoded
        yield encoded.replace("+", "-").replace("/", "_")
