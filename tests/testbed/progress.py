"""Show what a long step is doing: a line that ticks on a terminal, a line every few seconds elsewhere."""

import sys
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self, TextIO

_PLAIN_SECONDS = 15.0


class Progress:
    """A step that takes long. `step()` counts, leaving the block prints the time it took."""

    def __init__(self, what: str, *, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.__stderr__ or sys.stderr
        self._counts: Counter[str] = Counter()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._start = time.monotonic()

    def step(self, kind: str) -> None:
        """Count one more thing of this kind, such as a compiled package."""
        self._counts[kind] += 1

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        if not self._stream.isatty():
            self._print(f"{self._what} ...\n")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        outcome = "done" if error is None else "failed"
        self._print(f"{self._before()}{self._what}: {outcome} after {self._state()}\n")

    def _tick(self) -> None:
        terminal = self._stream.isatty()
        while not self._done.wait(1.0 if terminal else _PLAIN_SECONDS):
            self._print(f"{self._before()}{self._what}: {self._state()}" + ("" if terminal else "\n"))

    def _state(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        counts = "".join(f", {count} packages {kind}" for kind, count in self._counts.items())
        return (f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s") + counts

    def _before(self) -> str:
        return "\r\x1b[K" if self._stream.isatty() else ""

    def _print(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
