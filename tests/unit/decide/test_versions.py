"""Which version of W&B runs."""

import pytest

from wandb_byob.decide.versions import chart, older, server


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


@pytest.mark.parametrize(
    ("given", "labels", "version"),
    [
        ("0.33.14", ["operator-wandb-0.43.8"], "0.33.14"),
        (None, ["operator-wandb-0.43.8", "operator-wandb-0.33.9"], "0.33.9"),
        (None, ["operator-wandb-0.43.8", "app-0.1.0", "api-0.4.2", ""], "0.43.8"),
        (None, ["app-0.1.0", "wandb-0.3.9"], None),
        (None, [], None),
    ],
)
def test_chart(given: str | None, labels: list[str], version: str | None) -> None:
    """What is given counts; else the chart's own label: those of its parts, and of W&B's old chart, have other numbers."""
    assert chart(given, labels) == version


@pytest.mark.parametrize(
    ("version", "than", "result"),
    [
        ("0.72.9", "0.73.0", True),
        ("v0.73.0", "0.73.0", False),
        ("0.73", "0.73.0", False),
        ("0.100.0", "0.73.0", False),
        ("0.73.0-rc.1", "0.73.0", False),
        ("0.33.9", "0.33.14", True),
    ],
)
def test_older(version: str, than: str, result: bool) -> None:
    """By number, not by letter."""
    assert older(version, than) is result
