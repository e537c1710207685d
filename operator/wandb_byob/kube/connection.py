"""Where the API server is and how to sign in: from a kubeconfig or from a pod's ServiceAccount.

Covers what kubectl's files hold today: tokens, token files, client certificates, basic authentication, exec plugins
(which EKS, GKE and AKS use) and `proxy-url`. The old `auth-provider` plugins, which kubectl itself has dropped, are refused.
"""

import base64
import binascii
import ssl
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from wandb_byob.kube.authorization import Authorization, Basic, ExecPlugin, NoAuthorization, Token, TokenFile

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ConnectionConfigError(Exception):
    """The kubeconfig or the ServiceAccount's files can't be used; the text names the file and what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One API server and one identity. PEM texts are kept out of the repr, since a client key is a secret."""

    server: str
    authorization: Authorization = field(default_factory=NoAuthorization)
    ca: str | None = field(default=None, repr=False)
    insecure: bool = False
    server_name: str | None = None
    certificate: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    proxy: str | None = None
    namespace: str | None = None

    def ssl_context(self) -> ssl.SSLContext:
        """Return what checks the server's certificate, and shows ours where there is one."""
        context = ssl.create_default_context(cadata=self.ca)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate and self.private_key:
            # Python's ssl reads these from files only; the files are private and gone at once.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
                pem.write(f"{self.certificate}\n{self.private_key}\n")
                pem.flush()
                context.load_cert_chain(pem.name)
        return context


def connect(
    environ: Mapping[str, str], *, service_account: Path = SERVICE_ACCOUNT, kubeconfig: str = "", context: str = ""
) -> Connection:
    """Find the connection: KUBECONFIG, else the pod's ServiceAccount, else ~/.kube/config; raises ConnectionConfigError.

    A user's word goes before all of them: `kubeconfig` is a file's path, `context` one of its contexts ("": the current one).
    """
    if paths := [Path(path).expanduser() for path in (kubeconfig or environ.get("KUBECONFIG", "")).split(":") if path]:
        return from_kubeconfig(paths, context=context)
    if not context and "KUBERNETES_SERVICE_HOST" in environ and (service_account / "token").exists():
        return from_service_account(environ, service_account)
    default = Path("~/.kube/config").expanduser()
    if default.exists():
        return from_kubeconfig([default], context=context)
    raise ConnectionConfigError(
        "There is no kubeconfig and no ServiceAccount. Set KUBECONFIG to a kubeconfig file, or run inside a cluster."
    )


def from_service_account(environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Connection:
    """Return the connection that Kubernetes gives every pod; the token is read again when it is rotated."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    namespace = folder / "namespace"
    return Connection(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca=_read(folder / "ca.crt"),
        authorization=TokenFile(folder / "token"),
        namespace=_read(namespace).strip() if namespace.exists() else None,
    )


def from_kubeconfig(paths: Iterable[Path], *, context: str = "") -> Connection:
    """Return a context (by default the current one) of these files; as kubectl has it, the first file that names a thing wins."""
    merged: dict[str, dict[str, tuple[Any, Path]]] = {"clusters": {}, "users": {}, "contexts": {}}
    current = context
    for path in paths:
        content = _load(path)
        current = current or content.get("current-context") or ""
        for section, found in merged.items():
            for item in content.get(section) or ():
                found.setdefault(item["name"], (item.get(section[:-1]) or {}, path))
    if not current:
        raise ConnectionConfigError(
            "The kubeconfig has no current-context. Choose one: kubectl config use-context NAME."
        )
    chosen, _ = _entry(merged, "contexts", current)
    cluster, cluster_path = _entry(merged, "clusters", chosen.get("cluster", ""))
    user, user_path = _entry(merged, "users", chosen["user"]) if chosen.get("user") else ({}, cluster_path)
    return Connection(
        server=cluster.get("server", "").rstrip("/"),
        ca=_pem(cluster, "certificate-authority", cluster_path),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=cluster.get("tls-server-name"),
        proxy=cluster.get("proxy-url"),
        certificate=_pem(user, "client-certificate", user_path),
        private_key=_pem(user, "client-key", user_path),
        authorization=_authorization(user, user_path),
        namespace=chosen.get("namespace"),
    )


def _authorization(user: Mapping[str, Any], path: Path) -> Authorization:
    if plugin := user.get("exec"):
        variables = {variable["name"]: variable["value"] for variable in plugin.get("env") or ()}
        command = str(plugin["command"])
        # As kubectl has it: a command with a slash is relative to the kubeconfig's folder.
        command = str(path.parent / command) if "/" in command else command
        api_version = plugin.get("apiVersion", "client.authentication.k8s.io/v1")
        return ExecPlugin((command, *map(str, plugin.get("args") or ())), environ=variables, api_version=api_version)
    if user.get("auth-provider"):
        raise ConnectionConfigError(f"{path} uses an auth-provider, which Kubernetes has dropped. Use an exec plugin.")
    if user.get("tokenFile"):
        return TokenFile(path.parent / user["tokenFile"])
    if user.get("token"):
        return Token(str(user["token"]))
    if user.get("username"):
        return Basic(str(user["username"]), str(user.get("password", "")))
    return NoAuthorization()


def _entry(merged: Mapping[str, Mapping[str, tuple[Any, Path]]], section: str, name: str) -> tuple[Any, Path]:
    try:
        return merged[section][name]
    except KeyError:
        raise ConnectionConfigError(f'The kubeconfig has no "{name}" among its {section}.') from None


def _load(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(_read(path))
    except yaml.YAMLError:
        # The error would quote the file, which holds credentials.
        raise ConnectionConfigError(f"{path} is not YAML.") from None
    if not isinstance(content, dict):
        raise ConnectionConfigError(f"{path} is not a kubeconfig.")
    return content


def _pem(section: Mapping[str, Any], name: str, path: Path) -> str | None:
    """Return a PEM text that stands in the file itself (base64) or in a file of its own (relative to the kubeconfig)."""
    if data := section.get(f"{name}-data"):
        try:
            return base64.b64decode("".join(data.split()), validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise ConnectionConfigError(f"{path}: {name}-data is not base64 of a PEM text.") from None
    return _read(path.parent / section[name]) if section.get(name) else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConnectionConfigError(f"{path} can't be read: {error.strerror}.") from None
