"""Kubernetes operator that provisions, verifies and connects your own buckets to Weights & Biases."""


def version() -> str:
    """Return the installed version; importlib.metadata is imported only when asked (30 ms)."""
    from importlib.metadata import version as installed

    return installed("wandb-byob")
