"""`byob doctor` on real stores: healthy, and with one fault of each class; each says how it ends and which checks fail."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from console import azure_cases, coreweave_cases, gcs_cases
from console.case import Break, Case
from console.setups import Setup, kms_client, s3, with_key
from console.sites import HTTP, SITES
from contract.provisioning import policy
from testbed.faults import Fault
from testbed.processes import free_port
from testbed.proxy import FaultyProxy
from testbed.stores import VersityGW, start_versitygw

_ALL_BUT_PUT: Final = (
    "s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning",
    "s3:GetBucketCORS", "s3:GetBucketTagging", "s3:GetBucketLocation", "s3:GetEncryptionConfiguration",
)  # fmt: skip


def _endpoint(setup: Setup, endpoint: str) -> Setup:
    setup.block["endpoint"] = endpoint
    return setup


def _proxied(setup: Setup, stack: ExitStack, fault: Fault) -> Setup:
    proxy = stack.enter_context(FaultyProxy(setup.store.port))
    proxy.add(fault)
    return _endpoint(setup, proxy.endpoint)


def unknown_host(setup: Setup, _: ExitStack) -> Setup:
    """A name that DNS does not know."""
    return _endpoint(setup, "https://store.invalid")


def closed_port(setup: Setup, _: ExitStack) -> Setup:
    """Nothing listens there."""
    return _endpoint(setup, f"http://127.0.0.1:{free_port()}")


def metadata_address(setup: Setup, _: ExitStack) -> Setup:
    """An address of the cloud's metadata service."""
    return _endpoint(setup, "http://169.254.169.254")


def untrusted(setup: Setup, stack: ExitStack) -> Setup:
    """A store whose certificate a private authority has signed, and nobody has said which."""
    folder = Path(stack.enter_context(TemporaryDirectory()))
    store = start_versitygw(folder / "store", tls=True)
    stack.callback(store.stop)
    return SITES["s3-compatible-versitygw"].make(store)


def private_authority(setup: Setup, stack: ExitStack) -> Setup:
    """The same store with its authority in caBundleRef."""
    found = untrusted(setup, stack)
    found.block["caBundleRef"] = {"name": "authority"}
    assert found.store.authority is not None
    bundle = {"ca.crt": found.store.authority.read_text()}
    authority = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority"}, "data": bundle}
    return found.changed(more=(authority,))


def unreachable_behind_gateway(setup: Setup, stack: ExitStack) -> Setup:
    """A proxy that answers in the store's place."""
    return _proxied(setup, stack, Fault(status=503, body=b"no backend", headers={"Content-Type": "text/plain"}))


def wrong_clock(setup: Setup, stack: ExitStack) -> Setup:
    """A store whose clock is years behind."""
    return _proxied(setup, stack, Fault(without="date", headers={"Date": "Sat, 01 Jan 2022 00:00:00 GMT"}))


def wrong_secret(setup: Setup, _: ExitStack) -> Setup:
    """A secret key that does not belong to the access key."""
    return setup.changed(keys={**setup.keys, "secretAccessKey": "wrong-secret-access-key"})


def may_not_write(setup: Setup, stack: ExitStack) -> Setup:
    """Keys of a user who may do everything that W&B needs but write."""
    store = setup.store
    assert isinstance(store, VersityGW)
    name = f"user-{setup.bucket}"
    keys = store.create_user(name)
    stack.callback(store.delete_user, name)
    setup.client("put_bucket_policy", Policy=policy(setup.bucket, name, _ALL_BUT_PUT))
    return setup.changed(keys={"accessKeyID": keys.access_key, "secretAccessKey": keys.secret_key})


def no_bucket(setup: Setup, _: ExitStack) -> Setup:
    """A bucket that is not there."""
    setup.block["bucket"] = "acme-never-made"
    return setup


def wrong_region(setup: Setup, _: ExitStack) -> Setup:
    """A bucket in another region than the manifest says."""
    found = s3(setup.store, location="eu-central-1")
    assert found.block["region"] == "us-east-1"
    return found


def no_cors(setup: Setup, _: ExitStack) -> Setup:
    """A bucket whose CORS rules somebody has deleted."""
    setup.client("delete_bucket_cors")
    return setup


def other_origin(setup: Setup, _: ExitStack) -> Setup:
    """W&B has moved to another host, and the rule has not."""
    return setup.changed(instance={**setup.instance, "host": "https://wandb.other.example.com"})


def no_policy(setup: Setup, _: ExitStack) -> Setup:
    """A bucket whose policy names nobody any more."""
    setup.client("delete_bucket_policy")
    return setup


def no_versioning(setup: Setup, _: ExitStack) -> Setup:
    """Versioning was suspended."""
    setup.client("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"})
    return setup


def other_key(setup: Setup, _: ExitStack) -> Setup:
    """The bucket is encrypted with another key than the one that is asked for."""
    return with_key(setup)


def disabled_key(setup: Setup, _: ExitStack) -> Setup:
    """The key that everything is encrypted with was disabled."""
    found = with_key(setup)
    key = found.block["kmsKeyARN"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    found.client("put_bucket_encryption", ServerSideEncryptionConfiguration=encryption)
    with kms_client(found.store) as kms:
        kms.disable_key(KeyId=key.rpartition("/")[2])
    return found


def expiring(setup: Setup, _: ExitStack) -> Setup:
    """A rule deletes everything after a month."""
    rule: Any = {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    setup.client("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [rule]})
    return setup


def public(setup: Setup, _: ExitStack) -> Setup:
    """The block of public access was taken away."""
    setup.client("delete_public_access_block")
    return setup


def no_secret(setup: Setup, _: ExitStack) -> Setup:
    """A manifest without the Secret that it names."""
    setup.spec["credentials"] = {"secretRef": {"name": "other-keys"}}
    return setup


_BROWSER: Final = frozenset({"CORS", "Preflight", "ETagExposed"})


def _at_moto(title: str, broken: Break, failed: str) -> Case:
    return Case(title=title, site="s3-moto", broken=broken, failed=frozenset({failed}), warned=HTTP)


CASES: Final[Mapping[str, Case]] = {
    **{
        f"healthy-{name}": Case(
            title=f"Healthy: {site.title}",
            site=name,
            status=0,
            warned=site.warned,
        )
        for name, site in SITES.items()
    },
    "healthy-private-authority": Case(
        title="Healthy: a private authority",
        site="s3-compatible-versitygw",
        broken=private_authority,
        status=0,
        warned=HTTP,
    ),
    "dns": Case(
        title="DNS: the host is not known",
        site="s3-compatible-versitygw",
        broken=unknown_host,
        failed=frozenset({"EndpointReachable"}),
    ),
    "tcp": Case(
        title="TCP: nothing listens",
        site="s3-compatible-versitygw",
        broken=closed_port,
        failed=frozenset({"EndpointReachable"}),
        warned=HTTP,
    ),
    "tls": Case(
        title="TLS: an authority that nobody trusts",
        site="s3-compatible-versitygw",
        broken=untrusted,
        failed=frozenset({"TLS"}),
        warned=frozenset({"EndpointAllowed"}),
    ),
    "endpoint": Case(
        title="An address that no bucket may have",
        site="s3-compatible-versitygw",
        broken=metadata_address,
        failed=frozenset({"EndpointAllowed"}),
    ),
    "gateway": Case(
        title="A proxy without a store behind it",
        site="s3-compatible-versitygw",
        broken=unreachable_behind_gateway,
        failed=frozenset({"EndpointReachable"}),
        warned=HTTP,
    ),
    "clock": _at_moto("Clock skew", wrong_clock, "ClockSkew"),
    "credentials": Case(
        title="Credentials: a wrong secret key",
        site="s3-compatible-minio",
        broken=wrong_secret,
        failed=frozenset({"Credentials"}),
        warned=HTTP,
    ),
    "bucket": Case(
        title="The bucket is not there",
        site="s3-compatible-minio",
        broken=no_bucket,
        failed=frozenset({"BucketExists"}),
        warned=HTTP,
    ),
    "region": _at_moto("Region: the bucket lies elsewhere", wrong_region, "Region"),
    "permission": Case(
        title="Permission: the user may not write",
        site="s3-compatible-versitygw",
        broken=may_not_write,
        failed=frozenset({"PutObject"}),
        warned=HTTP,
    ),
    "cors": Case(
        title="CORS: the rules are gone",
        site="s3-compatible-versitygw",
        broken=no_cors,
        failed=_BROWSER,
        warned=HTTP,
    ),
    "origin": Case(
        title="CORS: W&B has moved to another host", site="s3-moto", broken=other_origin, failed=_BROWSER, warned=HTTP
    ),
    "policy": _at_moto("Policy: nobody is let in", no_policy, "Policy"),
    "encryption": _at_moto("Encryption: another key than asked for", other_key, "Encryption"),
    "kms": _at_moto("KMS: the key is disabled", disabled_key, "KMSKey"),
    "versioning": Case(
        title="Versioning is suspended (a warning)",
        site="s3-moto",
        broken=no_versioning,
        status=0,
        warned=HTTP | {"Versioning"},
    ),
    "lifecycle": Case(
        title="Lifecycle: run history expires (a warning)",
        site="s3-moto",
        broken=expiring,
        status=0,
        warned=HTTP | {"Lifecycle"},
    ),
    "public": Case(
        title="Public access is not blocked (a warning)",
        site="s3-moto",
        broken=public,
        status=0,
        warned=HTTP | {"PublicAccess"},
    ),
    "secret": Case(
        title="A Secret is missing: nothing could be checked",
        site="s3-compatible-minio",
        broken=no_secret,
        status=2,
        says="Secret other-keys does not exist",
    ),
    **coreweave_cases.CASES,
    **gcs_cases.CASES,
    **azure_cases.CASES,
}
