"""One look from the command line: made in Observe, complete, and in words that hold from here."""

from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.resources import as_store, bucket_store, team_storage, wandb_instance
from unit.scripted import Scripted, Stage, secret
from wandb_byob.cli.examination import Examination, Options, examine
from wandb_byob.decide.clouds.bucket_checks import OR_LET_THE_OPERATOR
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.credentials import AccessKey
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Change

AS_IT_SAYS = Options()


def look(
    *bodies: dict[str, Any], provider: Scripted | None = None, options: Options = AS_IT_SAYS, **store: Any
) -> tuple[Examination, Scripted, MemoryKube]:
    """Examine the BucketStore `data`, with W&B, its keys and a team there."""
    used = provider or Scripted(there=True)
    body = bucket_store(**store)
    given = bodies or (wandb_instance(), secret(), team_storage(spec={"path": "teams/ml"}))
    kube = MemoryKube(body, *given)
    stage = Stage(kube=kube, provider=used, config={"allow_operator_identity": True})
    return examine(stage.world, as_store(body), options), used, kube


def rows(found: Examination) -> dict[str, str]:
    return {finding.name: finding.result.value for finding in found.findings}


def test_it_is_made_in_observe_and_writes_nothing() -> None:
    """Whatever the BucketStore says, the provider is told Observe, and no object of Kubernetes is written."""
    found, provider, kube = look()
    assert provider.contexts["provision"].spec.management_policy == "Observe"
    assert provider.calls == ["provision", "probe teams/ml"]
    assert kube.writes == []
    assert not found.failed
    assert found.identity == "s3://amazonaws.com/data"


@pytest.mark.parametrize(
    ("spec", "options", "probed"),
    [
        ({}, Options(), "teams/ml"),
        ({}, Options(paths=("probe",)), "probe,teams/ml"),
        ({}, Options(data_path=False), ""),
        ({"managementPolicy": "Observe"}, Options(), ""),
        ({"managementPolicy": "Observe"}, Options(data_path=True), "teams/ml"),
        ({"managementPolicy": "Observe", "verification": {"dataPath": True}}, Options(), "teams/ml"),
        ({"verification": {"dataPath": False}}, Options(), ""),
    ],
)
def test_what_is_written_to(spec: dict[str, Any], options: Options, probed: str) -> None:
    """Declared paths only, and none where the BucketStore's owner, or the user, does not want it."""
    found, provider, _ = look(spec=spec, options=options)
    assert [call for call in provider.calls if call.startswith("probe")] == ([f"probe {probed}"] if probed else [])
    assert bool(found.untried) is not bool(probed)


def test_without_a_path_nothing_is_written() -> None:
    """No TeamStorage and no probePath: the data path is not tried, and a flag that names a path is told."""
    found, provider, _ = look(wandb_instance(), secret())
    assert provider.calls == ["provision"]
    assert "--path" in found.untried


def test_a_secret_that_is_missing_is_no_verdict() -> None:
    """It names the Secret; from files it also says how to give it."""
    found, _, _ = look(wandb_instance(), options=Options(uids=False))
    assert "Secret keys does not exist" in found.hindrance
    assert "--with-cluster" in found.hindrance
    assert not found.failed
    in_cluster, _, _ = look(wandb_instance())
    assert "--with-cluster" not in in_cluster.hindrance


@pytest.mark.parametrize("at", ["provision", "probe"])
def test_credentials_that_are_none_are_no_verdict(at: str) -> None:
    """Wherever a provider finds that out: nothing can be said of the bucket, and no row bears the name of a reason."""

    def fail(call: str) -> None:
        if call.startswith(at):
            raise Stalled(Reason.SECRET_INVALID, "The key of the Secret is not JSON. Store the whole file.")

    found, _, _ = look(provider=Scripted(there=True, fail=fail))
    assert found.hindrance == "The key of the Secret is not JSON. Store the whole file."
    assert found.findings == ()


def test_what_the_specification_fails() -> None:
    """A check that needs no call is a row like any other, and nothing is called."""
    bad = Check(name=CheckName.ENDPOINT_ALLOWED, result=CheckResult.FAILED, message="Not allowed.", remedy="Ask.")
    found, provider, _ = look(provider=Scripted(invalid=bad))
    assert rows(found) == {"EndpointAllowed": "Failed"}
    assert provider.calls == []


@pytest.mark.parametrize(
    ("reason", "same_keys", "row", "probed"),
    [
        (Reason.UNREACHABLE, False, "EndpointReachable", False),
        (Reason.BUCKET_NOT_FOUND, False, "BucketExists", False),
        (Reason.ACCESS_DENIED, False, "AccessDenied", True),
        (Reason.ACCESS_DENIED, True, "AccessDenied", False),
    ],
)
def test_errors_are_rows(reason: Reason, same_keys: bool, row: str, probed: bool) -> None:
    """Under the check that they mean, else under their reason; W&B's own keys are tried as long as they may tell more."""

    def fail(call: str) -> None:
        if call == "provision":
            raise Stalled(reason, "As seen from the operator. Check the operator's pod.")

    spec = {} if same_keys else {"provisioning": {"secretRef": {"name": "admin"}}}
    bodies = (
        wandb_instance(),
        secret(),
        secret("admin", accessKeyID="ADMIN", secretAccessKey="other-secret-key"),
        team_storage(),
    )
    found, provider, _ = look(*bodies, provider=Scripted(there=True, fail=fail), spec=spec)
    assert rows(found)[row] == "Failed"
    assert any(call.startswith("probe") for call in provider.calls) is probed
    assert found.findings[-1].message == "As seen from this machine. Check this machine." or probed


def test_keys_are_shown_nowhere() -> None:
    """Whatever a store says of them."""
    said = "The key AKIACANARY and canary/secret+value were refused."
    found, _, _ = look(provider=Scripted(there=True, bad={CheckName.CREDENTIALS: said}))
    assert not {"AKIACANARY", "canary/secret+value"} & set(str(found.findings).split())


def test_a_failure_is_never_covered() -> None:
    """A check that failed in one part of the look and passed in another stays failed."""

    def prober(*_: object) -> tuple[Check, ...]:
        return (
            Check(name=CheckName.CORS, result=CheckResult.PASSED, message="It works."),
            Check(name=CheckName.PREFLIGHT, result=CheckResult.FAILED, message="It does not.", remedy="Set it."),
        )

    used = Scripted(there=True, bad={CheckName.CORS: "No rule."})
    stage = Stage(kube=MemoryKube(wandb_instance(), secret(), team_storage()), provider=used)
    found = examine(stage.world, as_store(bucket_store()), Options(), prober=prober)
    assert rows(found) == {"BucketName": "Passed", "CORS": "Failed", "Preflight": "Failed"}


def test_what_an_operator_would_do() -> None:
    """Its changes are told; where the bucket was there before, so is the word that it waits for."""
    planned = (Change(name="Owner", message="Tag it."), Change(name="CORS", message="Add a rule."))
    found, _, _ = look(provider=Scripted(there=True, planned=planned))
    assert found.planned == planned
    assert "adoptionPolicy: Adopt" in found.refusal
    adopted, _, _ = look(provider=Scripted(there=True, planned=planned), spec={"adoptionPolicy": "Adopt"})
    assert adopted.refusal == ""
    bodies = (wandb_instance(), secret(), team_storage())
    without, _, _ = look(*bodies, provider=Scripted(there=True, planned=planned), spec={"provisioning": None})
    assert (without.planned, without.refusal) == ((), "")


def test_a_remedy_says_what_to_do_with_this_bucketstore() -> None:
    """One that is to be managed need not be told to be."""

    def provision(call: str) -> None:
        if call == "provision":
            check = Check(
                name=CheckName.CORS, result=CheckResult.FAILED, message="No.", remedy=f"Add it.{OR_LET_THE_OPERATOR}"
            )
            raise Stalled(Reason.CHECKS_FAILED, "No.", check=check)

    managed, _, _ = look(provider=Scripted(there=True, fail=provision))
    assert managed.findings[-1].remedy == "Add it. Or apply this BucketStore: the operator then does it."
    observed, _, _ = look(provider=Scripted(there=True, fail=provision), spec={"managementPolicy": "Observe"})
    assert observed.findings[-1].remedy.endswith(OR_LET_THE_OPERATOR)


def test_an_endpoint_that_an_operator_would_need_on_its_list() -> None:
    """It passes here, where the user is the administrator, with a warning; by an operator's list there is none."""
    allowed = Check(name=CheckName.ENDPOINT_ALLOWED, result=CheckResult.PASSED, message="It may be used.")
    block = {
        "s3": None,
        "provider": "S3Compatible",
        "s3Compatible": {"bucket": "b", "endpoint": "http://minio:9000", "region": "r"},
    }
    found, _, _ = look(provider=Scripted(there=True, invalid=allowed), spec=block)
    assert rows(found)["EndpointAllowed"] == "Warning"
    listed, _, _ = look(provider=Scripted(there=True, invalid=allowed), spec=block, options=Options(listed=True))
    assert rows(listed)["EndpointAllowed"] == "Passed"


def test_keys_stay_keys() -> None:
    """The data path is signed with the Secret's keys, as W&B would."""
    _, provider, _ = look()
    assert provider.contexts["probe"].data == AccessKey(
        access_key_id="AKIACANARY", secret_access_key="canary/secret+value"
    )
