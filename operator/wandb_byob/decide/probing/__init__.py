"""What a data-path probe proves: the calls of a look, the browser's rules, and the Job that tries it from W&B's workload."""
