"""`byob doctor` on Azurite: with one fault of each class that a storage account or a container can have."""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from azure.storage.blob import CorsRule

from console.azure_setup import AzureSetup
from console.case import Break, Case
from console.setups import Setup
from contract.azure import AzureSite, error
from testbed.faults import Fault
from testbed.processes import free_port
from testbed.proxy import FaultyProxy
from wandb_byob.model.checks import CheckName

_CLIENT: Final = "11111111-2222-3333-4444-555555555555"


def _site(setup: Setup) -> AzureSite:
    assert isinstance(setup, AzureSetup)
    return setup.site


def _at(setup: Setup, endpoint: str) -> Setup:
    return setup.changed(arguments=("--azure-endpoint", endpoint))


def _proxied(setup: Setup, stack: ExitStack, fault: Fault) -> Setup:
    proxy = stack.enter_context(FaultyProxy(setup.store.port))  # type: ignore[union-attr]
    proxy.add(fault)
    return _at(setup, f"{proxy.endpoint}/{{account}}")


def unknown_account(setup: Setup, _: ExitStack) -> Setup:
    """An account that is not there has no name in DNS."""
    return _at(setup, "https://{account}.blob.invalid")


def closed_port(setup: Setup, _: ExitStack) -> Setup:
    """Nothing listens there."""
    return _at(setup, f"http://127.0.0.1:{free_port()}/{{account}}")


def firewall(setup: Setup, stack: ExitStack) -> Setup:
    """The account's network rules refuse requests from here."""
    return _proxied(setup, stack, error(403, "AuthorizationFailure"))


def wrong_key(setup: Setup, _: ExitStack) -> Setup:
    """The key of another account."""
    return setup.changed(keys={"accountKey": _site(setup).stranger().key})


def no_keys_allowed(setup: Setup, stack: ExitStack) -> Setup:
    """The account takes no account keys."""
    return _proxied(setup, stack, error(403, "KeyBasedAuthenticationNotPermitted"))


def no_container(setup: Setup, _: ExitStack) -> Setup:
    """A container that is not there."""
    setup.block["container"] = "never-made"
    return setup


def no_rules(setup: Setup, _: ExitStack) -> Setup:
    """Somebody has deleted the account's CORS rules."""
    _site(setup).take_away(CheckName.CORS)
    return setup


def no_room(setup: Setup, _: ExitStack) -> Setup:
    """Others have all the five rules that Azure takes."""
    rules = [CorsRule([f"https://app-{number}.example.com"], ["GET"]) for number in range(5)]
    _site(setup).service.set_service_properties(cors=rules)
    return setup


def no_soft_delete(setup: Setup, _: ExitStack) -> Setup:
    """Deleted files are gone at once."""
    _site(setup).take_away(CheckName.SOFT_DELETE)
    return setup


def public(setup: Setup, _: ExitStack) -> Setup:
    """Everybody may read."""
    _site(setup).take_away(CheckName.PUBLIC_ACCESS)
    return setup


def hierarchical(setup: Setup, stack: ExitStack) -> Setup:
    """An account for Data Lake."""
    header = "x-ms-is-hns-enabled"
    return _proxied(setup, stack, Fault(target="restype=account", without=header, headers={header: "true"}))


def immutable(setup: Setup, stack: ExitStack) -> Setup:
    """An immutability policy."""
    header = "x-ms-has-immutability-policy"
    return _proxied(setup, stack, Fault(target="restype=container$", without=header, headers={header: "true"}))


def half_an_identity(setup: Setup, _: ExitStack) -> Setup:
    """W&B is to sign as a managed identity, and nobody has said in which tenant."""
    setup.block["clientID"] = _CLIENT
    setup.spec["credentials"] = {"source": "Ambient"}
    setup.spec["provisioning"] = {"secretRef": {"name": "keys"}}
    return setup


def account_name(setup: Setup, _: ExitStack) -> Setup:
    """The account's host name in place of its name."""
    setup.block["storageAccount"] += ".blob.core.windows.net"
    return setup


def _case(title: str, broken: Break, *failed: str) -> Case:
    return Case(title=f"Azure: {title}", site="azure", broken=broken, failed=frozenset(failed))


def _warning(title: str, broken: Break, name: str) -> Case:
    warned = frozenset({name})
    return Case(title=f"Azure: {title} (a warning)", site="azure", broken=broken, status=0, warned=warned)


CASES: Final[Mapping[str, Case]] = {
    "azure-account": _case("the account is not there", unknown_account, "EndpointReachable"),
    "azure-name": _case("the account's host name in place of its name", account_name, "StorageAccount"),
    "azure-tcp": _case("nothing listens", closed_port, "EndpointReachable"),
    "azure-firewall": _case("the account's firewall", firewall, "StorageAccount"),
    "azure-key": _case("a wrong key", wrong_key, "Credentials"),
    "azure-no-keys": _case("the account takes no keys", no_keys_allowed, "Credentials"),
    "azure-container": _case("the container is not there", no_container, "BucketExists"),
    "azure-cors": _case("the account's CORS rules are gone", no_rules, "CORS", "Preflight", "ETagExposed"),
    "azure-room": _case("no room for a CORS rule", no_room, "CORS", "Preflight", "ETagExposed"),
    "azure-immutable": _case("an immutability policy", immutable, "Immutability"),
    "azure-identity": _case("half of a managed identity", half_an_identity, "ManagedIdentity"),
    "azure-soft-delete": _warning("soft delete is off", no_soft_delete, "SoftDelete"),
    "azure-public": _warning("everybody may read", public, "PublicAccess"),
    "azure-hierarchical": _warning("a hierarchical namespace", hierarchical, "StorageAccount"),
}
