"""How the demo speaks: numbered acts, steps that show how long they take, and a part that is drawn anew while things change."""

import os
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TextIO

from testbed.processes import TestbedError

_WIDEST: Final = 100
_INDENT: Final = "   "
_LOOK_SECONDS: Final = 0.15
_PLAIN_SECONDS: Final = 15.0
_COLOURS: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Screen:
    """A terminal, or a pipe: there nothing is coloured or drawn twice, and a line is written for each change."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self.live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._coloured = self.live and not os.environ.get("NO_COLOR")
        self.acts: list[tuple[str, float]] = []

    @property
    def width(self) -> int:
        """How many characters a line may have."""
        return min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, where there are colours."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._coloured and text else text

    # --- lines --------------------------------------------------------------------------------------------------------

    def line(self, text: str = "") -> None:
        """One line as it is."""
        self._write(f"{text.rstrip()}\n")

    def say(self, text: str, *, colour: str = "") -> None:
        """A paragraph."""
        for line in textwrap.wrap(text, self.width - len(_INDENT), break_on_hyphens=False, break_long_words=False):
            self.line(_INDENT + (self.paint(line, colour) if colour else line))

    def labelled(self, label: str, text: str, *, colour: str = "", indent: int = 13) -> None:
        """A paragraph with a label before it."""
        room = self.width - len(_INDENT) - indent
        for number, line in enumerate(textwrap.wrap(text, room, break_on_hyphens=False, break_long_words=False)):
            before = "" if number else label
            self.line(f"{_INDENT}{self.paint(before, colour or 'bold')}{' ' * (indent - len(before))}{line}")

    def show(self, text: str) -> None:
        """What a program printed."""
        for line in text.rstrip().splitlines():
            self.line(_INDENT + line)

    def command(self, text: str, comment: str = "") -> None:
        """A command, as it is typed."""
        self.line(f"{_INDENT}{self.paint('$ ' + text, 'cyan')}{self.paint(comment, 'dim')}")

    def heading(self, text: str) -> None:
        """What the lines below are."""
        self.line()
        self.line(self.paint(text, "bold"))

    # --- what takes time ----------------------------------------------------------------------------------------------

    @contextmanager
    def act(self, title: str) -> Iterator[None]:
        """One part of the story; how long it took is kept in `acts`."""
        self.heading(f"{len(self.acts) + 1}  {title}")
        began = time.monotonic()
        yield
        self.acts.append((title, time.monotonic() - began))

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Something that takes a moment: shown while it lasts, then with the time it took."""
        began, done = time.monotonic(), threading.Event()
        ticking = threading.Thread(target=self._tick, args=(what, began, done), daemon=True)
        ticking.start()
        try:
            yield
        except BaseException:
            self._stop(ticking, done)
            self.line(f"{_INDENT}{self.paint('✗', 'red')} {what}")
            raise
        self._stop(ticking, done)
        took = self.paint(f"{time.monotonic() - began:.1f} s", "dim")
        self.line(f"{_INDENT}{self.paint('✓', 'green')} {what}  {took}")

    def follow(
        self,
        draw: Callable[[], Mapping[str, str]],
        done: Callable[[], object],
        *,
        what: str,
        timeout: float = 120,
    ) -> None:
        """Draw lines anew until `done`. In a pipe a line is written when it changes, with the seconds since the begin."""
        began, before = time.monotonic(), dict[str, str]()
        while True:
            finished = done()
            lines = dict(draw())
            if self.live:
                self._redraw(list(lines.values()), over=len(before))
            else:
                self._write_changes(lines, before, time.monotonic() - began)
            before = lines
            if finished:
                return
            if time.monotonic() - began > timeout:
                raise TestbedError(f"{what}: not after {timeout:g} s.")
            time.sleep(_LOOK_SECONDS)

    def _redraw(self, lines: list[str], *, over: int) -> None:
        """Write lines in the place of the last `over` ones: in one piece, so that nothing flickers, and cut where the terminal ends."""
        up = f"\x1b[{over}A" if over else ""
        drawn = "".join(f"\x1b[2K{_INDENT}{line}\n" for line in lines)
        self._write(f"\x1b[?7l{up}{drawn}\x1b[J\x1b[?7h")

    def _write_changes(self, lines: Mapping[str, str], before: Mapping[str, str], seconds: float) -> None:
        for key, text in lines.items():
            if before.get(key) != text:
                self.line(f"{_INDENT}{seconds:5.1f} s  {text}")

    def _tick(self, what: str, began: float, done: threading.Event) -> None:
        if not self.live:
            pause = 1.0
            while not done.wait(pause):
                self.line(f"{_INDENT}{what} ... {time.monotonic() - began:.0f} s")
                pause = _PLAIN_SECONDS
            return
        while True:
            self._write(f"\r\x1b[2K\x1b[?7l{_INDENT}{what} ... {time.monotonic() - began:.0f} s\x1b[?7h")
            if done.wait(0.2):
                return

    def _stop(self, ticking: threading.Thread, done: threading.Event) -> None:
        done.set()
        ticking.join()
        if self.live:
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
