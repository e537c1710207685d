"""The operator's own configuration, read once from arguments and environment by `__main__`."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class CloudEndpoints:
    """Where the clouds' own services are reached, "" for their public names; never a user's choice.

    For Private Service Connect, Azure's sovereign clouds and gateways of one's own. `gcs` and `coreweave` are URLs (buckets of
    CoreWeave are subdomains of its host), `azure` is a URL with `{account}` in it, `s3` and `kms` are AWS' and may hold
    `{region}`. `gcs_iam` signs where there is no key file, and `gcs_metadata` tells a pod its identity. `ca_bundle` (PEM text) is trusted there.
    The addresses that W&B gets do not change.
    """

    gcs: str = ""
    gcs_iam: str = ""
    gcs_metadata: str = ""
    azure: str = ""
    coreweave: str = ""
    s3: str = ""
    kms: str = ""
    ca_bundle: str | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """What an administrator decides for the whole operator; every field has one command-line flag.

    `namespaces`: the watched ones; empty means all (an explicit opt-in of the chart).
    `allowed_endpoints`: host, host:port, *.suffix or CIDR that users may name although they are http:, private or in-cluster.
    `allow_operator_identity`: whether `provisioning.source: Operator` may use the operator's own cloud identity.
    `image`: this program's own, for Jobs that look from W&B's workload ("": there are none); `image_pull_secrets`: Secrets in W&B's
    namespace that it is pulled with.
    """

    release_namespace: str
    namespaces: tuple[str, ...]
    release_name: str = "wandb-byob"
    allowed_endpoints: tuple[str, ...] = field(default=())
    allow_operator_identity: bool = False
    image: str = ""
    image_pull_secrets: tuple[str, ...] = ()
    cloud_endpoints: CloudEndpoints = field(default_factory=CloudEndpoints)
    workers: int = 8
    probe_port: int = 8080
    metrics_port: int = 9090
    log_format: str = "json"
    log_level: str = "info"
