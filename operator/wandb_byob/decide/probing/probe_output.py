"""A probe's result as a termination message: written within 4096 bytes, and read with suspicion.

Who may run pods in W&B's namespace can write any message: only known checks of the paths that were asked for are taken, and of
their words what can be printed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from wandb_byob.decide.probing import probes
from wandb_byob.decide.probing.probe_job import Host
from wandb_byob.decide.vantage import WORKLOAD, worded
from wandb_byob.model.checks import OF_A_PATH, Check, CheckName, CheckResult
from wandb_byob.model.probe import LARGEST_MESSAGE, OUTPUTS, ProbeOutput, Row

ALL_PATHS: Final = frozenset({CheckName.SIGNING, CheckName.PREFLIGHT, CheckName.ETAG_EXPOSED})
"""What a probe finds about the bucket as a whole that stands for itself; all else is told by WorkloadProbe."""

_LENGTHS: Final = (1000, 300, 150, 80, 40)
_LONGEST: Final = 2000
_FROM: Final = "From W&B's workload: "
_GRANTED: Final = ("spec.credentials or spec.provisioning", "spec.credentials")


def encode(checks: Sequence[Check], paths: Sequence[str], *, lent: bool = False, error: str = "") -> bytes:
    """Return the message: where it would be too long, first without the words of what passed, then with shorter and fewer ones."""
    for output in _shorter(checks, paths, lent=lent, error=error[:1000]):
        message = msgspec.json.encode(output)
        if len(message) <= LARGEST_MESSAGE:
            return message
    return msgspec.json.encode(ProbeOutput(cut=True, lent=lent, error=error[:100]))


def _shorter(checks: Sequence[Check], paths: Sequence[str], *, lent: bool, error: str) -> Iterator[ProbeOutput]:
    yield ProbeOutput(rows=_rows(checks, paths), lent=lent, error=error)
    plain = [replace(check, message="") if check.result is CheckResult.PASSED else check for check in checks]
    for length in _LENGTHS:
        short = [replace(check, message=check.message[:length], remedy=check.remedy[:length]) for check in plain]
        yield ProbeOutput(rows=_rows(short, paths), lent=lent, error=error[:length])
    bare = [replace(check, message="", remedy="") for check in plain if check.result is not CheckResult.SKIPPED]
    rows = sorted(_rows(bare, paths), key=lambda row: row.result != "Failed")
    while rows:
        yield ProbeOutput(rows=tuple(rows), lent=lent, cut=True, error=error[:100])
        rows = rows[: len(rows) // 2]


def _rows(checks: Iterable[Check], paths: Sequence[str]) -> tuple[Row, ...]:
    """Return the checks with equal ones of several paths as one row."""
    index = {path: number for number, path in enumerate(paths)}
    grouped: dict[tuple[str, str, str, str, bool], list[int]] = {}
    for check in checks:
        own = check.name in OF_A_PATH
        key = (check.name.value, check.result.value, check.message, check.remedy, own)
        grouped.setdefault(key, []).extend([index[check.path]] if own else [])
    return tuple(
        Row(name, result, _ranges(numbers) if own else "", message, remedy)  # type: ignore[arg-type]
        for (name, result, message, remedy, own), numbers in grouped.items()
    )


def _ranges(numbers: Iterable[int]) -> str:
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def decode(message: str, paths: Sequence[str], *, host: Host) -> tuple[Check, ...]:
    """Return the checks that a message tells, WorkloadProbe among them; raises ValueError for one that no probe of ours wrote."""
    data = message.encode()
    if len(data) > LARGEST_MESSAGE:
        raise ValueError("too long")
    try:
        output = OUTPUTS.decode(data)
        told = [check for row in output.rows for check in _checks(row, paths)]
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ValueError("not a result") from error
    shown = [_from_workload(check) for check in told]
    own = [check for check in shown if check.name in OF_A_PATH or check.name in ALL_PATHS]
    tried = {(check.name, check.path) for check in own}
    missing = [
        check for path in paths for check in probes.path_checks({}, None, path=path) if (check.name, path) not in tried
    ]
    return probes.merged(own, missing, (_verdict(output, told, host),))


def _checks(row: Row, paths: Sequence[str]) -> Iterator[Check]:
    name = CheckName(row.name)
    if name is CheckName.WORKLOAD_PROBE or (name in OF_A_PATH) != bool(row.paths):
        raise ValueError("a check that no probe makes")
    for path in _numbered(row.paths, paths) if row.paths else ("",):
        yield Check(
            name=name, result=CheckResult(row.result), message=_plain(row.message), remedy=_plain(row.remedy), path=path
        )


def _numbered(ranges: str, paths: Sequence[str]) -> Iterator[str]:
    beyond = -1
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        if not all(number.isascii() and number.isdecimal() and len(number) < 6 for number in (first, last or first)):
            raise ValueError("not a range of paths")
        begin, end = int(first), int(last or first)
        if not beyond < begin <= end < len(paths):
            raise ValueError("a path that was not asked for, or twice")
        beyond = end
        yield from paths[begin : end + 1]


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:_LONGEST]


def _from_workload(check: Check) -> Check:
    reworded: Callable[[str], str] = _reworded
    message = reworded(check.message) or ("It works." if check.result is CheckResult.PASSED else "The result was cut.")
    return replace(check, message=f"{_FROM}{message}", remedy=reworded(check.remedy))


def _reworded(text: str) -> str:
    return worded(text, WORKLOAD).replace(*_GRANTED)


def _verdict(output: ProbeOutput, told: Sequence[Check], host: Host) -> Check:
    """Return what the Job as a whole says: what kept it from the bucket, whose eyes it had."""
    seen = f"Tried as {host.who}."
    if output.error:
        return gave_up(f"It gave up. {_plain(output.error)}", "Correct what the message names.", host=host)
    whole = [check for check in told if check.name not in OF_A_PATH and check.name not in ALL_PATHS]
    for result in (CheckResult.FAILED, CheckResult.WARNING):
        found = next((check for check in whole if check.result is result), None)
        if found is not None:
            message = f"{_reworded(found.message)} (check {found.name}). {seen}"
            return Check(
                name=CheckName.WORKLOAD_PROBE,
                result=result,
                message=message,
                remedy=_reworded(found.remedy) or "See the message.",
            )
    if output.lent:
        return _lent(seen)
    if output.cut:
        return Check(
            name=CheckName.WORKLOAD_PROBE,
            result=CheckResult.WARNING,
            message=f"Not all results fitted into what Kubernetes passes on. {seen}",
            remedy="Mend what is shown; the rest is shown then. Or spread the teams over several BucketStores.",
        )
    others = f" Other pods of W&B run as {', '.join(host.others)}, which were not tried." if host.others else ""
    return Check(name=CheckName.WORKLOAD_PROBE, result=CheckResult.PASSED, message=f"{seen}{others}")


def _lent(seen: str) -> Check:
    return Check(
        name=CheckName.WORKLOAD_PROBE,
        result=CheckResult.WARNING,
        message=f"TLS held only with the authority in caBundleRef, which W&B's pods do not have mounted. {seen}",
        remedy="Install the authority in W&B's pods (chart value global.caCertsConfigMap or customCACerts) and in the users' browsers.",
    )


def gave_up(message: str, remedy: str, *, host: Host) -> Check:
    """Return the failed WorkloadProbe of a Job that tried nothing."""
    return Check(
        name=CheckName.WORKLOAD_PROBE,
        result=CheckResult.FAILED,
        message=f"The probe Job under {host.who} gave no result. {message}",
        remedy=remedy,
    )


def untried(paths: Sequence[str], why: Check) -> tuple[Check, ...]:
    """Return the checks of paths of which a Job told nothing."""
    return (why, *(check for path in paths for check in probes.path_checks({}, None, path=path)))
