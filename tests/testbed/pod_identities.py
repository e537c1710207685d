"""Who a pod is in a cloud, by what that cloud puts into its environment: EKS Pod Identity and Azure Workload Identity in small.

On a cluster the clouds' webhooks do that when a pod is made; here the kubelet in small does, by the same marks of the pod
(`Kubelet.putting`). The agent and Entra, which the pod then asks, are stand-ins; what asks them is the real program.
"""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from testbed import names
from testbed.cluster import Cluster
from testbed.entra import TENANT, Entra
from testbed.object_store import Keys
from testbed.proxy import FaultyProxy, Response

Webhook = Callable[[Any], Mapping[str, str]]
"""What is put into the environment of a pod, nothing where it is none of the cloud's."""

_CREDENTIALS: Final = "/v1/credentials"
_AZURE_LABEL: Final = "azure.workload.identity/use"
_AUDIENCE: Final = "api://AzureADTokenExchange"
_HOST: Final = "login.microsoftonline.com"


class EKSAgent(FaultyProxy):
    """EKS Pod Identity's agent: gives these keys to whoever shows the token that its webhook has put into the pod."""

    def __init__(self, keys: Keys, *, token: Path) -> None:
        super().__init__(0)
        self._keys = keys
        self._token = token
        token.write_text(secrets.token_hex(16))

    def stand_in(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """Answer with credentials for an hour."""
        shown = {name.lower(): value for name, value in headers.items()}.get("authorization")
        if (method, target, shown) != ("GET", _CREDENTIALS, self._token.read_text()):
            return Response(400, [], b"Service account token cannot be empty")
        ends = datetime.now(UTC) + timedelta(hours=1)
        told = {
            "AccessKeyId": self._keys.access_key,
            "SecretAccessKey": self._keys.secret_key,
            "Token": None,  # the stores here know no sessions
            "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return Response(200, [("Content-Type", "application/json")], json.dumps(told).encode())

    def webhook(self, service_account: str) -> Webhook:
        """What an association of this ServiceAccount with a role puts into its pods."""
        given = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.endpoint}{_CREDENTIALS}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(self._token),
        }
        return lambda pod: given if pod["spec"]["serviceAccountName"] == service_account else {}


@contextmanager
def azure_workload(cluster: Cluster, entra: Entra, folder: Path, *, namespace: str, client: str) -> Iterator[Webhook]:
    """What Azure's webhook puts into pods that carry its label: a token of the default ServiceAccount, for which Entra gives this client."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    token = str(cluster.post(path, {"spec": {"audiences": [_AUDIENCE]}})["status"]["token"])
    file = folder / "azure-identity-token"
    file.write_text(token)
    entra.federated[client] = token
    given = {
        "AZURE_CLIENT_ID": client,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
        "AZURE_AUTHORITY_HOST": f"https://{_HOST}/",
        **names.environment({_HOST: entra.port}),
    }
    yield lambda pod: given if pod["metadata"]["labels"].get(_AZURE_LABEL) == "true" else {}
    entra.federated.pop(client, None)
