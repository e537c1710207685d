"""The Job that tries a data path as W&B's own pods would: what of those it takes over, its manifest and its Secret's.

It runs only our image, as the ServiceAccount, on the nodes and with the name resolution of W&B's pods. It has no token of
Kubernetes (those of the clouds are put into pods by webhooks, also without it), needs no rights, and tells its result in the
container's termination message. Its labels are its own: with W&B's it would be behind W&B's Services.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec

from wandb_byob.model import names
from wandb_byob.model.errors import Stalled
from wandb_byob.model.probe import INPUT_FILE, ProbeInput
from wandb_byob.model.reasons import Reason

Wire = Mapping[str, Any]

CONTAINER: Final = "probe"
INPUT_FOLDER: Final = "/var/run/wandb-byob/input"
AUTHORITIES_FOLDER: Final = "/var/run/wandb-byob/authorities"

_COMPONENT: Final = "app.kubernetes.io/name"
# What signs URLs: `api`, before the split of W&B's server `app`.
_SIGNERS: Final = ("api", "app")
_AZURE_LABEL: Final = "azure.workload.identity/use"
# Where W&B's chart puts the certificates of global.caCertsConfigMap and customCACerts.
_TRUSTED: Final = ("/usr/local/share/ca-certificates", "/etc/ssl/certs")
_KEPT_SECONDS: Final = 300
_START: Final = timedelta(minutes=5)
_RUN: Final = timedelta(minutes=3)
_PER_PATH: Final = timedelta(seconds=5)
_TAKEN_OVER: Final = ("nodeSelector", "tolerations", "imagePullSecrets", "dnsPolicy", "dnsConfig", "hostAliases")


@dataclass(frozen=True, kw_only=True)
class Host:
    """What the Job takes over of W&B's pods. `workload` is `Kind/name`; `others` are ServiceAccounts of W&B that are not tried."""

    namespace: str
    workload: str
    service_account: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]
    authorities: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """Return as whom the probe is made, for messages."""
        return f"ServiceAccount {self.service_account} of {self.workload} in namespace {self.namespace}"


def host_of(workloads: Sequence[Wire], *, namespace: str) -> Host:
    """Return what a Job takes over of W&B's workloads: of the API's, else the app's, else the first by kind and name."""
    chosen = min(workloads, key=lambda each: (_rank(each), each["kind"], each["metadata"]["name"]))
    pod = chosen["spec"]["template"]["spec"]
    account = _account(chosen)
    labels = (chosen["spec"]["template"].get("metadata") or {}).get("labels") or {}
    affinity = (pod.get("affinity") or {}).get("nodeAffinity")
    spec = {key: pod[key] for key in _TAKEN_OVER if pod.get(key)}
    return Host(
        namespace=namespace,
        workload=f"{chosen['kind']}/{chosen['metadata']['name']}",
        service_account=account,
        labels={_AZURE_LABEL: labels[_AZURE_LABEL]} if _AZURE_LABEL in labels else {},
        spec=spec | ({"affinity": {"nodeAffinity": affinity}} if affinity else {}),
        authorities=_authorities(pod),
        others=tuple(sorted({_account(each) for each in workloads} - {account})),
    )


def _rank(workload: Wire) -> int:
    component = (workload["metadata"].get("labels") or {}).get(_COMPONENT, "")
    return _SIGNERS.index(component) if component in _SIGNERS else len(_SIGNERS)


def _account(workload: Wire) -> str:
    return workload["spec"]["template"]["spec"].get("serviceAccountName") or "default"


def _authorities(pod: Wire) -> tuple[str, ...]:
    """Return the ConfigMaps that W&B's containers have where operating systems look for authorities."""
    mounted = {
        mount["name"]
        for container in pod["containers"]
        for mount in container.get("volumeMounts") or ()
        if mount.get("mountPath", "").startswith(_TRUSTED)
    }
    volumes = (volume for volume in pod.get("volumes") or () if volume["name"] in mounted and volume.get("configMap"))
    return tuple(sorted({volume["configMap"]["name"] for volume in volumes}))


def job_name(uid: str, *, asker: str = "") -> str:
    """Return the name of a BucketStore's one Job; `asker` tells that of somebody else than the operator apart."""
    digest = hashlib.sha256(f"{uid}/{asker}".encode()).hexdigest()[:12]
    return f"byob-probe-{digest}"


def secret_name(job: Wire) -> str:
    """Return the name of the Secret that a Job of ours mounts, "" where it mounts none."""
    volumes = job["spec"]["template"]["spec"].get("volumes") or ()
    return next((volume["secret"]["secretName"] for volume in volumes if "secret" in volume), "")


def require_ours(job: Wire, *, uid: str) -> None:
    """Raise `Stalled` where somebody else's Job has the name of ours: neither is it believed nor taken away."""
    metadata = job["metadata"]
    if (metadata.get("labels") or {}).get(names.PROBE) != uid:
        raise Stalled(
            Reason.FORBIDDEN,
            f"Job {metadata['name']} in namespace {metadata['namespace']} has the name of the operator's probe and was not made by "
            "it. Delete or rename it.",
        )


def deadline(paths: int) -> timedelta:
    """Return after which time Kubernetes ends the Job, however far it is: a backstop."""
    return _START + _RUN + paths * _PER_PATH


def job_manifest(
    host: Host, *, name: str, uid: str, mark: str, token: str, image: str, pull_secrets: Sequence[str], paths: int
) -> dict[str, Any]:
    """Return the Job; `token` makes its Secret's name unlike that of the Job before."""
    labels = {
        "app.kubernetes.io/managed-by": names.FIELD_MANAGER,
        "app.kubernetes.io/component": "probe",
        names.PROBE: uid,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": host.namespace,
            "labels": labels,
            "annotations": {names.PROBE_MARK: mark},
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": int(deadline(paths).total_seconds()),
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": {
                "metadata": {"labels": {**host.labels, **labels}},
                "spec": _pod(host, secret=f"{name}-{token}", image=image, pull_secrets=pull_secrets),
            },
        },
    }


def _pod(host: Host, *, secret: str, image: str, pull_secrets: Sequence[str]) -> dict[str, Any]:
    pulled_with = [*(host.spec.get("imagePullSecrets") or ()), *({"name": each} for each in pull_secrets)]
    return {
        **host.spec,
        **({"imagePullSecrets": pulled_with} if pulled_with else {}),
        "serviceAccountName": host.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(image, count=len(host.authorities))],
        "volumes": [
            {"name": "input", "secret": {"secretName": secret}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}},
            *(
                {"name": f"authorities-{number}", "configMap": {"name": name, "optional": True}}
                for number, name in enumerate(host.authorities)
            ),
        ],
    }


def _container(image: str, *, count: int) -> dict[str, Any]:
    authorities = [
        {"name": f"authorities-{number}", "mountPath": f"{AUTHORITIES_FOLDER}/{number}", "readOnly": True}
        for number in range(count)
    ]
    return {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["probe", f"--input={INPUT_FOLDER}/{INPUT_FILE}", f"--authorities={AUTHORITIES_FOLDER}"],
        "terminationMessagePolicy": "File",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": "20m", "memory": "64Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
        "volumeMounts": [
            {"name": "input", "mountPath": INPUT_FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (the pod's own)
            *authorities,
        ],
    }


def secret_manifest(job: Wire, given: ProbeInput) -> dict[str, Any]:
    """Return the Secret that a Job mounts; it goes with the Job."""
    metadata = job["metadata"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret_name(job),
            "namespace": metadata["namespace"],
            "labels": {"app.kubernetes.io/managed-by": names.FIELD_MANAGER, names.PROBE: given.uid},
            "ownerReferences": [owner],
        },
        "type": "Opaque",
        "immutable": True,
        "data": {INPUT_FILE: base64.b64encode(msgspec.json.encode(given)).decode()},
    }
