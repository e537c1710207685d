#!/usr/bin/env python3
"""Write what is derived from other files: the chart's CRDs and table of values, docs/reasons.md; and paste real output into the docs.

    hack/docs.py                 write the derived files
    hack/docs.py --check         only say what would differ, and which check has no entry in docs/checks.md
    hack/docs.py spots           list the places for output and whether they are filled
    hack/docs.py paste NAME      put standard input, the output of a real run, into the place of this name

A place for output is a pair of comments in a Markdown file, invisible to readers while there is nothing between them:
`<!-- output: NAME -->` and `<!-- end of output -->`. Output is never written by hand.
"""

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from wandb_byob.cli import COMMANDS
from wandb_byob.model.checks import CheckName
from wandb_byob.model.reasons import Reason

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "charts" / "wandb-byob"
SPOT = re.compile(r"(<!-- output: (?P<name>[a-z0-9-]+) -->\n)(?P<text>.*?)(<!-- end of output -->)", re.DOTALL)
COMMAND = re.compile(r"(?<!get )(?<![-\w])byob ([a-z]+)")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def derived() -> dict[Path, str]:
    """Return the text of every file that is made from others."""
    crds = {CHART / "files" / "crds" / file.name: file.read_text() for file in sorted((ROOT / "crds").glob("*.yaml"))}
    return {**crds, CHART / "README.md": chart_readme(), ROOT / "docs" / "reasons.md": reasons()}


def reasons() -> str:
    """Return the table of conditions' reasons."""
    lines = [
        "# Reasons",
        "",
        "Every condition in `status.conditions` has one of these reasons. The condition's message says more: which field, which bucket.",
        "",
        "| reason | what it means | what to do |",
        "|---|---|---|",
    ]
    lines += [f"| `{reason.value}` | {cell(reason.meaning)} | {cell(reason.remedy)} |" for reason in sorted(Reason)]
    return "\n".join([*lines, "", "Made from `operator/wandb_byob/model/reasons.py` by `hack/docs.py`.", ""])


def chart_readme() -> str:
    """Return the chart's README: its values, from the schema and values.yaml."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    lines = [
        "# wandb-byob",
        "",
        "The Helm chart of the W&B BYOB operator. [How to install, upgrade and uninstall](../../docs/install.md) ·",
        "[what it may do, and why](../../docs/security.md)",
        "",
        "| value | default | |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {default} | {cell(text)} |" for name, default, text in rows(schema, values, "")]
    return "\n".join([*lines, "", "Made from `values.schema.json` and `values.yaml` by `hack/docs.py`.", ""])


def rows(node: dict[str, Any], values: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    """Yield path, default and description of every value that has a default."""
    for name, child in node["properties"].items():
        if name not in values:
            continue
        if child.get("properties") and isinstance(values[name], dict):
            yield from rows(child, values[name], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", f"`{json.dumps(values[name])}`", child["description"]


def cell(text: str) -> str:
    """Return text that can't end a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def write(*, check: bool) -> int:
    """Write the derived files, or say what would differ; the result is the exit status."""
    status = 0
    for file, text in derived().items():
        old = file.read_text() if file.exists() else ""
        if old == text:
            continue
        name = str(file.relative_to(ROOT))
        if check:
            print("".join(difflib.unified_diff(old.splitlines(True), text.splitlines(True), name, f"{name} (derived)")))
            status = 1
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(f"wrote {name}")
    for problem in problems():
        print(problem)
        status = 1
    if status and check:
        print("Run hack/docs.py and commit what it writes.")
    return status


def problems() -> Iterator[str]:
    """Yield what a person has to mend: checks that are not explained, commands that users are told of and that are not there."""
    explained = (ROOT / "docs" / "checks.md").read_text()
    missing = [name.value for name in CheckName if f"| `{name.value}` |" not in explained]
    if missing:
        yield f"docs/checks.md has no row for {', '.join(missing)}: write one."
    for file in (*pages(), *sorted((ROOT / "crds").glob("*.yaml")), *sorted((ROOT / "operator").rglob("*.py"))):
        for name in sorted(set(COMMAND.findall(file.read_text())) - set(COMMANDS)):
            yield f"{file.relative_to(ROOT)} names `byob {name}`, and there is no such command."


def pages() -> list[Path]:
    """Return the documents for users; decisions (docs/adr) may speak of what is to come."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def spots() -> dict[str, tuple[Path, re.Match[str]]]:
    """Return the places for output by name; a name that is used twice is refused."""
    found: dict[str, tuple[Path, re.Match[str]]] = {}
    for file in pages():
        for match in SPOT.finditer(file.read_text()):
            if match["name"] in found:
                raise SystemExit(f"There are two places named {match['name']}: {found[match['name']][0]} and {file}.")
            found[match["name"]] = (file, match)
    return found


def paste(name: str, output: str) -> None:
    """Put output into its place, without colours; refuse what names this machine's folders."""
    known = spots()
    if name not in known:
        raise SystemExit(f"No place is named {name}; there are {', '.join(known)}.")
    text = "\n".join(line.rstrip() for line in ESCAPES.sub("", output).strip("\n").splitlines())
    for private in {str(ROOT), str(Path.home())} - {"/"}:
        if private in text:
            raise SystemExit(f"The output names {private}, a folder of this machine: run the command elsewhere.")
    if not text or "```" in text:
        raise SystemExit("The output is empty, or holds a code fence.")
    file, match = known[name]
    whole = file.read_text()
    block = f"{match[1]}```console\n{text}\n```\n{match[4]}"
    file.write_text(whole[: match.start()] + block + whole[match.end() :])
    print(f"wrote {name} into {file.relative_to(ROOT)}")


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where something differs")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("spots")
    commands.add_parser("paste").add_argument("name")
    arguments = parser.parse_args()
    if arguments.command == "paste":
        paste(arguments.name, sys.stdin.read())
    elif arguments.command == "spots":
        for name, (file, match) in spots().items():
            print(f"{name:30} {'filled' if match['text'].strip() else 'empty'}   {file.relative_to(ROOT)}")
    else:
        return write(check=arguments.check)
    return 0


if __name__ == "__main__":
    sys.exit(main())
