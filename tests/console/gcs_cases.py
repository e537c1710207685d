"""`byob doctor` on Google Cloud Storage's stand-in, with one fault of each class."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

from console.case import Break, Case
from console.setups import HOST, Setup
from testbed.gcs import GoogleCloud
from testbed.google_accounts import PROJECT, Account
from testbed.google_identity import SIGN_BLOB
from testbed.processes import free_port


def _place(setup: Setup) -> GoogleCloud:
    assert isinstance(setup.store, GoogleCloud)
    return setup.store


def _update(setup: Setup, **fields: Any) -> Setup:
    _place(setup).buckets.update(setup.bucket, **fields)
    return setup


def _without(setup: Setup, *lacks: str) -> Setup:
    """Keys of an account that may do everything in the project but this."""
    email = f"wandb-{setup.bucket}@{PROJECT}.iam.gserviceaccount.com"
    account = _place(setup).front.accounts.add(email, lacks=lacks)
    _place(setup).buckets.grant(setup.bucket, email)
    return setup.changed(keys={"serviceAccount.json": account.key_file()})


def closed_port(setup: Setup, _: ExitStack) -> Setup:
    """Nothing listens there."""
    return setup.changed(arguments=("--gcs-endpoint", f"http://127.0.0.1:{free_port()}"))


def other_key(setup: Setup, _: ExitStack) -> Setup:
    """A key of the account that was deleted."""
    return setup.changed(keys={"serviceAccount.json": Account(email=_place(setup).wandb.email).key_file()})


def no_key_file(setup: Setup, _: ExitStack) -> Setup:
    """Something else was stored in its place."""
    return setup.changed(keys={"serviceAccount.json": '{"type": "authorized_user"}'})


def no_bucket(setup: Setup, _: ExitStack) -> Setup:
    """A bucket that is not there."""
    setup.block["bucket"] = "acme-never-made"
    return setup


def elsewhere(setup: Setup, _: ExitStack) -> Setup:
    """The manifest says another location than the bucket has."""
    setup.block["location"] = "EUROPE-WEST3"
    return setup


def wandbs_sample(setup: Setup, _: ExitStack) -> Setup:
    """The CORS configuration of W&B's page, whose exposeHeaders Google drops."""
    return _update(setup, cors=[{"origin": [HOST], "method": ["GET", "HEAD", "PUT"], "exposeHeaders": ["ETag"]}])


def no_soft_delete(setup: Setup, _: ExitStack) -> Setup:
    """Soft delete was turned off."""
    return _update(setup, softDeletePolicy={"retentionDurationSeconds": "0"})


def no_versioning(setup: Setup, _: ExitStack) -> Setup:
    """Versioning was suspended."""
    return _update(setup, versioning={"enabled": False})


def open_to_lists(setup: Setup, _: ExitStack) -> Setup:
    """Access control lists count, and nothing prevents public access."""
    inherited = {"uniformBucketLevelAccess": {"enabled": False}, "publicAccessPrevention": "inherited"}
    return _update(setup, iamConfiguration=inherited)


def expiring(setup: Setup, _: ExitStack) -> Setup:
    """A rule deletes everything after a month."""
    return _update(setup, lifecycle={"rule": [{"action": {"type": "Delete"}, "condition": {"age": 30}}]})


def no_overwriting(setup: Setup, _: ExitStack) -> Setup:
    """W&B's account may create objects, and not delete any: so it cannot overwrite."""
    return _without(setup, "storage.objects.delete")


def not_to_be_looked_at(setup: Setup, _: ExitStack) -> Setup:
    """W&B's account may use the objects, and not look at the bucket."""
    return _without(setup, "storage.buckets.get")


def not_let_in(setup: Setup, _: ExitStack) -> Setup:
    """The bucket's policy names nobody of W&B's; what looks has its rights from the project."""
    place = _place(setup)
    place.buckets.set_policy(setup.bucket, [])
    return setup.changed(keys={"serviceAccount.json": place.admin.key_file()})


def may_not_sign(setup: Setup, stack: ExitStack) -> Setup:
    """Workload identity, of an account that may not sign for itself."""
    place = _place(setup)
    place.admin.lacks.add(SIGN_BLOB)
    stack.callback(place.admin.lacks.discard, SIGN_BLOB)
    spec = {**setup.spec, "credentials": {"source": "Ambient"}, "provisioning": {"source": "Operator"}}
    where = ("--gcs-iam-endpoint", place.iam.endpoint, "--gcs-metadata-endpoint", place.metadata.endpoint)
    return setup.changed(spec={**spec, "adoptionPolicy": "Adopt"}, arguments=(*setup.arguments, *where))


def _case(title: str, broken: Break, *failed: str, warned: tuple[str, ...] = (), left: int = 0) -> Case:
    return Case(
        title=f"Google Cloud Storage: {title}",
        site="gcs",
        broken=broken,
        status=1 if failed else 0,
        failed=frozenset(failed),
        warned=frozenset(warned),
        left=left,
    )


CASES: Final[Mapping[str, Case]] = {
    "gcs-tcp": _case("nothing listens", closed_port, "EndpointReachable"),
    "gcs-key": _case("a key that was deleted", other_key, "Credentials"),
    "gcs-bucket": _case("the bucket is not there", no_bucket, "BucketExists"),
    "gcs-location": _case("the bucket lies elsewhere", elsewhere, "Region"),
    "gcs-cors": _case("W&B's own sample of CORS", wandbs_sample, "CORS", "Preflight", "ETagExposed"),
    "gcs-soft-delete": _case("soft delete is off", no_soft_delete, "SoftDelete"),
    "gcs-versioning": _case("versioning is suspended (a warning)", no_versioning, warned=("Versioning",)),
    "gcs-access": _case("access control lists (a warning)", open_to_lists, warned=("UniformAccess", "PublicAccess")),
    "gcs-lifecycle": _case("run history expires (a warning)", expiring, warned=("Lifecycle",)),
    "gcs-overwrite": _case(
        "no right to overwrite", no_overwriting, "OverwriteObject", "DeleteObject", warned=("CleanUp",), left=2
    ),
    "gcs-hidden": _case("W&B may not look at the bucket (a warning)", not_to_be_looked_at, warned=("Policy",)),
    "gcs-policy": _case("nobody of W&B's is let in (a warning)", not_let_in, warned=("Policy",)),
    "gcs-signing": _case("workload identity that may not sign", may_not_sign, "Signing"),
}
