"""`python -m testbed.demo up|down`: what `make demo` and `make demo-down` call."""

import argparse
import sys
from pathlib import Path

from testbed import programs
from testbed.demo.home import ROOT, Home
from testbed.demo.serve import serve
from testbed.demo.story import PROGRAMS, tell
from testbed.demo.terminal import Screen
from testbed.processes import TestbedError


def main() -> int:
    """Do what the arguments say; 1 where it failed, 130 where it was interrupted."""
    parser = argparse.ArgumentParser(prog="python -m testbed.demo")
    parser.add_argument("command", choices=["up", "down", "serve"], help="serve is what `up` leaves running")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where everything of the demo lies")
    arguments = parser.parse_args()
    home = Home(arguments.folder.resolve())
    if arguments.command == "serve":
        return serve(home)
    screen = Screen()
    try:
        with home.alone():
            return _up(screen, home) if arguments.command == "up" else _down(screen, home)
    except (TestbedError, OSError) as error:
        screen.line(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        screen.line("\nInterrupted.")
        return 130


def _up(screen: Screen, home: Home) -> int:
    for program in PROGRAMS:
        programs.path(program)
    if home.folder.exists():
        with screen.step("a demo is there already: end it, and begin anew"):
            home.end()
    home.start_server()
    try:
        tell(screen, home)
    except KeyboardInterrupt:
        with screen.step("interrupted: end all that was started"):
            home.end()
        raise
    except Exception:
        screen.line(f"\nWhat was started goes on until `make demo-down`; the logs are in {home.shown(home.logs)}.")
        raise
    return 0


def _down(screen: Screen, home: Home) -> int:
    if not home.folder.exists():
        screen.line("No demo is running.")
        return 0
    with screen.step(f"end the demo and remove {home.shown(home.folder)}"):
        home.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
