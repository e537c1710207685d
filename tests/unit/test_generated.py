"""The Python types follow the CRDs: what is committed is what hack/generate.py makes, and a difference is shown readably."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from wandb_byob.model.api import BucketStatus, BucketStore, Check, NamespaceGrant

ROOT = Path(__file__).parents[2]


@pytest.fixture
def generate() -> ModuleType:
    """hack/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "hack" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_types_match_the_crds(generate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Changing a CRD without generating the types anew fails here."""
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_drift_is_shown_as_a_difference(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check says which line differs and what to run, and writes nothing."""
    crds = Path(shutil.copytree(ROOT / "crds", tmp_path / "crds"))
    file = crds / "byob.wandb.com_bucketstores.yaml"
    file.write_text(file.read_text().replace("enum: [Retain, Delete]", "enum: [Retain, Delete, Archive]"))
    monkeypatch.setattr(generate, "CRDS", crds)
    before = generate.OUTPUT.read_text()
    assert generate.main(["--check"]) == 1
    shown = capsys.readouterr().out
    assert '+    deletion_policy: Literal["Retain", "Delete", "Archive"] = "Retain"' in shown
    assert "run hack/generate.py and commit the result" in shown
    assert generate.OUTPUT.read_text() == before


def test_a_new_object_in_a_schema_must_be_named(generate: ModuleType) -> None:
    """Class names are chosen by people: the generator does not invent one."""
    schema = {"type": "object", "description": "New.", "properties": {"a": {"type": "string"}}}
    with pytest.raises(SystemExit, match=r"BucketStore\.spec\.novelty: a new object in the schema"):
        generate.Classes().lift(schema, "BucketStore.spec.novelty")


def test_two_shapes_cannot_share_a_class(generate: ModuleType) -> None:
    """One class is one shape, wherever in the three schemas it stands."""
    classes = generate.Classes()
    classes.lift({"type": "object", "description": "A.", "properties": {"a": {"type": "string"}}}, "X.status.checks")
    with pytest.raises(SystemExit, match=r"Y\.status\.checks: Check already is a class of another shape"):
        classes.lift(
            {"type": "object", "description": "B.", "properties": {"b": {"type": "string"}}}, "Y.status.checks"
        )


def test_types_read_what_the_api_server_returns() -> None:
    """Unknown fields are ignored, also in metadata; absent lists are empty, an absent status is an empty one."""
    store = msgspec.convert(
        {
            "apiVersion": "byob.wandb.com/v1alpha1",
            "kind": "BucketStore",
            "metadata": {"name": "a", "namespace": "b", "managedFields": [{"manager": "kubectl"}]},
            "spec": {
                "provider": "S3",
                "s3": {"bucket": "acme", "region": "eu-central-1", "kmsKeyARN": "arn:aws:kms:…", "fromTheFuture": 1},
                "credentials": {"secretRef": {"name": "keys", "keys": {"accessKeyID": "id"}}},
            },
        },
        type=BucketStore,
    )
    assert store.spec.s3
    assert store.spec.s3.kms_key_arn == "arn:aws:kms:…"
    assert store.spec.credentials.secret_ref
    assert store.spec.credentials.secret_ref.keys
    assert store.spec.credentials.secret_ref.keys.access_key_id == "id"
    assert store.spec.allowed_namespaces == NamespaceGrant(from_="Same")
    assert (store.status.checks, store.status.bucket, store.metadata.finalizers) == ((), None, ())


def test_types_write_the_form_on_the_wire() -> None:
    """Names are camel case again; what says nothing is left out, what is required never is."""
    bucket = BucketStatus(created=False, adopted=True, identity="s3://acme")
    assert msgspec.to_builtins(bucket) == {"created": False, "adopted": True, "identity": "s3://acme"}
    check = Check(name="Put", result="Passed", message="Written.")
    assert msgspec.to_builtins(check) == {"name": "Put", "result": "Passed", "message": "Written."}
    assert msgspec.to_builtins(NamespaceGrant(from_="All")) == {"from": "All"}


def test_types_cannot_be_changed_in_place() -> None:
    """Objects are shared between threads."""
    with pytest.raises(AttributeError):
        NamespaceGrant().from_ = "All"  # type: ignore[misc]


_TOGETHER = """
import sys, threading
import msgspec
from wandb_byob.model import api
from unit.resources import bucket_store, wandb_instance

sys.setswitchinterval(1e-6)
together = threading.Barrier(8)

def read(number):
    together.wait()
    kind, body = [(api.BucketStore, bucket_store()), (api.WandbInstance, wandb_instance())][number % 2]
    msgspec.convert(body, kind)

threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_begin_together_do_not_end_the_process() -> None:
    """All workers read their first objects at the same moment: without preparation four of five such starts end in a crash."""
    for _ in range(5):
        env = {"PYTHONPATH": str(ROOT / "tests")}
        assert subprocess.run([sys.executable, "-c", _TOGETHER], env=env, check=False).returncode == 0
