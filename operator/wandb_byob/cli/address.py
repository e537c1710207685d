"""`byob address`: the storage address of a bucket as W&B reads it, without its keys unless they are asked for."""

import argparse
import sys
from typing import TYPE_CHECKING

from wandb_byob.cli import output
from wandb_byob.cli.flags import add_source

if TYPE_CHECKING:
    from wandb_byob.cli.sources import Source
    from wandb_byob.model.api import BucketStore
    from wandb_byob.reconcile.base import World


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.epilog = (
        "Without --reveal no Secret is read, and *** stands for the keys. It goes where W&B's page asks for the bucket's name. What is "
        "said of W&B changes no address: it is taken so that one set of flags serves doctor, plan, policy and address."
    )
    parser.add_argument(
        "name",
        nargs="?",
        help="a BucketStore, or a TeamStorage for its bucket, as NAME or NAMESPACE/NAME (default: the only BucketStore)",
    )
    add_source(parser, assume=True)
    parser.add_argument("--reveal", action="store_true", help="print it with its keys (and say so on standard error)")


def run(arguments: argparse.Namespace) -> int:
    """Print the address; return 0, or 2 where there is none to print."""
    from wandb_byob.cli import sources
    from wandb_byob.kube.client import KubeError
    from wandb_byob.model.errors import DomainError

    try:
        source = sources.open_source(arguments)
        store = _store(source, arguments.name)
        world = sources.world(source)
        shown = _revealed(world, store) if arguments.reveal else _redacted(world, store)
    except (sources.SourceError, DomainError, KubeError, ValueError) as error:
        output.complain("address", str(error))
        return 2
    if arguments.reveal:
        _warn(store, shown)
    print(shown)
    return 0


def _store(source: "Source", name: str | None) -> "BucketStore":
    """Return the BucketStore of this name, or the one that the TeamStorage of this name uses."""
    from wandb_byob.cli import sources
    from wandb_byob.decide.references import bucket_store_of

    team = sources.team(source, name) if name else None
    if team is not None:
        key = bucket_store_of(team)
        return sources.store_at(source, key)
    return sources.only(sources.chosen_stores(source, [name] if name else []))


def _redacted(world: "World", store: "BucketStore") -> str:
    from wandb_byob.decide.addresses import redact
    from wandb_byob.reconcile.inputs import built_provider
    from wandb_byob.reconcile.teamstorage import stand_in

    return redact(built_provider(world, store).address(store.spec, stand_in(store)))


def _revealed(world: "World", store: "BucketStore") -> str:
    from wandb_byob.reconcile.inputs import built_provider, data_credentials

    credentials, _ = data_credentials(world, store)
    return built_provider(world, store).address(store.spec, credentials)


def _warn(store: "BucketStore", shown: str) -> None:
    from wandb_byob.decide.addresses import redact

    holds = "the keys of" if redact(shown) != shown else "no keys of"
    sys.stderr.write(
        f"byob address: what follows holds {holds} BucketStore {store.metadata.namespace}/{store.metadata.name}. Whoever has keys "
        "can read and delete what lies in the bucket: share them over a secure channel only, and keep them out of logs.\n"
    )
