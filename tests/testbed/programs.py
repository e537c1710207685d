"""Find or build the programs of the testbed: each once per machine and version, in the user's cache folder.

`python -m testbed.programs` builds all that are missing and shows what it does; `path("etcd")` gives one, building it if need be.
A program is looked for in KUBEBUILDER_ASSETS first. What is built lies in a folder named by program, version, Go version and the
digest of go.mod and go.sum; it gets that name only when complete, and a lock keeps two runs from building the same one at once.
"""

import fcntl
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.processes import TestbedError
from testbed.progress import Progress

TOOLS = Path(__file__).parent / "tools"


@dataclass(frozen=True)
class Source:
    """A folder below tools/ from which programs are built: a Go module, or an npm package.

    `packages` maps the program's name to the Go package (or for npm the script) that it is; `version_of` names the dependency that gives the version.
    `stamp` is the variable that tells the programs their version: without it an API server is of version 0.0.0, and Helm refuses charts with a kubeVersion.
    """

    folder: str
    version_of: str
    packages: dict[str, str]
    npm: bool = False
    stamp: str = ""

    @property
    def path(self) -> Path:
        """Where the module's go.mod (or package.json) is."""
        return TOOLS / self.folder


_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
SOURCES = (
    Source("etcd", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}),
    Source(
        "kubernetes",
        "k8s.io/kubernetes",
        {name: f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES},
        stamp="k8s.io/component-base/version.gitVersion",
    ),
    Source("kwok", "sigs.k8s.io/kwok", {"kwok": "sigs.k8s.io/kwok/cmd/kwok"}),
    Source("versitygw", "github.com/versity/versitygw", {"versitygw": "github.com/versity/versitygw/cmd/versitygw"}),
    Source("helm", "helm.sh/helm/v4", {"helm": "helm.sh/helm/v4/cmd/helm"}),
    Source("minio", "github.com/minio/minio", {"minio": "github.com/minio/minio"}),
    Source(
        "fake-gcs-server", "github.com/fsouza/fake-gcs-server", {"fake-gcs-server": "github.com/fsouza/fake-gcs-server"}
    ),
    Source("addressparse", "", {"addressparse": "."}),
    Source("azurite", "azurite", {"azurite-blob": "azurite/dist/src/blob/main.js"}, npm=True),
)


def path(program: str) -> Path:
    """Where the program is; builds it first where it is missing. For npm programs this is the script that node runs."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (Path(assets) / program).is_file():
        return Path(assets) / program
    source = next(each for each in SOURCES if program in each.packages)
    folder = _built(source)
    return folder / "node_modules" / source.packages[program] if source.npm else folder / program


def origin() -> str:
    """Where the API server and etcd come from, in words."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and all(path(name).parent == Path(assets) for name in ("kube-apiserver", "etcd")):
        return "ready binaries in KUBEBUILDER_ASSETS, the rest built from Go modules"
    return f"built from Go modules (Kubernetes {_version(SOURCES[1])})"


def cache_folder() -> Path:
    """The user's cache folder for the testbed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wandb-byob"


def build_all() -> None:
    """Build what is missing, and say for each source where it is."""
    for source in SOURCES:
        folder = cache_folder() / _key(source)
        if folder.is_dir():
            print(f"{', '.join(source.packages)} {_version(source)}".rstrip() + ": there already", flush=True)
        else:
            _built(source)


def once(folder: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Have `make` fill this folder of the cache where it is missing; `name` is what two runs must not make at the same time."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _lock(folder.parent / f"{name}.lock", name):
        if not folder.is_dir():
            _make_whole(folder, name, make)
    return folder


def _built(source: Source) -> Path:
    make = functools.partial(_npm_install if source.npm else _go_build, source)
    return once(cache_folder() / _key(source), source.folder, make)


def _make_whole(folder: Path, name: str, make: Callable[[Path], None]) -> None:
    """Work in a folder beside and rename it when complete, so that what has the final name is whole."""
    for left_over in folder.parent.glob(f"{name}.partial-*"):
        shutil.rmtree(left_over)
    partial = Path(tempfile.mkdtemp(prefix=f"{name}.partial-", dir=folder.parent))
    try:
        make(partial)
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _go_build(source: Source, into: Path) -> None:
    what = f"building {', '.join(source.packages)} {_version(source)}".strip()
    linking = f"-s -w -X {source.stamp}={_version(source)}" if source.stamp else "-s -w"
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags={linking}", "-v"]
    with Progress(what) as progress:
        output = str(into / next(iter(source.packages))) if len(source.packages) == 1 else f"{into}/"
        _run_counting(["go", "build", *flags, "-o", output, *source.packages.values()], source.path, progress)


def _npm_install(source: Source, into: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(source.path / name, into / name)
    with Progress(f"installing {source.folder} {_version(source)}") as progress:
        _run_counting(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=warn"], into, progress)


def _run_counting(argv: Sequence[str], cwd: Path, progress: Progress) -> None:
    """Run a build; each line that it writes is one step of progress (`go build -v` names every package that it downloads or compiles)."""
    env = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"}
    lines: list[str] = []
    try:
        build = subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError as error:
        raise TestbedError(
            f"`{argv[0]}` is needed to build the testbed's programs and is not in PATH: install it."
        ) from error
    with build:
        assert build.stdout is not None
        for line in build.stdout:
            lines.append(line)
            if argv[0] == "go":
                progress.step("downloaded" if line.startswith("go: downloading") else "compiled")
    if build.returncode:
        raise TestbedError(f"`{' '.join(argv)}` failed in {cwd}:\n" + "".join(lines[-20:]))


def _key(source: Source) -> str:
    """The name of the folder for this build: everything that decides what comes out."""
    toolchain = f"node-{platform.system()}-{platform.machine()}".lower() if source.npm else _go_version()
    digest = hashlib.sha256(source.stamp.encode())
    for file in sorted(each for each in source.path.iterdir() if each.is_file()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return "-".join(filter(None, [source.folder, _version(source), toolchain, digest.hexdigest()[:12]]))


def _version(source: Source) -> str:
    if not source.version_of:
        return ""
    manifest = (source.path / ("package.json" if source.npm else "go.mod")).read_text()
    found = re.search(rf'^\s*(?:require )?"?{re.escape(source.version_of)}"?:? "?([^\s"]+)', manifest, re.MULTILINE)
    if found is None:
        raise TestbedError(f"{source.path} does not require {source.version_of}.")
    return found[1]


@functools.cache
def _go_version() -> str:
    try:
        shown = subprocess.run(
            ["go", "env", "GOVERSION", "GOOS", "GOARCH"],
            cwd=TOOLS / "kubernetes",
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError as error:
        raise TestbedError(
            "`go` is needed to build the testbed's programs and is not in PATH: install Go 1.26 or newer."
        ) from error
    return "-".join(shown.stdout.split())


@contextmanager
def _lock(file: Path, what: str) -> Iterator[None]:
    """Hold a lock that the kernel drops when this process ends, however it does."""
    with file.open("w") as handle:
        _acquire(lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB), what)
        yield


def _acquire(attempt: Callable[[], None], what: str) -> None:
    try:
        attempt()
        return
    except BlockingIOError:
        pass
    with Progress(f"waiting for another run that builds {what}"):
        while True:
            try:
                attempt()
                return
            except BlockingIOError:
                time.sleep(0.2)


if __name__ == "__main__":
    try:
        build_all()
    except TestbedError as error:
        sys.exit(str(error))
