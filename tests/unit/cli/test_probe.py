"""`byob probe`, the program of the Job: one file in, one message out, and no secret in it. The store itself is for tests/cluster."""

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from unit.resources import as_store, bucket_store
from wandb_byob.cli import probe
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey, Ambient
from wandb_byob.model.errors import Stalled
from wandb_byob.model.probe import ProbeInput, signer_of
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context

SECRET = "cAnArY/secret+value"
KEYS = AccessKey(access_key_id="AKIA7CANARY9", secret_access_key=SECRET)
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


@dataclass
class Told:
    """A provider whose probe says what it is told to; `trusted` are the bundles with which TLS holds (None: any)."""

    says: str = "An object was written."
    raises: Exception | None = None
    trusted: tuple[str, ...] | None = None
    contexts: list[Context] = field(default_factory=list)

    def probe(self, context: Context) -> tuple[Check, ...]:
        self.contexts.append(context)
        if self.raises is not None:
            raise self.raises
        if self.trusted is not None and not any(each in (context.ca_bundle or "") for each in self.trusted):
            return (
                Check(name=CheckName.TLS, result=CheckResult.FAILED, message="Unknown authority.", remedy="Trust it."),
            )
        return (Check(name=CheckName.PUT_OBJECT, result=CheckResult.PASSED, message=self.says, path="teams/ml"),)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    monkeypatch.setattr(probe, "providers", lambda endpoints: {"S3": told})
    return told


def given(**more: Any) -> ProbeInput:
    basic = ProbeInput(
        uid="u",
        spec=as_store(bucket_store()).spec,
        deployment_type="SelfManaged",
        origins=("https://wandb.example.com",),
        paths=("teams/ml",),
        signer=signer_of(KEYS),
        allowed_endpoints=("minio",),
    )
    return msgspec.structs.replace(basic, **more)


def run(folder: Path, *, text: bytes | None = None) -> tuple[int, Path]:
    file, out = folder / "input.json", folder / "out"
    if text is not None:
        file.write_bytes(text)
    return probe.run(argparse.Namespace(input=file, result=out, authorities=folder / "authorities")), out


def test_it_tries_what_the_file_says_and_tells_what_it_found(provider: Told, tmp_path: Path) -> None:
    status, out = run(tmp_path, text=msgspec.json.encode(given()))
    assert status == 0
    assert json.loads(out.read_bytes()) == {"rows": [["PutObject", "Passed", "0", "An object was written.", ""]]}
    (context,) = provider.contexts
    assert (context.data, context.admin, context.paths) == (KEYS, None, ("teams/ml",))
    assert (context.allowed_endpoints, context.tenant.origins) == (("minio",), ("https://wandb.example.com",))


def test_without_keys_it_signs_with_the_pods_own_identity(provider: Told, tmp_path: Path) -> None:
    run(tmp_path, text=msgspec.json.encode(given(signer=signer_of(Ambient()))))
    assert provider.contexts[0].data == Ambient()


@pytest.mark.parametrize("raised", [None, Stalled(Reason.ENDPOINT_NOT_ALLOWED, f"No, {SECRET}."), RuntimeError(SECRET)])
def test_no_key_is_told_whatever_the_store_repeats(provider: Told, tmp_path: Path, raised: Exception | None) -> None:
    """Neither in a check nor in the reason why it gave up."""
    provider.says, provider.raises = f"The store repeated {SECRET} and {KEYS.access_key_id}.", raised
    status, out = run(tmp_path, text=msgspec.json.encode(given()))
    text = out.read_text()
    assert status == 0
    assert "cAnArY" not in text
    assert "CANARY" not in text
    assert ("error" in json.loads(text)) is (raised is not None)


@pytest.mark.parametrize(
    ("trusted", "lent", "failed"),
    [
        (None, False, False),
        (("MIIB",), False, False),
        (("the BucketStore's",), True, False),
        (("nobody's",), True, True),
    ],
    ids=["public", "by W&B's pods", "by the BucketStore alone", "by nobody"],
)
def test_whose_trust_tls_holds_with(
    provider: Told, tmp_path: Path, trusted: tuple[str, ...] | None, lent: bool, failed: bool
) -> None:
    """First what W&B's pods have, the system's included; the BucketStore's bundle only where that is not enough, and told."""
    mounted = tmp_path / "authorities" / "0"
    mounted.mkdir(parents=True)
    (mounted / "ca.crt").write_text(f"# a comment\n{AUTHORITY}\n")
    provider.trusted = trusted
    _, out = run(tmp_path, text=msgspec.json.encode(given(ca_bundle="the BucketStore's")))
    told = json.loads(out.read_bytes())
    assert told.get("lent", False) is lent
    assert ("TLS" in out.read_text()) is failed
    assert "BEGIN CERTIFICATE" in (provider.contexts[0].ca_bundle or "")
    assert len(provider.contexts[0].ca_bundle or "") > 10_000, "the system's authorities are still trusted"


@pytest.mark.parametrize(
    "text", [None, b"", b'{"signer": {"secret_access_key": "cAnArY"}}'], ids=["none", "empty", "odd"]
)
def test_a_file_that_is_no_input_ends_it_without_a_word_of_it(
    tmp_path: Path, text: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = run(tmp_path, text=text)
    assert status == 2
    assert not out.exists()
    said = capsys.readouterr().err
    assert "--input can't be read" in said
    assert "cAnArY" not in said
