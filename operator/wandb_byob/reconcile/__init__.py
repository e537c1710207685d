"""Reconcilers, one module per kind: gather, decide, act, status."""
