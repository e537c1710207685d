"""The flags that say where the clouds' own services are, for every command that reaches them."""

import argparse
from pathlib import Path

from wandb_byob.decide.addresses import COREWEAVE_HOST
from wandb_byob.decide.choices import is_lota
from wandb_byob.decide.endpoints import Refusal, parse_endpoint
from wandb_byob.model.config import CloudEndpoints


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    group = parser.add_argument_group("where the clouds' own services are, if not at their public names")
    group.add_argument(
        "--gcs-endpoint", metavar="URL", default="", help="such as https://storage-acme.p.googleapis.com"
    )
    group.add_argument(
        "--gcs-iam-endpoint", metavar="URL", default="", help="of IAM Credentials, which signs without a key file"
    )
    group.add_argument(
        "--gcs-metadata-endpoint", metavar="URL", default="", help="of the metadata server, for workload identity"
    )
    group.add_argument(
        "--azure-endpoint",
        metavar="URL",
        default="",
        help="with {account} in it, such as https://{account}.blob.core.usgovcloudapi.net",
    )
    group.add_argument("--coreweave-endpoint", metavar="URL", default="", help="buckets are subdomains of its host")
    group.add_argument(
        "--s3-endpoint",
        metavar="URL",
        default="",
        help="AWS S3, such as https://bucket.vpce-1a2b-3c4d.s3.{region}.vpce.amazonaws.com ({region}: the bucket's)",
    )
    group.add_argument(
        "--kms-endpoint",
        metavar="URL",
        default="",
        help="AWS KMS, such as https://vpce-1a2b-3c4d.kms.{region}.vpce.amazonaws.com ({region}: the key's)",
    )
    group.add_argument("--cloud-ca-file", metavar="FILE", type=Path, help="certificates in PEM form to trust there")


def cloud_endpoints(arguments: argparse.Namespace) -> CloudEndpoints:
    """Return what the flags say; raises ValueError with a sentence for the administrator."""
    flags = {
        "gcs": arguments.gcs_endpoint,
        "gcs_iam": arguments.gcs_iam_endpoint,
        "gcs_metadata": arguments.gcs_metadata_endpoint,
        "azure": arguments.azure_endpoint,
        "coreweave": arguments.coreweave_endpoint,
        "s3": arguments.s3_endpoint,
        "kms": arguments.kms_endpoint,
    }
    for cloud, url in flags.items():
        flag = f"--{cloud.replace('_', '-')}-endpoint"
        server = url.removesuffix("/{account}").replace("{account}", "account").replace("{region}", "us-east-1")
        endpoint = parse_endpoint(server, field=flag) if url else None
        if isinstance(endpoint, Refusal):
            raise ValueError(f"{endpoint.message} {endpoint.remedy}")
        if endpoint is not None and is_lota(endpoint.host):
            raise ValueError(
                f"{flag}: {endpoint.host} is CoreWeave's LOTA cache, which W&B does not support. Leave the flag out, or name what leads to "
                f"{COREWEAVE_HOST}."
            )
    if flags["azure"] and "{account}" not in flags["azure"]:
        raise ValueError("--azure-endpoint lacks {account}. Write where the storage account's name belongs.")
    file: Path | None = arguments.cloud_ca_file
    try:
        bundle = file.read_text(encoding="ascii") if file is not None else None
    except (OSError, ValueError):
        raise ValueError(f"--cloud-ca-file: {file} can't be read. Name a file of certificates in PEM form.") from None
    return CloudEndpoints(**flags, ca_bundle=bundle)
