"""The testbed: a real control plane and real object stores for tests, the demo and benchmarks."""
