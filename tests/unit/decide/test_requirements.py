"""What W&B itself must have for a bucket, and what a user is told where it has not."""

from typing import Any

import pytest

from unit.resources import as_store, bucket_store
from wandb_byob.decide.requirements import KEYLESS_KEYS, Keyless, Running, keyless_check, need, version_check
from wandb_byob.model.checks import CheckResult
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

COREWEAVE = {"provider": "CoreWeave", "s3": None, "coreWeave": {"bucket": "acme"}}
ASSUMED = {"s3": {"bucket": "acme", "region": "us-east-1", "externalID": "acme-1"}}
NEWEST = Running(server="0.85.0", chart="0.43.8")


def _need(spec: dict[str, Any], deployment: str) -> Any:
    return need(as_store(bucket_store(spec=spec)).spec, deployment)


@pytest.mark.parametrize(
    ("spec", "deployment", "server", "chart"),
    [
        (COREWEAVE, "SelfManaged", "0.73.0", "0.33.14"),
        (COREWEAVE, "DedicatedCloud", "0.73.0", ""),
        (ASSUMED, "SelfManaged", "0.85.0", ""),
        (ASSUMED, "DedicatedCloud", "0.85.0", ""),
    ],
)
def test_what_a_feature_takes(spec: dict[str, Any], deployment: str, server: str, chart: str) -> None:
    """As W&B's page and release notes have it; what W&B's own clouds are installed with is W&B's affair."""
    found = _need(spec, deployment)
    assert (found.server, found.chart) == (server, chart)


@pytest.mark.parametrize(
    ("spec", "deployment"),
    [({}, "SelfManaged"), (COREWEAVE, "MultiTenantCloud"), (ASSUMED, "MultiTenantCloud")],
)
def test_what_every_w_and_b_has(spec: dict[str, Any], deployment: str) -> None:
    assert _need(spec, deployment) is None


@pytest.mark.parametrize(
    ("running", "there"),
    [
        (Running(server="0.72.1", chart="0.43.8"), "server 0.72.1 and chart 0.43.8"),
        (Running(server="0.85.0", chart="0.33.13"), "server 0.85.0 and chart 0.33.13"),
        (Running(server="0.72.1"), "there is server 0.72.1."),
        (Running(chart="0.33.0"), "there is chart 0.33.0."),
    ],
)
def test_a_w_and_b_that_is_too_old_is_refused(running: Running, there: str) -> None:
    """The refusal says what is needed, what is there, and what to do."""
    with pytest.raises(Stalled) as refused:
        version_check(_need(COREWEAVE, "SelfManaged"), running)
    assert refused.value.reason is Reason.NOT_AVAILABLE
    assert refused.value.check is not None
    assert refused.value.check.result is CheckResult.FAILED
    for words in ("server 0.73.0 or newer and chart 0.33.14 or newer", there, "Upgrade W&B", "spec.chartVersion"):
        assert words in refused.value.message


@pytest.mark.parametrize(
    ("running", "result", "says"),
    [
        (NEWEST, CheckResult.PASSED, "server 0.85.0 and chart 0.43.8"),
        (Running(server="0.73.0", chart="0.33.14"), CheckResult.PASSED, "0.33.14"),
        (Running(server="0.85.0"), CheckResult.WARNING, "W&B's chart is not known"),
        (Running(), CheckResult.WARNING, "W&B's server and chart is not known"),
    ],
)
def test_new_enough_or_not_known(running: Running, result: CheckResult, says: str) -> None:
    """Not to know is no failure, and names the fields."""
    check = version_check(_need(COREWEAVE, "SelfManaged"), running)
    assert (check.result, says in check.message) == (result, True)
    if result is CheckResult.WARNING:
        assert "spec.chartVersion" in check.remedy
        assert ("spec.version" in check.remedy) is (running.server is None)


def _keyless(*present: str, read: bool = True) -> Keyless:
    return Keyless(namespace="wandb", present=frozenset(present), read=read)


@pytest.mark.parametrize(
    ("found", "result", "says"),
    [
        (_keyless(*KEYLESS_KEYS), CheckResult.PASSED, "gorilla-coreweave-caios"),
        (_keyless(), CheckResult.FAILED, "in namespace wandb is not there"),
        (_keyless(KEYLESS_KEYS[0]), CheckResult.FAILED, f"lacks {KEYLESS_KEYS[1]}"),
        (_keyless(KEYLESS_KEYS[1]), CheckResult.FAILED, f"lacks {KEYLESS_KEYS[0]}"),
        (_keyless(*KEYLESS_KEYS, read=False), CheckResult.WARNING, "no container"),
        (None, CheckResult.SKIPPED, "can't be seen"),
    ],
)
def test_the_keys_that_w_and_b_signs_with(found: Keyless | None, result: CheckResult, says: str) -> None:
    """Without them W&B fails without a word, so that a check does; where W&B cannot be seen nothing is claimed."""
    check = keyless_check(found)
    assert (check.result, says in check.message) == (result, True)
    if result is CheckResult.FAILED:
        for words in ("W&B support", *KEYLESS_KEYS, "restart W&B"):
            assert words in check.remedy
