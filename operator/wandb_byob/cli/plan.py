"""`byob plan`: what the operator would change in buckets and in W&B, without changing anything."""

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from wandb_byob.cli import output
from wandb_byob.cli.flags import add_source
from wandb_byob.cli.output import Row, Screen

if TYPE_CHECKING:
    from wandb_byob.cli.examination import Examination
    from wandb_byob.cli.rollouts import EntryChange, Rollout
    from wandb_byob.cli.sources import Source
    from wandb_byob.model.api import BucketStore
    from wandb_byob.model.keys import ObjectKey
    from wandb_byob.reconcile.base import World

_COLOURS: Final = {"Added": "green", "Renewed": "yellow", "Removed": "red", "Stays": ""}

EPILOG: Final = """\
Nothing is changed and no object is written. Of W&B it says what becomes of it once every bucket that a team asks for is
verified; byob doctor says whether they are. With -f, W&B's workloads are read from the cluster if --with-cluster is given.

exit status: 0 nothing stands in the way, 1 something does, 2 it could not be told
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    from wandb_byob.providers import flags

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("name", nargs="*", help="BucketStores, as NAME or NAMESPACE/NAME (default: all)")
    add_source(parser, assume=True)
    flags.add_arguments(parser)
    output.add_output_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look, and print what would be changed."""
    from wandb_byob.cli import sources
    from wandb_byob.cli.examination import Options, examine
    from wandb_byob.cli.rollouts import rollout
    from wandb_byob.kube.client import KubeError
    from wandb_byob.providers import flags

    try:
        source = sources.open_source(arguments, assume=True)
        stores = sources.chosen_stores(source, arguments.name)
        world = sources.world(
            source,
            allowed_endpoints=sources.every_endpoint(source),
            cloud_endpoints=flags.cloud_endpoints(arguments),
        )
        options = Options(data_path=False, uids=source.uids)
        found = []
        for store in stores:
            with output.progress(f"Looking at BucketStore {store.metadata.name}"):
                found.append(examine(world, store, options))
        keys = _instances(world, stores) if _has_workloads(source, arguments) else ()
        rollouts = [each for each in (rollout(world, key) for key in keys) if each is not None]
    except (sources.SourceError, KubeError, ValueError) as error:
        output.complain("plan", str(error))
        return 2
    _report(found, rollouts, notes=source.notes, form=arguments.output)
    return _status(found, rollouts)


def _has_workloads(source: "Source", arguments: argparse.Namespace) -> bool:
    return not arguments.filename or arguments.with_cluster


def _instances(world: "World", stores: "Sequence[BucketStore]") -> "Sequence[ObjectKey]":
    """Return the WandbInstances that these BucketStores are attached to; one that is not reachable is told by the look itself."""
    from wandb_byob.model.errors import DomainError
    from wandb_byob.model.keys import Kind, ObjectKey
    from wandb_byob.reconcile.inputs import granted_instance

    found = []
    for store in stores:
        try:
            metadata = granted_instance(world, store).metadata
        except DomainError:
            continue
        found.append(ObjectKey(Kind.WANDB_INSTANCE, metadata.namespace, metadata.name))
    return tuple(dict.fromkeys(found))


def _status(found: "Sequence[Examination]", rollouts: "Sequence[Rollout]") -> int:
    if any(each.hindrance for each in found):
        return 2
    blocked = any(list(_in_the_way(each)) for each in found)
    return 1 if blocked or any(each.in_the_way for each in rollouts) else 0


def _in_the_way(each: "Examination") -> Iterator[str]:
    """Yield what fails and is none of the planned changes."""
    if each.refusal:
        yield each.refusal
    planned = {change.name for change in each.planned}
    for finding in each.findings:
        if finding.result.value == "Failed" and finding.name not in planned:
            yield f"{finding.name}: {finding.message} {finding.remedy}".strip()


def _report(found: "Sequence[Examination]", rollouts: "Sequence[Rollout]", *, notes: Sequence[str], form: str) -> None:
    if form != "table":
        buckets, instances = [_bucket(each) for each in found], [_instance(each) for each in rollouts]
        output.emit({"notes": list(notes), "bucketStores": buckets, "wandbInstances": instances}, form)
        return
    screen = Screen()
    for note in notes:
        screen.say(note, colour="yellow")
    for number, each in enumerate(found):
        if number:
            screen.line()
        _show_bucket(screen, each)
    for rollout in rollouts:
        screen.line()
        _show_instance(screen, rollout)
    if not rollouts:
        screen.line()
        screen.say("What becomes of W&B is not told: its workloads are not known here.", colour="dim")


def _show_bucket(screen: Screen, each: "Examination") -> None:
    metadata = each.store.metadata
    title = f"BucketStore {metadata.namespace}/{metadata.name}"
    screen.line("  ".join(filter(None, (title, each.store.spec.provider, each.identity))), colour="bold")
    if each.hindrance:
        screen.say(f"Could not be told. {each.hindrance}", indent=2, colour="red")
        return
    if each.planned:
        observed = each.store.spec.management_policy == "Observe"
        count = f"{len(each.planned)} change{'s' if len(each.planned) != 1 else ''}"
        only = ", made with managementPolicy Manage only" if observed else ""
        screen.say(f"In the bucket: {count}{only}", indent=2)
        screen.table(("CHECK", "CHANGE"), [Row((change.name, change.message)) for change in each.planned], indent=4)
    elif each.store.spec.provisioning is None or each.store.spec.provisioning.source == "None":
        screen.say("In the bucket: nothing, since spec.provisioning gives no keys to change it with.", indent=2)
    else:
        screen.say("In the bucket: nothing.", indent=2)
    for text in _in_the_way(each):
        screen.say(f"In the way: {text}", indent=2, colour="red")


def _show_instance(screen: Screen, rollout: "Rollout") -> None:
    screen.line(f"WandbInstance {rollout.instance}", colour="bold")
    if rollout.elsewhere:
        screen.say("In W&B: nothing from here, since it does not run in this cluster.", indent=2)
        return
    if rollout.entries:
        screen.say(f"In GORILLA_SUPPORTED_FILE_STORES: {_counted(rollout)}", indent=2)
        rows = [
            Row(
                ("" if each.change == "Removed" else str(number), each.change, each.address),
                colour=_COLOURS[each.change],
                notes=(f"before: {each.before}",) if each.before else (),
            )
            for number, each in enumerate(rollout.entries, 1)
        ]
        screen.table(("", "CHANGE", "ENTRY"), rows, indent=4)
    if rollout.storage:
        screen.say(f"The bucket for the instance itself: {rollout.storage}", indent=2)
    if rollout.storage_refusal:
        screen.say(
            f"The bucket for the instance itself: Left as it is. {rollout.storage_refusal}", indent=2, colour="red"
        )
    for text in rollout.left_out:
        screen.say(f"Left out: {text}", indent=2, colour="yellow")
    for text in rollout.warnings:
        screen.say(text, indent=2, colour="yellow")
    if rollout.refusal:
        screen.say(f"In the way: {rollout.refusal}", indent=2, colour="red")
    if rollout.restarts:
        order = f", when W&B's own operator takes up {rollout.maker}" if rollout.maker else ", in this order"
        screen.say(f"Workloads that restart{order}:", indent=2)
        screen.table(
            ("WORKLOAD", "NOTE"), [Row((each.workload, "; ".join(each.notes))) for each in rollout.restarts], indent=4
        )
    elif not rollout.refusal:
        screen.say("No workload restarts.", indent=2)


def _counted(rollout: "Rollout") -> str:
    if not rollout.changes:
        return "no change"
    counts = {
        change: sum(each.change == change for each in rollout.entries) for change in _COLOURS if change != "Stays"
    }
    return (
        ", ".join(f"{count} {change.lower()}" for change, count in counts.items() if count)
        + f" of {len(rollout.entries)}"
    )


def _bucket(each: "Examination") -> dict[str, Any]:
    metadata = each.store.metadata
    return {
        "namespace": metadata.namespace,
        "name": metadata.name,
        "identity": each.identity,
        "changes": [{"check": change.name, "message": change.message} for change in each.planned],
        "inTheWay": [each.hindrance] if each.hindrance else list(_in_the_way(each)),
    }


def _instance(rollout: "Rollout") -> dict[str, Any]:
    return {
        "name": rollout.instance,
        "inThisCluster": not rollout.elsewhere,
        "entries": [_entry(each) for each in rollout.entries],
        "restarts": [{"workload": each.workload, "notes": list(each.notes)} for each in rollout.restarts],
        "leftOut": list(rollout.left_out),
        **({"storage": rollout.storage} if rollout.storage else {}),
        "warnings": list(rollout.warnings),
        "inTheWay": list(filter(None, (rollout.refusal, rollout.storage_refusal))),
    }


def _entry(each: "EntryChange") -> dict[str, str]:
    return {"change": each.change, "address": each.address, **({"before": each.before} if each.before else {})}
