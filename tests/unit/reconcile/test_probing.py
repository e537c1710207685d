"""Looks at a BucketStore whose data path a Job tries: no look waits, each does the next step, and nothing is left."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from unit.memory_kube import MemoryKube
from unit.probing import pod_of, workload
from unit.resources import bucket_store, team_storage, wandb_instance
from unit.scripted import Stage, namespace_object, secret
from wandb_byob.decide.probing import probe_output, probes
from wandb_byob.kube.client import BUCKET_STORES, JOBS, SECRETS, ForbiddenError
from wandb_byob.model import names
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.model.probe import INPUTS
from wandb_byob.reconcile import bucketstore
from wandb_byob.reconcile.base import Result

KEY = ObjectKey(Kind.BUCKET_STORE, "team-a", "data")
FROM_WORKLOAD = {"verification": {"from": "Workload"}}
AMBIENT = {"credentials": {"source": "Ambient"}, "provisioning": None, **FROM_WORKLOAD}
HOST_SPEC = {"target": {"workloads": {"names": ["api"]}}}


class Act:
    """A stage with W&B and a BucketStore whose probes are Jobs."""

    def __init__(self, *bodies: dict[str, Any], spec: dict[str, Any] | None = None, **instance: Any) -> None:
        store = bucket_store(spec={**FROM_WORKLOAD, **(spec or {})})
        namespaces = [namespace_object(name) for name in ("team-a", "team-b", "prod")]
        wandb = wandb_instance(spec={**HOST_SPEC, **instance})
        api = workload("api", account="wandb")
        kube = MemoryKube(store, wandb, api, secret(), *namespaces, *bodies)
        self.stage = Stage(kube=kube, config={"image": "byob:1", "image_pull_secrets": ("registry",)})
        self.stage.provider.there = True
        self.restart()

    def restart(self) -> None:
        """Forget what is only remembered."""
        self._reconcile = bucketstore.reconciler()

    def look(self) -> Result:
        """One look; Jobs that were made get the server's time."""
        result = self._reconcile(self.stage.world, KEY)
        for job in self.of("jobs"):
            stamp = self.stage.now.strftime("%Y-%m-%dT%H:%M:%SZ")
            self.stage.kube.objects["jobs", "team-a", job["metadata"]["name"]]["metadata"].setdefault(
                "creationTimestamp", stamp
            )
        return result

    def of(self, plural: str) -> list[dict[str, Any]]:
        """All objects of a kind that are a probe's."""
        return [
            body
            for (kind, _, _), body in self.stage.kube.objects.items()
            if kind == plural and names.PROBE in body["metadata"].get("labels", {})
        ]

    @property
    def job(self) -> dict[str, Any]:
        (job,) = self.of("jobs")
        return job

    def asked(self) -> Any:
        """What the Job was given."""
        (given,) = self.of("secrets")
        return INPUTS.decode(base64.b64decode(given["data"]["input.json"]))

    def answer(self, *, bad: CheckName | None = None) -> None:
        """Let the Job tell its result: all is well, but for `bad`."""
        paths = self.asked().paths
        found = [each for path in paths for each in probes.path_checks(dict.fromkeys(probes.CALLS), None, path=path)]
        failed = [
            Check(name=each.name, result=CheckResult.FAILED, message="Refused.", remedy="Grant it.", path=each.path)
            if each.name is bad
            else each
            for each in found
        ]
        self.say(probe_output.encode(failed, paths).decode())

    def say(self, message: str) -> None:
        """Let the Job's pod end with this termination message."""
        self.stage.kube.put(pod_of(self.job, state={"terminated": {"exitCode": 0, "message": message}}))

    def told(self, type_: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        found = self.stage.kube.of(BUCKET_STORES, "data")["status"]["conditions"]
        return next((each["status"], each["reason"]) for each in found if each["type"] == type_)

    def message(self, type_: str = "DataPathVerified") -> str:
        """A condition's message."""
        found = self.stage.kube.of(BUCKET_STORES, "data")["status"]["conditions"]
        return str(next(each["message"] for each in found if each["type"] == type_))

    @property
    def checks(self) -> dict[tuple[str, str], dict[str, Any]]:
        status = self.stage.kube.of(BUCKET_STORES, "data")["status"]
        return {(each["name"], each.get("path", "")): each for each in status.get("checks", ())}


def team(name: str = "ml", path: str = "teams/ml") -> dict[str, Any]:
    return team_storage(name, spec={"path": path})


def test_a_look_makes_the_job_and_does_not_wait_for_it() -> None:
    """The BucketStore says what is under way, the provider's own probe is not called, and the next look is soon."""
    act = Act(team())
    result = act.look()
    assert result.after == timedelta(seconds=1)
    assert "probe" not in " ".join(act.stage.provider.calls)
    assert act.told("DataPathVerified") == ("Unknown", "ProbingFromWorkload")
    assert act.told("Ready") == ("False", "ProbingFromWorkload")
    assert act.told("Reconciling")[0] == "True"
    assert "ServiceAccount wandb of Deployment/api in namespace team-a" in act.message()
    assert act.asked().paths == ("teams/ml",)
    assert act.asked().signer.access_key_id == "AKIACANARY"
    assert "canary" not in json.dumps(act.job).lower()


def test_its_result_is_taken_and_the_job_taken_away() -> None:
    act = Act(team())
    act.look()
    act.stage.wait(timedelta(seconds=3))
    act.answer()
    act.stage.kube.writes.clear()
    act.look()
    assert act.told("Ready") == ("True", "Ready")
    assert "as tried from a Job under ServiceAccount wandb of Deployment/api" in act.message()
    assert act.checks["PutObject", "teams/ml"]["message"].startswith("From W&B's workload: ")
    assert act.checks["WorkloadProbe", ""]["result"] == "Passed"
    assert not act.of("jobs")
    assert not act.of("secrets")
    act.look()
    assert act.stage.kube.writes == [f"delete jobs {_name(act)}", "patch bucketstores/status data"], "and no new Job"


def _name(act: Act) -> str:
    from wandb_byob.decide.probing.probe_job import job_name

    return job_name(act.stage.kube.of(BUCKET_STORES, "data")["metadata"]["uid"])


def test_while_it_runs_nothing_is_written_and_the_store_is_left_alone() -> None:
    """Looks come less often the longer it takes."""
    act = Act(team())
    act.look()
    act.stage.kube.writes.clear()
    act.stage.provider.calls.clear()
    waits = []
    for _ in range(4):
        act.stage.wait(timedelta(seconds=9))
        waits.append(act.look().after)
    assert act.stage.kube.writes == []
    assert act.stage.provider.calls == []
    assert waits == [timedelta(seconds=3), timedelta(seconds=6), timedelta(seconds=9), timedelta(seconds=10)]


def test_a_restart_finds_the_job_and_takes_its_result() -> None:
    act = Act(team())
    act.look()
    act.answer()
    act.restart()
    act.look()
    assert act.told("Ready") == ("True", "Ready")
    assert act.stage.kube.writes.count(f"create jobs {_name(act)}") == 1


def test_a_job_whose_secret_was_not_made_before_a_crash_gets_it() -> None:
    act = Act(team())
    act.look()
    (given,) = act.of("secrets")
    del act.stage.kube.objects["secrets", "team-a", given["metadata"]["name"]]
    act.restart()
    act.look()
    assert act.asked().paths == ("teams/ml",)
    assert act.of("secrets")[0]["metadata"]["name"] == given["metadata"]["name"]


def test_a_failure_that_the_job_found_stalls_and_is_tried_again_at_the_interval() -> None:
    """Meanwhile what it found stands."""
    act = Act(team())
    act.look()
    act.answer(bad=CheckName.GET_OBJECT)
    act.look()
    assert act.told("DataPathVerified") == ("False", "ChecksFailed")
    assert "Check GetObject under teams/ml: From W&B's workload: Refused." in act.message()
    assert not act.of("jobs")
    act.look()
    assert not act.of("jobs"), "nothing has changed"
    act.stage.wait(timedelta(minutes=5))
    act.look()
    assert act.told("DataPathVerified") == ("False", "ChecksFailed"), "until there is a new result"
    act.answer()
    act.look()
    assert act.told("Ready") == ("True", "Ready")


def test_the_proof_is_repeated_without_a_word() -> None:
    """When it is due, a Job is made; a result that is the same changes nothing."""
    act = Act(team())
    act.look()
    act.answer()
    act.look()
    act.stage.kube.writes.clear()
    act.stage.wait(timedelta(hours=24))
    act.look()
    assert act.told("Ready") == ("True", "Ready")
    act.answer()
    act.look()
    assert act.stage.kube.writes == [
        f"create jobs {_name(act)}",
        f"create secrets {act.stage.kube.writes[1].split()[-1]}",
        f"delete jobs {_name(act)}",
    ]
    assert act.told("Ready") == ("True", "Ready")


def test_changed_inputs_make_a_new_job_in_place_of_the_old() -> None:
    """There is never more than one, and no result of what was before is taken."""
    act = Act(team())
    act.look()
    act.answer()
    old = act.job["metadata"]["annotations"][names.PROBE_MARK]
    act.stage.kube.put(secret(accessKeyID="AKIAROTATED", secretAccessKey="rotated/secret"))
    act.look()
    assert act.job["metadata"]["annotations"][names.PROBE_MARK] != old
    assert act.asked().signer.access_key_id == "AKIAROTATED"
    assert act.told("DataPathVerified") == ("Unknown", "ProbingFromWorkload")


def test_a_team_that_comes_while_it_runs_has_its_path_tried_next() -> None:
    act = Act(team())
    act.look()
    act.stage.kube.put(team("nlp", "teams/nlp"))
    act.answer()
    assert act.look().after == timedelta(0)
    assert ("PutObject", "teams/ml") in act.checks
    assert act.told("DataPathVerified") == ("Unknown", "ProbingFromWorkload")
    act.look()
    assert "teams/nlp" in act.asked().paths
    act.answer()
    act.look()
    assert act.told("Ready") == ("True", "Ready")


def test_a_request_to_look_now_gets_a_result_of_now() -> None:
    act = Act(team())
    act.look()
    act.answer()
    meta = act.stage.kube.objects["bucketstores", "team-a", "data"]["metadata"]
    meta["annotations"] = {**meta.get("annotations", {}), names.RECONCILE_REQUESTED_AT: "now"}
    act.look()
    assert act.told("DataPathVerified") == ("Unknown", "ProbingFromWorkload")
    act.stage.kube.objects.pop(("pods", "team-a", f"{_name(act)}-x"), None)
    act.answer()
    act.look()
    assert act.told("Ready") == ("True", "Ready")


@pytest.mark.parametrize(
    "message", ["", '{"rows": [["Invented", "Passed"]]}', "x" * 9000], ids=["none", "forged", "long"]
)
def test_a_result_that_is_none_fails_and_proves_nothing(message: str) -> None:
    act = Act(team())
    act.look()
    act.say(message)
    act.look()
    assert act.told("DataPathVerified") == ("False", "ChecksFailed")
    assert act.checks["WorkloadProbe", ""]["result"] == "Failed"
    assert act.checks["PutObject", "teams/ml"]["result"] == "Skipped"
    assert not act.of("jobs")
    act.look()
    assert not act.of("jobs"), "it is not tried again at once"


def test_what_keeps_it_from_starting_is_told_and_fails_in_the_end() -> None:
    act = Act(team())
    act.look()
    refused = {"reason": "FailedCreate", "note": "pods is forbidden: exceeded quota: small"}
    meta = {"name": "why", "namespace": "team-a"}
    act.stage.kube.put({"kind": "Event", "metadata": meta, "regarding": {"uid": act.job["metadata"]["uid"]}, **refused})
    act.stage.wait(timedelta(seconds=5))
    act.look()
    assert "It has not started yet. FailedCreate: pods is forbidden: exceeded quota: small." in act.message()
    assert act.told("Reconciling")[0] == "True"
    act.stage.wait(timedelta(seconds=20))
    act.look()
    assert act.told("Stalled") == ("True", "ChecksFailed")
    assert "Raise the ResourceQuota of namespace team-a" in act.message()
    assert not act.of("jobs")


def test_events_that_may_not_be_read_hold_nothing_up() -> None:
    """A Role from before an upgrade."""
    act = Act(team())
    act.look()

    def refuse(call: str) -> None:
        if call.startswith("list events"):
            raise ForbiddenError("list events: forbidden.", status=403)

    act.stage.kube.before = refuse
    act.look()
    assert act.told("DataPathVerified") == ("Unknown", "ProbingFromWorkload")


def test_a_role_without_jobs_is_told() -> None:
    act = Act(team())

    def refuse(call: str) -> None:
        if call.startswith("create jobs"):
            raise ForbiddenError("create jobs.batch team-a: forbidden.", status=403)

    act.stage.kube.before = refuse
    act.look()
    assert act.told("Ready") == ("False", "Forbidden")
    assert "create jobs.batch" in act.message("Ready")


def test_a_bucket_that_is_wrong_as_such_is_not_probed() -> None:
    """Its own checks are told first; once they pass, the Job is made."""
    act = Act(team())
    act.stage.provider.bad = {CheckName.CORS: "There is no rule."}
    act.look()
    assert act.told("Configured") == ("False", "ChecksFailed")
    assert not act.of("jobs")
    act.stage.provider.bad = {}
    act.stage.wait(timedelta(minutes=5))
    act.look()
    assert act.of("jobs")


def test_a_deleted_bucketstore_takes_its_job_with_it() -> None:
    act = Act()
    act.stage.kube.objects["bucketstores", "team-a", "data"]["spec"]["probePath"] = "probe"
    act.look()
    assert act.of("jobs")
    act.stage.kube.objects["bucketstores", "team-a", "data"]["metadata"]["deletionTimestamp"] = "2026-11-22T11:00:00Z"
    act.look()
    assert not act.of("jobs")
    assert not act.of("secrets")
    assert ("bucketstores", "team-a", "data") not in act.stage.kube.objects


def test_without_keys_the_job_signs_as_w_and_b_and_the_operator_signs_nothing() -> None:
    """`credentials.source: Ambient` and no provisioning: provable, although nobody here can look."""
    act = Act(team(), spec=AMBIENT)
    act.look()
    assert act.asked().signer == type(act.asked().signer)()
    context = act.stage.provider.contexts["provision"]
    assert (context.data, context.admin) == (None, None)
    act.answer()
    act.look()
    assert act.told("DataPathVerified") == ("True", "Verified")


@pytest.mark.parametrize(
    ("spec", "instance", "words"),
    [
        ({**AMBIENT, "verification": {"from": "Workload", "dataPath": False}}, {}, "let W&B's pods look"),
        (
            {**AMBIENT, "s3": {"bucket": "data", "region": "r", "endpoint": "https://x.example"}},
            {},
            "never shown to an endpoint",
        ),
        ({}, {"deploymentType": "DedicatedCloud", "target": None}, "needs W&B's pods in this cluster"),
        ({}, {"target": {"workloads": {"names": ["gone"]}}}, "has the name gone"),
    ],
    ids=["no data path", "named endpoint", "not in this cluster", "no workload"],
)
def test_what_cannot_be_looked_at_from_there_is_refused(
    spec: dict[str, Any], instance: dict[str, Any], words: str
) -> None:
    act = Act(team(), spec=spec, **instance)
    act.look()
    act.stage.wait(timedelta(seconds=11))
    act.look()
    assert act.told("Ready")[0] == "False"
    assert words in act.message("Ready")
    assert not act.of("jobs")


def test_somebody_elses_job_of_that_name_is_left_alone() -> None:
    act = Act(team())
    theirs = {"kind": "Job", "metadata": {"name": _name(act), "namespace": "team-a", "uid": "theirs"}, "spec": {}}
    act.stage.kube.put(theirs)
    act.look()
    assert act.told("Ready") == ("False", "Forbidden")
    assert act.stage.kube.of(JOBS, _name(act))["metadata"]["uid"] == "theirs"
    assert not act.of(SECRETS.plural)


def test_a_namespace_is_not_filled_with_probes() -> None:
    """Five at once; the next waits its turn, and those that have ended do not count."""
    act = Act(team())
    others = [
        {
            "kind": "Job",
            "metadata": {"name": f"other-{number}", "namespace": "team-a", "labels": {names.PROBE: f"u{number}"}},
        }
        for number in range(5)
    ]
    for other in others:
        act.stage.kube.put(other)
    assert act.look().after == timedelta(seconds=5)
    assert "when one of 5 probes there has ended" in act.message()
    assert len(act.of("jobs")) == 5
    act.stage.kube.put({**others[0], "status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    act.look()
    assert len(act.of("jobs")) == 6
