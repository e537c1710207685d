"""Each kind of provider at a store on this machine, and a healthy bucket there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.azure_setup import azure
from console.setups import Setup, coreweave, gcs, s3, s3_compatible

HTTP: Final = frozenset({"EndpointAllowed", "Trust"})
"""The stores here speak http: on 127.0.0.1, of which doctor warns where a BucketStore says so."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One kind of provider at one store: `fixture` names the store's fixture, `make` a healthy bucket there, of which `warned` are told."""

    title: str
    fixture: str
    make: Callable[[Any], Setup]
    warned: frozenset[str] = HTTP


SITES: Final[Mapping[str, Site]] = {
    "s3-moto": Site(title="S3 (moto in AWS' place)", fixture="moto", make=s3),
    "s3-compatible-versitygw": Site(title="S3-compatible (versitygw)", fixture="versitygw", make=s3_compatible),
    "s3-compatible-minio": Site(title="S3-compatible (MinIO)", fixture="minio", make=s3_compatible),
    "coreweave": Site(
        title="CoreWeave (versitygw, virtual-hosted behind TLS 1.3)",
        fixture="coreweave",
        make=coreweave,
        warned=frozenset({"Trust"}),
    ),
    "gcs": Site(
        title="Google Cloud Storage (fake-gcs-server behind a stand-in)", fixture="gcs", make=gcs, warned=frozenset()
    ),
    "azure": Site(title="Azure (Azurite)", fixture="azurite", make=azure, warned=frozenset()),
}
"""A new provider is one line here: healthy there, and with the faults of cases.py that any store can have."""
