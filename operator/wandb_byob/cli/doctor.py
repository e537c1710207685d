"""`byob doctor`: run every check on buckets from where you are, and say what to do about each that fails.

Nothing is changed: the operator's own look is made in Observe. Only the probe of the data path writes small objects, under the
paths that the BucketStore and its TeamStorages declare, and deletes them; `--no-data-path` leaves that out.
"""

import argparse
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from wandb_byob.cli import output
from wandb_byob.cli.output import Row, Screen

if TYPE_CHECKING:
    from wandb_byob.cli.examination import Examination, Finding, Options
    from wandb_byob.cli.from_workload import WorkloadProber
    from wandb_byob.cli.sources import Source
    from wandb_byob.model.api import BucketStore
    from wandb_byob.reconcile.base import World

COLOURS: Final = {"Passed": "green", "Failed": "red", "Warning": "yellow", "Skipped": "dim"}

_AT_ONCE: Final = 8

EPILOG: Final = """\
Nothing is changed in a bucket: the operator's own look is made as with managementPolicy Observe. Only the probe of the
data path writes: small objects under the paths that the BucketStore and its TeamStorages declare (and --path), which it
deletes again. A BucketStore in Observe is probed only with --data-path, or where its verification.dataPath says so.

Who runs this is the administrator here: an endpoint that the BucketStore names may be http:, private or in-cluster, and
a warning says where an operator would need it on its list; with --allowed-endpoints it is judged by that list, as the
operator would. Addresses of metadata services are refused in any case. Where a BucketStore says Operator or Ambient,
this machine's own cloud identity signs in the place of the operator's.

With --from workload the data path is tried by a Job in W&B's namespace, as the operator does it where a BucketStore
says verification.from: Workload. You need the right to make Jobs and Secrets there and to read its pods.

exit status: 0 no check failed, 1 a check failed, 2 nothing (or not all) could be checked
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    from wandb_byob.cli import flags as common
    from wandb_byob.providers import flags

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("name", nargs="*", help="BucketStores, as NAME or NAMESPACE/NAME (default: all)")
    common.add_source(parser, assume=True)
    look = parser.add_argument_group("what is looked at")
    look.add_argument(
        "--data-path",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="write, read and delete small objects (default: as the BucketStore says)",
    )
    look.add_argument(
        "--path", action="append", default=[], metavar="PATH", help="probe under this path of the bucket, too"
    )
    look.add_argument(
        "--allowed-endpoints",
        action="append",
        metavar="ENDPOINTS",
        help="judge endpoints by this list, as an operator that is started with it",
    )
    look.add_argument(
        "--from",
        dest="place",
        choices=("here", "workload"),
        default="here",
        help="try the data path from here, or by a Job under W&B's ServiceAccount in the cluster (default: %(default)s)",
    )
    look.add_argument(
        "--image", metavar="IMAGE", help="what that Job runs (default: the image of the installed operator)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="in the table, only what failed or warns")
    flags.add_arguments(parser)
    output.add_output_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look, and print what was found."""
    # Here, so that `--help` is quick.
    from wandb_byob.cli import sources
    from wandb_byob.cli.examination import Options
    from wandb_byob.kube.client import KubeError
    from wandb_byob.providers import flags

    try:
        source = sources.open_source(arguments, assume=True)
        stores = sources.chosen_stores(source, arguments.name)
        listed = _listed(arguments.allowed_endpoints)
        paths = sources.probe_paths(arguments.path)
        world = sources.world(
            source,
            allowed_endpoints=sources.own_endpoints(stores) if listed is None else listed,
            cloud_endpoints=flags.cloud_endpoints(arguments),
        )
        prober = _prober(source, stores, arguments.image) if arguments.place == "workload" else None
        if prober is not None:
            world = replace(world, config=replace(world.config, image=prober.image.name))
    except (sources.SourceError, KubeError, ValueError) as error:
        output.complain("doctor", str(error))
        return 2
    options = Options(
        data_path=arguments.data_path,
        paths=paths,
        listed=listed is not None,
        uids=source.uids,
        workload=prober is not None,
    )
    found = _examined(world, source, stores, options=options, prober=prober)
    place = f"this machine ({socket.gethostname()}), by what {source.label} says"
    if prober is not None:
        place += "; the data path from W&B's pods"
    _report(found, place=place, notes=source.notes, form=arguments.output, quiet=arguments.quiet)
    return 1 if any(each.failed for each in found) else 2 if any(each.hindrance for each in found) else 0


def _listed(flags: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the list of endpoints, None where none is given; raises ValueError for an entry that means nothing."""
    from wandb_byob.decide.endpoints import parse_allow_list

    if flags is None:
        return None
    found = tuple(entry.strip() for flag in flags for entry in flag.split(",") if entry.strip())
    parse_allow_list(found)
    return found


def _examined(
    world: "World",
    source: "Source",
    stores: "Sequence[BucketStore]",
    *,
    options: "Options",
    prober: "WorkloadProber | None",
) -> "list[Examination]":
    """Look at all at once: stores that hang make nobody wait for the others."""
    from concurrent.futures import ThreadPoolExecutor

    from wandb_byob.cli.examination import examine, from_here
    from wandb_byob.kube.once import Once

    def look(store: "BucketStore") -> "Examination":
        # What remembers its reads is for one thread.
        return examine(replace(world, kube=Once(source.kube)), store, options, prober=prober or from_here)

    names = stores[0].metadata.name if len(stores) == 1 else f"{len(stores)} of them"
    with output.progress(f"Looking at BucketStore {names}"), ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(look, stores))


def _prober(source: "Source", stores: "Sequence[BucketStore]", image: str | None) -> "WorkloadProber":
    """Return what tries the data path from W&B's pods; raises SourceError."""
    from wandb_byob.cli.from_workload import Image, WorkloadProber, image_of_the_operator
    from wandb_byob.cli.sources import SourceError

    if source.cluster is None:
        raise SourceError(
            "--from workload needs the cluster that W&B runs in: leave out -f, or give --with-cluster too."
        )
    namespaces = sorted({store.metadata.namespace for store in stores})
    installed = image_of_the_operator(source.cluster, namespaces)
    chosen = Image(name=image, pull_secrets=installed.pull_secrets) if image else installed
    return WorkloadProber(kube=source.cluster, image=chosen)


def _report(found: Sequence["Examination"], *, place: str, notes: Sequence[str], form: str, quiet: bool) -> None:
    if form != "table":
        output.emit(
            {"seenFrom": place, "notes": list(notes), "bucketStores": [_document(each) for each in found]}, form
        )
        return
    screen = Screen()
    screen.say(f"Seen from {place}.", colour="dim")
    for note in notes:
        screen.say(note, colour="yellow")
    for each in found:
        screen.line()
        _show(screen, each, quiet=quiet)
    if len(found) > 1:
        _summary(screen, found)


def _show(screen: Screen, each: "Examination", *, quiet: bool) -> None:
    store = each.store
    title = f"BucketStore {store.metadata.namespace}/{store.metadata.name}"
    screen.line("  ".join(filter(None, (title, store.spec.provider, each.identity))), colour="bold")
    if each.hindrance:
        screen.say(f"Could not be checked. {each.hindrance}", colour="red")
        return
    shown = [finding for finding in each.findings if not quiet or finding.result.value in ("Failed", "Warning")]
    if shown:
        screen.table(("CHECK", "RESULT", "MESSAGE"), list(_rows(shown)))
    if each.untried:
        screen.say(each.untried)
    if each.refusal:
        screen.say(f"An operator would not change it. {each.refusal}", colour="yellow")
    elif each.planned:
        one = len(each.planned) == 1
        count, listed = ("1 change", "it") if one else (f"{len(each.planned)} changes", "them")
        screen.say(f"An operator would make {count} in the bucket: byob plan lists {listed}.")
    screen.say(", ".join(_counts(each.findings)) + ".")


def _rows(findings: Sequence["Finding"]) -> Iterator[Row | str]:
    place = None
    for finding in findings:
        if finding.under != place:
            place = finding.under
            yield f"under {place}"
        yield _row(finding)


def _row(finding: "Finding") -> Row:
    notes = (finding.remedy,) if finding.remedy else ()
    result = finding.result.value
    return Row((finding.name, result, finding.message), colour=COLOURS[result], notes=notes)


def _counts(findings: Sequence["Finding"]) -> Iterator[str]:
    words = {"Failed": "failed", "Warning": "with a warning", "Skipped": "skipped", "Passed": "passed"}
    for result, word in words.items():
        names = [finding.name for finding in findings if finding.result.value == result]
        if names or result == "Failed":
            named = f" ({', '.join(dict.fromkeys(names))})" if result == "Failed" and names else ""
            yield f"{len(names)} {word}{named}"


def _summary(screen: Screen, found: Sequence["Examination"]) -> None:
    screen.line()
    rows = []
    for each in found:
        result, colour = ("Failed", "red") if each.failed else ("Passed", "green")
        if each.hindrance:
            result, colour = "Unknown", "yellow"
        failed = ", ".join(dict.fromkeys(finding.name for finding in each.findings if finding.result.value == "Failed"))
        name = f"{each.store.metadata.namespace}/{each.store.metadata.name}"
        rows.append(Row((name, result, failed or each.hindrance), colour=colour))
    screen.table(("BUCKETSTORE", "RESULT", "WHY"), rows)


def _document(each: "Examination") -> dict[str, Any]:
    metadata = each.store.metadata
    return {
        "namespace": metadata.namespace,
        "name": metadata.name,
        "provider": each.store.spec.provider,
        "identity": each.identity,
        "result": "Failed" if each.failed else "Unknown" if each.hindrance else "Passed",
        **({"error": each.hindrance} if each.hindrance else {}),
        "checks": [
            {
                "name": finding.name,
                "path": finding.path,
                "result": finding.result.value,
                "message": finding.message,
                **({"remedy": finding.remedy} if finding.remedy else {}),
            }
            for finding in each.findings
        ],
        "plan": [{"change": change.name, "message": change.message} for change in each.planned],
        **({"refusal": each.refusal} if each.refusal else {}),
        **({"dataPath": each.untried} if each.untried else {}),
    }
