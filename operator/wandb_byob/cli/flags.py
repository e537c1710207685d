"""Flags that several commands have; apart from what they lead to, so that `--help` is quick."""

import argparse
from typing import Final

_DEPLOYMENTS: Final = ("SelfManaged", "DedicatedCloud", "MultiTenantCloud")


def origin(text: str) -> str:
    """Return W&B's address without a slash at its end, as browsers send it; argparse says what is wrong with another."""
    from wandb_byob.decide.soundness import is_origin  # what --help does not need

    found = text.rstrip("/")
    if not is_origin(found):
        raise argparse.ArgumentTypeError(
            f"{text} is not an address as browsers show it. Write https:// and the host, without a path."
        )
    return found


def add_kubeconfig(parser: argparse._ActionsContainer) -> None:
    """Declare which cluster is meant."""
    parser.add_argument("--kubeconfig", metavar="FILE", default="", help="default: $KUBECONFIG, or ~/.kube/config")
    parser.add_argument("--context", metavar="NAME", default="", help="a context of the kubeconfig")


def add_source(parser: argparse.ArgumentParser, *, assume: bool = False) -> None:
    """Declare where objects come from; with `assume` also what a W&B is like that no manifest describes."""
    source = parser.add_argument_group("where the objects are read from")
    source.add_argument(
        "-f",
        "--filename",
        action="append",
        metavar="FILE",
        help="a manifest, a folder of them, or - for standard input; may be repeated. Without it: the cluster of your kubeconfig",
    )
    source.add_argument(
        "--with-cluster",
        action="store_true",
        help="with -f: read from the cluster what the files do not hold (Secrets, W&B)",
    )
    scope = source.add_mutually_exclusive_group()
    scope.add_argument(
        "-n", "--namespace", metavar="NAME", help="default: that of the kubeconfig's context, or default"
    )
    scope.add_argument("-A", "--all-namespaces", action="store_true", help="the objects of all namespaces")
    add_kubeconfig(source)
    if assume:
        assumed = parser.add_argument_group(
            "the W&B that reads the buckets, with -f and without a manifest of its WandbInstance"
        )
        assumed.add_argument(
            "--host", metavar="URL", type=origin, help="W&B's address in browsers, such as https://wandb.example.com"
        )
        assumed.add_argument("--deployment-type", choices=_DEPLOYMENTS, help="default: SelfManaged")
        assumed.add_argument("--identity", metavar="ARN", help="what W&B's pods run as (SelfManaged)")
        assumed.add_argument("--organization-id", metavar="ID", help="W&B's organization ID, for CoreWeave")
