"""`byob operator`: arguments and environment become one frozen Config, and the process runs until it is told to end."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from wandb_byob.decide.endpoints import parse_allow_list
from wandb_byob.model.config import Config
from wandb_byob.providers import flags

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_FORMATS = ("json", "console")
_LEVELS = ("debug", "info", "warning", "error")
_DEFAULTS = Config(release_namespace="", namespaces=())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags; each is one field of Config. Lists are separated by commas, or the flag is repeated."""
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--namespaces",
        action="append",
        metavar="NAMES",
        help="namespaces to watch, separated by commas (default: the release's)",
    )
    scope.add_argument(
        "--all-namespaces", action="store_true", help="watch all namespaces (needs cluster-wide permissions)"
    )
    parser.add_argument("--release-namespace", metavar="NAME", help="where the Lease is (default: $POD_NAMESPACE)")
    parser.add_argument("--release-name", metavar="NAME", default=_DEFAULTS.release_name, help="default: %(default)s")
    parser.add_argument(
        "--allowed-endpoints",
        action="append",
        metavar="ENDPOINTS",
        help="hosts, host:port, *.suffix or CIDRs that users may name although they are http:, private or in-cluster",
    )
    parser.add_argument(
        "--allow-operator-identity",
        action="store_true",
        help="let BucketStores use the operator's own cloud identity (provisioning.source: Operator)",
    )
    _add_image(parser)
    flags.add_arguments(parser)
    parser.add_argument(
        "--workers", type=_positive, default=_DEFAULTS.workers, metavar="N", help="default: %(default)s"
    )
    parser.add_argument(
        "--probe-port", type=int, default=_DEFAULTS.probe_port, metavar="PORT", help="default: %(default)s"
    )
    parser.add_argument(
        "--metrics-port", type=int, default=_DEFAULTS.metrics_port, metavar="PORT", help="default: %(default)s"
    )
    parser.add_argument("--log-format", choices=_FORMATS, default=_DEFAULTS.log_format, help="default: %(default)s")
    parser.add_argument("--log-level", choices=_LEVELS, default=_DEFAULTS.log_level, help="default: %(default)s")


def _add_image(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("Jobs that look from W&B's workload (verification.from: Workload)")
    group.add_argument("--image", metavar="IMAGE", default=_DEFAULTS.image, help="this program's own image")
    group.add_argument(
        "--image-pull-secrets",
        action="append",
        metavar="NAMES",
        help="Secrets in W&B's namespace that it is pulled with, separated by commas",
    )


def config(
    arguments: argparse.Namespace, environ: Mapping[str, str], *, namespace_file: Path = _NAMESPACE_FILE
) -> Config:
    """Return the configuration; raises ValueError with a sentence for the administrator."""
    own = arguments.release_namespace or environ.get("POD_NAMESPACE", "")
    if not own and namespace_file.exists():
        own = namespace_file.read_text(encoding="utf-8").strip()
    if not own:
        raise ValueError("The release's namespace is not known. Set --release-namespace or the variable POD_NAMESPACE.")
    named = _listed(arguments.namespaces)
    if "" in named:
        raise ValueError("--namespaces holds an empty name. To watch all namespaces say --all-namespaces.")
    allowed = tuple(filter(None, _listed(arguments.allowed_endpoints)))
    parse_allow_list(allowed)  # an entry that means nothing is told now, not at the first BucketStore
    return Config(
        release_namespace=own,
        release_name=arguments.release_name,
        namespaces=() if arguments.all_namespaces else tuple(dict.fromkeys(named)) or (own,),
        allowed_endpoints=allowed,
        allow_operator_identity=arguments.allow_operator_identity,
        image=arguments.image,
        image_pull_secrets=tuple(filter(None, _listed(arguments.image_pull_secrets))),
        cloud_endpoints=flags.cloud_endpoints(arguments),
        workers=arguments.workers,
        probe_port=arguments.probe_port,
        metrics_port=arguments.metrics_port,
        log_format=arguments.log_format,
        log_level=arguments.log_level,
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the controller until SIGTERM or SIGINT; return the exit status (2: wrong configuration, 1: the Lease was lost)."""
    import sys

    from wandb_byob.kube.connection import ConnectionConfigError, connect
    from wandb_byob.runtime.operator import Operator

    try:
        made = config(arguments, os.environ)
        connection = connect(os.environ)
    except (ValueError, ConnectionConfigError) as error:
        sys.stderr.write(f"byob operator: {error}\n")
        return 2
    return Operator(made, connection, pod=os.environ.get("POD_NAME", "")).run()


def _listed(flags: Sequence[str] | None) -> list[str]:
    return [item.strip() for flag in flags or () for item in flag.split(",")]


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value
