"""A running object store and how it is reached."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import boto3
from botocore.config import Config

from testbed.processes import Process

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"


@dataclass(frozen=True)
class Keys:
    """An access key and its secret. For Azure these are the account's name and key."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Store:
    """A running object store. `authority` is set where it speaks TLS: the certificate to trust."""

    name: str
    port: int
    keys: Keys
    folder: Path
    process: Process
    region: str = REGION
    authority: Path | None = None

    @property
    def endpoint(self) -> str:
        """Where it answers, such as `http://127.0.0.1:20001`."""
        return f"{'https' if self.authority else 'http'}://127.0.0.1:{self.port}"

    def client(self, keys: Keys | None = None, *, endpoint: str | None = None) -> "S3Client":
        """An S3 client as root, or with other keys, or through a proxy at `endpoint`. The caller closes it."""
        return s3_client(endpoint or self.endpoint, keys or self.keys, region=self.region, authority=self.authority)

    def stop(self) -> None:
        """End the server and remove what it stored."""
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def s3_client(
    endpoint: str,
    keys: Keys,
    *,
    region: str = REGION,
    authority: Path | None = None,
    addressing: Literal["path", "virtual"] = "path",
) -> "S3Client":
    """An S3 client for this endpoint, independent of the environment: by default path style, no proxies, one attempt."""
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": addressing},
        proxies={},
        connect_timeout=5,
        read_timeout=30,
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.session_token,
        verify=str(authority) if authority else True,
        config=config,
    )
