"""Keep secret values out of every text that leaves the process: by value, and by every encoding in which they might appear.

A value of eight characters and more is replaced wherever it stands. One of four to seven is replaced only where it stands as
a word of its own (else "admin" as a password would make "administrator" unreadable); shorter ones are left, since they hide nothing.
Of what is remembered the least recently learned goes first when `limit` characters are reached: each look at an object learns its
credentials again, so what may still be written about is what was learned last.
"""

import base64
import html
import json
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from wandb_byob.model.credentials import Credentials, ServiceAccountKey

MARK: Final = "[redacted]"
_ANYWHERE: Final = 8
_AS_WORD: Final = 4
_LONGEST_VALUE: Final = 16 * 1024
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
        # By their first characters, longest first: the time to redact does not grow with the number of secrets.
        self._index: dict[str, tuple[str, ...]] = {}
        self._words: frozenset[str] = frozenset()
        self._word_pattern: re.Pattern[str] | None = None

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
            forms = frozenset(_forms(value))
            with self._lock:
                self._add(value, forms)

    def redact(self, text: str) -> str:
        """Return the text with every known secret value replaced by `[redacted]`."""
        text = self._redact_anywhere(text)
        # Words after: one that is part of a longer secret must not keep that from being found.
        return self._word_pattern.sub(MARK, text) if self._word_pattern is not None else text

    def _redact_anywhere(self, text: str) -> str:
        if not self._index:
            return text
        pieces: list[str] = []
        begin = position = 0
        end = len(text) - _ANYWHERE
        while position <= end:
            candidates = self._index.get(text[position : position + _ANYWHERE], ())
            found = next((form for form in candidates if text.startswith(form, position)), None)
            if found is None:
                position += 1
                continue
            pieces += (text[begin:position], MARK)
            begin = position = position + len(found)
        return "".join(pieces) + text[begin:] if pieces else text

    def _add(self, value: str, forms: frozenset[str]) -> None:
        if value in self._forms:
            return
        self._forms[value] = forms
        self._size += sum(map(len, forms))
        new = [form for form in forms if not self._uses[form]]
        self._uses.update(forms)
        for form in (form for form in new if len(form) >= _ANYWHERE):
            known = self._index.get(form[:_ANYWHERE], ())
            self._index[form[:_ANYWHERE]] = tuple(sorted({*known, form}, key=len, reverse=True))
        self._set_words(self._words | {form for form in new if len(form) < _ANYWHERE})
        while self._size > self._limit and len(self._forms) > 1:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, forms = self._forms.popitem(last=False)
        self._size -= sum(map(len, forms))
        self._uses.subtract(forms)
        gone = {form for form in forms if not self._uses[form]}
        for form in gone:
            del self._uses[form]
            if left := tuple(known for known in self._index.get(form[:_ANYWHERE], ()) if known != form):
                self._index[form[:_ANYWHERE]] = left
            else:
                self._index.pop(form[:_ANYWHERE], None)
        self._set_words(self._words - gone)

    def _set_words(self, words: frozenset[str]) -> None:
        if words == self._words:
            return
        self._words = words
        alternatives = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        self._word_pattern = re.compile(f"(?<![A-Za-z0-9])(?:{alternatives})(?![A-Za-z0-9])") if words else None


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
    if len(value.strip()) >= _AS_WORD:
        yield value.strip()
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _ANYWHERE and not line.startswith("-----"))


def _forms(value: str) -> Iterator[str]:
    """Yield the value as it would look in URLs, JSON, XML, Python's repr and base64 (also in the middle of something longer)."""
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
    yield from (form for form in forms if len(form) >= _AS_WORD)
    for raw in {value, percent[0]}:
        yield from (form for form in _base64_forms(raw.encode()) if len(form) >= _ANYWHERE)


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
