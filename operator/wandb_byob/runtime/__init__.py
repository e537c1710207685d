"""The running process, and the only place that imports kopf: wiring, work queue, leader election, probes, metrics."""
