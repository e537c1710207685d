"""`byob import`: manifests for what a running W&B has in its list of buckets, so that moving in changes nothing."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wandb_byob.cli import output
from wandb_byob.cli.flags import add_kubeconfig
from wandb_byob.cli.output import Row, Screen

if TYPE_CHECKING:
    from wandb_byob.decide.imports import Draft, Left
    from wandb_byob.decide.variable import Reading
    from wandb_byob.model.api import WandbInstance


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.epilog = (
        "The files hold keys and are readable by you alone; nothing of a key is printed. Nothing in the cluster is changed. Every entry "
        "stays in W&B byte for byte until you apply the files, and those that mean nothing stay afterwards too."
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--weights-and-biases", metavar="NAME", help="the object of W&B's own operator")
    target.add_argument(
        "--workloads", metavar="NAMES", help="Deployments and StatefulSets by name, separated by commas"
    )
    target.add_argument(
        "--release",
        metavar="NAME",
        default="wandb",
        help="workloads by the label app.kubernetes.io/instance (default: %(default)s)",
    )
    parser.add_argument(
        "--host", metavar="URL", required=True, help="W&B's address in browsers, such as https://wandb.example.com"
    )
    parser.add_argument("--name", default="wandb", help="of the WandbInstance to write (default: %(default)s)")
    parser.add_argument("--separator", default=",", help="what divides the list (default: %(default)s)")
    parser.add_argument("--region", default="", help="where buckets of AWS are whose entry does not say it")
    parser.add_argument(
        "-d", "--directory", type=Path, default=Path("byob"), help="a new folder for the files (default: %(default)s)"
    )
    parser.add_argument(
        "-n", "--namespace", metavar="NAME", help="W&B's (default: that of the kubeconfig's context, or default)"
    )
    add_kubeconfig(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the manifests; return 0, 1 where entries were left, 2 where nothing could be read or written."""
    from wandb_byob.cli import sources
    from wandb_byob.decide import addresses, imports
    from wandb_byob.kube.client import KubeError
    from wandb_byob.model.errors import DomainError
    from wandb_byob.reconcile import instance_target

    try:
        source = sources.open_cluster(arguments, namespace=arguments.namespace)
        instance = _instance(arguments, source.namespace)
        target = instance_target.read(sources.world(source), instance)
    except (sources.SourceError, DomainError, KubeError) as error:
        output.complain("import", str(error))
        return 2
    readings = [reading for workload in target.situation.workloads for reading in workload.readings]
    entries = _entries(readings, arguments.separator)
    made, left = imports.drafts(entries, region=arguments.region)
    taken = any(reading.origin == "literal" for reading in readings)
    try:
        _write(arguments.directory, _files(instance, made, take_ownership=taken))
    except OSError as error:
        output.complain(
            "import", f"{arguments.directory}: {error.strerror}. Name a folder that is not there yet with --directory."
        )
        return 2
    screen = Screen()
    _show(screen, readings, made, left)
    restart = (
        "W&B is restarted once, since the value becomes a reference to a Secret"
        if taken
        else "W&B is not restarted while no entry changes"
    )
    screen.say(
        f"Written to {arguments.directory}. Complete teamstorages.yaml, look at `byob plan -f {arguments.directory} --with-cluster`, then apply: {restart}."
    )
    return 1 if any(each.shown != addresses.COREWEAVE_SHARED for each in left) else 0


def _instance(arguments: argparse.Namespace, namespace: str) -> "WandbInstance":
    from wandb_byob.kube.gather import typed
    from wandb_byob.model.api import WandbInstance

    target: dict[str, Any] = {
        "workloads": {"selector": {"matchLabels": {"app.kubernetes.io/instance": arguments.release}}}
    }
    if arguments.weights_and_biases:
        target = {"weightsAndBiases": {"name": arguments.weights_and_biases}}
    elif arguments.workloads:
        target = {"workloads": {"names": [name.strip() for name in arguments.workloads.split(",")]}}
    spec = {"deploymentType": "SelfManaged", "host": arguments.host, "target": target}
    if arguments.separator != ",":
        spec["fileStores"] = {"separator": arguments.separator}
    metadata = {"name": arguments.name, "namespace": namespace}
    return typed(
        {"apiVersion": "byob.wandb.com/v1alpha1", "kind": "WandbInstance", "metadata": metadata, "spec": spec},
        WandbInstance,
    )


def _entries(readings: "list[Reading]", separator: str) -> tuple[str, ...]:
    """Return the entries of all places, each once, in the order in which they are found."""
    from wandb_byob.decide.addresses import split

    return tuple(dict.fromkeys(entry for reading in readings for entry in split(reading.value or "", separator)))


def _files(instance: "WandbInstance", made: "tuple[Draft, ...]", *, take_ownership: bool) -> dict[str, list[Any]]:
    import msgspec

    from wandb_byob.decide import imports

    namespace, name = instance.metadata.namespace, instance.metadata.name
    spec = msgspec.to_builtins(instance.spec)
    if take_ownership:
        spec["fileStores"] = {**spec.get("fileStores", {}), "takeOwnership": True}
    body = {
        "apiVersion": instance.api_version,
        "kind": instance.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
    return {
        "wandbinstance.yaml": [body],
        "secrets.yaml": [each for draft in made if (each := imports.secret(draft, namespace=namespace)) is not None],
        "bucketstores.yaml": [imports.bucket_store(draft, namespace=namespace, instance=name) for draft in made],
        "teamstorages.yaml": [imports.team_storage(draft, namespace=namespace) for draft in made],
    }


def _write(folder: Path, files: dict[str, list[Any]]) -> None:
    import os

    import yaml

    folder.mkdir(mode=0o700, parents=True)
    for name, bodies in files.items():
        text = yaml.safe_dump_all(bodies, sort_keys=False, allow_unicode=True)
        if name == "teamstorages.yaml":
            # Which teams there are only W&B knows: as it stands, it applies nothing.
            note = (
                "# Write a team's name for TEAM and its sub-path for PATH (or remove the line), then take the # away.\n"
            )
            text = note + "".join(f"# {line}\n" for line in text.splitlines())
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)


def _show(screen: Screen, readings: "list[Reading]", made: "tuple[Draft, ...]", left: "tuple[Left, ...]") -> None:
    places = [Row((str(reading.slot), reading.origin.value, reading.secret)) for reading in readings]
    screen.table(("PLACE", "HAS IT FROM", "SECRET"), places)
    screen.line()
    rows = [Row((each.name, str(each.spec["provider"]), each.shown), notes=each.doubts) for each in made]
    rows += [
        Row(("-", "left as it is", each.shown), colour="yellow", notes=(each.why[:1].upper() + each.why[1:] + ".",))
        for each in left
    ]
    screen.table(("BUCKETSTORE", "PROVIDER", "ENTRY"), rows)
    screen.line()
