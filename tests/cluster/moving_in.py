"""Eight entries as a W&B has them before us, of all providers; two mean nothing."""

from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cluster.instance_world import ESCAPED, HOST, address
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
    """The list, with a key of Google's that is made anew."""
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
