"""`byob policy`: what to set on a bucket by hand (CORS, policies, versioning …), as JSON or as commands to paste."""

import argparse
import json
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wandb_byob.cli import output
from wandb_byob.cli.flags import add_source

if TYPE_CHECKING:
    from wandb_byob.decide.handwork import Document
    from wandb_byob.model.api import BucketStore
    from wandb_byob.reconcile.base import World


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.epilog = "It reads no Secret and calls no store. With --only and --format json the document alone is printed, ready for a file."
    parser.add_argument("name", nargs="?", help="the BucketStore, as NAME or NAMESPACE/NAME (default: the only one)")
    add_source(parser, assume=True)
    parser.add_argument("--format", choices=("json", "cli"), default="json", help="default: %(default)s")
    parser.add_argument("--only", metavar="DOCUMENT", help="one document, by its name, such as cors or bucket-policy")


def run(arguments: argparse.Namespace) -> int:
    """Print the documents; return 0, or 2 where there are none to print."""
    from wandb_byob.cli import sources
    from wandb_byob.kube.client import KubeError
    from wandb_byob.model.errors import DomainError

    try:
        source = sources.open_source(arguments, assume=True)
        store = sources.only(sources.chosen_stores(source, [arguments.name] if arguments.name else []))
        found = _documents(sources.world(source), store)
        chosen = _chosen(found, arguments.only)
    except (sources.SourceError, DomainError, KubeError) as error:
        output.complain("policy", str(error))
        return 2
    for note in source.notes:
        output.complain("policy", note)
    if arguments.format == "cli":
        print("\n\n".join(map(_command, chosen)))
    elif arguments.only:
        print(json.dumps(chosen[0].body, indent=2))
    else:
        print(json.dumps({document.name: document.body for document in chosen}, indent=2))
    return 0


def _documents(world: "World", store: "BucketStore") -> "tuple[Document, ...]":
    from wandb_byob.decide.handwork import Reader, documents
    from wandb_byob.reconcile.inputs import granted_instance, tenant_of

    instance = granted_instance(world, store)
    tenant = tenant_of(world, store, instance)
    reader = Reader(
        deployment_type=tenant.deployment_type,
        origins=tenant.origins,
        identity=tenant.identity,
        org_id=tenant.org_id,
        namespace=instance.metadata.namespace if tenant.deployment_type == "SelfManaged" else "",
    )
    return documents(store.spec, reader)


def _chosen(found: "Sequence[Document]", only: str | None) -> "Sequence[Document]":
    from wandb_byob.cli.sources import SourceError

    chosen = [document for document in found if only in (None, document.name)]
    if not chosen:
        raise SourceError(
            f"There is no document {only} for this bucket. There are: {', '.join(each.name for each in found)}."
        )
    return chosen


def _command(document: "Document") -> str:
    """Return a document as what can be pasted into a shell: comments, and a command with each option on a line of its own."""
    comments = [f"# {document.name}: {document.purpose}.", *([f"# {document.caution}"] if document.caution else [])]
    if not document.command:
        return "\n".join([*comments, *(f"# {line}" for line in json.dumps(document.body, indent=2).splitlines())])
    pieces: list[str] = []
    for word in document.command:
        if word.startswith("--") or not pieces:
            pieces.append(shlex.quote(word))
        else:
            pieces[-1] += f" {shlex.quote(word)}"
    file = [f"cat > {document.file} <<'END'", json.dumps(document.body, indent=2), "END"] if document.file else []
    return "\n".join([*comments, *file, " \\\n  ".join(pieces)])
