"""`byob import`: manifests for what a running W&B has in its list of buckets, so that moving in changes nothing."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wandb_byob.cli import output
from wandb_byob.cli.flags import add_kubeconfig, origin
from wandb_byob.cli.output import Row, Screen
from wandb_byob.model import names

if TYPE_CHECKING:
    from wandb_byob.cli.applying import Drafts
    from wandb_byob.cli.moving_in import Import

EPILOG = """\
The files hold keys and are readable by you alone; nothing of a key is printed. Nothing in the cluster is changed. Every entry
stays in W&B byte for byte until you apply the files, and those that mean nothing stay afterwards too. The instance's own bucket
stays as it is set, and where it is set. A WandbInstance that is there is left as it is, or gets what is named, and nothing else.

With --scim-credentials W&B is asked for the names of its teams, and each gets a form in teamstorages.yaml. Which bucket a team
uses, W&B tells nobody: that is yours to write.

exit status: 0 each bucket has a BucketStore, 1 some were left or something stands in the way, 2 it could not be told
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--weights-and-biases", metavar="NAME", help="the object of W&B's own operator (default: the only one, if any)"
    )
    target.add_argument(
        "--workloads", metavar="NAMES", help="Deployments and StatefulSets by name, separated by commas"
    )
    target.add_argument(
        "--release", metavar="NAME", help="workloads by the label app.kubernetes.io/instance (default: wandb)"
    )
    parser.add_argument(
        "--host",
        metavar="URL",
        type=origin,
        help="W&B's address in browsers, such as https://wandb.example.com (default: that of the WandbInstance that is there)",
    )
    parser.add_argument("--name", help="of the WandbInstance (default: the only one that is there, else wandb)")
    parser.add_argument(
        "--separator", help="what divides the list (default: as the WandbInstance that is there says, else ,)"
    )
    parser.add_argument(
        "--region",
        help="where buckets of AWS are whose entry does not say it (default: AWS_REGION of W&B's containers)",
    )
    parser.add_argument(
        "-d", "--directory", type=Path, default=Path("byob"), help="a new folder for the files (default: %(default)s)"
    )
    parser.add_argument(
        "-n", "--namespace", metavar="NAME", help="W&B's (default: that of the kubeconfig's context, or default)"
    )
    add_kubeconfig(parser)
    _add_teams(parser.add_argument_group("W&B's teams"))


def _add_teams(teams: argparse._ArgumentGroup) -> None:
    """Declare where W&B's list of teams is, and who may read it."""
    teams.add_argument(
        "--scim-credentials",
        metavar="FILE",
        help="a file with user:key, or :key for a service account; - for standard input, env:NAME for a variable",
    )
    teams.add_argument("--scim-url", metavar="URL", help="default: the host's /scim")
    teams.add_argument("--scim-ca-file", metavar="FILE", type=Path, help="certificates in PEM form to trust there")


def run(arguments: argparse.Namespace) -> int:
    """Write the manifests; return 0, 1 where entries were left or something is in the way, 2 where it could not be told what is there."""
    from wandb_byob.cli import moving_in, sources
    from wandb_byob.cli.manifests import ManifestError
    from wandb_byob.decide.scim import ScimError
    from wandb_byob.kube.client import KubeError
    from wandb_byob.model.errors import DomainError

    try:
        found = moving_in.look(arguments)
        if found.files:
            moving_in.write(arguments.directory, found.files)
    except (sources.SourceError, DomainError, KubeError, ManifestError, ScimError) as error:
        output.complain("import", str(error))
        return 2
    except OSError as error:
        where = error.filename or arguments.directory
        output.complain("import", f"{where}: {error.strerror}. Name a folder that is not there yet with --directory.")
        return 2
    _show(Screen(), found, arguments.directory, namespace=arguments.namespace or "")
    left = found.drafts.own.left is not None or not all(each.served for each in found.drafts.left)
    return 1 if left or found.in_the_way else 0


def _show(screen: Screen, found: "Import", folder: Path, *, namespace: str) -> None:
    if not found.places:
        screen.line(f"{names.FILE_STORES} is set nowhere.")
        screen.line()
    for heading, places in (("PLACE", found.places), ("THE INSTANCE'S OWN BUCKET", found.own_places)):
        if places:
            rows = [Row((each.place, each.source, each.read_by)) for each in places]
            screen.table((heading, "HAS IT FROM", "IT IS READ BY"), rows)
            screen.line()
    rows = [Row((each.name, str(each.spec["provider"]), each.shown), notes=each.doubts) for each in found.drafts.made]
    rows += [
        Row(("-", "left as it is", each.shown), colour="yellow", notes=(f"No. {each.number} of the list: {each.why}.",))
        for each in found.drafts.left
    ]
    rows += _own(found.drafts)
    screen.table(("BUCKETSTORE", "PROVIDER", "ENTRY"), rows)
    screen.line()
    if found.teams:
        screen.say(f"Teams of W&B: {', '.join(found.teams)}. Which bucket each of them uses, W&B does not tell.")
    if found.instance:
        screen.say(found.instance)
    if found.files:
        where = f" -n {namespace}" if namespace else ""
        teams = "Complete teamstorages.yaml, look" if found.forms else "Look"
        then = f"{teams} at `byob plan -f {folder} --with-cluster{where}`, then apply: {found.restart}."
        screen.say(f"Written to {folder}. {then}")
    else:
        screen.say(f"There is nothing to write: {found.restart}.")
    for text in found.in_the_way:
        screen.say(f"In the way: {text}", colour="red")


def _own(drafts: "Drafts") -> Iterator[Row]:
    own = drafts.own
    if own.left is not None:
        stays = "stays as it is" if own.asked else "is left out"
        why = f"It is the instance's own bucket, and spec.storage {stays}: {own.left.why}."
        yield Row(("-", "left as it is", own.left.shown), colour="yellow", notes=(why,))
    elif own.store:
        provider = next((str(each.spec["provider"]) for each in drafts.written if each.name == own.store), "is there")
        what = "It is the instance's own bucket: spec.storage of the WandbInstance names it, and it stays as it is set."
        yield Row((own.store, provider, own.shown), notes=(what,))
