"""A real browser without a window: which one is taken, and how it opens a page.

The first that is there: BYOB_CHROMIUM (a path), one in PATH, one in the user's cache folder. Else Debian's, of which apt says what is
missing here; nothing is installed: the packages are downloaded and unpacked into the cache folder, for which no root is needed.
`python -m testbed.browser` does that and says which browser is taken.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from testbed import programs
from testbed.processes import Process, TestbedError, spawn
from testbed.progress import Progress

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGE = "chromium-headless-shell"
_PROGRAM = "usr/lib/chromium/chromium-headless-shell"
_INSTEAD = "Install Chromium or Chrome, or set BYOB_CHROMIUM to the path of one."
_FLAGS = (
    "--headless",
    # Its sandbox needs user namespaces that root and many containers do not have; all that is opened here are pages of our own.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    # The testbed's certificates are nobody's whom a browser trusts.
    "--ignore-certificate-errors",
    "--enable-logging=stderr",
)
_LAUNCHER = """#!/bin/sh
here=$(cd "${{0%/*}}" && pwd)/root
export LD_LIBRARY_PATH={libraries} XDG_DATA_HOME="$here/usr/share"
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH="$here/etc/fonts"
exec "$here/{program}" "$@"
"""


def path() -> Path:
    """Where the browser is; downloads one where there is none."""
    named = os.environ.get("BYOB_CHROMIUM")
    if named:
        if not os.access(named, os.X_OK):
            raise TestbedError(f"BYOB_CHROMIUM names {named}, which is no program. Correct it or unset it.")
        return Path(named)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return Path(found)
    cached = sorted(programs.cache_folder().glob("chromium-*/chromium"))
    return cached[-1] if cached else _downloaded()


def version(browser: Path) -> str:
    """What the browser calls itself, such as `Chromium 156.0.8078.79`."""
    shown = subprocess.run([browser, "--version"], capture_output=True, text=True, check=False, timeout=60)
    if shown.returncode:
        raise TestbedError(f"{browser} does not run: {shown.stderr.strip()}\n{_INSTEAD}")
    found = re.search(r"\S*(?:Chrom|Headless)\S*(?: \S+)*? [\d.]+", shown.stdout)
    return found[0] if found else shown.stdout.strip()


def open_page(url: str, *, folder: Path, hosts: Mapping[str, int]) -> Process:
    """Open a page in a browser of its own, which keeps all it writes in `folder`; `hosts` are names that lead to ports of 127.0.0.1."""
    rules = ",".join(f"MAP {host} 127.0.0.1:{port}" for host, port in hosts.items())
    argv: list[str | Path] = [
        path(),
        *_FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        f"--host-resolver-rules={rules}",
        url,
    ]
    return spawn("chromium", argv, log=folder / "chromium.log", env={"HOME": str(folder)})


def _downloaded() -> Path:
    """Have Debian's browser and the libraries that are missing here in the cache folder, and return its launcher."""
    if not shutil.which("apt-get"):
        raise TestbedError(f"There is no browser in PATH, and no apt-get to download Debian's with. {_INSTEAD}")
    with tempfile.TemporaryDirectory(prefix="byob-apt-") as scratch:
        apt = _apt(Path(scratch))
        with Progress("looking for a browser among Debian's packages") as progress:
            _run([*apt, "update"], Path(scratch), progress)
            # Only simulated: what would be installed is what this machine lacks.
            planned = _run(
                [*apt, "install", "--simulate", "--no-install-recommends", _PACKAGE], Path(scratch), progress
            )
        packages = dict(re.findall(r"^Inst (\S+)(?: \[[^]]*\])? \((\S+)", planned, re.MULTILINE))
        if _PACKAGE not in packages:
            raise TestbedError(f"apt-get knows of no way to install {_PACKAGE}:\n{planned}\n{_INSTEAD}")
        folder = programs.cache_folder() / f"chromium-{packages[_PACKAGE]}-{os.uname().machine}"
        return programs.once(folder, "chromium", partial(_unpack, apt, packages)) / "chromium"


def _apt(scratch: Path) -> list[str]:
    """The command for an apt-get that keeps its lists in a folder of ours, so that it needs no root and finds current ones."""
    for name in ("lists/partial", "cache/archives/partial"):
        (scratch / name).mkdir(parents=True)
    options = {
        "Dir::State::Lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
    }
    return ["apt-get", "--quiet", *(part for key, value in options.items() for part in ("-o", f"{key}={value}"))]


def _unpack(apt: Sequence[str], packages: Mapping[str, str], into: Path) -> None:
    root = into / "root"
    with Progress(f"downloading {_PACKAGE} {packages[_PACKAGE]} and {len(packages) - 1} packages it needs") as progress:
        named = [f"{name}={wanted}" for name, wanted in packages.items()]
        _run([*apt, "download", *named], into, progress)
        for archive in sorted(into.glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(archive), str(root)], into, progress)
            archive.unlink()
    if not (root / _PROGRAM).is_file():
        raise TestbedError(f"Debian's package {_PACKAGE} holds no {_PROGRAM}. {_INSTEAD}")
    folders = sorted({file.parent.relative_to(root) for file in root.rglob("lib*.so*")})
    libraries = ":".join(f'"$here/{folder}"' for folder in folders)
    launcher = into / "chromium"
    launcher.write_text(_LAUNCHER.format(libraries=libraries, program=_PROGRAM))
    launcher.chmod(0o755)


def _run(argv: Sequence[str], cwd: Path, progress: Progress) -> str:
    """Run a program and return what it wrote; each package that apt-get gets is a step of progress."""
    lines: list[str] = []
    env = os.environ | {"LC_ALL": "C"}
    with subprocess.Popen(
        argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            lines.append(line)
            if line.startswith("Get:") and argv[-1] != "update":
                progress.step("downloaded")
    if running.returncode:
        raise TestbedError(f"`{argv[0]} {argv[-1]}` failed:\n{''.join(lines[-20:])}\n{_INSTEAD}")
    return "".join(lines)


if __name__ == "__main__":
    try:
        taken = path()
        print(f"browser: {version(taken)} ({taken})", flush=True)
    except TestbedError as error:
        sys.exit(str(error))
