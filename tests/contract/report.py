"""Make the tables of docs/providers.md of what a whole run of the contract tests has shown: `python -m contract.report [--check] RESULTS`.

`make test-contract` writes the results and checks that the page says the same; `make docs-providers` writes them and the page. The prose
between the tables is written by hand.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from contract.results import Behaviour, Result, read
from contract.site import Need
from contract.sites import CREATE_BUDGET, LOOK_BUDGET, SITES
from wandb_byob.model.checks import CheckName

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "providers.md"
SPOT: Final = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
RENEW: Final = "Run `make docs-providers`, read what changed, and commit it."
ELSEWHERE: Final[Mapping[CheckName, str]] = {
    CheckName.WANDB_VERSION: "tests/unit/decide/test_requirements.py::test_a_w_and_b_that_is_too_old_is_refused",
    CheckName.KEYLESS_SECRET: "tests/cluster/main_job/test_coreweave.py::test_without_keys",
    CheckName.WORKLOAD_PROBE: "tests/cluster/main_job/test_from_workload.py::test_an_image_that_cannot_be_pulled_is_told_in_kubernetes_words",
}
"""The checks that no look at a store can make fail, and the test in which each fails alone: file and function."""

Results = Sequence[Result]


def matrix(results: Results) -> Iterator[str]:
    """Behaviours by sites: ✓ where every test of a behaviour ran and passed, (✓) where some cannot be run, – where none can."""
    yield from _head("", SITES)
    for behaviour in Behaviour:
        yield _row(str(behaviour), (_cell(results, behaviour, name) for name in SITES))


def _cell(results: Results, behaviour: str, site: str) -> str:
    of_row = [each for each in results if each.behaviour == behaviour]
    ran = [each for each in of_row if each.site == site]
    left_out = any(site in each.not_at for each in of_row)
    if not ran:
        return "–"
    return ("(✓)" if left_out else "✓") if all(each.passed for each in ran) else "FAILED"


def not_run(results: Results) -> Iterator[str]:
    """Each test that is not run at a site, and why."""
    yield from _head("what is not run", ("where", "why"))
    told: dict[tuple[str, str], list[str]] = {}
    for each in sorted(results, key=lambda found: found.test):
        for site, why in each.not_at.items():
            places = told.setdefault((_sentence(each.says), why), [])
            if site not in places:
                places.append(site)
    for (says, why), places in told.items():
        yield _row(says, (", ".join(_title(name) for name in places), why))


def servers(_: Results) -> Iterator[str]:
    """What each server can: ✓, or why not."""
    yield from _head("", SITES)
    for need in Need:
        yield _row(str(need), (place.lacks.get(need, "✓") for place in SITES.values()))


def calls(_: Results) -> Iterator[str]:
    """How many calls to create and to look again, against the budget."""
    yield from _head("", (f"to create (budget {CREATE_BUDGET})", f"to look again (budget {LOOK_BUDGET})"))
    for name, place in SITES.items():
        yield _row(_title(name), (str(len(place.created)), str(len(place.looked))))


def order(_: Results) -> Iterator[str]:
    """Which calls, in which order."""
    for name, place in SITES.items():
        yield f"- {_title(name)}: to create {_listed(place.created)}; to look again {_listed(place.looked)}."


def checks(results: Results) -> Iterator[str]:
    """Where each check was seen to fail alone."""
    yield from _head("check", SITES)
    for name in CheckName:
        if name in ELSEWHERE:
            continue
        places = {each.site for each in results if name in each.failing and each.passed}
        yield _row(f"`{name}`", ("✓" if site in places else "" for site in SITES))


def elsewhere(_: Results) -> Iterator[str]:
    """The checks that are about W&B and not about a server, and the test in which each fails alone."""
    yield from _head("check", ("test",))
    for name, test in ELSEWHERE.items():
        yield _row(f"`{name}`", (f"`{test}`",))


TABLES: Final[Mapping[str, Callable[[Results], Iterator[str]]]] = {
    "matrix": matrix,
    "not-run": not_run,
    "servers": servers,
    "calls": calls,
    "order": order,
    "checks": checks,
    "elsewhere": elsewhere,
}


def page(results: Results, text: str) -> str:
    """The page with its tables made anew."""
    return SPOT.sub(lambda spot: spot[1] + "\n".join(TABLES[spot["name"]](results)) + f"\n{spot[3]}", text)


def problems(results: Results) -> Iterator[str]:
    """What the page must not have to say: a behaviour that is not shown and nobody says why, a check that no test makes fail."""
    for behaviour in Behaviour:
        of_row = [each for each in results if each.behaviour == behaviour]
        for name in SITES:
            if not any(each.site == name or name in each.not_at for each in of_row):
                yield f"No test shows {behaviour!r} at {name}, and none says why (contract.sites.at)."
    shown = {name for each in results if each.passed for name in each.failing}
    for check in CheckName:
        if check not in shown and not _is_there(ELSEWHERE.get(check, "")):
            yield f"No test makes {check} fail alone (the fixture `alone`)."


def _is_there(test: str) -> bool:
    file, _, function = test.partition("::")
    return bool(test) and f"def {function}(" in (ROOT / file).read_text()


def _head(first: str, columns: Iterable[str]) -> tuple[str, str]:
    titles = [_title(name) if name in SITES else name for name in columns]
    return _row(first, titles), _row("---", ["---"] * len(titles))


def _row(first: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join([first, *cells])} |"


def _title(site: str) -> str:
    return f"{SITES[site].provider} × {SITES[site].server}"


def _sentence(docstring: str) -> str:
    return " ".join(docstring.split()).replace("|", "\\|")


def _listed(names: Sequence[str]) -> str:
    return " ".join(f"`{name}`" for name in names)


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where something is wrong")
    parser.add_argument("results", type=Path)
    arguments = parser.parse_args()
    results = read(arguments.results)
    found = list(problems(results))
    old, new = PAGE.read_text(), page(results, PAGE.read_text())
    if arguments.check and old != new:
        found.append(f"docs/providers.md does not say what this run has shown. {RENEW}")
    elif old != new:
        PAGE.write_text(new)
        print("wrote docs/providers.md")
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
