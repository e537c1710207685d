"""What is seen from elsewhere never says that the operator saw it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from wandb_byob.decide.connections import Fault, clock_check, connection_checks, explain
from wandb_byob.decide.endpoints import Endpoint, Policy
from wandb_byob.decide.vantage import THIS_MACHINE, WORKLOAD, Vantage, worded

ENDPOINT = Endpoint(scheme="https", host="s3.example.com", port=443)
POLICIES = [
    Policy(endpoint=ENDPOINT, field="spec.s3.endpoint"),
    Policy(endpoint=ENDPOINT, field="spec.s3.region", trusted=True, public=True),
]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
FAULTS = [fault for fault in Fault if fault is not Fault.NOT_ALLOWED]


def texts() -> list[str]:
    """Every text about a connection and a clock."""
    told = [explain(fault, policy) for fault in FAULTS for policy in POLICIES]
    dates = [format_datetime(NOW + timedelta(minutes=minutes), usegmt=True) for minutes in (0, 20, -20)]
    checks = (*connection_checks(ENDPOINT, fault=None), *(clock_check(date, now=NOW) for date in dates))
    return [text for found in told for text in (found.message, found.remedy)] + [
        text for check in checks for text in (check.message, check.remedy)
    ]


@pytest.mark.parametrize("vantage", [THIS_MACHINE, WORKLOAD], ids=lambda each: each.name)
def test_no_text_speaks_of_the_operators_place(vantage: Vantage) -> None:
    """Its pod, its node, its clock and its view: all become those of where one is."""
    assert any("operator" in text for text in texts())
    assert [text for text in texts() if "operator" in worded(text, vantage)] == []


def test_what_the_operator_can_do_stays() -> None:
    """Remedies that name the operator itself are as true from elsewhere."""
    text = "Or let the operator do it: set spec.provisioning, and managementPolicy: Manage."
    assert worded(text, THIS_MACHINE) == text
