"""Decisions: pure functions of (observed, desired, now); no I/O, no clock, no client."""
