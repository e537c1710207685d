#!/usr/bin/env python3
"""Generate operator/wandb_byob/model/api.py from crds/*.yaml; with --check, only say whether it would differ.

The classes themselves are written by datamodel-code-generator. What is done here is what it cannot know: which parts of the three
schemas are one class and what it is called, and that what cannot be changed in place (tuples) suits a frozen class.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
CRDS = ROOT / "crds"
OUTPUT = ROOT / "operator" / "wandb_byob" / "model" / "api.py"

HEADER = '''"""The API's types, generated from crds/*.yaml by hack/generate.py: do not edit.

`msgspec.convert(obj, type=BucketStore)` reads what the API server returns, `msgspec.to_builtins` gives the form on the wire.
Limits and rules (lengths, patterns, CEL) are the API server's business and not repeated here. Fields at their default may be left out
of the wire form: to see whether two objects differ, compare the classes. Absent lists and maps read as empty ones, an absent status
as an empty status.
"""'''

FOOTER = """
# msgspec prepares a class when something is first read into it, and two threads that do so at once end the process (a null pointer
# in msgspec 0.22): so all classes are prepared here, in the one thread that imports this module.
for _kind in ({kinds}):
    json.Decoder(_kind)
"""

# What a nested object is called, by the longest end of its path that is listed. The second part, where there is one, replaces the
# first sentence of its description: needed where several places of the schemas share a class.
CLASSES: dict[str, tuple[str, str | None]] = {
    "metadata": ("ObjectMeta", None),
    "WandbInstance.spec": ("WandbInstanceSpec", None),
    "WandbInstance.status": ("WandbInstanceStatus", None),
    "WandbInstance.status.reverted": ("Reverted", None),
    "WandbInstance.status.storage": ("StorageEntry", None),
    "WandbInstance.status.form": ("InstanceForm", None),
    "BucketStore.spec": ("BucketStoreSpec", None),
    "BucketStore.status": ("BucketStoreStatus", None),
    "TeamStorage.spec": ("TeamStorageSpec", None),
    "TeamStorage.status": ("TeamStorageStatus", None),
    "TeamStorage.status.form": ("FormStep", None),
    "spec.coreWeave.directAccess": ("DirectAccess", None),
    "caBundleRef": ("CABundleReference", None),
    "instanceRef": ("ObjectReference", "A reference to an object, by default in the referrer's own namespace."),
    "bucketStoreRef": ("ObjectReference", None),
    "storage.bucketStoreRef": ("LocalReference", "A reference to an object in the referrer's own namespace."),
    "credentialsSecretRef": ("LocalReference", None),
    "credentials": ("Credentials", None),
    "provisioning": ("Provisioning", None),
    "secretRef": ("SecretReference", None),
    "secretRef.keys": ("SecretKeys", None),
    "allowedNamespaces": ("NamespaceGrant", "Which namespaces' objects may refer to this one."),
    "selector": ("LabelSelector", "Labels that an object must have."),
    "matchExpressions": ("LabelSelectorRequirement", None),
    "spec.cors": ("Cors", None),
    "spec.verification": ("Verification", None),
    "spec.createTeam": ("CreateTeam", None),
    "spec.target": ("Target", None),
    "spec.target.workloads": ("WorkloadsTarget", None),
    "spec.target.weightsAndBiases": ("WeightsAndBiasesTarget", None),
    "spec.storage": ("InstanceStorage", None),
    "spec.fileStores": ("FileStores", None),
    "spec.rollout": ("Rollout", None),
    "spec.rollout.windows": ("RolloutWindow", None),
    "spec.scim": ("Scim", None),
    "status.conditions": ("Condition", None),
    "status.bucket": ("BucketStatus", None),
    "status.checks": ("Check", None),
    "status.plan": ("PlannedChange", None),
    "status.handOver": ("HandOver", None),
    "status.entries": ("Entry", None),
    "status.workloads": ("WorkloadStatus", None),
    "status.failed": ("FailedConfiguration", None),
}

_STRING = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
OBJECT_META: dict[str, Any] = {
    "type": "object",
    "description": "The part of Kubernetes' own metadata that the operator looks at; the rest is ignored.",
    "required": ["name"],
    "properties": {
        "name": _STRING,
        "namespace": {**_STRING, "default": ""},
        "uid": {**_STRING, "default": ""},
        "resourceVersion": {**_STRING, "default": ""},
        "generation": {"type": "integer", "default": 0},
        "creationTimestamp": _TIME,
        "deletionTimestamp": _TIME,
        "labels": {"type": "object", "additionalProperties": _STRING},
        "annotations": {"type": "object", "additionalProperties": _STRING},
        "finalizers": {"type": "array", "items": _STRING},
    },
}

GENERATOR = """
    --input-file-type=jsonschema --output-model-type=msgspec.Struct --target-python-version=3.11 --snake-case-field
    --enum-field-as-literal=all --use-standard-collections --use-union-operator --use-schema-description --use-double-quotes
    --output-datetime-class=datetime --disable-timestamp --skip-root-model --keep-model-order --formatters=builtin
"""


class Classes:
    """The nested objects of all schemas, each shape once, as JSON schema definitions."""

    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}

    def lift(self, schema: dict[str, Any], path: str) -> dict[str, Any]:
        """Give the schema at `path` without constraints, with each object inside it moved into the definitions."""
        if "properties" in schema:
            return self._object(schema, path)
        if schema["type"] == "array":
            return {"type": "array", "items": self.lift(schema["items"], path), "default": []}
        if schema["type"] == "object":
            values = self.lift(schema["additionalProperties"], path)
            return {"type": "object", "additionalProperties": values, "default": {}}
        kept = {key: schema[key] for key in ("type", "enum", "default") if key in schema}
        return kept | ({"format": "date-time"} if schema.get("format") == "date-time" else {})

    def _object(self, schema: dict[str, Any], path: str) -> dict[str, Any]:
        name, description = class_of(path)
        required = schema.get("required", [])
        properties = {}
        for key, value in schema["properties"].items():
            lifted = self.lift(value, f"{path}.{key}")
            if key in required:
                lifted.pop("default", None)
            elif "$ref" in lifted and "default" in value:
                lifted["default"] = value["default"]
            properties[key] = lifted
        definition = {"type": "object", "required": required, "properties": properties}
        known = self.definitions.setdefault(name, definition)
        if without_text(known) != without_text(definition):
            raise SystemExit(f"{path}: {name} already is a class of another shape. Give this one a name in CLASSES.")
        text = description or schema["description"].partition(". ")[0].rstrip(".") + "."
        if description or "description" not in known:
            known["description"] = text
        return {"$ref": f"#/$defs/{name}"}


def class_of(path: str) -> tuple[str, str | None]:
    """Look up what the object at `path` is called; the longest end of the path that is listed counts."""
    parts = path.split(".")
    for start in range(len(parts)):
        known = CLASSES.get(".".join(parts[start:]))
        if known:
            return known
    if len(parts) == 1:
        return path, None
    if parts[:2] == ["BucketStore", "spec"] and parts[2:] in blocks():
        return f"{parts[2][0].upper()}{parts[2][1:]}Spec", None
    raise SystemExit(f"{path}: a new object in the schema. Give it a class name in CLASSES.")


@functools.cache
def blocks() -> list[list[str]]:
    """Name the blocks of a BucketStore's specification, which are called like the providers, case aside."""
    spec = schema_of(CRDS / "byob.wandb.com_bucketstores.yaml")["properties"]["spec"]["properties"]
    providers = {provider.lower() for provider in spec["provider"]["enum"]}
    return [[name] for name in spec if name.lower() in providers]


def schema_of(crd: Path) -> dict[str, Any]:
    """Read the schema of a CRD's only version."""
    (version,) = yaml.safe_load(crd.read_text())["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def without_text(definition: dict[str, Any]) -> dict[str, Any]:
    """Leave out the description, which may differ between two places of one class."""
    return {key: value for key, value in definition.items() if key != "description"}


def combined_schema() -> dict[str, Any]:
    """Put the three CRDs' schemas into one JSON schema of definitions."""
    classes = Classes()
    for path in sorted(CRDS.glob("*.yaml")):
        crd = yaml.safe_load(path.read_text())["spec"]
        (version,) = crd["versions"]
        schema = version["schema"]["openAPIV3Schema"]
        kind, properties = crd["names"]["kind"], schema["properties"]
        properties["metadata"] = OBJECT_META
        properties["status"]["default"] = {}
        properties["apiVersion"]["default"] = f"{crd['group']}/{version['name']}"
        properties["kind"]["default"] = kind
        classes.lift(schema | {"required": ["metadata", "spec"]}, kind)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": classes.definitions}


def kinds() -> list[str]:
    """Name the kinds of the CRDs."""
    return [yaml.safe_load(path.read_text())["spec"]["names"]["kind"] for path in sorted(CRDS.glob("*.yaml"))]


def generate() -> str:
    """Produce the text of api.py."""
    with tempfile.TemporaryDirectory() as folder:
        schema, output = Path(folder, "schema.json"), Path(folder, "api.py")
        schema.write_text(json.dumps(combined_schema()))
        run("datamodel_code_generator", *GENERATOR.split(), f"--input={schema}", f"--output={output}")
        code = finish(output.read_text()).replace("from msgspec import ", "from msgspec import json, ", 1)
        output.write_text(HEADER + "\n\n" + code + FOOTER.format(kinds=", ".join(kinds())))
        for command in ("check --fix --select=I,UP,F401", "format"):
            run("ruff", *command.split(), "--quiet", f"--config={ROOT / 'pyproject.toml'}", str(output))
        return output.read_text()


def run(module: str, *arguments: str) -> None:
    """Run a tool of this environment."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stdout}{done.stderr}")


def finish(code: str) -> str:
    """Turn the generator's classes into frozen, keyword-only ones with tuples for lists, each after those it needs."""
    module = ast.parse(code)
    classes = {node.name: Finisher().visit(node) for node in module.body if isinstance(node, ast.ClassDef)}
    rest = [node for node in module.body if not isinstance(node, ast.ClassDef)]
    return ast.unparse(ast.Module(body=[*rest, *in_order(classes)], type_ignores=[]))


class Finisher(ast.NodeTransformer):
    """Rewrites one generated class."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Set the class options; only a whole object states what is at its default (apiVersion and kind must be on the wire)."""
        whole = any(isinstance(item, ast.AnnAssign) and ast.unparse(item.target) == "api_version" for item in node.body)
        options = {"frozen": True, "kw_only": True, "omit_defaults": not whole}
        node.keywords = [ast.keyword(arg=key, value=ast.Constant(value)) for key, value in options.items() if value]
        node.keywords.append(ast.keyword(arg="rename", value=ast.Constant("camel")))
        docstring = node.body[0]
        if isinstance(docstring, ast.Expr):
            docstring.value = ast.Constant(ast.get_docstring(node))
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """Give one field its type and default: None for what may be absent, one shared value for a nested object at its defaults."""
        options = field_options(node.value)
        text = ast.unparse(node.annotation).replace("list[", "tuple[")
        text = re.sub(r"tuple\[(\w+)\]", r"tuple[\1, ...]", text)
        absent = options.get("default") == "UNSET"
        text = text.replace(" | UnsetType", " | None" if absent else "")
        if absent:
            options["default"] = "None"
        elif options.pop("default_factory", None) or "default" in options:
            options.setdefault("default", {"tuple": "()", "dict": "{}"}.get(text.partition("[")[0], f"{text}()"))
        if options.get("name") == repr(camel(ast.unparse(node.target))):
            del options["name"]
        given = ", ".join(f"{key}={text}" for key, text in options.items())
        value = options.get("default") if options.keys() <= {"default"} else f"field({given})"
        node.annotation = ast.parse(text, mode="eval").body
        node.value = ast.parse(value, mode="eval").body if value else None
        return node


def field_options(value: ast.expr | None) -> dict[str, str]:
    """Read what is right of a field's equals sign: nothing, a default, or a call of field()."""
    if isinstance(value, ast.Call):
        return {str(keyword.arg): ast.unparse(keyword.value) for keyword in value.keywords}
    return {"default": ast.unparse(value)} if value else {}


def camel(name: str) -> str:
    """Spell a name as msgspec's rename="camel" does, which keeps an underscore at the end (from_)."""
    if name.endswith("_"):
        return name
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)


def in_order(classes: dict[str, ast.ClassDef]) -> list[ast.ClassDef]:
    """Sort classes by name, but each after those it refers to, since a default may call them."""
    placed: dict[str, ast.ClassDef] = {}

    def place(name: str) -> None:
        if name not in placed:
            for node in ast.walk(classes[name]):
                if isinstance(node, ast.Name) and node.id in classes and node.id != name:
                    place(node.id)
            placed[name] = classes[name]

    for name in sorted(classes):
        place(name)
    return list(placed.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Write api.py, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; show a difference and exit 1")
    check, wanted = parser.parse_args(arguments).check, generate()
    found = OUTPUT.read_text() if OUTPUT.exists() else ""
    name = str(OUTPUT.relative_to(ROOT))
    if check and found != wanted:
        texts = (found.splitlines(True), wanted.splitlines(True))
        sys.stdout.writelines(difflib.unified_diff(*texts, name, "crds/*.yaml say"))
        sys.stdout.write(f"{name} does not match crds/*.yaml: run hack/generate.py and commit the result.\n")
        return 1
    if not check and found != wanted:
        OUTPUT.write_text(wanted)
        sys.stdout.write(f"wrote {name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
