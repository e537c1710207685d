"""Kubeconfigs and ServiceAccounts as they are found in the wild."""

import base64
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.certificates import Authority
from wandb_byob.kube.authorization import AuthorizationError, ExecPlugin, TokenFile
from wandb_byob.kube.connection import Connection, ConnectionConfigError, connect, from_kubeconfig


def kubeconfig(
    folder: Path, *, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, name: str = "config"
) -> Path:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": "https://api:6443/"} | (cluster or {})}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "ns"}}],
        "current-context": "x",
    }
    path = folder / name
    path.write_text(yaml.safe_dump(content))
    return path


def connection(folder: Path, **user: Any) -> Connection:
    return from_kubeconfig([kubeconfig(folder, user=user)])


def test_the_current_context_gives_server_and_namespace(tmp_path: Path) -> None:
    found = connection(tmp_path)
    assert (found.server, found.namespace, found.authorization.header()) == ("https://api:6443", "ns", None)


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "abc"}, "Bearer abc"),
        ({"username": "u", "password": "p"}, "Basic " + base64.b64encode(b"u:p").decode()),
        ({"tokenFile": "token"}, "Bearer from-file"),
    ],
)
def test_ways_to_sign_in(tmp_path: Path, user: dict[str, str], header: str) -> None:
    (tmp_path / "token").write_text("from-file\n")
    assert connection(tmp_path, **user).authorization.header() == header


@pytest.mark.parametrize("inline", [True, False], ids=["in the file", "in files beside it"])
def test_certificates_are_taken_and_not_shown(tmp_path: Path, inline: bool) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("client")
    ca, certificate, key = authority.certificate, pair.certificate, pair.key
    if inline:
        encoded = {
            name: base64.b64encode(path.read_bytes()).decode()
            for name, path in (("ca", ca), ("certificate", certificate), ("key", key))
        }
        cluster = {"certificate-authority-data": encoded["ca"]}
        user = {"client-certificate-data": encoded["certificate"], "client-key-data": encoded["key"]}
    else:
        cluster = {"certificate-authority": ca.name}
        user = {"client-certificate": certificate.name, "client-key": key.name}
    found = from_kubeconfig([kubeconfig(tmp_path, user=user, cluster=cluster)])
    context = found.ssl_context()
    assert [each["subject"] for each in context.get_ca_certs()] == [((("commonName", "testbed"),),)]
    assert context.check_hostname
    assert "PRIVATE KEY" not in repr(found)


def test_insecure_is_obeyed_since_the_user_wrote_it(tmp_path: Path) -> None:
    found = from_kubeconfig(
        [
            kubeconfig(
                tmp_path, cluster={"insecure-skip-tls-verify": True, "tls-server-name": "n", "proxy-url": "http://p:1"}
            )
        ]
    )
    assert not found.ssl_context().check_hostname
    assert (found.server_name, found.proxy) == ("n", "http://p:1")


def plugin(folder: Path, prints: str, *, status: int = 0) -> Path:
    script = folder / "plugin"
    script.write_text(f"#!/bin/sh\necho run >> {folder}/runs\ncat <<'EOF'\n{prints}\nEOF\nexit {status}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def exec_credential(token: str, expires: datetime | None = None) -> str:
    stamp = f', "expirationTimestamp": "{expires:%Y-%m-%dT%H:%M:%SZ}"' if expires else ""
    return f'{{"kind": "ExecCredential", "status": {{"token": "{token}"{stamp}}}}}'


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


def test_a_plugin_runs_once_for_as_long_as_its_token_lasts(tmp_path: Path) -> None:
    plugin(tmp_path, exec_credential("t", datetime.now(UTC) + timedelta(hours=1)))
    authorization = connection(
        tmp_path, exec={"command": "./plugin", "args": ["a"], "env": [{"name": "A", "value": "b"}]}
    ).authorization
    assert [authorization.header() for _ in range(3)] == ["Bearer t"] * 3
    assert runs(tmp_path) == 1
    authorization.invalidate()
    authorization.header()
    assert runs(tmp_path) == 2


def test_a_plugin_runs_again_before_its_token_expires(tmp_path: Path) -> None:
    script = plugin(tmp_path, exec_credential("t", datetime(2026, 1, 1, 1, tzinfo=UTC)))
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    authorization = ExecPlugin([str(script)], environ={}, api_version="v1", now=lambda: now[0])
    authorization.header()
    now[0] = datetime(2026, 1, 1, 0, 59, 30, tzinfo=UTC)
    authorization.header()
    assert runs(tmp_path) == 2


@pytest.mark.parametrize(("prints", "status"), [("", 1), ("not json canary", 0), ('{"status": {}}', 0), ("[]", 0)])
def test_a_plugin_that_fails_is_named_without_what_it_printed(tmp_path: Path, prints: str, status: int) -> None:
    script = plugin(tmp_path, prints, status=status)
    with pytest.raises(AuthorizationError, match=r"gave no token\. Run kubectl once") as failed:
        ExecPlugin([str(script), "--password=canary"], environ={}, api_version="v1").header()
    assert "canary" not in str(failed.value)


def test_a_plugin_that_is_not_installed_is_named() -> None:
    with pytest.raises(AuthorizationError, match="plugin no-such-program is not installed"):
        ExecPlugin(["no-such-program"], environ={}, api_version="v1").header()


def test_a_rotated_token_is_taken_within_a_minute_and_a_lost_file_keeps_the_last(tmp_path: Path) -> None:
    now = [0.0]
    file = tmp_path / "token"
    file.write_text("one")
    authorization = TokenFile(file, clock=lambda: now[0])
    assert authorization.header() == "Bearer one"
    file.write_text("two")
    now[0] = 59
    assert authorization.header() == "Bearer one"
    now[0] = 60
    assert authorization.header() == "Bearer two"
    file.unlink()
    now[0] = 200
    assert authorization.header() == "Bearer two"


def test_of_several_files_the_first_that_names_a_thing_wins(tmp_path: Path) -> None:
    one = kubeconfig(tmp_path, user={"token": "one"}, name="one")
    two = kubeconfig(tmp_path, user={"token": "two"}, name="two")
    found = connect({"KUBECONFIG": f"{one}:{two}"})
    assert found.authorization.header() == "Bearer one"


def service_account(folder: Path) -> Path:
    Authority(folder)
    (folder / "token").write_text("sa-token")
    (folder / "namespace").write_text("byob")
    return folder


@pytest.mark.parametrize(
    ("host", "server"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_in_a_pod_the_service_account_is_taken(tmp_path: Path, host: str, server: str) -> None:
    found = connect(
        {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}, service_account=service_account(tmp_path)
    )
    assert (found.server, found.namespace, found.authorization.header()) == (server, "byob", "Bearer sa-token")
    assert found.ssl_context().get_ca_certs()


def test_a_kubeconfig_that_is_named_wins_over_the_pods_own(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "h", "KUBECONFIG": str(kubeconfig(tmp_path))}
    assert connect(environ, service_account=service_account(tmp_path)).server == "https://api:6443"


def test_with_neither_the_user_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConnectionConfigError, match="Set KUBECONFIG to a kubeconfig file, or run inside a cluster"):
        connect({}, service_account=tmp_path)
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube")
    assert connect({}, service_account=tmp_path).server == "https://api:6443"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clusters: [", "is not YAML"),
        ("just text", "is not a kubeconfig"),
        ("{}", "has no current-context"),
        ("current-context: x", 'has no "x" among its contexts'),
        ("{current-context: x, contexts: [{name: x, context: {cluster: c}}]}", 'has no "c" among its clusters'),
        (
            "{current-context: x, contexts: [{name: x, context: {cluster: c}}], clusters: [{name: c, cluster: {certificate-authority-data: '!'}}]}",
            "certificate-authority-data is not base64",
        ),
        (
            "{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {}}], users: [{name: u, user: {auth-provider: {}, token: x, auth-provider: {name: gcp}}}]}",
            "Use an exec plugin",
        ),
    ],
)
def test_a_kubeconfig_that_is_wrong_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConnectionConfigError, match=said):
        from_kubeconfig([path])


def test_a_users_word_goes_before_the_environment(tmp_path: Path) -> None:
    """A kubeconfig that is named, and one of its contexts, as `--kubeconfig` and `--context` give them."""
    other = kubeconfig(tmp_path, cluster={"server": "https://other:6443"}, name="other")
    content = yaml.safe_load(other.read_text())
    content["contexts"].append({"name": "y", "context": {"cluster": "c", "namespace": "elsewhere"}})
    other.write_text(yaml.safe_dump(content))
    environ = {"KUBECONFIG": str(kubeconfig(tmp_path))}
    assert connect(environ).server == "https://api:6443"
    assert connect(environ, kubeconfig=str(other)).server == "https://other:6443"
    assert connect(environ, kubeconfig=str(other), context="y").namespace == "elsewhere"
    with pytest.raises(ConnectionConfigError, match='"z" among its contexts'):
        connect(environ, context="z")
