"""`byob tree`: instances, their buckets and their teams with their health, and which teams are isolated from which."""

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from wandb_byob.cli import output
from wandb_byob.cli.flags import add_source
from wandb_byob.cli.output import Row, Screen

if TYPE_CHECKING:
    from wandb_byob.cli.forest import Node, Objects
    from wandb_byob.cli.sources import Source

_FOLD_FROM: Final = 11
_SHOWN: Final = 5
_COLOURS: Final = {"True": "green", "False": "red", "Unknown": "yellow", "": "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.epilog = (
        "exit status: 0 everything is Ready, 1 something is not, 2 nothing could be read. On a terminal the Ready teams of a bucket "
        "with many of them are folded together; a pipe gets all."
    )
    add_source(parser)
    parser.add_argument("--all", action="store_true", help="fold nothing")
    output.add_output_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Draw the trees."""
    from wandb_byob.cli import sources
    from wandb_byob.cli.forest import forest, isolation
    from wandb_byob.kube.client import KubeError

    try:
        source = sources.open_source(arguments)
        objects = _objects(source)
    except (sources.SourceError, KubeError) as error:
        output.complain("tree", str(error))
        return 2
    trees, notes = forest(objects), list(isolation(objects))
    if not trees:
        where = f"namespace {source.namespace} of " if source.namespace else ""
        output.complain("tree", f"There are no objects in {where}{source.label}.")
        return 2
    if arguments.output == "table":
        _draw(Screen(), trees, notes, everything=arguments.all)
    else:
        output.emit({"trees": [_document(node) for node in trees], "isolation": notes}, arguments.output)
    return 0 if all(_ready(node) for node in trees) else 1


def _objects(source: "Source") -> "Objects":
    from wandb_byob.cli.forest import Objects
    from wandb_byob.kube.client import BUCKET_STORES, TEAM_STORAGES, WANDB_INSTANCES
    from wandb_byob.kube.gather import all_valid
    from wandb_byob.model.api import BucketStore, TeamStorage, WandbInstance

    kube, namespace = source.kube, source.namespace
    return Objects(
        instances=tuple(all_valid(kube.list(WANDB_INSTANCES, namespace), WandbInstance)),
        stores=tuple(all_valid(kube.list(BUCKET_STORES, namespace), BucketStore)),
        teams=tuple(all_valid(kube.list(TEAM_STORAGES, namespace), TeamStorage)),
    )


def _ready(node: "Node") -> bool:
    return (node.ready == "True" or not (node.kind or node.ready)) and all(map(_ready, node.children))


def _draw(screen: Screen, trees: "Sequence[Node]", notes: Sequence[str], *, everything: bool) -> None:
    fold = screen.terminal and not everything
    rows: list[Row | str] = []
    for number, node in enumerate(trees):
        if number:
            rows.append("")
        rows += [_row(node, "")] if node.kind else [node.name]
        rows += _branches(node.children, "", fold=fold)
    screen.table(("NAME", "READY", "REASON", "WHERE"), rows)
    if notes:
        screen.line()
        screen.line("Isolation", colour="bold")
        for note in notes:
            screen.say(note, indent=2)


def _branches(nodes: "Sequence[Node]", before: str, *, fold: bool) -> Iterator[Row]:
    shown, folded = _folded(nodes) if fold else (nodes, 0)
    for number, node in enumerate(shown, 1):
        last = number == len(shown) and not folded
        yield _row(node, before + ("└─ " if last else "├─ "))
        yield from _branches(node.children, before + ("   " if last else "│  "), fold=fold)
    if folded:
        yield Row((f"{before}└─ … {folded} more", "True", "", "all of them Ready; --all shows them"), colour="green")


def _folded(nodes: "Sequence[Node]") -> "tuple[Sequence[Node], int]":
    """Return the nodes to show and how many are left out: never one that is not Ready."""
    well = [node for node in nodes if node.well]
    if len(well) < _FOLD_FROM:
        return nodes, 0
    kept = {id(node) for node in well[:_SHOWN]}
    shown = [node for node in nodes if not node.well or id(node) in kept]
    return shown, len(nodes) - len(shown)


def _row(node: "Node", branch: str) -> Row:
    if not node.kind and not node.ready:
        return Row((f"{branch}{node.name}", "", "", node.detail))
    name = f"{node.kind} {node.name}".strip()
    notes = (node.why,) if node.why else ()
    cells = (f"{branch}{name}", node.ready or "-", node.reason, node.detail)
    return Row(cells, colour=_COLOURS[node.ready], notes=notes)


def _document(node: "Node") -> dict[str, Any]:
    found = {
        "kind": node.kind,
        "name": node.name,
        "ready": node.ready,
        "reason": node.reason,
        "detail": node.detail,
        "message": node.why,
        "children": [_document(child) for child in node.children],
    }
    return {key: value for key, value in found.items() if value}
