"""Run `byob` for the documents and paste what it prints there: `python -m console.report [--kubeconfig FILE] [NAME …]`.

`make docs-doctor` calls it. The places that show a cluster need the kubeconfig of a running demo (`make demo`).

Each place in docs/doctor.md named doctor-CASE gets the run of that case of cases.py, on a terminal of 100 columns: of a healthy
bucket every row, of a broken one what fails and warns. docs/cli.md gets the other commands.
"""

import argparse
import importlib.util
import re
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Final

from console import setups
from console.cases import CASES, Case
from console.program import Run, on_terminal, write
from console.sites import SITES
from testbed import names, stores
from testbed.coreweave import CoreWeave, start_coreweave
from testbed.gcs import GoogleCloud, start_gcs
from testbed.object_store import Store

ESCAPES: Final = re.compile(r"\x1b\[[0-9;]*m")
ROOT: Final = Path(__file__).parents[2]
STORES: Final[Mapping[str, Callable[[Path], Store | CoreWeave | GoogleCloud]]] = {
    "moto": stores.start_moto,
    "versitygw": stores.start_versitygw,
    "minio": stores.start_minio,
    "coreweave": start_coreweave,
    "gcs": start_gcs,
    "azurite": stores.start_azurite,
}


def main() -> int:
    """Fill the places that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("name", nargs="*")
    arguments = parser.parse_args()
    pages = docs()
    socket.getaddrinfo = names.resolver(socket.getaddrinfo)
    with TemporaryDirectory() as scratch, ExitStack() as stack:
        folder, running = Path(scratch), dict[str, Any]()
        for fixture in {site.fixture for site in SITES.values()}:
            running[fixture] = STORES[fixture](folder / fixture)
            stack.callback(running[fixture].stop)
        outputs = [_outputs(running, folder)]
        if arguments.kubeconfig is not None:
            outputs.append(in_cluster(running["versitygw"], folder / "cluster", arguments.kubeconfig.resolve()))
        for name, output in chain(*outputs):
            if not arguments.name or name in arguments.name:
                pages.paste(name, output)
    return 0


def _outputs(running: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    for name, case in CASES.items():
        yield f"doctor-{name}", doctor(case, running[SITES[case.site].fixture], folder / name)
    yield from commands(running["moto"], folder / "commands")
    yield "doctor-help", f"$ byob doctor --help\n{on_terminal(folder, 'doctor', '--help').output}"


def doctor(case: Case, store: Any, folder: Path) -> str:
    """One case as a user sees it."""
    folder.mkdir()
    with ExitStack() as stack:
        setup = case.setup(store, stack)
        setup.write(folder)
        # Of a broken bucket only what is wrong with it, without the warning that is only about stores on this machine.
        chosen = ("--quiet", "--allowed-endpoints", "127.0.0.1") if case.broken else ()
        words = ("doctor", "-f", "bucket.yaml", *setup.arguments, *chosen)
        done = on_terminal(folder, *words)
    missing = [
        name for name in case.failed if not re.search(rf"^{name} +Failed", ESCAPES.sub("", done.output), re.MULTILINE)
    ]
    if done.status != case.status or missing:
        raise SystemExit(
            f"{case.title}: ended with {done.status}, and {missing or 'nothing'} is missing:\n{done.output}"
        )
    return shown(words, done)


def commands(store: Store, folder: Path) -> Iterator[tuple[str, str]]:
    """The commands that need one bucket and no cluster."""
    folder.mkdir()
    setup = setups.s3(store)
    setup.spec.update({"provisioning": setup.spec["credentials"], "adoptionPolicy": "Adopt"})
    setup.client("delete_bucket_cors")
    write(folder, setup.objects)
    for name, words in {
        "plan": ("plan", "-f", "bucket.yaml"),
        "policy-json": ("policy", "-f", "bucket.yaml", "--only", "bucket-policy"),
        "policy-cli": ("policy", "-f", "bucket.yaml", "--format", "cli"),
        "address": ("address", "-f", "bucket.yaml", "vision"),
    }.items():
        yield f"cli-{name}", shown(words, on_terminal(folder, *words))


def in_cluster(store: Store, folder: Path, kubeconfig: Path) -> Iterator[tuple[str, str]]:
    """What shows W&B and its teams, in the namespace of the demo: as it is, and with one more bucket."""
    folder.mkdir()
    setup = setups.s3_compatible(store)
    setup.spec.update({"provisioning": setup.spec["credentials"], "adoptionPolicy": "Adopt"})
    _, *objects = setup.objects
    for each in objects:
        each["metadata"]["name"] = "audio"
    objects[1]["spec"]["credentials"]["secretRef"]["name"] = "audio"
    objects[2]["spec"]["bucketStoreRef"]["name"] = "audio"
    write(folder, objects, name="audio.yaml")
    environ = {"KUBECONFIG": str(kubeconfig)}
    for name, words in {
        "tree": ("tree",),
        "plan-cluster": ("plan", "-f", "audio.yaml", "--with-cluster", "audio"),
    }.items():
        yield f"cli-{name}", shown(words, on_terminal(folder, *words, environ=environ))


def shown(words: tuple[str, ...], run: Run) -> str:
    """What a terminal shows: the command, its output, and how it ended."""
    return f"$ byob {' '.join(words)}\n{run.output}\n$ echo $?\n{run.status}"


def docs() -> ModuleType:
    """hack/docs.py, which is no package."""
    spec = importlib.util.spec_from_file_location("docs", ROOT / "hack" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
