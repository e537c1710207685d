"""Which versions of the W&B server and of its chart run: as their owner says, else as images are tagged and workloads are labelled."""

import re
from collections.abc import Iterable
from typing import Final

# The CRD's rule for spec.version and spec.chartVersion.
_VERSION: Final = re.compile(r"v?[0-9]+(\.[0-9]+){1,2}([.+-][0-9A-Za-z.+-]+)?", re.ASCII)
# Components that are charts of their own inside of it carry their own versions, which tell nothing.
_CHART: Final = "operator-wandb-"


def server(given: str | None, images: Iterable[str]) -> str | None:
    """Return the server's version; of several tags the lowest, since a feature must be there in all; None where nothing tells it."""
    return _lowest(given, (_tag(image) for image in images))


def chart(given: str | None, labels: Iterable[str]) -> str | None:
    """Return the version of the chart operator-wandb; `labels` are those named helm.sh/chart. None where nothing tells it."""
    return _lowest(given, (label.removeprefix(_CHART) for label in labels if label.startswith(_CHART)))


def older(version: str, than: str) -> bool:
    """Say whether a version is older, by its first three numbers: a candidate for a release counts as the release."""
    return _numbers(version) < _numbers(than)


def _lowest(given: str | None, found: Iterable[str]) -> str | None:
    if given is not None:
        return given
    return min((version for version in found if _VERSION.fullmatch(version)), key=_numbers, default=None)


def _tag(image: str) -> str:
    # A registry may have a port, which is no tag: registry:5000/wandb/server:0.85.0@sha256:…
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _numbers(version: str) -> tuple[int, ...]:
    found = [int(part) for part in re.findall(r"[0-9]+", version)[:3]]
    return (*found, 0, 0, 0)[:3]
