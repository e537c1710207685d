"""The command line: one program whose commands are imported only when they are called, so that `--help` is quick."""

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final


@dataclass(frozen=True)
class Command:
    """One command: its line in the help ("": no line), and the module that has `add_arguments(parser)` and `run(arguments) -> int`."""

    help: str
    module: str


COMMANDS: Final[Mapping[str, Command]] = {
    "operator": Command("Run the controller.", "wandb_byob.runtime.command"),
    "doctor": Command("Run every check on your buckets from where you are.", "wandb_byob.cli.doctor"),
    # What a Job runs (verification.from: Workload); nobody calls it by hand.
    "probe": Command("", "wandb_byob.cli.probe"),
    "policy": Command("Print what to set on a bucket by hand: CORS, policies, versioning.", "wandb_byob.cli.policy"),
    "address": Command("Print the storage address of a bucket, redacted.", "wandb_byob.cli.address"),
    "release": Command("Let go of all objects before an uninstall.", "wandb_byob.cli.release"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status (2: wrong arguments, as argparse has it)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Options of the program itself take no values, so the first word that is no option is the command.
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    parser = _parser(chosen)
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        parser.print_help()
        return 2
    return int(importlib.import_module(COMMANDS[parsed.command].module).run(parsed))


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    program = "kubectl byob" if PurePath(sys.argv[0]).name == "kubectl-byob" else "byob"
    parser = argparse.ArgumentParser(prog=program, description="Your own buckets for Weights & Biases.")
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        listed = {"help": command.help} if command.help else {}
        subparser = commands.add_parser(name, description=command.help or None, **listed)
        if name == chosen:
            importlib.import_module(command.module).add_arguments(subparser)
    return parser


class _Version(argparse.Action):
    """Print the version; unlike argparse's own action it looks it up only when asked."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: object) -> None:
        super().__init__(option_strings, dest=argparse.SUPPRESS, nargs=0, help=str(options.get("help", "")))

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from wandb_byob import version

        print(f"{parser.prog} {version()}")
        parser.exit()
