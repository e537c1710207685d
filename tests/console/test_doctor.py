"""`byob doctor`, the installed program, on real stores: what it finds, what it leaves behind, how it ends and how long it takes."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from console.cases import CASES, Case
from console.program import COLUMNS, byob, on_terminal, write
from console.setups import Setup
from console.sites import SITES
from testbed.object_store import Store

TO_DO = re.compile(
    r"\b(Add|Check|Correct|Put|Set|Name|Allow|Grant|Use|Make|Write|See|Wait|Upgrade|Choose|Enable|Let|Turn|look)\b"
)
"""Each row that failed says what to do."""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a case starts ends with it."""
    with ExitStack() as found:
        yield found


def doctor(folder: Path, setup: Setup, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and what it says as JSON."""
    setup.write(folder)
    done = byob(folder, "doctor", "-f", "bucket.yaml", "-o", "json", *setup.arguments, *arguments)
    assert "Traceback" not in done.errors, done.errors
    return done.status, json.loads(done.output) if done.output else {"error": done.errors}


def with_result(found: dict[str, Any], result: str) -> set[str]:
    return {check["name"] for each in found["bucketStores"] for check in each["checks"] if check["result"] == result}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case, request: pytest.FixtureRequest, tmp_path: Path, stack: ExitStack) -> None:
    """Exactly the checks that are meant fail or warn, each with what to do; no key is shown, nothing is left in the bucket."""
    setup = case.setup(request.getfixturevalue(SITES[case.site].fixture), stack)
    status, found = doctor(tmp_path, setup)
    assert status == case.status, found
    assert with_result(found, "Failed") == case.failed
    assert with_result(found, "Warning") == case.warned
    checks = [check for each in found["bucketStores"] for check in each["checks"]]
    assert all(
        TO_DO.search(check["message"] + check.get("remedy", "")) for check in checks if check["result"] == "Failed"
    )
    said = json.dumps(found)
    assert case.says in said
    assert not any(key in said for key in setup.keys.values())
    assert "the operator's pod" not in said
    if case.failed.isdisjoint({"BucketExists", "Region"}):
        assert len(setup.contents()) == case.left


@pytest.mark.parametrize(
    ("site", "unusable"),
    [
        ("s3-moto", {"accessKeyID": "AKIACANARY"}),
        ("s3-compatible-versitygw", {"accessKeyID": "AKIACANARY", "secretAccessKey": "canary-secret\n"}),
        ("coreweave", {"accessKeyID": "AKIACANARY", "secretAccessKey": "canary secret"}),
        ("gcs", {"serviceAccount.json": '{"type": "service_account", "client_email": "canary"}'}),
        ("azure", {"accountKey": "canary: no base64"}),
    ],
)
def test_credentials_that_are_none(
    site: str, unusable: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Nothing could be looked at: status 2 and one sentence that names the Secret and what to store there, for every provider."""
    setup = SITES[site].make(request.getfixturevalue(SITES[site].fixture)).changed(keys=unusable)
    status, found = doctor(tmp_path, setup)
    assert status == 2, found
    (told,) = found["bucketStores"]
    assert (told["result"], told["checks"]) == ("Unknown", [])
    assert "spec.credentials.secretRef" in told["error"]
    assert re.search(r"\b(Store|Add)\b", told["error"])
    assert "canary" not in json.dumps(found).lower()


def configuration(setup: Setup) -> str:
    """All that is set on the bucket."""
    asked = (
        "get_bucket_cors",
        "get_bucket_policy",
        "get_bucket_versioning",
        "get_bucket_encryption",
        "get_public_access_block",
    )
    answers = [setup.client(call) for call in asked]
    return json.dumps([{k: v for k, v in each.items() if k != "ResponseMetadata"} for each in answers], default=str)


def test_nothing_is_changed(moto: Store, tmp_path: Path) -> None:
    """Where an operator would change the bucket, doctor and plan say so and leave it as it is."""
    setup = SITES["s3-moto"].make(moto)
    setup.spec.update({"provisioning": setup.spec["credentials"], "adoptionPolicy": "Adopt"})
    setup.client("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"})
    before = configuration(setup)
    status, found = doctor(tmp_path, setup)
    planned = [change["change"] for change in found["bucketStores"][0]["plan"]]
    assert (status, planned) == (0, ["Owner", "Versioning"])
    plan = byob(tmp_path, "plan", "-f", "bucket.yaml")
    assert (plan.status, "Enable versioning." in plan.output) == (0, True), plan.output + plan.errors
    assert configuration(setup) == before


def test_a_bucket_that_nobody_gave_away(moto: Store, tmp_path: Path) -> None:
    """An operator would not configure a bucket that was there before: plan says so, with the field that gives the word."""
    setup = SITES["s3-moto"].make(moto)
    setup.spec.update({"provisioning": setup.spec["credentials"]})
    write(tmp_path, setup.objects)
    done = byob(tmp_path, "plan", "-f", "bucket.yaml")
    assert (done.status, "adoptionPolicy: Adopt" in done.output) == (1, True), done.output + done.errors
    _, found = doctor(tmp_path, setup)
    assert "adoptionPolicy: Adopt" in found["bucketStores"][0]["refusal"]


def test_without_the_data_path_nothing_is_written(minio: Store, tmp_path: Path) -> None:
    """--no-data-path: no object is written, not even for a moment, and no row claims that it was tried."""
    setup = SITES["s3-compatible-minio"].make(minio)
    _, found = doctor(tmp_path, setup, "--no-data-path")
    names = {check["name"] for check in found["bucketStores"][0]["checks"]}
    assert names.isdisjoint({"PutObject", "Preflight"})
    assert "not tried" in found["bucketStores"][0]["dataPath"]
    versions = setup.client("list_object_versions")
    assert not versions.get("Versions")
    assert not versions.get("DeleteMarkers")


def test_a_bucket_that_is_only_observed_is_not_written_to(versitygw: Store, tmp_path: Path) -> None:
    """In Observe the data path waits for a word: --data-path, with a path to write under."""
    setup = SITES["s3-compatible-versitygw"].make(versitygw)
    setup.spec["managementPolicy"] = "Observe"
    _, quiet = doctor(tmp_path, setup)
    assert "PutObject" not in {check["name"] for check in quiet["bucketStores"][0]["checks"]}
    _, asked = doctor(tmp_path, setup, "--data-path", "--path", "wandb-probe")
    paths = {check["path"] for check in asked["bucketStores"][0]["checks"] if check["name"] == "PutObject"}
    assert paths == {"teams/vision", "wandb-probe"}


def test_the_list_of_an_operator(versitygw: Store, tmp_path: Path) -> None:
    """With --allowed-endpoints the endpoint is judged as by an operator with that list: no warning on it, refused off it."""
    setup = SITES["s3-compatible-versitygw"].make(versitygw)
    status, listed = doctor(tmp_path, setup, "--allowed-endpoints", "127.0.0.1")
    assert (status, with_result(listed, "Warning")) == (0, {"Trust"})
    status, refused = doctor(tmp_path, setup, "--allowed-endpoints", "minio.example.com")
    assert (status, with_result(refused, "Failed")) == (1, {"EndpointAllowed"})


def test_on_a_terminal_and_in_a_pipe(versitygw: Store, tmp_path: Path) -> None:
    """A terminal of 100 columns gets colours and lines that fit; a pipe whole lines without any escape."""
    setup = SITES["s3-compatible-versitygw"].make(versitygw)
    setup.client("delete_bucket_cors")
    write(tmp_path, setup.objects)
    shown = on_terminal(tmp_path, "doctor", "-f", "bucket.yaml", environ={"NO_COLOR": "1"})
    assert shown.status == 1
    assert shown.widest <= COLUMNS
    assert "\x1b" not in shown.output
    assert "\x1b[31mFailed" in on_terminal(tmp_path, "doctor", "-f", "bucket.yaml").output
    piped = byob(tmp_path, "doctor", "-f", "bucket.yaml")
    assert "\x1b" not in piped.output
    (line,) = [line for line in piped.output.splitlines() if line.startswith("CORS ")]
    assert line.endswith("no rule allows the origin https://wandb.example.com.")


def test_several_buckets(versitygw: Store, minio: Store, tmp_path: Path) -> None:
    """Each has its table, and a summary says which failed; one name chooses one."""
    one, other = SITES["s3-compatible-versitygw"].make(versitygw), SITES["s3-compatible-minio"].make(minio)
    renamed = [
        each | {"metadata": {"name": "speech" if each["metadata"]["name"] == "vision" else "speech-keys"}}
        for each in other.objects[1:]
    ]
    renamed[1]["spec"] |= {"credentials": {"secretRef": {"name": "speech-keys"}}}
    renamed[2]["spec"] = {"bucketStoreRef": {"name": "speech"}}
    one.client("delete_bucket_cors")
    write(tmp_path, [*one.objects, *renamed])
    done = byob(tmp_path, "doctor", "-f", ".")
    assert done.status == 1
    summary = done.output.partition("BUCKETSTORE")[2].split()
    assert summary[2:] == ["default/vision", "Failed", "CORS,", "Preflight,", "ETagExposed", "default/speech", "Passed"]
    assert byob(tmp_path, "doctor", "-f", ".", "speech").status == 0


def test_it_is_quick(versitygw: Store, tmp_path: Path) -> None:
    """The budget: 1.5 s from start to end on one bucket of a local store, and half a second for --help."""
    write(tmp_path, SITES["s3-compatible-versitygw"].make(versitygw).objects)
    assert min(byob(tmp_path, "doctor", "-f", "bucket.yaml").seconds for _ in range(3)) < 1.5
    assert min(byob(tmp_path, "doctor", "--help").seconds for _ in range(3)) < 0.5
