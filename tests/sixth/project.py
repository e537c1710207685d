"""A copy of the project with a sixth provider: one module, one block in the CRD, one line in the registry, and one place in the contract."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
MODULE: Final = "operator/wandb_byob/providers/shelf"
CRD: Final = "crds/byob.wandb.com_bucketstores.yaml"
_BLOCK: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A bucket on a shelf. For provider Shelf only.",
    "required": ["bucket", "endpoint"],
    "properties": {
        "bucket": {"type": "string", "maxLength": 63, "description": "Name of the bucket. Locked once it is in place."},
        "endpoint": {"type": "string", "maxLength": 253, "description": "Where the shelf is, such as https://shelf.example.com."},
    },
}  # fmt: skip


def with_block(crd: dict[str, Any]) -> dict[str, Any]:
    """The CRD of BucketStore with the provider's name and block, its part in the union, its lock, and the field to select by."""
    (version,) = crd["spec"]["versions"]
    version["selectableFields"].append({"jsonPath": ".spec.shelf.bucket"})
    schema = version["schema"]["openAPIV3Schema"]
    schema["x-kubernetes-validations"].append(
        {
            "rule": "!has(oldSelf.status) || !has(oldSelf.status.bucket) || !has(oldSelf.spec.shelf) || !has(self.spec.shelf)"
            " || self.spec.shelf == oldSelf.spec.shelf",
            "message": "spec.shelf is locked, since the bucket is in place (status.bucket).",
        }
    )
    spec = schema["properties"]["spec"]
    spec["properties"]["provider"]["enum"].append("Shelf")
    spec["properties"]["shelf"] = _BLOCK
    union, *_ = spec["x-kubernetes-validations"]
    union["rule"] += " || (self.provider == 'Shelf' && has(self.shelf))"
    spec["x-kubernetes-validations"].append(
        {"rule": "self.provider == 'Shelf' || !has(self.shelf)", "message": "spec.shelf is for provider Shelf only."}
    )
    return crd


def make(folder: Path) -> None:
    """Copy what is needed, and add the provider."""
    for name in ("operator", "crds", "hack", "tests/contract"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("testbed", "conftest.py", "sixth"):
        (folder / "tests" / name).symlink_to(ROOT / "tests" / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    # One module …
    shutil.copytree(Path(__file__).with_name("shelf"), folder / MODULE)
    # … one block, from which the types come …
    (folder / CRD).write_text(yaml.safe_dump(with_block(yaml.safe_load((folder / CRD).read_text())), sort_keys=False))
    run(folder, "hack/generate.py")
    # … one line …
    _insert(
        folder / "operator/wandb_byob/providers/registry.py",
        before="    }\n",
        line='        "Shelf": ShelfProvider(),\n',
    )
    _insert(
        folder / "operator/wandb_byob/providers/registry.py",
        before="\n\ndef providers",
        line="from wandb_byob.providers.shelf import ShelfProvider\n",
    )
    # … and one place in the contract.
    _insert(
        folder / "tests/contract/sites.py",
        before="}  # fmt: skip\n\n\ndef site_of",
        line='    "Shelf-shelf": site.PLACE,\n',
    )
    _insert(folder / "tests/contract/sites.py", before="from testbed", line="from sixth import site\n", first=True)


def _insert(file: Path, *, before: str, line: str, first: bool = False) -> None:
    text = file.read_text()
    if first and before not in text:
        before = "from wandb_byob"
    head, found, tail = text.partition(before)
    assert found, f"{file.name} has no {before!r}"
    file.write_text(head + line + found + tail)


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy."""
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{folder / 'operator'}:{folder / 'tests'}", **environ}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def changed(folder: Path) -> set[str]:
    """The files of the program and the API that the copy has otherwise."""
    return {
        str(file.relative_to(folder))
        for part in ("operator", "crds", "hack")
        for file in (folder / part).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not _same(file, ROOT / file.relative_to(folder))
    }


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()
