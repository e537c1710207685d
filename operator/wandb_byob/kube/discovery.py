"""In which version the objects of a kind are stored, from what every user may read: no right on CustomResourceDefinitions."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wandb_byob.kube.client import Resource


def stored_version(
    resources: Sequence[Resource], discover: Callable[[str], Mapping[str, Any] | None]
) -> Resource | None:
    """Return that one of the versions of a kind in which it is stored; None where the kind is not there.

    `discover` reads the resources of a `group/version` (None: there is none). Discovery tells a hash of the stored version, the
    same at every version that is served.
    """
    for resource in resources:
        for each in (discover(resource.api_version) or {}).get("resources") or ():
            if each.get("name") == resource.plural:
                hash_ = each.get("storageVersionHash", "")
                return next((one for one in resources if _hash(one) == hash_), resource)
    return None


def _hash(resource: Resource) -> str:
    """Return `storageVersionHash` as the API server makes it (k8s.io/apiserver, pkg/endpoints/discovery)."""
    text = f"{resource.group}/{resource.version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()
