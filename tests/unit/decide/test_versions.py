"""Which version of W&B runs."""

import pytest

from wandb_byob.decide.versions import server


@pytest.mark.parametrize(
    ("given", "images", "version"),
    [
        ("0.79.0", ["wandb/server:0.85.0"], "0.79.0"),
        (None, ["wandb/server:0.85.0", "wandb/server:0.85.0"], "0.85.0"),
        (None, ["wandb/server:0.85.0", "wandb/other:0.9.1"], "0.9.1"),
        (None, ["registry.example.com:5000/wandb/server:v0.85.0-rc.1@sha256:1234"], "v0.85.0-rc.1"),
        (None, ["registry.example.com:5000/wandb/server"], None),
        (None, ["wandb/server:latest", "wandb/server@sha256:1234", "wandb/server"], None),
        (None, ["wandb/server:latest", "wandb/server:0.85.0"], "0.85.0"),
        (None, [], None),
    ],
)
def test_server(given: str | None, images: list[str], version: str | None) -> None:
    """What is given counts; else the lowest tag by number, since a feature must be there in all; a registry's port is no tag."""
    assert server(given, images) == version
