"""The command line: one program whose commands are imported only when they are called, so that `--help` is quick."""

import argparse
import importlib
import os
import sys
from collections.abc import Collection, Mapping, Sequence
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
    "plan": Command("Show what would be changed in buckets and in W&B.", "wandb_byob.cli.plan"),
    "tree": Command("Draw instances, buckets and teams with their health.", "wandb_byob.cli.tree"),
    "policy": Command("Print what to set on a bucket by hand: CORS, policies, versioning.", "wandb_byob.cli.policy"),
    "address": Command("Print the storage address of a bucket, redacted.", "wandb_byob.cli.address"),
    "import": Command("Write manifests for the buckets that a running W&B has.", "wandb_byob.cli.importer"),
    "completion": Command("Print a script that completes commands in your shell.", "wandb_byob.cli.completion"),
    "release": Command("Let go of all objects before an uninstall.", "wandb_byob.cli.release"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status (2: wrong arguments, as argparse has it)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Options of the program itself take no values, so the first word that is no option is the command.
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    program = "kubectl byob" if PurePath(sys.argv[0]).name == "kubectl-byob" else "byob"
    parser = _parser(program, {chosen} if chosen else ())
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        parser.print_help()
        return 2
    try:
        return int(importlib.import_module(COMMANDS[parsed.command].module).run(parsed))
    except BrokenPipeError:
        # Whoever read us (head, less) has seen enough; Python itself would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except KeyboardInterrupt:
        return 128 + 2


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser with the flags of every command that people call: for the completion of shells."""
    return _parser("byob", COMMANDS, hidden=False)


def _parser(program: str, chosen: Collection[str], *, hidden: bool = True) -> argparse.ArgumentParser:
    """Return the parser; only the modules of the chosen commands are imported, and only these have their flags."""
    parser = argparse.ArgumentParser(prog=program, description="Your own buckets for Weights & Biases.")
    parser.add_argument("--version", action=_Version, help="show the version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        if command.help:
            subparser = commands.add_parser(name, help=command.help, description=command.help)
        elif hidden:
            subparser = commands.add_parser(name)
        else:
            continue
        if name in chosen:
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
