"""`byob operator`: flags and environment become one configuration, and wrong ones a sentence."""

import argparse
from pathlib import Path

import pytest

from wandb_byob.model.config import CloudEndpoints, Config
from wandb_byob.runtime import command

NOWHERE = Path("/nonexistent/namespace")


def config(*flags: str, environ: dict[str, str] | None = None, namespace_file: Path = NOWHERE) -> Config:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.config(
        parser.parse_args(flags),
        environ if environ is not None else {"POD_NAMESPACE": "byob"},
        namespace_file=namespace_file,
    )


def test_without_flags_the_releases_own_namespace_is_watched() -> None:
    assert config() == Config(release_namespace="byob", namespaces=("byob",))


@pytest.mark.parametrize(
    ("flags", "namespaces"),
    [
        (["--namespaces=a,b"], ("a", "b")),
        (["--namespaces=a", "--namespaces=b, a"], ("a", "b")),
        (["--all-namespaces"], ()),
    ],
)
def test_which_namespaces_are_watched(flags: list[str], namespaces: tuple[str, ...]) -> None:
    assert config(*flags).namespaces == namespaces


def test_every_field_has_its_flag() -> None:
    flags = [
        "--release-namespace=r",
        "--release-name=n",
        "--allowed-endpoints=minio:9000,10.0.0.0/8",
        "--allow-operator-identity",
    ]
    flags += [
        "--workers=3",
        "--probe-port=1",
        "--metrics-port=2",
        "--log-format=console",
        "--log-level=debug",
        "--namespaces=x",
        "--gcs-endpoint=https://g.example.com",
        "--gcs-iam-endpoint=https://i.example.com",
        "--gcs-metadata-endpoint=http://127.0.0.1:988",
        "--azure-endpoint=http://127.0.0.1:10000/{account}",
        "--coreweave-endpoint=https://c.example.com:8443",
        "--s3-endpoint=http://127.0.0.1:5000",
        "--kms-endpoint=https://kms.{region}.example.com",
        "--image=registry.example.com/wandb-byob:1",
        "--image-pull-secrets=registry,other",
    ]
    assert config(*flags) == Config(
        release_namespace="r",
        namespaces=("x",),
        release_name="n",
        allowed_endpoints=("minio:9000", "10.0.0.0/8"),
        allow_operator_identity=True,
        image="registry.example.com/wandb-byob:1",
        image_pull_secrets=("registry", "other"),
        cloud_endpoints=CloudEndpoints(
            gcs="https://g.example.com",
            gcs_iam="https://i.example.com",
            gcs_metadata="http://127.0.0.1:988",
            azure="http://127.0.0.1:10000/{account}",
            coreweave="https://c.example.com:8443",
            s3="http://127.0.0.1:5000",
            kms="https://kms.{region}.example.com",
        ),
        workers=3,
        probe_port=1,
        metrics_port=2,
        log_format="console",
        log_level="debug",
    )


def test_the_namespace_comes_from_the_service_account_where_nothing_else_says_it(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    file.write_text("from-file\n")
    assert config(environ={}, namespace_file=file).release_namespace == "from-file"


@pytest.mark.parametrize(
    ("flags", "environ", "said"),
    [
        ([], {}, "Set --release-namespace or the variable POD_NAMESPACE"),
        (["--namespaces="], {"POD_NAMESPACE": "x"}, "To watch all namespaces say --all-namespaces"),
        (["--gcs-endpoint=ftp://x"], {"POD_NAMESPACE": "x"}, "--gcs-endpoint is not an http or https URL"),
        (["--gcs-iam-endpoint=https://x/y"], {"POD_NAMESPACE": "x"}, "--gcs-iam-endpoint holds more than a host"),
        (
            ["--azure-endpoint=https://x.example"],
            {"POD_NAMESPACE": "x"},
            "Write where the storage account's name belongs",
        ),
        (["--azure-endpoint=https://x/y/{account}"], {"POD_NAMESPACE": "x"}, "holds more than a host and a port"),
        (["--coreweave-endpoint=https://cwlota.com"], {"POD_NAMESPACE": "x"}, "LOTA cache, which W&B does not support"),
        (["--cloud-ca-file=/nonexistent"], {"POD_NAMESPACE": "x"}, "Name a file of certificates in PEM form"),
        (["--namespaces=a,,b"], {"POD_NAMESPACE": "x"}, "To watch all namespaces say --all-namespaces"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(flags: list[str], environ: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        config(*flags, environ=environ)


@pytest.mark.parametrize(
    "flags", [["--workers=0"], ["--workers=x"], ["--log-level=loud"], ["--all-namespaces", "--namespaces=a"]]
)
def test_wrong_flags_end_with_status_2(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        config(*flags)
    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err


def test_without_a_cluster_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("POD_NAMESPACE", "byob")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([])) == 2
    assert f"{tmp_path / 'none'} can't be read" in capsys.readouterr().err
