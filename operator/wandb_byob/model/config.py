"""The operator's own configuration, read once from arguments and environment by `__main__`."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Config:
    """What an administrator decides for the whole operator; every field has one command-line flag.

    `namespaces`: the watched ones; empty means all (an explicit opt-in of the chart).
    `allowed_endpoints`: host, host:port, *.suffix or CIDR that users may name although they are http:, private or in-cluster.
    `allow_operator_identity`: whether `provisioning.source: Operator` may use the operator's own cloud identity.
    """

    release_namespace: str
    namespaces: tuple[str, ...]
    release_name: str = "wandb-byob"
    allowed_endpoints: tuple[str, ...] = field(default=())
    allow_operator_identity: bool = False
    workers: int = 8
    probe_port: int = 8080
    metrics_port: int = 9090
    log_format: str = "json"
    log_level: str = "info"
