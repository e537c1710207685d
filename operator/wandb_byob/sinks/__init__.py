"""Sinks: the places where W&B reads its configuration."""
