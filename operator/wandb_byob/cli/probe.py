"""`byob probe`: what a Job under W&B's ServiceAccount runs. It tries the data path once and tells the result to Kubernetes.

Everything it is given stands in one file, since arguments and environment are shown to many; it calls the store and nobody else.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from wandb_byob.decide.probing import probe_output
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.errors import DomainError
from wandb_byob.model.probe import INPUTS, ProbeInput, credentials_of
from wandb_byob.model.recorder import NullRecorder
from wandb_byob.model.redaction import Redactor
from wandb_byob.providers.base import Context, Tenant
from wandb_byob.providers.registry import providers
from wandb_byob.providers.tls import system_authorities

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_LARGEST_FILE: Final = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the files."""
    parser.add_argument("--input", type=Path, required=True, metavar="FILE", help="what to try (JSON)")
    parser.add_argument(
        "--authorities", type=Path, metavar="FOLDER", help="certificates that W&B's pods trust besides the usual ones"
    )
    parser.add_argument(
        "--result",
        type=Path,
        metavar="FILE",
        default=Path("/dev/termination-log"),
        help="where to tell the result (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Try the data path and write the result; return 0 whatever was found, 2 where there is nothing to try."""
    try:
        given = INPUTS.decode(arguments.input.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        # Without the error's own words, which may quote what stands in the file.
        sys.stderr.write(f"byob probe: --input can't be read ({type(error).__name__}).\n")
        return 2
    arguments.result.write_bytes(result(given, authorities=authorities(arguments.authorities)))
    return 0


def authorities(folder: Path | None) -> str:
    """Return the certificates (PEM) in the files of a folder, "" where there are none."""
    return "".join(f"{each}\n" for each in _certificates(folder)) if folder is not None else ""


def _certificates(folder: Path) -> Iterator[str]:
    for file in sorted(folder.glob("*/*")):
        if file.is_file() and file.stat().st_size <= _LARGEST_FILE:
            yield from _CERTIFICATE.findall(file.read_text(encoding="utf-8", errors="replace"))


def result(given: ProbeInput, *, authorities: str) -> bytes:
    """Return what was found, with no secret in it, as a termination message."""
    redactor = Redactor()
    redactor.learn(credentials_of(given.signer))
    checks: tuple[Check, ...] = ()
    lent, error = False, ""
    try:
        checks, lent = _tried(given, authorities)
    except DomainError as refused:
        error = refused.message
    except Exception as failure:
        error = f"The probe failed by itself ({type(failure).__name__})."
    shown = [
        replace(check, message=redactor.redact(check.message), remedy=redactor.redact(check.remedy)) for check in checks
    ]
    return probe_output.encode(shown, given.paths, lent=lent, error=redactor.redact(error))


def _tried(given: ProbeInput, own: str) -> tuple[tuple[Check, ...], bool]:
    """Return the checks with W&B's own trust; where that is not enough for TLS, with what the BucketStore lends, and that it does."""
    trusted = f"{system_authorities()}\n{own}" if own else None
    checks = _probe(given, trusted)
    untrusted = any(check.name is CheckName.TLS and check.result is CheckResult.FAILED for check in checks)
    if not untrusted or given.ca_bundle is None:
        return checks, False
    return _probe(given, given.ca_bundle), True


def _probe(given: ProbeInput, ca_bundle: str | None) -> tuple[Check, ...]:
    tenant = Tenant(
        deployment_type=given.deployment_type,
        origins=given.origins,
        identity=given.identity,
        org_id=given.org_id,
    )
    context = Context(
        spec=given.spec,
        uid=given.uid,
        tenant=tenant,
        data=credentials_of(given.signer),
        admin=None,
        paths=given.paths,
        ca_bundle=ca_bundle,
        allowed_endpoints=given.allowed_endpoints,
        recorder=NullRecorder(),
        now=lambda: datetime.now(UTC),
    )
    return providers(given.cloud_endpoints)[given.spec.provider].probe(context)
