"""Print what the checks say of some CORS rules and what a real browser says of the same: `PYTHONPATH=tests python -m browser`, for docs/checks.md."""

import re
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from browser.page import visit
from browser.sites import BEFORE, KEY, Visited
from contract.provisioning import S3Site
from contract.site import ORIGIN
from testbed import browser, stores
from wandb_byob.decide.clouds.cors import rule
from wandb_byob.model.checks import CheckName

WIDTH = 118
CASES: tuple[tuple[str, str, Mapping[str, Any] | None], ...] = (
    ("the rule that the operator writes", "versitygw", {}),
    ("no rule", "versitygw", None),
    ("a rule for another address", "versitygw", {"AllowedOrigins": ["https://wandb-new.example.com"]}),
    ("a rule without PUT", "moto", {"AllowedMethods": ["GET", "HEAD"]}),
    ("a rule for too few headers", "moto", {"AllowedHeaders": ["content-type"]}),
    ("a rule that does not expose ETag", "moto", {"ExposeHeaders": ["x-amz-version-id"]}),
)


def main() -> None:
    """Go through the cases, each with a bucket and a browser of its own."""
    print(browser.version(browser.path()))
    with tempfile.TemporaryDirectory(prefix="byob-browser-") as scratch:
        folder = Path(scratch)
        running = {
            "versitygw": stores.start_versitygw(folder / "versitygw"),
            "moto": stores.start_moto(folder / "moto"),
        }
        try:
            for number, (title, store, changes) in enumerate(CASES):
                site = S3Site(kind="S3Compatible", store=running[store])
                visited = Visited(name=f"{'S3' if store == 'moto' else 'S3Compatible'}-{store}", site=site)
                prepare(visited, changes)
                print(f"\n{title}")
                print(*lines(visited, folder / str(number)), sep="\n")
        finally:
            for each in running.values():
                each.stop()


def prepare(visited: Visited, changes: Mapping[str, Any] | None) -> None:
    """Make the bucket with an object, and this rule in place of the operator's."""
    visited.site.look()
    visited.site.put(KEY, BEFORE.encode())
    if changes is None:
        visited.site.take_away(CheckName.CORS)
    elif changes:
        assert isinstance(visited.site, S3Site)
        visited.site.client("put_bucket_cors", CORSConfiguration={"CORSRules": [{**rule([ORIGIN]), **changes}]})


def lines(visited: Visited, folder: Path) -> Iterator[str]:
    """What both say, check by check and method by method."""
    said = visited.said()
    for name in (CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED):
        yield from told(f"{name} {said[name].result}", said[name].message)
    for attempt in visit(ORIGIN, visited.requests(), folder=folder):
        reads = "its ETag can be read" if attempt.etag else "its ETag cannot be read"
        yield from told(
            f"the browser's {attempt.method}", attempt.blocked or f"answered with {attempt.status}; {reads}"
        )


def told(who: str, what: str) -> list[str]:
    """One entry, folded; the store's port, another one in each run, is left out."""
    return textwrap.wrap(
        re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", what),
        WIDTH,
        initial_indent=f"  {who:<22} ",
        subsequent_indent=" " * 25,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    main()
