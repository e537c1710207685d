"""All Kubernetes I/O: the client, live reads, writes."""
