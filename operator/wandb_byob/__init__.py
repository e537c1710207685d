"""Kubernetes operator that provisions, verifies and connects your own buckets to Weights & Biases."""
