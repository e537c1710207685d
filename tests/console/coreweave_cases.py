"""`byob doctor` on CoreWeave's stand-in, with one fault of each class that only CoreWeave has."""

import ssl
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from console.case import Break, Case
from console.setups import Setup, coreweave, coreweave_policy
from testbed.coreweave import start_coreweave


def doubled_principal(setup: Setup, _: ExitStack) -> Setup:
    """W&B's page, copied to the letter: the placeholder's prefix stands twice."""
    twice = "arn:aws:iam::wandb:static/wandb-integration"
    setup.client("put_bucket_policy", Policy=coreweave_policy(setup.bucket, user=twice))
    return setup


def other_organization(setup: Setup, _: ExitStack) -> Setup:
    """The condition names another of W&B's customers."""
    setup.client("put_bucket_policy", Policy=coreweave_policy(setup.bucket, organization="globex"))
    return setup


def everybodys(setup: Setup, _: ExitStack) -> Setup:
    """The condition lets every customer of W&B in."""
    setup.client("put_bucket_policy", Policy=coreweave_policy(setup.bucket, organization="*"))
    return setup


def old_tls(_: Setup, stack: ExitStack) -> Setup:
    """Something before CoreWeave speaks nothing newer than TLS 1.2."""
    folder = Path(stack.enter_context(TemporaryDirectory()))
    place = start_coreweave(folder / "old", oldest=ssl.TLSVersion.TLSv1_2, newest=ssl.TLSVersion.TLSv1_2)
    stack.callback(place.stop)
    return coreweave(place)


def reserved_name(setup: Setup, _: ExitStack) -> Setup:
    """A name that CoreWeave keeps for itself."""
    setup.block["bucket"] = "cw-acme"
    return setup


def wrong_key(setup: Setup, _: ExitStack) -> Setup:
    """A key that has expired, which CoreWeave knows no more."""
    return setup.changed(keys={**setup.keys, "accessKeyID": "CWEXPIREDKEY"})


def old_server(setup: Setup, _: ExitStack) -> Setup:
    """A W&B from before CoreWeave."""
    return setup.changed(instance={**setup.instance, "version": "0.72.1"})


def old_chart(setup: Setup, _: ExitStack) -> Setup:
    """W&B is new enough, and its chart is not."""
    return setup.changed(instance={**setup.instance, "chartVersion": "0.33.6"})


def lota(setup: Setup, _: ExitStack) -> Setup:
    """CoreWeave's cache, named as an S3-compatible store."""
    block = {"bucket": setup.bucket, "endpoint": "https://cwlota.com", "region": "US-EAST-04A"}
    spec = {"provider": "S3Compatible", "s3Compatible": block, "credentials": setup.spec["credentials"]}
    return setup.changed(spec=spec)


def _case(title: str, broken: Break, *failed: str, warned: frozenset[str] = frozenset()) -> Case:
    return Case(title=f"CoreWeave: {title}", site="coreweave", broken=broken, failed=frozenset(failed), warned=warned)


_TRUST: Final = frozenset({"Trust"})
"""The stand-in's certificate is signed by a private authority."""

CASES: Final[Mapping[str, Case]] = {
    "coreweave-principal": _case("the principal is doubled", doubled_principal, "Policy", warned=_TRUST),
    "coreweave-organization": _case("another organization is let in", other_organization, "Policy", warned=_TRUST),
    "coreweave-everybody": Case(
        title="CoreWeave: every customer of W&B is let in (a warning)",
        site="coreweave",
        broken=everybodys,
        status=0,
        warned=_TRUST | {"Policy"},
    ),
    "coreweave-tls": _case("TLS 1.2 is all that is spoken", old_tls, "TLS", warned=_TRUST),
    "coreweave-name": _case("a reserved name", reserved_name, "BucketName"),
    "coreweave-key": _case("the key has expired", wrong_key, "Credentials", warned=_TRUST),
    "coreweave-lota": _case("the LOTA endpoint", lota, "ProviderChoice"),
    "coreweave-server": _case("W&B's server is too old", old_server, "WandbVersion"),
    "coreweave-chart": _case("W&B's chart is too old", old_chart, "WandbVersion"),
}
