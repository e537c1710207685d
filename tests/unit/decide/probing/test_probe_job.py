"""What a probe's Job takes over of W&B's pods, and what it does not."""

import base64
import json
from typing import Any

import msgspec
import pytest

from unit.probing import workload
from unit.resources import as_store, bucket_store
from wandb_byob.decide.probing import probe_job
from wandb_byob.model import names
from wandb_byob.model.credentials import AccessKey, AccountKey, Ambient, Credentials, ServiceAccountKey
from wandb_byob.model.errors import Stalled
from wandb_byob.model.probe import INPUT_FILE, INPUTS, ProbeInput, credentials_of, signer_of

AMBIENT: Credentials = Ambient()


def given(signer: Credentials = AMBIENT) -> ProbeInput:
    return ProbeInput(
        uid="uid-1",
        spec=as_store(bucket_store()).spec,
        deployment_type="SelfManaged",
        origins=("https://wandb.example.com",),
        paths=("teams/ml", "probe"),
        signer=signer_of(signer),
    )


def manifest(*workloads: dict[str, Any], pull_secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    host = probe_job.host_of(workloads, namespace="team-a")
    return probe_job.job_manifest(
        host, name="byob-probe-1", uid="uid-1", mark="m", token="t", image="byob:1", pull_secrets=pull_secrets, paths=2
    )


def pod(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(
    ("workloads", "account", "others"),
    [
        ([workload("a"), workload("b")], "default", ()),
        ([workload("a", account="one"), workload("b", account="one")], "one", ()),
        (
            [workload("parquet", component="parquet", account="p"), workload("x", component="api", account="a")],
            "a",
            ("p",),
        ),
        (
            [workload("a", component="app", account="app"), workload("z", component="api", account="api")],
            "api",
            ("app",),
        ),
        (
            [workload("s", kind="StatefulSet", account="s"), workload("d", account="d"), workload("e")],
            "d",
            ("default", "s"),
        ),
    ],
    ids=["no account", "agreed", "the API's", "the API's before the app's", "the first by kind and name"],
)
def test_whose_service_account(workloads: list[dict[str, Any]], account: str, others: tuple[str, ...]) -> None:
    host = probe_job.host_of(workloads, namespace="team-a")
    assert (host.service_account, host.others) == (account, others)
    assert pod(manifest(*workloads))["serviceAccountName"] == account


def test_where_and_how_w_and_bs_pods_run_is_taken_over() -> None:
    """Nodes, names and certificates as W&B has them; not its labels (its Services would send requests), volumes or variables."""
    theirs = workload(
        "wandb-api",
        component="api",
        nodeSelector={"pool": "wandb"},
        tolerations=[{"key": "wandb", "operator": "Exists"}],
        affinity={"nodeAffinity": {"x": 1}, "podAffinity": {"y": 2}},
        dnsConfig={"nameservers": ["10.0.0.1"]},
        hostAliases=[{"ip": "10.0.0.2", "hostnames": ["minio"]}],
        imagePullSecrets=[{"name": "theirs"}],
        volumes=[
            {"name": "ca", "configMap": {"name": "wandb-ca-certs"}},
            {"name": "other", "configMap": {"name": "settings"}},
            {"name": "keys", "secret": {"secretName": "wandb-keys"}},
        ],
        containers=[
            {
                "name": "main",
                "env": [{"name": "BUCKET", "value": "s3://x"}],
                "volumeMounts": [
                    {"name": "ca", "mountPath": "/usr/local/share/ca-certificates/custom"},
                    {"name": "other", "mountPath": "/etc/settings"},
                    {"name": "keys", "mountPath": "/etc/ssl/certs/keys"},
                ],
            }
        ],
    )
    theirs["spec"]["template"]["metadata"]["labels"]["azure.workload.identity/use"] = "true"
    job = manifest(theirs, pull_secrets=("ours",))
    spec = pod(job)
    assert spec["nodeSelector"] == {"pool": "wandb"}
    assert spec["tolerations"] == [{"key": "wandb", "operator": "Exists"}]
    assert spec["affinity"] == {"nodeAffinity": {"x": 1}}
    assert spec["dnsConfig"] == {"nameservers": ["10.0.0.1"]}
    assert spec["hostAliases"] == [{"ip": "10.0.0.2", "hostnames": ["minio"]}]
    assert spec["imagePullSecrets"] == [{"name": "theirs"}, {"name": "ours"}]
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert labels["azure.workload.identity/use"] == "true"
    assert "app" not in labels
    assert [each.get("configMap") for each in spec["volumes"] if "configMap" in each] == [
        {"name": "wandb-ca-certs", "optional": True}
    ]
    assert "wandb-keys" not in json.dumps(job)
    (container,) = spec["containers"]
    assert "env" not in container


def test_the_pod_is_restricted_and_ends_by_itself() -> None:
    """Pod Security `restricted`, no token of Kubernetes, one try, a deadline, and removal without us."""
    job = manifest(workload("a"))
    spec = pod(job)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["activeDeadlineSeconds"] == 490
    assert job["spec"]["ttlSecondsAfterFinished"] == 300
    assert spec["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    "signer",
    [
        AccessKey(access_key_id="AKIA", secret_access_key="cAnArY/secret", session_token="t"),
        ServiceAccountKey('{"private_key": "cAnArY/secret"}'),
        AccountKey("cAnArY/secret"),
        Ambient(),
    ],
    ids=["access key", "service account", "account key", "ambient"],
)
def test_keys_are_in_the_secret_that_goes_with_the_job_and_nowhere_else(signer: Credentials) -> None:
    job = manifest(workload("a")) | {"kind": "Job"}
    job["metadata"]["uid"] = "job-uid"
    secret = probe_job.secret_manifest(job, given(signer))
    assert secret["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "Job", "name": "byob-probe-1", "uid": "job-uid"}
    ]
    assert secret["metadata"]["name"] == probe_job.secret_name(job) == "byob-probe-1-t"
    read = INPUTS.decode(base64.b64decode(secret["data"][INPUT_FILE]))
    assert read == given(signer)
    assert credentials_of(read.signer) == signer
    assert "cAnArY" not in json.dumps(job)
    assert "cAnArY" not in repr(read) + repr(read.signer)
    assert set(msgspec.to_builtins(read)) <= {*ProbeInput.__struct_fields__}


def test_names_follow_from_the_bucketstores_uid() -> None:
    """One Job at a time for each, and another for each who asks by hand."""
    assert probe_job.job_name("u") == probe_job.job_name("u")
    assert len({probe_job.job_name("u"), probe_job.job_name("v"), probe_job.job_name("u", asker="x")}) == 3


def test_somebody_elses_job_of_that_name_is_neither_believed_nor_deleted() -> None:
    job = {"metadata": {"name": "byob-probe-1", "namespace": "prod", "labels": {names.PROBE: "another"}}}
    with pytest.raises(Stalled, match="byob-probe-1 in namespace prod"):
        probe_job.require_ours(job, uid="uid-1")
