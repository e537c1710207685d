"""What is Azure's own: settings of an account that many containers share, names that are held back, and facts that Azurite has not.

The latter are shown to the operator by a proxy before Azurite, in Azure's documented words.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.storage.blob import CorsRule

from contract.azure import AzureSite, error, site_at
from contract.provisioning import new_name
from contract.results import Alone, Behaviour
from contract.site import ORIGIN, PATH, UID, calls_of
from testbed.faults import Fault
from testbed.stores import Azurite
from wandb_byob.decide.clouds.azure_container import OWNER_METADATA
from wandb_byob.decide.clouds.azure_origins import ORIGINS_METADATA
from wandb_byob.decide.probing.browsers import METHODS
from wandb_byob.model.checks import CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import AccountKey
from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.azure import AzureProvider
from wandb_byob.providers.base import Context, Provisioned

pytestmark = pytest.mark.at("Azure-Azurite")
behaviour = pytest.mark.behaviour
OBSERVE = {"management_policy": "Observe"}
CONTAINER, ACCOUNT, SERVICE = (
    r"restype=container$",
    "comp=properties.*restype=account|restype=account.*comp=properties",
    "restype=service",
)


@pytest.fixture
def azure(azurite: Azurite) -> AzureSite:
    """A container name in an account of its own."""
    return site_at(azurite)


def sibling(site: AzureSite, origin: str) -> tuple[AzureSite, dict[str, Any]]:
    """Another container of the same account, for a W&B at this origin."""
    return replace(site, bucket=new_name()), {"tenant": replace(site.tenant, origins=(origin,))}


@behaviour(Behaviour.ADOPT)
def test_two_containers_of_one_account(azure: AzureSite) -> None:
    """The second finds CORS and soft delete as they should be, and writes none of them."""
    azure.look()
    other, _ = sibling(azure, ORIGIN)
    assert other.look().calls.writes == ["CreateContainer", "SetContainerMetadata"], "that it needs the origin, too"
    assert other.later().calls.writes == []
    assert azure.later().calls.writes == []


@behaviour(Behaviour.ADOPT)
def test_two_wandbs_of_one_account(azure: AzureSite) -> None:
    """One rule lets both in; neither takes the other's away, and the rule of somebody else stays behind it."""
    azure.make()
    azure.dress()
    (theirs,) = azure.configuration()["cors"]
    azure.look(intended=False, spec={"adoption_policy": "Adopt"})
    other, second = sibling(azure, "https://wandb.other.example.com")
    other.look(**second)
    ours, kept = azure.configuration()["cors"]
    assert ours["allowed_origins"] == f"{ORIGIN},https://wandb.other.example.com"
    assert kept == theirs
    assert azure.later(recorded="Adopted").calls.writes == []
    assert other.later(**second).calls.writes == []


def origins_of(site: AzureSite) -> list[list[str]]:
    """The origins of each rule of the account."""
    return [rule["allowed_origins"].split(",") for rule in site.configuration()["cors"]]


@behaviour(Behaviour.ADOPT)
def test_what_was_let_in_for_a_container_is_taken_out_with_the_last_that_needs_it(azure: AzureSite) -> None:
    """Two containers of one W&B, and one of another; the rule of somebody else stays, and so does everything in the containers."""
    azure.make()
    azure.dress()
    (theirs,) = azure.configuration()["cors"]
    azure.look(intended=False, spec={"adoption_policy": "Adopt"})
    azure.put("file")
    same, _ = sibling(azure, ORIGIN)
    same.look()
    other, second = sibling(azure, "https://wandb.other.example.com")
    other.look(**second)
    assert origins_of(azure)[0] == [ORIGIN, "https://wandb.other.example.com"]
    azure.provider.withdraw(azure.context(intended=False))
    assert origins_of(azure)[0] == [ORIGIN, "https://wandb.other.example.com"], "the second container needs it"
    same.provider.withdraw(same.context(intended=False))
    assert origins_of(azure)[0] == ["https://wandb.other.example.com"]
    assert other.later(**second).calls.writes == []
    other.provider.withdraw(other.context(intended=False, **second))
    assert azure.configuration()["cors"] == [theirs]
    assert azure.configuration()["metadata"] == {"team": "ml", OWNER_METADATA: f"adopted:{UID}"}
    assert azure.contents() == [("file", "")]
    again = azure.context(intended=False)
    azure.provider.withdraw(again)
    assert calls_of(again).writes == []


@behaviour(Behaviour.ADOPT)
def test_what_somebody_has_let_in_before_stays(azure: AzureSite) -> None:
    """A person has run what byob policy prints: the rule is like ours, and not ours to take out."""
    azure.make()
    rule = CorsRule([ORIGIN], list(METHODS), allowed_headers=["*"], exposed_headers=["*"], max_age_in_seconds=3000)
    azure.service.set_service_properties(cors=[rule])
    azure.look(intended=False, spec={"adoption_policy": "Adopt"})
    azure.provider.withdraw(azure.context(intended=False))
    assert origins_of(azure) == [[ORIGIN]]
    assert azure.configuration()["metadata"] == {OWNER_METADATA: f"adopted:{UID}"}


@behaviour(Behaviour.ADOPT)
def test_another_host_takes_the_place_of_the_old_one(azure: AzureSite) -> None:
    """It is let in, and the old one taken out, by one write; then nothing more is written, nor asked of other containers."""
    azure.look()
    moved = {"tenant": replace(azure.tenant, origins=("https://new.example.com",), host="https://new.example.com")}
    found = azure.later(**moved)
    assert found.calls.writes == ["SetContainerMetadata", "SetBlobServiceProperties", "SetContainerMetadata"]
    assert origins_of(azure) == [["https://new.example.com"]]
    assert found.check(CheckName.CORS).result is CheckResult.PASSED
    later = azure.later(**moved).calls
    assert later.writes == []
    assert "ListContainers" not in later.operations


@behaviour(Behaviour.ADOPT)
def test_where_other_containers_cannot_be_seen_nothing_is_taken_out(azure: AzureSite) -> None:
    """An identity with a role on the container alone: it is told what stays, and its container can go all the same."""
    azure.look()
    with azure.behind() as (through, proxy):
        denied = error(403, "AuthorizationPermissionMismatch")
        proxy.add(replace(denied, method="GET", target=r"\?(?!.*restype).*comp=list"))
        moved = {"tenant": replace(azure.tenant, origins=("https://new.example.com",))}
        assert through.later(**moved).check(CheckName.CORS).result is CheckResult.PASSED
        assert origins_of(azure) == [[ORIGIN, "https://new.example.com"]]
        with pytest.raises(Stalled, match=f"{ORIGIN}.*cannot be taken out.*by hand"):
            through.provider.withdraw(through.context(intended=False))
    assert origins_of(azure) == [[ORIGIN, "https://new.example.com"]]


@behaviour(Behaviour.ADOPT)
def test_a_container_of_somebody_elses_takes_nothing_out(azure: AzureSite) -> None:
    """Whatever its metadata say of origins: only with our mark do they count for a BucketStore that goes."""
    azure.look()
    stranger, _ = sibling(azure, ORIGIN)
    stranger.make()
    stranger.client.set_container_metadata({ORIGINS_METADATA: ORIGIN})
    stranger.provider.withdraw(stranger.context(intended=False))
    assert origins_of(azure) == [[ORIGIN]]


@behaviour(Behaviour.ADOPT)
def test_looks_at_one_account_take_turns(azure: AzureSite) -> None:
    """Azure has no precondition for what is the account's: eight W&Bs at once, and every one of them is let in."""
    origins = [f"https://wandb-{number}.example.com" for number in range(8)]
    looks = [sibling(azure, origin) for origin in origins]
    with ThreadPoolExecutor(len(looks)) as pool:
        list(pool.map(lambda pair: pair[0].look(**pair[1]), looks))
    (rule,) = azure.configuration()["cors"]
    assert sorted(rule["allowed_origins"].split(",")) == origins


@behaviour(Behaviour.CHECKS)
def test_no_room_for_a_rule(azure: AzureSite, alone: Alone) -> None:
    """Azure takes five rules. Where others have them all, CORS fails alone, says so, and nothing of theirs is changed."""
    theirs = [CorsRule([f"https://app-{number}.example.com"], ["GET"]) for number in range(5)]
    azure.service.set_service_properties(cors=theirs)
    before = azure.configuration()["cors"]
    found = azure.look()
    check = alone(found.found.checks, CheckName.CORS)
    assert check.result is CheckResult.FAILED
    assert "5" in check.remedy
    assert "all its containers" in check.message
    assert azure.configuration()["cors"] == before
    assert azure.configuration()["retention"] == (True, 7)
    assert azure.later().calls.writes == [], "what cannot be set is not tried again"


@behaviour(Behaviour.CREATE)
def test_a_name_that_is_held_back(azure: AzureSite) -> None:
    """For 30 seconds after a deletion Azure gives a container's name to nobody: that is waited for, and told."""
    with azure.behind() as (proxied, proxy):
        held = replace(error(409, "ContainerBeingDeleted"), method="PUT", target=CONTAINER)
        with proxy.fault(held), pytest.raises(Waiting) as waiting:
            proxied.look()
        assert (waiting.value.reason, waiting.value.after) == (Reason.PROGRESSING, timedelta(seconds=30))
        assert "30 seconds" in waiting.value.message
        found = proxied.look()
    assert found.found.facts is not None
    assert found.found.facts.created


@behaviour(Behaviour.PERMISSIONS)
@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "KeyBasedAuthenticationNotPermitted", "takes no account keys"),
        (403, "AuthorizationFailure", "Networking"),
        (403, "AccountIsDisabled", "is disabled"),
        (403, "AuthorizationPermissionMismatch", "Storage Blob Data Owner"),
        (400, "InvalidAuthenticationInfo", "spec.provisioning.secretRef"),
    ],
)
def test_an_account_that_refuses(azure: AzureSite, status: int, code: str, words: str) -> None:
    """Each of Azure's words has a sentence and what to do, and ends every kind of look; of the reply nothing else is shown."""
    azure.look()
    with azure.behind() as (proxied, proxy), proxy.fault(error(status, code)):
        context = proxied.context(intended=False, recorded="Created")
        for call in (proxied.provider.exists, proxied.provider.provision, proxied.provider.delete):
            with pytest.raises(Stalled) as refused:
                call(context)
            assert words in refused.value.message
            assert code in refused.value.message
            assert "canary" not in refused.value.message
        checks = proxied.provider.probe(context)
        assert any(
            words.replace("provisioning", "credentials") in f"{check.message} {check.remedy}" for check in checks
        )
    assert azure.contents() == []


@behaviour(Behaviour.PERMISSIONS)
@pytest.mark.parametrize("denied", ["GET", "PUT"])
def test_an_identity_without_the_accounts_role(azure: AzureSite, denied: str) -> None:
    """Who may use the container but not the account's settings is told the role that lacks, and the rest is done."""
    with azure.behind() as (proxied, proxy):
        proxy.add(replace(error(403, "AuthorizationPermissionMismatch"), method=denied, target=SERVICE))
        found = proxied.look()
    told = {CheckName.CORS, CheckName.SOFT_DELETE} if denied == "GET" else {CheckName.PROVISIONING_PERMISSION}
    assert found.results(CheckResult.FAILED, CheckResult.WARNING) == told
    assert all("Storage Account Contributor" in found.check(name).remedy for name in told)
    assert [change.name for change in found.found.applied] == ["BucketExists"]


@behaviour(Behaviour.PERMISSIONS)
def test_who_may_not_mark_a_container_configures_nothing(azure: AzureSite) -> None:
    """The permission is named as Azure names it, with the role that has it."""
    azure.make()
    before = azure.configuration()
    with azure.behind() as (proxied, proxy):
        proxy.add(replace(error(403, "AuthorizationPermissionMismatch"), method="PUT", target="comp=metadata"))
        with pytest.raises(Stalled) as refused:
            proxied.look(spec={"adoption_policy": "Adopt"})
    assert refused.value.check is not None
    assert refused.value.check.name is CheckName.PROVISIONING_PERMISSION
    assert "blobServices/containers/write" in refused.value.check.remedy
    assert "Storage Blob Data Owner" in refused.value.check.remedy
    assert azure.configuration() == before


@behaviour(Behaviour.PERMISSIONS)
def test_all_that_lacks_is_named_at_once(azure: AzureSite, alone: Alone) -> None:
    """Who may set neither the account's settings nor the container's access is told both."""
    azure.look()
    for aspect in (CheckName.PUBLIC_ACCESS, CheckName.CORS):
        azure.take_away(aspect)
    with azure.behind() as (proxied, proxy):
        proxy.add(replace(error(403, "AuthorizationPermissionMismatch"), method="PUT"))
        found = proxied.later()
    check = alone(found.found.checks, CheckName.PROVISIONING_PERMISSION)
    for words in (
        "containers/setAcl/action",
        "blobServices/write",
        "Storage Account Contributor and Storage Blob Data Owner",
    ):
        assert words in check.remedy
    assert found.results(CheckResult.SKIPPED) >= {CheckName.PUBLIC_ACCESS, CheckName.CORS}
    assert found.found.applied == ()


@behaviour(Behaviour.CHECKS)
@pytest.mark.parametrize(
    ("target", "headers", "name", "words"),
    [
        (CONTAINER, {"x-ms-has-immutability-policy": "true"}, CheckName.IMMUTABILITY, "immutability policy"),
        (CONTAINER, {"x-ms-has-legal-hold": "true"}, CheckName.IMMUTABILITY, "legal hold"),
        (CONTAINER, {"x-ms-immutable-storage-with-versioning-enabled": "true"}, CheckName.IMMUTABILITY, "Version-level"),
        (ACCOUNT, {"x-ms-is-hns-enabled": "true"}, CheckName.STORAGE_ACCOUNT, "hierarchical namespace"),
        (ACCOUNT, {"x-ms-account-kind": "FileStorage"}, CheckName.STORAGE_ACCOUNT, "general-purpose v2"),
        (ACCOUNT, {"x-ms-account-kind": "Storage"}, CheckName.STORAGE_ACCOUNT, "general-purpose v2"),
    ],
)  # fmt: skip
def test_what_an_account_or_container_is(
    azure: AzureSite, target: str, headers: dict[str, str], name: CheckName, words: str, alone: Alone
) -> None:
    """Facts that Azurite has not, in the headers that Azure has them in."""
    azure.look()
    (header,) = headers
    with azure.behind() as (proxied, proxy):
        proxy.add(Fault(method="GET|HEAD", target=target, without=header, headers=headers))
        found = alone(proxied.later().found.checks, name)
    assert words in f"{found.message} {found.remedy}"


@behaviour(Behaviour.CHECKS)
def test_adopted_and_open_to_everybody(azure: AzureSite, alone: Alone) -> None:
    """Whoever opened it had a reason: it is not closed, but the check says so."""
    azure.make()
    azure.take_away(CheckName.PUBLIC_ACCESS)
    found = azure.look(intended=False, spec={"adoption_policy": "Adopt"})
    assert alone(found.found.checks, CheckName.PUBLIC_ACCESS).result is CheckResult.WARNING
    assert azure.configuration()["public"] == "container"


@behaviour(Behaviour.DRIFT)
def test_closing_keeps_stored_policies(azure: AzureSite) -> None:
    """Taking anonymous access away takes none of the stored access policies with it."""
    azure.look()
    azure.dress()
    azure.set_mark("0a1b2c3d-0000-4000-8000-000000000001")
    policies = azure.client.get_container_access_policy()["signed_identifiers"]
    azure.client.set_container_access_policy({each.id: each.access_policy for each in policies}, public_access="blob")
    azure.later()
    found = azure.configuration()
    assert (found["public"], found["policies"]) == (None, [("theirs", "r")])


@behaviour(Behaviour.DATA_PATH)
def test_an_account_with_versions(azure: AzureSite) -> None:
    """Each version that a reply tells of is deleted by its ID, and that an object got one is said."""
    azure.look()
    versions = [f"2026-11-28T10:00:0{number}.0000000Z" for number in (1, 2)]
    with azure.behind() as (proxied, proxy):
        proxy.add(Fault(method="PUT", target="sig=", headers={"x-ms-version-id": versions[1]}))
        proxy.add(Fault(method="PUT", target=r"^[^?]*$", headers={"x-ms-version-id": versions[0]}))
        proxy.add(Fault(method="DELETE", target="versionid=", status=202))
        checks = proxied.probe()
        deleted = [request.query for request in proxy.requests(method="DELETE", target="versionid=")]
    assert [query.partition("versionid=")[2].replace("%3A", ":") for query in deleted] == versions
    assert {check.result for check in checks} == {CheckResult.PASSED}
    (put,) = [check for check in checks if check.name is CheckName.PUT_OBJECT]
    assert "given a version" in put.message


def listing(name: str) -> Fault:
    """One page of a container in which soft delete keeps a file."""
    written = (
        "<Last-Modified>Sat, 28 Nov 2026 10:00:00 GMT</Last-Modified><Etag>0x1</Etag><BlobType>BlockBlob</BlobType>"
    )
    kept = "<DeletedTime>Sat, 28 Nov 2026 10:00:00 GMT</DeletedTime><RemainingRetentionDays>7</RemainingRetentionDays>"
    blob = f"<Blob><Name>{name}</Name><Deleted>true</Deleted><Properties>{written}{kept}</Properties></Blob>"
    body = (
        '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://x" ContainerName="c">'
        f"<Blobs>{blob}</Blobs><NextMarker /></EnumerationResults>"
    )
    return Fault(
        method="GET", target="comp=list", status=200, headers={"Content-Type": "application/xml"}, body=body.encode()
    )


@behaviour(Behaviour.DELETE)
def test_deleted_files_that_can_be_restored_keep_the_container(azure: AzureSite) -> None:
    """With the container they would be gone for good; what is left of probes does not count."""
    azure.look()
    with azure.behind() as (proxied, proxy):
        with proxy.fault(listing("run/file.bin")), pytest.raises(Stalled) as kept:
            proxied.provider.delete(proxied.context())
        assert kept.value.reason is Reason.DELETION_BLOCKED
        assert "restored" in kept.value.message
        with proxy.fault(listing(f"{PATH}/.wandb-byob-probe/1-abc")):
            proxied.provider.delete(proxied.context())
    assert azure.provider.exists(azure.context()) is False


@behaviour(Behaviour.TIMEOUT)
def test_an_account_that_dns_does_not_know(azure: AzureSite) -> None:
    """An account that is not there has no name: the field to correct is named."""
    lost = replace(azure, provider=AzureProvider(CloudEndpoints(azure="https://{account}.blob.invalid")))
    with pytest.raises(Waiting) as waiting:
        lost.provider.exists(lost.context())
    assert waiting.value.reason is Reason.UNREACHABLE
    assert f"no storage account {lost.account.access_key}" in waiting.value.message
    assert "spec.azure.storageAccount" in waiting.value.message


@behaviour(Behaviour.KEYS)
@pytest.mark.parametrize("key", ["not base64!", "====", "cGFydA"])
def test_a_secret_that_holds_no_key(azure: AzureSite, key: str) -> None:
    """It is told before any call, and not shown."""
    context = azure.context(data=AccountKey(key), admin=AccountKey(key))
    with pytest.raises(Stalled) as refused:
        azure.provider.exists(context)
    assert refused.value.reason is Reason.SECRET_INVALID
    assert "spec.provisioning.secretRef" in refused.value.message
    assert key not in refused.value.message
    assert calls_of(context).made == []


@behaviour(Behaviour.CHECKS)
def test_a_wrong_clock_is_told_from_a_wrong_key(azure: AzureSite) -> None:
    """Azure's word for both is the same; the date of its reply tells which."""
    azure.look()
    with azure.behind() as (proxied, proxy):
        refused = error(403, "AuthenticationFailed")
        proxy.add(replace(refused, headers={**refused.headers, "Date": "Sat, 01 Jan 2022 00:00:00 GMT"}))
        with pytest.raises(DomainError) as told:
            proxied.later()
    assert told.value.check is not None
    assert told.value.check.name is CheckName.CLOCK_SKEW


LIES = {
    "rules without anything": (SERVICE, "<StorageServiceProperties><Cors><CorsRule/></Cors></StorageServiceProperties>"),
    "an age that is none": (
        SERVICE,
        "<StorageServiceProperties><Cors><CorsRule><MaxAgeInSeconds>x</MaxAgeInSeconds></CorsRule></Cors></StorageServiceProperties>",
    ),
    "days that are none": (
        SERVICE,
        "<StorageServiceProperties><DeleteRetentionPolicy><Enabled>true</Enabled><Days>x</Days></DeleteRetentionPolicy></StorageServiceProperties>",
    ),
    "another document": (SERVICE, "<x><y/></x>"),
    "depth": (SERVICE, "<a>" * 9000),
    "a blob without a name": ("comp=list", "<EnumerationResults><Blobs><Blob/></Blobs></EnumerationResults>"),
    "a date that is none": (
        "comp=list",
        "<EnumerationResults><Blobs><Blob><Name>.wandb-byob-probe/x</Name><Properties><Last-Modified>x</Last-Modified><BlobType>BlockBlob</BlobType></Properties></Blob></Blobs></EnumerationResults>",
    ),
    "a blob of no age": (
        "comp=list",
        "<EnumerationResults><Blobs><Blob><Name>teams/a/.wandb-byob-probe/x</Name><Properties><BlobType>BlockBlob</BlobType></Properties></Blob></Blobs></EnumerationResults>",
    ),
    "a marker without end": ("comp=list", "<EnumerationResults><Blobs/><NextMarker>again</NextMarker></EnumerationResults>"),
}  # fmt: skip


@behaviour(Behaviour.HOSTILE)
@pytest.mark.parametrize(("target", "body"), LIES.values(), ids=LIES)
def test_lies(azure: AzureSite, target: str, body: str) -> None:
    """Whatever Azure's place answers with status 200, each look ends with checks or an error of the domain, and changes no setting."""
    azure.look()
    before = azure.configuration()
    lie = Fault(
        method="GET", target=target, status=200, headers={"Content-Type": "application/xml"}, body=body.encode()
    )
    with azure.behind() as (proxied, proxy), proxy.fault(lie):
        context = proxied.context(intended=False, recorded="Created", spec=OBSERVE)
        for call in (proxied.provider.exists, proxied.provider.provision, proxied.provider.probe):
            assert len(_told(call, context)) < 2000
        _told(proxied.provider.delete, proxied.context())
    if azure.provider.exists(azure.context()):
        assert azure.configuration() == before


@behaviour(Behaviour.HOSTILE)
@pytest.mark.parametrize(
    "headers",
    [
        {"Last-Modified": "Sun, 99 Nov 2026 10:00:00 GMT"},
        {"x-ms-is-hns-enabled": "perhaps"},
        {"x-ms-has-immutability-policy": "perhaps"},
        {"Date": "Sun, 22 Nov 99999999999999999999 10:00:00 GMT"},
        {"x-ms-version-id": "\x1b[2Jv" * 200},
        {"x-ms-error-code": "canary"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_headers_that_lie(azure: AzureSite, headers: dict[str, str]) -> None:
    """A header that is none of Azure's ends no look either."""
    azure.look()
    (header,) = headers
    with azure.behind() as (proxied, proxy), proxy.fault(Fault(without=header, headers=headers)):
        context = proxied.context(intended=False, recorded="Created")
        for call in (proxied.provider.exists, proxied.provider.provision, proxied.provider.probe):
            assert "\x1b" not in _told(call, context)


def _told(call: Any, context: Context) -> str:
    """The words of the error that it ends with, or the longest of the checks'."""
    try:
        found = call(context)
    except DomainError as told:
        return told.message
    checks = found.checks if isinstance(found, Provisioned) else found if isinstance(found, tuple) else ()
    return max((check.message for check in checks), key=len, default="")
