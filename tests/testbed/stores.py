"""Real object stores on free ports of 127.0.0.1, each with root credentials of its own."""

import base64
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from testbed import certificates, http, programs
from testbed.object_store import REGION, Keys, Store, s3_client
from testbed.processes import TestbedError, child_environment, free_port, spawn

__all__ = ["Keys", "Minio", "Store", "VersityGW", "s3_client"]

S = TypeVar("S", bound=Store)
AZURITE_ACCOUNT = "testbedaccount"
_AZURITE_ACCOUNTS = 500
"""All in one environment variable, of at most 128 KiB; a test session makes some hundred containers."""


class VersityGW(Store):
    """versitygw on a folder: real signatures, CORS, versioning, users of its own."""

    @property
    def access_log(self) -> Path:
        """Its access log, in the format of S3's server access logs."""
        return self.folder / "access.log"

    def create_user(self, name: str) -> Keys:
        """A user who may do nothing until a bucket's policy or ACL says so (role `user`)."""
        keys = Keys(name, secrets.token_hex(20))
        self._admin("create-user", "--access", keys.access_key, "--secret", keys.secret_key, "--role", "user")
        return keys

    def delete_user(self, name: str) -> None:
        """Take a user's access away."""
        self._admin("delete-user", "--access", name)

    def give_bucket(self, bucket: str, owner: str) -> None:
        """Make a user the owner of an existing bucket."""
        self._admin("change-bucket-owner", "--bucket", bucket, "--owner", owner)

    def _admin(self, *arguments: str) -> None:
        env = child_environment(
            {"ADMIN_ACCESS_KEY_ID": self.keys.access_key, "ADMIN_SECRET_ACCESS_KEY": self.keys.secret_key}
        )
        argv = [
            str(programs.path("versitygw")),
            "admin",
            "--endpoint-url",
            self.endpoint,
            "--region",
            self.region,
            "--allow-insecure",
            *arguments,
        ]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=30)
        if done.returncode:
            raise TestbedError(f"versitygw admin {arguments[0]} failed: {done.stderr or done.stdout}")


class Minio(Store):
    """MinIO's community server."""

    def limited(self, *statements: Mapping[str, Any]) -> Keys:
        """Temporary keys that may do what these policy statements allow and no more (STS AssumeRole)."""
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        sts = boto3.session.Session().client(
            "sts",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
            verify=str(self.authority) if self.authority else True,
            config=Config(proxies={}),
        )
        try:
            given = sts.assume_role(RoleArn="arn:minio:iam:::role/ignored", RoleSessionName="testbed", Policy=policy)
        finally:
            sts.close()
        found = given["Credentials"]
        return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


@dataclass(frozen=True, kw_only=True)
class Azurite(Store):
    """Azurite's blob service: shared keys, signatures of access, CORS and soft delete of an account; no versioning, no hold of names."""

    unused: Iterator[str]

    def account(self) -> Keys:
        """An account of one's own, since CORS and soft delete are an account's; all have one key."""
        return Keys(next(self.unused), self.keys.secret_key)


def start_versitygw(
    folder: Path,
    *,
    tls: bool = False,
    detached: bool = False,
    virtual_domain: str | None = None,
    region: str = REGION,
) -> VersityGW:
    """Start versitygw. Users are kept in the folder and not cached, so that a change holds at once."""
    for name in ("data", "versions", "users", "meta"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    port, keys = free_port(), _root_keys()
    pair, authority = _tls(folder, tls)
    argv: list[str | Path] = [
        programs.path("versitygw"),
        "--port",
        f"127.0.0.1:{port}",
        "--region",
        region,
        "--health",
        "/health",
        "--iam-cache-disable",
    ]
    argv += ["--access-log", folder / "access.log", "--iam-dir", folder / "users", "--keep-alive", "--quiet"]
    argv += ["--cert", pair.certificate, "--key", pair.key] if pair else []
    argv += ["--virtual-domain", virtual_domain] if virtual_domain else []
    argv += ["posix", "--sidecar", folder / "meta", "--versioning-dir", folder / "versions", folder / "data"]
    env = {"ROOT_ACCESS_KEY_ID": keys.access_key, "ROOT_SECRET_ACCESS_KEY": keys.secret_key}
    process = spawn("versitygw", argv, log=folder / "versitygw.log", env=env, detached=detached)
    store = VersityGW(
        name="versitygw", port=port, keys=keys, folder=folder, process=process, authority=authority, region=region
    )
    return _ready(store, "/health")


def start_minio(folder: Path, *, tls: bool = False, detached: bool = False) -> Minio:
    """Start MinIO's community server."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    port, keys = free_port(), _root_keys()
    pair, authority = _tls(folder, tls)
    argv: list[str | Path] = [
        programs.path("minio"),
        "server",
        "--address",
        f"127.0.0.1:{port}",
        "--quiet",
        folder / "data",
    ]
    if pair:
        (folder / "certs").mkdir()
        shutil.copy(pair.certificate, folder / "certs" / "public.crt")
        shutil.copy(pair.key, folder / "certs" / "private.key")
    argv += ["--certs-dir", folder / "certs"]
    env = {
        "MINIO_ROOT_USER": keys.access_key,
        "MINIO_ROOT_PASSWORD": keys.secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_REGION": REGION,
        "HOME": str(folder),
    }
    process = spawn("minio", argv, log=folder / "minio.log", env=env, detached=detached)
    return _ready(
        Minio(name="minio", port=port, keys=keys, folder=folder, process=process, authority=authority),
        "/minio/health/ready",
    )


def start_moto(folder: Path, *, detached: bool = False) -> Store:
    """Start moto's server: all of AWS' answers, no signatures checked. S3, KMS, IAM and STS are on one port."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    # -I keeps the working folder out of the path; moto finds its packages in the interpreter's own environment.
    program = str(Path(__file__).with_name("moto_server.py"))
    argv = [sys.executable, "-I", "-W", "ignore", program, "-H", "127.0.0.1", "-p", str(port)]
    # By itself moto's server would let pages of every origin in, whatever a bucket's own rules say.
    env = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false", "MOTO_DISABLE_GLOBAL_CORS": "true"}
    process = spawn("moto", argv, log=folder / "moto.log", env=env, detached=detached)
    store = Store(name="moto", port=port, keys=_root_keys(), folder=folder, process=process)
    return _ready(store, "/moto-api/")


def reset_moto(store: Store) -> None:
    """Forget all that moto holds."""
    http.request(f"{store.endpoint}/moto-api/reset", method="POST", body=b"")


def start_azurite(folder: Path, *, tls: bool = False, detached: bool = False) -> Azurite:
    """Start Azurite's blob service with accounts of its own; `keys` are one's name and key (base64). The account is part of the path.

    With `tls` it takes tokens of Entra, too (testbed.entra), whose signatures it does not check.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    pair, authority = _tls(folder, tls)
    keys = Keys(AZURITE_ACCOUNT, _base64_key())
    argv: list[str | Path] = [
        "node",
        programs.path("azurite-blob"),
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--location",
        folder / "data",
    ]
    argv += ["--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    argv += ["--cert", pair.certificate, "--key", pair.key, "--oauth", "basic"] if pair else []
    others = [f"{AZURITE_ACCOUNT}{number}" for number in range(_AZURITE_ACCOUNTS)]
    env = {"AZURITE_ACCOUNTS": ";".join(f"{name}:{keys.secret_key}" for name in (keys.access_key, *others))}
    process = spawn("azurite", argv, log=folder / "azurite.log", env=env, detached=detached)
    store = Azurite(
        name="azurite",
        port=port,
        keys=keys,
        folder=folder,
        process=process,
        region="",
        authority=authority,
        unused=iter(others),
    )
    return _ready(store, f"/{AZURITE_ACCOUNT}?comp=list", below=500)


def start_fake_gcs(folder: Path, *, detached: bool = False) -> Store:
    """Start fake-gcs-server: the JSON API without signatures, CORS or IAM."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    argv: list[str | Path] = [
        programs.path("fake-gcs-server"),
        "-scheme",
        "http",
        "-host",
        "127.0.0.1",
        "-port",
        str(port),
        "-backend",
        "memory",
    ]
    argv += [
        "-public-host",
        f"127.0.0.1:{port}",
        "-external-url",
        f"http://127.0.0.1:{port}",
        "-log-level",
        "warn",
        "-data",
        folder / "none",
    ]
    process = spawn("fake-gcs-server", argv, log=folder / "fake-gcs-server.log", detached=detached)
    store = Store(
        name="fake-gcs-server",
        port=port,
        keys=Keys("none", "none"),
        folder=folder,
        process=process,
        region="US-CENTRAL1",
    )
    return _ready(store, "/_internal/healthcheck")


def _ready(store: S, path: str, *, below: int = 400) -> S:
    try:
        store.process.wait_until(
            lambda: http.answers(f"{store.endpoint}{path}", authority=store.authority, below=below)
        )
    except BaseException:
        store.process.stop()
        raise
    return store


def _tls(folder: Path, wanted: bool) -> tuple[certificates.KeyPair | None, Path | None]:
    if not wanted:
        return None, None
    authority = certificates.Authority(folder / "tls")
    return authority.issue("server"), authority.certificate


def _root_keys() -> Keys:
    return Keys(f"ROOT{secrets.token_hex(8).upper()}", secrets.token_hex(20))


def _base64_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()
