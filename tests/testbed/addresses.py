"""How Go's net/url, which W&B reads addresses with, takes an address apart."""

import json
import subprocess
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from testbed import programs


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """The parts of an address, unescaped. `error` is what Go says where it refuses the address; all else is empty then."""

    scheme: str
    username: str
    password: str
    host: str
    hostname: str
    port: str
    path: str
    query: dict[str, list[str]]
    fragment: str
    error: str


class GoParser:
    """One running addressparse, as a context manager: an address costs far less than a process."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [programs.path("addressparse")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    def parse(self, address: str) -> Parsed:
        """Take one address apart. It must be valid Unicode without lone surrogates."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"address": address}), file=self._process.stdin, flush=True)
        found = json.loads(self._process.stdout.readline())
        return Parsed(**found | {"query": found["query"] or {}})
