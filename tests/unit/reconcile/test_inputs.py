"""What a look is made with."""

from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import as_store, bucket_store, wandb_instance
from unit.scripted import Stage, namespace_object, secret
from wandb_byob.kube.client import ForbiddenError
from wandb_byob.model.credentials import AccessKey, Ambient
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.reconcile.inputs import Inputs, gather_inputs


def _stage(*bodies: dict[str, Any], instance: dict[str, Any] | None = None) -> Stage:
    given = [wandb_instance() if instance is None else instance, secret(), namespace_object("team-a")]
    return Stage(kube=MemoryKube(*given, *bodies))


def _inputs(stage: Stage, **spec: Any) -> Inputs:
    return gather_inputs(stage.world, as_store(bucket_store(spec=spec)))


def test_data_and_provisioning_are_kept_apart() -> None:
    """Each from its own Secret; both values are learned for redaction."""
    stage = _stage(secret("admin", accessKeyID="ADMINKEY", secretAccessKey="adminsecret", sessionToken="admintoken"))
    context = _inputs(stage, provisioning={"secretRef": {"name": "admin"}}).context
    assert context.data == AccessKey(access_key_id="AKIACANARY", secret_access_key="canary/secret+value")
    assert context.admin == AccessKey(
        access_key_id="ADMINKEY", secret_access_key="adminsecret", session_token="admintoken"
    )
    assert stage.keeper.values >= {"AKIACANARY", "canary/secret+value", "ADMINKEY", "adminsecret", "admintoken"}


@pytest.mark.parametrize(
    ("credentials", "provisioning", "data", "admin"),
    [
        ({"source": "Ambient"}, {"source": "Operator"}, Ambient(), Ambient()),
        ({"source": "Ambient"}, {"secretRef": {"name": "keys"}}, None, "keys"),
        ({"source": "WandbAccount"}, {"source": "Operator"}, None, Ambient()),
        ({"secretRef": {"name": "keys"}}, None, "keys", None),
        ({"secretRef": {"name": "keys"}}, {"source": "None"}, "keys", None),
    ],
)
def test_who_signs(credentials: Any, provisioning: Any, data: Any, admin: Any) -> None:
    """W&B's pods' identity can be tried here only where the operator's own may be used; W&B's account never."""
    cloud = "DedicatedCloud" if credentials.get("source") == "WandbAccount" else "SelfManaged"
    stage = _stage(instance=wandb_instance(spec={"deploymentType": cloud}))
    stage.config = {"allow_operator_identity": True}
    context = _inputs(stage, credentials=credentials, provisioning=provisioning).context
    keys = AccessKey(access_key_id="AKIACANARY", secret_access_key="canary/secret+value")
    assert context.data == (keys if data == "keys" else data)
    assert context.admin == (keys if admin == "keys" else admin)


def test_origins_are_the_instances_host_unless_given() -> None:
    """What CORS must allow."""
    assert _inputs(_stage()).context.tenant.origins == ("https://wandb.example.com",)
    assert _inputs(_stage(), cors={"allowedOrigins": ["https://a", "https://b"]}).context.tenant.origins == (
        "https://a",
        "https://b",
    )


CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "rel-console-configmap", "namespace": "team-a"},
    "data": {"BUCKET_ACCESS_IDENTITY": "arn:aws:iam::1:role/node"},
}
BY_LABEL = {"workloads": {"selector": {"matchLabels": {"app.kubernetes.io/instance": "rel"}}}}


@pytest.mark.parametrize(
    ("spec", "bodies", "identity"),
    [
        ({"identity": "arn:mine", "target": BY_LABEL}, [CONFIG_MAP], "arn:mine"),
        ({"target": BY_LABEL}, [CONFIG_MAP], "arn:aws:iam::1:role/node"),
        ({"target": {"weightsAndBiases": {"name": "rel"}}}, [CONFIG_MAP], "arn:aws:iam::1:role/node"),
        ({"target": BY_LABEL}, [CONFIG_MAP | {"data": {"BUCKET_ACCESS_IDENTITY": "unknown"}}], None),
        ({"target": BY_LABEL}, [], None),
        ({"target": {"workloads": {"names": ["app"]}}}, [CONFIG_MAP], None),
    ],
)
def test_the_identity_of_w_and_bs_pods(spec: Any, bodies: Any, identity: str | None) -> None:
    """Given, or as W&B's Terraform module left it in the release's ConfigMap."""
    body = wandb_instance(spec={"identity": None} | spec)
    body["spec"] = {key: value for key, value in body["spec"].items() if value is not None}
    assert _inputs(_stage(*bodies, instance=body)).context.tenant.identity == identity


def test_a_config_map_that_may_not_be_read_is_none() -> None:
    """It lies in the W&B's namespace, perhaps another one."""
    body = wandb_instance(spec={"target": BY_LABEL})
    del body["spec"]["identity"]
    stage = _stage(CONFIG_MAP, instance=body)

    def forbid(call: str) -> None:
        if "configmaps" in call:
            raise ForbiddenError("forbidden", status=403)

    stage.kube.before = forbid
    assert _inputs(stage).context.tenant.identity is None


def test_the_mark_changes_with_each_input_and_with_nothing_else() -> None:
    """A new version of a Secret or CA bundle, another host; not the time."""
    stage = _stage()
    mark = _inputs(stage).mark
    assert _inputs(stage).mark == mark
    stage.kube.put(secret())
    changed = _inputs(stage).mark
    assert changed != mark
    stage.kube.put(wandb_instance(spec={"host": "https://other.example.com"}))
    assert _inputs(stage).mark not in (mark, changed)


PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
MINIO = {
    "provider": "S3Compatible",
    "s3": None,
    "s3Compatible": {"bucket": "data", "endpoint": "https://m", "region": "r"},
}


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_a_ca_bundle_is_read_from_either_kind(kind: str) -> None:
    """With the key ca.crt unless said otherwise."""
    bundle = {
        "ConfigMap": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "ca", "namespace": "team-a"},
            "data": {"ca.crt": PEM},
        },
        "Secret": secret("ca", **{"ca.crt": PEM}),
    }[kind]
    block = {**MINIO["s3Compatible"], "caBundleRef": {"kind": kind, "name": "ca"}}
    assert _inputs(_stage(bundle), **{**MINIO, "s3Compatible": block}).context.ca_bundle == PEM


@pytest.mark.parametrize(
    ("bucket", "recorded"),
    [
        (None, ""),
        ({"created": True, "adopted": False, "identity": "s3://amazonaws.com/data"}, "Created"),
        ({"created": False, "adopted": True, "identity": "s3://amazonaws.com/data"}, "Adopted"),
        ({"created": False, "adopted": False, "identity": "s3://amazonaws.com/data"}, ""),
    ],
)
def test_what_is_recorded_of_the_bucket_is_passed_on(bucket: Any, recorded: str) -> None:
    """For stores that keep no tags."""
    store = as_store(bucket_store(status={"bucket": bucket} if bucket else None))
    assert gather_inputs(_stage().world, store).context.recorded == recorded


BLOCKS: dict[str, dict[str, Any]] = {
    "CoreWeave": {"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "acme"}},
    "S3": {},
    "GCS": {"provider": "GCS", "s3": None, "gcs": {"bucket": "acme"}},
    "Azure": {
        "provider": "Azure",
        "s3": None,
        "azure": {"storageAccount": "acme", "container": "files", "tenantID": "t", "clientID": "c"},
    },
    "S3Compatible": {
        "provider": "S3Compatible",
        "s3": None,
        "s3Compatible": {"bucket": "acme", "endpoint": "https://minio.example.com", "region": "r"},
    },
}
# W&B's page for teams, written out: what is offered on each kind of W&B.
OFFERED = {
    "SelfManaged": ("CoreWeave", "S3", "GCS", "Azure", "S3Compatible"),
    "DedicatedCloud": ("CoreWeave", "S3", "GCS", "Azure", "S3Compatible"),
    "MultiTenantCloud": ("CoreWeave", "S3", "GCS"),
}
CELLS = [(deployment, provider) for deployment in OFFERED for provider in BLOCKS]


@pytest.mark.parametrize(("deployment", "provider"), CELLS, ids=[f"{d}-{p}" for d, p in CELLS])
def test_what_w_and_b_does_not_offer_is_refused_before_anything_is_read(deployment: str, provider: str) -> None:
    """Cell by cell, with a sentence that says what there is instead; what is offered goes on to its own look."""
    instance = wandb_instance(spec={"deploymentType": deployment, "version": "0.85.0", "chartVersion": "0.43.8"})
    stage = _stage(instance=instance)
    stage.providers = dict.fromkeys(BLOCKS, stage.provider)
    spec = {**BLOCKS[provider], "credentials": {"source": "WandbAccount"}, "provisioning": None}
    if deployment == "SelfManaged":
        spec["credentials"] = {"secretRef": {"name": "keys"}}
    wanted_key = {"GCS": "SecretInvalid", "Azure": "SecretInvalid"}.get(provider)
    if provider not in OFFERED[deployment]:
        with pytest.raises(Stalled, match="It offers S3, CoreWeave and GCS there") as refused:
            _inputs(stage, **spec)
        assert refused.value.reason is Reason.NOT_AVAILABLE
        assert "secrets" not in f"{stage.kube.reads}"
    elif deployment == "SelfManaged" and wanted_key:
        # Offered: it is the Secret's keys, which are those of S3, that it stops at.
        with pytest.raises(Stalled) as stopped:
            _inputs(stage, **spec)
        assert stopped.value.reason is Reason.SECRET_INVALID
    else:
        assert _inputs(stage, **spec).provider is stage.provider
