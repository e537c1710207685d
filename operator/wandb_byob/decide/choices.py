"""What is checked about a bucket by looking at its specification alone: the provider's choice, whom to trust."""

from typing import Final

from wandb_byob.decide.endpoints import Endpoint
from wandb_byob.model.checks import Check, CheckName, CheckResult

_AWS_DOMAINS: Final = ("amazonaws.com", "amazonaws.com.cn")
_COREWEAVE_DOMAINS: Final = ("cwobject.com", "cwlota.com", "coreweave.com")
_LOTA: Final = "cwlota.com"


def check_provider_choice(endpoint: Endpoint) -> Check:
    """Check that an S3-compatible endpoint is not really a cloud's with a provider of its own."""
    if is_lota(endpoint.host):
        return Check(
            name=CheckName.PROVIDER_CHOICE,
            result=CheckResult.FAILED,
            message=f"{endpoint.host} is CoreWeave's LOTA cache, which W&B does not support.",
            remedy="Set spec.provider to CoreWeave with spec.coreWeave: W&B then uses cwobject.com.",
        )
    if _within(endpoint.host, _COREWEAVE_DOMAINS):
        return Check(
            name=CheckName.PROVIDER_CHOICE,
            result=CheckResult.WARNING,
            message=f"{endpoint.host} is CoreWeave AI Object Storage, which refuses path style and has its own address scheme (cw://).",
            remedy="Set spec.provider to CoreWeave with spec.coreWeave.",
        )
    if _within(endpoint.host, _AWS_DOMAINS):
        return Check(
            name=CheckName.PROVIDER_CHOICE,
            result=CheckResult.WARNING,
            message=f"{endpoint.host} is AWS, where encryption keys, owner and public access are checked only with provider S3.",
            remedy="Set spec.provider to S3 with spec.s3; a VPC endpoint goes into spec.s3.endpoint.",
        )
    return Check(
        name=CheckName.PROVIDER_CHOICE,
        result=CheckResult.PASSED,
        message="The endpoint is no cloud's with a provider of its own.",
    )


def _within(host: str, domains: tuple[str, ...]) -> bool:
    return any(f".{host}".endswith(f".{domain}") for domain in domains)


def check_way(endpoint: str, *, public: str) -> Check:
    """Say what the operator's own way to a cloud proves for W&B, which takes the public one: nothing of the way."""
    return Check(
        name=CheckName.TRUST,
        result=CheckResult.WARNING,
        message=f"The operator reaches {public} at {endpoint}, as its administrator says, and W&B at its own name: nothing that is seen here "
        "proves that W&B's pods and browsers get there.",
        remedy=f"See that W&B's pods and the users' browsers reach https://{public}.",
    )


def is_lota(host: str) -> bool:
    """Say whether a host is CoreWeave's LOTA cache, which W&B does not support."""
    return _within(host, (_LOTA,))


def check_trust(*, private_authority: bool, from_workload: bool, tls: bool) -> Check:
    """Say what the operator's own view of TLS proves for W&B's pods, which do not see our CA bundle.

    `from_workload`: the data path is tried from W&B's own pods, which shows it.
    """
    if not tls:
        return Check(
            name=CheckName.TRUST,
            result=CheckResult.WARNING,
            message="The endpoint is used without TLS (http:): keys do not cross the network, but signed URLs and files do, readable for all.",
            remedy="Serve the store with TLS and write https:// in the endpoint.",
        )
    if private_authority and from_workload:
        return Check(
            name=CheckName.TRUST,
            result=CheckResult.SKIPPED,
            message="Whether W&B's pods trust the authority in caBundleRef is looked at from their own workload: see WorkloadProbe.",
        )
    if private_authority:
        return Check(
            name=CheckName.TRUST,
            result=CheckResult.WARNING,
            message="TLS was checked with the authority in caBundleRef: that proves nothing for W&B's pods and browsers, which need it too.",
            remedy="Install the authority in W&B's pods (chart value global.caCertsConfigMap or customCACerts) and in the users' browsers.",
        )
    return Check(
        name=CheckName.TRUST, result=CheckResult.PASSED, message="The certificate's authority is generally trusted."
    )
