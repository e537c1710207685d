"""Which version of the W&B server runs: as its owner says, else as the images of its containers are tagged."""

import re
from collections.abc import Iterable
from typing import Final

# The CRD's rule for spec.version.
_VERSION: Final = re.compile(r"v?[0-9]+(\.[0-9]+){1,2}([.+-][0-9A-Za-z.+-]+)?", re.ASCII)


def server(given: str | None, images: Iterable[str]) -> str | None:
    """Return the version; of several tags the lowest, since a feature must be there in all; None where nothing tells it."""
    if given is not None:
        return given
    tags = (_tag(image) for image in images)
    return min((tag for tag in tags if _VERSION.fullmatch(tag)), key=_numbers, default=None)


def _tag(image: str) -> str:
    # A registry may have a port, which is no tag: registry:5000/wandb/server:0.85.0@sha256:…
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"[0-9]+", version)[:3])
