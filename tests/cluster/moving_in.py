"""Moving in: what a W&B has before us, the program that reads it, and the files that it writes, applied."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cluster.instance_world import ESCAPED, HOST, InstanceWorld, address
from console.program import Run, byob
from testbed.wandb import host
from wandb_byob.decide import addresses

PROVIDERS: Final = {
    "acme-aws": "S3",
    "acme-cw": "CoreWeave",
    "acme-gcs": "GCS",
    "bucket-one": "S3Compatible",
    "data": "Azure",
}
"""What becomes of the six that mean something, the shared one of CoreWeave apart."""


def entries() -> tuple[str, ...]:
    """Eight entries of all providers, two of which mean nothing; the key of Google's is made anew."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    return (
        address("one"),
        f"s3://AKbad:{ESCAPED}@{HOST}/bad?region=eu-1?tls=true",
        "s3://AKaws:secret-of-aws@s3.eu-west-1.amazonaws.com/acme-aws?region=eu-west-1",
        addresses.gcs("acme-gcs", email="robot@acme.iam.gserviceaccount.com", private_key=pem).reveal(),
        "cw://AKcw:secret-of-cw@acme-cw.cwobject.com?tls=true",
        "gcs://old",
        "az://:a2V5LW9mLWF6dXJl@acme/data",
        "cw://",
    )


def run(
    here: InstanceWorld, folder: Path, *more: str, environ: Mapping[str, str] | None = None, stdin: str = ""
) -> Run:
    """`byob import` on this namespace, with the files in `byob` of the folder."""
    words = ("--host", host(here.namespace), "-d", "byob", "-n", here.namespace, *more)
    given = {"KUBECONFIG": str(here.cluster.kubeconfig), **(environ or {})}
    return byob(folder, "import", *words, environ=given, stdin=stdin)


def documents(folder: Path, name: str) -> list[Any]:
    """The objects of a file; none where there was nothing to write into it."""
    file = folder / "byob" / f"{name}.yaml"
    return list(yaml.safe_load_all(file.read_text())) if file.exists() else []


def alone(here: InstanceWorld) -> InstanceWorld:
    """W&B as it is before anybody has told the operator of it."""
    here.cluster.delete(here.path)
    return here


def secret(value: str, *, name: str = "stores", key: str = "list") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {key: value}}


def move_in(here: InstanceWorld, folder: Path) -> None:
    """Apply what was written, verify the buckets (no store is asked here), and give each a team, but not the instance's own."""
    for file in ("wandbinstance", "secrets", "bucketstores"):
        here.apply(*documents(folder, file))
    own = here.instance()["spec"].get("storage", {})
    for store in documents(folder, "bucketstores"):
        name = store["metadata"]["name"]
        if name == own.get("bucketStoreRef", {}).get("name"):
            here.verify(name, paths=[own.get("path", "")])
            continue
        here.verify(name)
        here.team(f"team-of-{name}", bucket=name)
