"""A probe's result on its way through a termination message: complete where it fits, honest where not, and never believed blindly."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.probing import HOST, WHO
from wandb_byob.decide.probing import probe_output, probes
from wandb_byob.decide.verification import of_path
from wandb_byob.model.checks import OF_A_PATH, Check, CheckName, CheckResult

PASSED, FAILED, WARNING, SKIPPED = CheckResult


def check(name: CheckName, result: CheckResult = PASSED, path: str = "", message: str = "Said.") -> Check:
    remedy = "Do it." if result in (FAILED, WARNING) else ""
    return Check(name=name, result=result, message=message, remedy=remedy, path=path)


def healthy(paths: tuple[str, ...]) -> list[Check]:
    found = [made for path in paths for made in probes.path_checks(dict.fromkeys(probes.CALLS), None, path=path)]
    found += [probes.clean_up_check((), path=path) for path in paths]
    return [*found, check(CheckName.PREFLIGHT), check(CheckName.ETAG_EXPOSED), check(CheckName.CREDENTIALS)]


def back(checks: list[Check], paths: tuple[str, ...], **more: Any) -> dict[tuple[CheckName, str], Check]:
    """What the operator reads of what the probe wrote."""
    message = probe_output.encode(checks, paths, **more)
    assert len(message) <= 4096
    return {(each.name, each.path): each for each in probe_output.decode(message.decode(), paths, host=HOST)}


@pytest.mark.parametrize("count", [1, 3, 450])
def test_a_healthy_bucket_is_told_in_full_for_as_many_paths_as_a_status_holds(count: int) -> None:
    """Every result with its words and from where it was seen; who was tried, and who was not."""
    paths = tuple(f"teams/{number}" for number in range(count))
    found = back(healthy(paths), paths)
    assert all(each.result is PASSED for each in found.values())
    assert {path for _, path in found} == {"", *paths}
    own = found[CheckName.PUT_OBJECT, paths[-1]]
    assert own.message == "From W&B's workload: An object was written."
    told = found[CheckName.WORKLOAD_PROBE, ""].message
    assert told == f"Tried as {WHO}. Other pods of W&B run as wandb-app, which were not tried."
    assert (CheckName.CREDENTIALS, "") not in found, "the operator's own view of it stands"


def test_what_fails_for_the_whole_bucket_is_told_once_by_workload_probe() -> None:
    """The operator's own view (TLS, DNS) stays beside it."""
    text = "The host name x is not known to DNS here."
    reached = Check(
        name=CheckName.ENDPOINT_REACHABLE,
        result=FAILED,
        message=text,
        remedy="Correct the host in spec.s3Compatible.endpoint, or make the name resolvable from the operator's pod.",
    )
    found = back([reached, *probes.path_checks({}, None, path="a")], ("a",))
    told = found[CheckName.WORKLOAD_PROBE, ""]
    assert told.result is FAILED
    assert told.message == f"{text} (check EndpointReachable). Tried as {WHO}."
    assert "from W&B's pods" in told.remedy
    assert (CheckName.ENDPOINT_REACHABLE, "") not in found
    assert all(each.result is SKIPPED for (_, path), each in found.items() if path)


def test_where_words_do_not_fit_failures_keep_theirs() -> None:
    """Passed checks lose their words first; results are all there."""
    paths = tuple(f"teams/{number}" for number in range(30))
    checks = [
        check(
            name, FAILED if name is CheckName.GET_OBJECT else PASSED, path, f"{name} under {path} has words of its own."
        )
        for path in paths
        for name in sorted(OF_A_PATH)
    ]
    found = back(checks, paths)
    assert found[CheckName.GET_OBJECT, paths[0]].result is FAILED
    assert found[CheckName.GET_OBJECT, paths[-1]].message.startswith("From W&B's workload: GetObject under")
    assert found[CheckName.PUT_OBJECT, paths[-1]].message == "From W&B's workload: It works."


def test_what_does_not_fit_at_all_is_said_and_not_taken_for_good() -> None:
    """Nothing that was cut reads as Passed."""
    paths = tuple(f"teams/{number}" for number in range(400))
    checks = [
        check(name, (FAILED, WARNING, PASSED)[(number + hash_) % 3], path, "x" * 900)
        for number, path in enumerate(paths)
        for hash_, name in enumerate(sorted(OF_A_PATH))
    ]
    wrong = {(each.name, each.path) for each in checks if each.result is FAILED}
    found = back(checks, paths)
    assert not [key for key in wrong if found[key].result is PASSED]
    assert found[CheckName.WORKLOAD_PROBE, ""].result in (PASSED, WARNING)
    assert {path for _, path in found if path} == set(paths)


def test_a_probe_that_gave_up_says_why() -> None:
    found = back([], ("a",), error="Endpoint 10.0.0.1 is not allowed.")
    told = found[CheckName.WORKLOAD_PROBE, ""]
    assert told.result is FAILED
    assert "It gave up. Endpoint 10.0.0.1 is not allowed." in told.message
    assert {each.result for each in of_path(tuple(found.values()), "a")} == {SKIPPED}


def test_trust_that_was_lent_is_a_warning() -> None:
    told = back(healthy(("a",)), ("a",), lent=True)[CheckName.WORKLOAD_PROBE, ""]
    assert told.result is WARNING
    assert "customCACerts" in told.remedy


def row(name: str = "PutObject", result: str = "Passed", paths: str = "0", message: str = "", remedy: str = "") -> Any:
    return [name, result, paths, message, remedy]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "null",
        "[]",
        "{",
        '{"rows": 1}',
        json.dumps({"rows": [row(name="Invented")]}),
        json.dumps({"rows": [row(name="WorkloadProbe", paths="")]}),
        json.dumps({"rows": [row(name="CORS")]}),
        json.dumps({"rows": [row(paths="")]}),
        json.dumps({"rows": [row(result="Ready")]}),
        json.dumps({"rows": [row(paths="2")]}),
        json.dumps({"rows": [row(paths="0-9999999999")]}),
        json.dumps({"rows": [row(paths="1-0")]}),
        json.dumps({"rows": [row(paths="-1")]}),
        json.dumps({"rows": [row(paths="0,0")]}),
        json.dumps({"rows": [row(paths="٠")]}),
        json.dumps({"rows": [row(message="x" * 5000)]}),
        json.dumps({"rows": [["PutObject"]]}),
        "[" * 4000,
        "\ud800",
    ],
)
def test_a_message_that_no_probe_wrote_is_refused(message: str) -> None:
    """Who may run pods beside W&B may write any; nothing of it becomes a check."""
    with pytest.raises(ValueError):  # noqa: PT011 (the text is for nobody)
        probe_output.decode(message, ("a", "b"), host=HOST)


def test_a_message_that_could_have_been_written_proves_only_what_it_says() -> None:
    """What it leaves out is not tried, and its words are cut to what can be printed."""
    message = json.dumps({"rows": [row(message="fine\u202e\x1b[31m\n")]})
    found = {(each.name, each.path): each for each in probe_output.decode(message, ("a", "b"), host=HOST)}
    assert found[CheckName.PUT_OBJECT, "a"].message == "From W&B's workload: fine  [31m "
    assert found[CheckName.PUT_OBJECT, "b"].result is SKIPPED
    assert found[CheckName.GET_OBJECT, "a"].result is SKIPPED


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
def test_no_message_does_more_than_be_refused(message: str) -> None:
    """ValueError is the one way out, whatever stands there."""
    try:
        probe_output.decode(message, ("a",), host=HOST)
    except ValueError:
        return
    assert message.lstrip().startswith("{")
