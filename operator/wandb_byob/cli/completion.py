"""`byob completion`: scripts that complete commands and flags in a shell, and what kubectl asks for `kubectl byob`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Final

_SHELLS: Final = ("bash", "zsh", "fish")
_FILES: Final = frozenset({"filename", "kubeconfig", "cloud_ca_file"})
_NO_FILES: Final = 4
"""kubectl's word (ShellCompDirectiveNoFileComp) for "offer no files besides these"."""

_WITH_ONE_WORD: Final = 2

EPILOG: Final = """\
bash   source <(byob completion bash)                in ~/.bashrc
zsh    byob completion zsh > "${fpath[1]}/_byob"
fish   byob completion fish > ~/.config/fish/completions/byob.fish

The plugin (kubectl byob) is completed by kubectl itself (1.26 and newer) through kubectl_complete-byob,
which is installed with it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=_SHELLS)


def run(arguments: argparse.Namespace) -> int:
    """Print the script for one shell."""
    import shtab

    from wandb_byob.cli import whole_parser

    parser = whole_parser()
    for command in _subparsers(parser).values():
        for action in command._actions:
            if action.dest in _FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]  # how shtab is told
    print(shtab.complete(parser, shell=arguments.shell))
    return 0


def kubectl() -> int:
    """Answer kubectl: one candidate a line, then its directive; the words are those after `kubectl byob`."""
    for candidate in candidates(sys.argv[1:]):
        print(candidate)
    print(f":{_NO_FILES if len(sys.argv) <= _WITH_ONE_WORD else 0}")
    return 0


def candidates(words: Sequence[str]) -> Iterator[str]:
    """Yield what may stand in the place of the last word, each with its help after a tab."""
    from wandb_byob.cli import COMMANDS

    *before, last = words or [""]
    chosen = next((word for word in before if not word.startswith("-")), None)
    if chosen is None:
        offered = {name: command.help for name, command in COMMANDS.items() if command.help}
    else:
        offered = _flags(chosen)
    for name, text in offered.items():
        if name.startswith(last):
            yield f"{name}\t{text}"


def _flags(command: str) -> dict[str, str]:
    from wandb_byob.cli import whole_parser

    chosen = _subparsers(whole_parser()).get(command)
    return {
        option: (action.help or "").partition(" (default")[0]
        for action in (chosen._actions if chosen is not None else ())
        for option in action.option_strings
        if option.startswith("--") and action.help != argparse.SUPPRESS
    }


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of commands; argparse gives no other way to see what it holds."""
    found = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)
