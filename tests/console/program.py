"""The real program `byob`, as a user starts it: in a folder of its own, in a pipe or on a terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from testbed import names
from testbed.processes import child_environment

PROGRAM: Final = Path(sys.executable).with_name("byob")
COLUMNS: Final = 100
_PASSING: Final = re.compile(r"\r[^\r\n]*\r\x1b\[2K")
"""What is shown for a while, and wiped out again."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the program did; `output` is both streams where it ran on a terminal."""

    status: int
    output: str
    errors: str = ""
    seconds: float = 0

    @property
    def widest(self) -> int:
        """The length of the longest line."""
        return max(map(len, self.output.splitlines()), default=0)


def write(folder: Path, objects: Sequence[Mapping[str, Any]], *, name: str = "bucket.yaml") -> None:
    """Write manifests as a user has them."""
    (folder / name).write_text(yaml.safe_dump_all(objects, sort_keys=False))


def byob(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None, stdin: str = "") -> Run:
    """Run it in a pipe."""
    began = time.monotonic()
    done = subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env=_environment(environ),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Run(status=done.returncode, output=done.stdout, errors=done.stderr, seconds=time.monotonic() - began)


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    return child_environment({"AWS_EC2_METADATA_DISABLED": "true", **names.environment(), **(more or {})})


def on_terminal(folder: Path, *arguments: str, columns: int = COLUMNS, environ: Mapping[str, str] | None = None) -> Run:
    """Run it on a terminal of so many columns."""
    began = time.monotonic()
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        cwd=folder,
        env=_environment({"TERM": "xterm", **(environ or {})}),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    try:
        output = _read(controller, deadline=began + 60)
        status = process.wait(timeout=10)
    finally:
        process.kill()
        os.close(controller)
    stays = _PASSING.sub("", output.replace("\r\n", "\n"))
    return Run(status=status, output=stays, seconds=time.monotonic() - began)


def _read(controller: int, *, deadline: float) -> str:
    """What is written until the other side closes, or the time is over."""
    pieces = []
    while select.select([controller], [], [], max(0, deadline - time.monotonic()))[0]:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # Linux' word for a terminal that nobody has open any more
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces).decode()
