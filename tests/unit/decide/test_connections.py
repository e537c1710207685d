"""What a connection proved or why it failed, and the store's clock."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from wandb_byob.decide.connections import Fault, check_of, clock_check, connection_checks, explain, may_have_arrived
from wandb_byob.decide.endpoints import Endpoint, Policy
from wandb_byob.model.checks import CheckName, CheckResult

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TLS = Endpoint(scheme="https", host="s3.example.com", port=9000)
PLAIN = Endpoint(scheme="http", host="minio", port=9000)
NAMED = Policy(endpoint=TLS, field="spec.s3Compatible.endpoint")
AWS = Endpoint(scheme="https", host="s3.eu-cental-1.amazonaws.com", port=443)
OF_THE_CLOUD = Policy(endpoint=AWS, field="spec.s3.region", trusted=True, public=True)
FAULTS = [fault for fault in Fault if fault is not Fault.NOT_ALLOWED]


@pytest.mark.parametrize("policy", [NAMED, OF_THE_CLOUD], ids=["named", "of the cloud"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_a_text(fault: Fault, policy: Policy) -> None:
    """Each fault says what is wrong where, and what to do, in whole sentences."""
    text = explain(fault, policy)
    assert policy.endpoint.host in text.message
    assert text.message.endswith(".")
    assert text.remedy.endswith(".")
    assert "{" not in text.message + text.remedy


@pytest.mark.parametrize("fault", FAULTS)
def test_a_clouds_own_host_is_nobodys_to_correct(fault: Fault) -> None:
    """Its name is made of the region, so only where the name is unknown the region may be wrong; port and server are the cloud's."""
    remedy = explain(fault, OF_THE_CLOUD).remedy
    assert ("spec.s3.region" in remedy) is (fault is Fault.UNKNOWN_HOST)
    assert "port" not in remedy.split()
    assert "caBundleRef" not in remedy


def test_a_host_that_is_made_of_nothing_can_only_be_unknown_to_dns() -> None:
    """No field and no flag is named where none was given."""
    fixed = Policy(endpoint=AWS, field="", trusted=True, public=True)
    assert explain(Fault.UNKNOWN_HOST, fixed).remedy == "Make the name resolvable from the operator's pod."


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (Fault.NOT_ALLOWED, CheckName.ENDPOINT_ALLOWED),
        (Fault.UNKNOWN_HOST, CheckName.ENDPOINT_REACHABLE),
        (Fault.TRUNCATED, CheckName.ENDPOINT_REACHABLE),
        (Fault.TLS_EXPIRED, CheckName.TLS),
        (Fault.TLS_NOT_SPOKEN, CheckName.TLS),
    ],
)
def test_what_a_fault_fails(fault: Fault, check: CheckName) -> None:
    """A fault fails the check of the step at which the connection ended, and what came before has passed."""
    assert check_of(fault) is check
    *before, last = connection_checks(TLS, fault=fault, why=explain(Fault.RESET, NAMED))
    assert (last.name, last.result) == (check, CheckResult.FAILED)
    assert {found.result for found in before} <= {CheckResult.PASSED}


def test_what_a_reply_proves() -> None:
    """A reply proves each step; TLS is not claimed where there is none."""
    assert [check.name for check in connection_checks(TLS, fault=None)] == [
        CheckName.ENDPOINT_ALLOWED,
        CheckName.ENDPOINT_REACHABLE,
        CheckName.TLS,
    ]
    assert CheckName.TLS not in {check.name for check in connection_checks(PLAIN, fault=None)}


def test_what_may_have_arrived() -> None:
    """What was never sent cannot have been done; a lost reply leaves that open."""
    assert may_have_arrived(Fault.RESET)
    assert may_have_arrived(Fault.TIMEOUT)
    assert not may_have_arrived(Fault.REFUSED)
    assert not may_have_arrived(Fault.TLS_EXPIRED)
    assert not may_have_arrived(Fault.NOT_ALLOWED)


@pytest.mark.parametrize(
    ("skew", "result", "word"),
    [
        (timedelta(), CheckResult.PASSED, "agree"),
        (timedelta(seconds=119), CheckResult.PASSED, "agree"),
        (timedelta(minutes=2), CheckResult.WARNING, "ahead of"),
        (timedelta(minutes=-5), CheckResult.WARNING, "behind"),
        (timedelta(minutes=14, seconds=59), CheckResult.WARNING, "more than 2 minutes"),
        (timedelta(minutes=15), CheckResult.FAILED, "more than 15 minutes"),
        (timedelta(days=1), CheckResult.FAILED, "ahead of"),
        (timedelta(days=-1), CheckResult.FAILED, "behind"),
    ],
)
def test_clock(skew: timedelta, result: CheckResult, word: str) -> None:
    """Small differences are the network's, larger ones a warning, and from S3's limit on nothing can be signed."""
    check = clock_check(format_datetime(NOW + skew, usegmt=True), now=NOW)
    assert check.result is result
    assert word in check.message
    assert bool(check.remedy) is (result is not CheckResult.PASSED)


@pytest.mark.parametrize(
    "date", [None, "", "yesterday", "Sun, 99 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 9" + "9" * 30 + " 12:00:00 GMT"]
)
def test_no_clock(date: str | None) -> None:
    """A reply without a usable date says nothing of the clock."""
    assert clock_check(date, now=NOW).result is CheckResult.SKIPPED


def test_a_drifting_clock_says_the_same() -> None:
    """The message does not change while the clock drifts on, so that the status is not written at every look."""
    dates = [format_datetime(NOW + timedelta(minutes=minutes), usegmt=True) for minutes in (3, 4, 10)]
    assert len({clock_check(date, now=NOW) for date in dates}) == 1
