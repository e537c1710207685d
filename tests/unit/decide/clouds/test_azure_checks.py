"""Each aspect of a container and its account fails its own check and no other, with what to do."""

from dataclasses import replace
from typing import Any

import pytest

from wandb_byob.decide.clouds.azure_checks import account_name, checks, hidden
from wandb_byob.decide.clouds.azure_container import Account, Container, Service, State, Wanted
from wandb_byob.decide.clouds.azure_origins import MOST_RULES, rule
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.model.checks import Check, CheckName, CheckResult

ORIGIN = "https://wandb.example.com"
WANTED = Wanted(uid="u-1", origins=(ORIGIN,), created=True, lets_in=(ORIGIN,))
GOOD = State(
    container=Container(metadata={"wandbbyobowner": "u-1"}),
    account=Account(kind="StorageV2", hierarchical=False),
    service=Service(cors=(rule([ORIGIN]),), soft_delete=7),
)
DENIED = Unread(code="AuthorizationPermissionMismatch", action="GetBlobServiceProperties", denied=True)
UNKNOWN = Unread(code="FeatureNotSupportedForAccount", action="GetBlobServiceProperties", denied=False)
REFUSED = Unread(code="AuthorizationPermissionMismatch", action="SetBlobServiceProperties", denied=True)
FAILED, WARNING, SKIPPED = CheckResult.FAILED, CheckResult.WARNING, CheckResult.SKIPPED
ELSEWHERE = {CheckName.VERSIONING: SKIPPED, CheckName.LIFECYCLE: SKIPPED}
FULL = Service(cors=tuple({**rule(["https://a"]), "MaxAgeSeconds": n} for n in range(MOST_RULES)), soft_delete=7)


def wrong(found: tuple[Check, ...]) -> dict[CheckName, CheckResult]:
    """What did not pass, apart from what Azure shows elsewhere."""
    assert ELSEWHERE.items() <= {check.name: check.result for check in found}.items()
    return {
        check.name: check.result
        for check in found
        if check.result is not CheckResult.PASSED and check.name not in ELSEWHERE
    }


def container(**changes: Any) -> dict[str, Any]:
    return {"container": replace(GOOD.container, **changes)}


@pytest.mark.parametrize(
    ("changes", "expected", "words"),
    [
        ({}, {}, ""),
        ({"account": Account(kind="FileStorage", hierarchical=False)}, {CheckName.STORAGE_ACCOUNT: FAILED}, "general-purpose v2"),
        ({"account": Account(kind="StorageV2", hierarchical=True)}, {CheckName.STORAGE_ACCOUNT: WARNING}, "hierarchical namespace"),
        ({"account": Account(kind="Storage", hierarchical=False)}, {CheckName.STORAGE_ACCOUNT: WARNING}, "kind=StorageV2"),
        ({"account": Account(kind="BlockBlobStorage", hierarchical=False)}, {}, ""),
        ({"account": replace(DENIED, action="GetAccountInformation")}, {CheckName.STORAGE_ACCOUNT: SKIPPED}, "GetAccountInformation"),
        ({"service": Service(soft_delete=7)}, {CheckName.CORS: FAILED}, ORIGIN),
        ({"service": FULL}, {CheckName.CORS: FAILED}, "Azure takes 5"),
        ({"service": replace(GOOD.service, soft_delete=0)}, {CheckName.SOFT_DELETE: WARNING}, "7 days"),
        ({"service": DENIED}, {CheckName.CORS: WARNING, CheckName.SOFT_DELETE: WARNING}, "Storage Account Contributor"),
        ({"service": UNKNOWN}, {CheckName.CORS: SKIPPED, CheckName.SOFT_DELETE: SKIPPED}, "FeatureNotSupportedForAccount"),
        (container(public="blob"), {CheckName.PUBLIC_ACCESS: WARNING}, "blob"),
        (container(immutable=True), {CheckName.IMMUTABILITY: FAILED}, "immutability policy"),
        (container(held=True), {CheckName.IMMUTABILITY: FAILED}, "legal hold"),
        (container(immutable_versions=True), {CheckName.IMMUTABILITY: WARNING}, "Version-level"),
        (container(metadata={}), {CheckName.OWNER: SKIPPED}, "carries no"),
        (container(metadata={"wandbbyobowner": "u-2"}), {CheckName.OWNER: WARNING}, "metadata wandbbyobowner"),
    ],
)  # fmt: skip
def test_one_at_a_time(changes: dict[str, Any], expected: dict[CheckName, CheckResult], words: str) -> None:
    """Exactly the check of what is wrong, with a remedy where it fails or warns."""
    found = checks(replace(GOOD, **changes), WANTED, managed=True)
    assert wrong(found) == expected
    bad = [check for check in found if check.name in expected]
    assert all(words in f"{check.message} {check.remedy}" for check in bad)
    assert all(check.remedy for check in bad if check.result in (FAILED, WARNING))


@pytest.mark.parametrize(
    ("known", "failed"), [((ORIGIN,), True), ((ORIGIN, "https://tenants.example"), False)], ids=["not let in", "let in by hand"]
)  # fmt: skip
def test_an_origin_that_is_not_ours_to_let_in(known: tuple[str, ...], *, failed: bool) -> None:
    """The operator's own identity lets in W&B's host alone; what is missing is told, with each way out."""
    wanted = replace(WANTED, origins=(ORIGIN, "https://tenants.example"))
    found = checks(replace(GOOD, service=Service(cors=(rule(known),), soft_delete=7)), wanted, managed=True)
    assert wrong(found) == ({CheckName.CORS: FAILED} if failed else {})
    if failed:
        (check,) = (check for check in found if check.name is CheckName.CORS)
        assert "no rule allows the origin https://tenants.example" in check.message
        for words in (
            "https://tenants.example out of spec.cors.allowedOrigins",
            "byob policy",
            "spec.provisioning.secretRef",
        ):
            assert words in check.remedy


@pytest.mark.parametrize(
    ("word", "result", "words"), [(REFUSED, SKIPPED, "see ProvisioningPermission"), (UNKNOWN, FAILED, "does not offer")]
)
def test_what_could_not_be_set(word: Unread, result: CheckResult, words: str) -> None:
    """For want of a permission, which is a check of its own, or because the account has no such thing."""
    refused = dict.fromkeys((CheckName.CORS, CheckName.SOFT_DELETE, CheckName.PUBLIC_ACCESS), word)
    broken = replace(GOOD, service=Service(), **container(public="blob"))
    found = checks(broken, WANTED, refused=refused, managed=True)
    assert wrong(found) == dict.fromkeys(refused, result)
    assert all(words in check.message and word.code in check.message for check in found if check.name in refused)


def test_what_is_in_order_is_not_said_to_be_refused() -> None:
    """A refusal of one request may be about a part of what it was to set."""
    assert wrong(checks(GOOD, WANTED, refused={CheckName.CORS: REFUSED}, managed=True)) == {}


def test_the_account_s_settings_are_said_to_be_the_account_s() -> None:
    """CORS and soft delete hold for all of its containers, also where all is well."""
    said = {check.name: check.message for check in checks(GOOD, WANTED, managed=True)}
    assert all("all its containers" in said[name] for name in (CheckName.CORS, CheckName.SOFT_DELETE))


def test_where_nothing_is_changed_the_operator_is_offered() -> None:
    """As with every other provider."""
    found = checks(replace(GOOD, service=Service()), WANTED, managed=False)
    offered = [check for check in found if check.name in (CheckName.CORS, CheckName.SOFT_DELETE)]
    assert all("managementPolicy: Manage" in check.remedy for check in offered)


def test_hidden() -> None:
    """Azure's word is shown."""
    (found,) = hidden("AuthorizationPermissionMismatch")
    assert (found.name, found.result) == (CheckName.BUCKET_EXISTS, SKIPPED)
    assert "AuthorizationPermissionMismatch" in found.message


@pytest.mark.parametrize(
    "name", ["", "ab", "Acme", "acme-wandb", "acme.example.com", "acme/..", "acme?x", "a" * 25, "acme\n"]
)
def test_a_name_that_no_account_has(name: str) -> None:
    """It would lead a request to another host or path."""
    found = account_name(name)
    assert found is not None
    assert "spec.azure.storageAccount" in found.remedy
    assert name == "" or name not in found.message


def test_a_name_that_one_may_have() -> None:
    """Nothing is said of it: what kind of account it is counts."""
    assert account_name("acme1") is None


def test_a_host_in_the_place_of_the_account() -> None:
    """What is too much is told; another account would not help."""
    found = account_name("acme1.blob.core.windows.net")
    assert found is not None
    assert (
        found.remedy == "Write the account's name alone in spec.azure.storageAccount, without .blob.core.windows.net."
    )
