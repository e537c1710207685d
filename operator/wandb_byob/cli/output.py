"""What commands print: colours and wrapped lines on a terminal, whole lines in a pipe, JSON or YAML where that is asked."""

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TextIO

_WIDEST: Final = 120
_NARROWEST_MESSAGE: Final = 30
_COLOURS: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
FORMATS: Final = ("table", "json", "yaml")


def add_output_argument(parser: argparse.ArgumentParser) -> None:
    """Declare `-o`."""
    parser.add_argument("-o", "--output", choices=FORMATS, default="table", help="default: %(default)s")


def emit(document: object, form: str) -> None:
    """Print a document of plain values as JSON or YAML."""
    if form == "json":
        import json

        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        from wandb_byob.cli import documents

        print(documents.dump_all([document], width=_WIDEST), end="")


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: what a store or somebody's variable says may hold any character."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


@dataclass(frozen=True)
class Row:
    """One row of a table; `notes` stand below its last cell. `colour` is that of the first word of interest, the second cell."""

    cells: tuple[str, ...]
    colour: str = ""
    notes: tuple[str, ...] = ()


class Screen:
    """A terminal, or a pipe: there nothing is coloured and no line is broken."""

    def __init__(self, stream: TextIO | None = None, *, environ: Mapping[str, str] | None = None) -> None:
        self._stream = stream or sys.stdout
        environ = os.environ if environ is None else environ
        self.terminal = self._stream.isatty() and environ.get("TERM") != "dumb"
        self._coloured = self.terminal and not environ.get("NO_COLOR")

    @property
    def width(self) -> int | None:
        """How many characters a line may have; None: as many as it takes."""
        return min(_WIDEST, shutil.get_terminal_size((100, 24)).columns) if self.terminal else None

    def paint(self, text: str, colour: str) -> str:
        """Return the text in a colour, where there are colours."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._coloured and colour and text else text

    def line(self, text: str = "", *, colour: str = "") -> None:
        """Print one line as it is."""
        self._stream.write(f"{self.paint(printable(text.rstrip()), colour)}\n")

    def say(self, text: str, *, indent: int = 0, colour: str = "") -> None:
        """Print a paragraph."""
        for line in self._wrapped(text, indent):
            self.line(" " * indent + line, colour=colour)

    def table(self, headers: Sequence[str], rows: Sequence[Row | str], *, indent: int = 0) -> None:
        """Print rows below their headers; the last column takes what is left of the line, and goes on below itself.

        A text between the rows is a heading of its own.
        """
        listed = [row.cells for row in rows if isinstance(row, Row)]
        widths = [max(map(len, column)) for column in zip(headers, *listed, strict=True)][:-1]
        start = indent + sum(width + 2 for width in widths)
        self._row(Row(tuple(headers)), widths, start, indent, heading=True)
        for row in rows:
            if isinstance(row, Row):
                self._row(row, widths, start, indent)
            else:
                self.line(" " * indent + row, colour="bold")

    def _row(self, row: Row, widths: Sequence[int], start: int, indent: int, *, heading: bool = False) -> None:
        cells = [printable(cell).ljust(width) for cell, width in zip(row.cells, widths, strict=False)]
        if heading:
            cells = [self.paint(cell, "bold") for cell in cells]
        elif len(cells) > 1:
            cells[1] = self.paint(cells[1], row.colour)
        first, *others = self._wrapped(row.cells[-1], start) or [""]
        last = self.paint(printable(first), "bold") if heading else printable(first)
        self._stream.write(f"{' ' * indent}{'  '.join((*cells, last))}".rstrip() + "\n")
        for line in others:
            self.line(" " * start + line)
        for note in row.notes:
            arrow = "→ "
            for number, line in enumerate(self._wrapped(note, start + len(arrow))):
                self.line(" " * start + (" " * len(arrow) if number else arrow) + line, colour="cyan")

    def _wrapped(self, text: str, start: int) -> list[str]:
        if self.width is None:
            return [text]
        room = max(self.width - start, _NARROWEST_MESSAGE)
        return textwrap.wrap(text, room, break_on_hyphens=False, break_long_words=False)


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show on a terminal what is being waited for; nothing of it stays."""
    stream = sys.stderr
    if not stream.isatty():
        yield
        return
    stream.write(f"\r{text} ...")
    stream.flush()
    try:
        yield
    finally:
        stream.write("\r\x1b[2K")
        stream.flush()


def complain(command: str, text: str) -> None:
    """Say on standard error why a command could not do its work."""
    sys.stderr.write(f"byob {command}: {printable(text)}\n")


def wire(struct: Any) -> Any:
    """Return an API object as it is on the wire, in plain values."""
    import msgspec

    return msgspec.to_builtins(struct)
