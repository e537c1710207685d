"""Azure without an account key: Kubernetes' token for one of Entra's, and signatures by a key that Azure lends (Azurite with TLS, Entra in small)."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from contract.azure import AzureSite, site_at
from contract.results import Alone, Behaviour
from contract.site import ORIGIN, calls_of
from testbed import entra, stores
from testbed.entra import CLIENT, TENANT, Entra
from testbed.stores import Azurite
from wandb_byob.decide.endpoints import Endpoint, Policy
from wandb_byob.model.checks import Check, CheckName, CheckResult
from wandb_byob.model.config import CloudEndpoints
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import DomainError, Stalled, Waiting
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.azure import AzureProvider
from wandb_byob.providers.azure.identity import AUTHORITIES, Tokens
from wandb_byob.providers.tls import trust
from wandb_byob.providers.transport import GuardedSession

pytestmark = [pytest.mark.behaviour(Behaviour.DATA_PATH), pytest.mark.at("Azure-Azurite")]
OPERATOR, WANDB = "00000000-0000-0000-0000-00000000000a", CLIENT
BAD = (CheckResult.FAILED, CheckResult.WARNING)


@dataclass(frozen=True, kw_only=True)
class World:
    """Azurite with TLS, Entra, and this process as a pod with workload identity; `hosts`: where tokens were asked for."""

    site: AzureSite
    entra: Entra
    token: Path
    hosts: list[str] = field(default_factory=list)

    def context(self, **changes: Any) -> Any:
        """One look of an operator that provisions, and signs for W&B, with its own identity."""
        return self.site.context(**{"data": Ambient(), "admin": Ambient(), **changes})

    def probe(self, **changes: Any) -> tuple[Check, ...]:
        """Try the data path."""
        return self.site.provider.probe(self.context(**changes))


@pytest.fixture(scope="module")
def tls_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    store = stores.start_azurite(tmp_path_factory.mktemp("azurite-tls"), tls=True)
    yield store
    store.stop()


@pytest.fixture
def world(tls_azurite: Azurite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with ExitStack() as ends:
        cloud = ends.enter_context(entra.running(tmp_path / "entra"))
        cloud.federated = {OPERATOR: "kubernetes-token-of-this-pod", WANDB: "kubernetes-token-of-this-pod"}
        file = tmp_path / "azure-identity-token"
        file.write_text("kubernetes-token-of-this-pod\n")
        environment = {"FEDERATED_TOKEN_FILE": str(file), "CLIENT_ID": OPERATOR, "TENANT_ID": TENANT}
        for name, value in environment.items():
            monkeypatch.setenv(f"AZURE_{name}", value)
        hosts: list[str] = []

        def session(policy: Policy) -> GuardedSession:
            hosts.append(policy.endpoint.authority)
            return _Redirected(policy, cloud)

        assert tls_azurite.authority is not None
        endpoints = CloudEndpoints(
            azure=f"{tls_azurite.endpoint}/{{account}}", ca_bundle=tls_azurite.authority.read_text()
        )
        provider = AzureProvider(endpoints, tokens=Tokens(ca_bundle=None, session=session))
        yield World(site=replace(site_at(tls_azurite), provider=provider), entra=cloud, token=file, hosts=hosts)


class _Redirected(GuardedSession):
    """The session for Entra's host, whose packets go to the stand-in on this machine."""

    def __init__(self, policy: Policy, cloud: Entra) -> None:
        endpoint = Endpoint(scheme="https", host="127.0.0.1", port=cloud.port)
        local = replace(policy, endpoint=endpoint)
        super().__init__(local, trust=trust(cloud.authority.read_text()))
        self._public, self._local = policy.endpoint.url, endpoint.url

    def request(self, method: str, url: str, **given: Any) -> Any:
        """Send to the stand-in what is meant for Entra."""
        assert url.startswith(self._public)
        return super().request(method, url.replace(self._public, self._local), **given)


def test_the_operators_own_identity(world: World) -> None:
    """It creates and configures the container, and tries the data path by user delegation; the token is asked for once, at Entra's own host."""
    context = world.context()
    assert world.site.provider.exists(context) is False
    found = world.site.provider.provision(context)
    assert found.facts is not None
    assert found.facts.created
    assert {check.name for check in found.checks if check.result in BAD} == set()
    probing = world.context()
    checks = world.site.provider.probe(probing)
    assert {check.result for check in checks} == {CheckResult.PASSED}
    assert "GetUserDelegationKey" in calls_of(probing).operations
    assert world.site.contents() == []
    assert [form["client_id"] for form in world.entra.asked] == [OPERATOR]
    assert world.hosts == ["login.microsoftonline.com"]
    assert calls_of(context).operations[0] == "GetToken"


def test_the_operators_identity_lets_in_no_page_of_a_tenants_choice(world: World) -> None:
    """CORS rules are all containers': with the identity that all share only W&B's host gets in; with the account's key whoever has it decides."""
    tenant = replace(world.site.tenant, origins=(ORIGIN, "https://tenants.example"))
    found = world.site.provider.provision(world.context(tenant=tenant))
    (cors,) = (check for check in found.checks if check.name is CheckName.CORS)
    assert (cors.result, "spec.cors.allowedOrigins" in cors.remedy) == (CheckResult.FAILED, True)
    (rule,) = world.site.configuration()["cors"]
    assert rule["allowed_origins"] == ORIGIN
    later = world.context(intended=False, tenant=tenant)
    world.site.provider.provision(later)
    assert calls_of(later).writes == []
    world.site.provider.provision(world.context(intended=False, tenant=tenant, admin=world.site.credentials))
    (rule,) = world.site.configuration()["cors"]
    assert rule["allowed_origins"] == f"{ORIGIN},https://tenants.example"


def test_budget(world: World) -> None:
    """A look costs what it costs with a key; the data path one call more."""
    world.site.provider.provision(world.context())
    later, probing = world.context(intended=False), world.context()
    world.site.provider.provision(later)
    assert calls_of(later).operations == ["GetContainerProperties", "GetAccountInformation", "GetBlobServiceProperties"]
    world.site.provider.probe(probing)
    assert calls_of(probing).operations.count("GetUserDelegationKey") == 1


def test_in_a_job_of_wandbs(world: World) -> None:
    """Under W&B's ServiceAccount the token is asked for the identity and tenant of the specification, as W&B itself does."""
    world.site.look()
    spec = {"azure": {"client_id": WANDB, "tenant_id": TENANT}}
    checks = world.probe(admin=None, spec=spec)
    assert {check.result for check in checks} == {CheckResult.PASSED}
    assert [form["client_id"] for form in world.entra.asked] == [WANDB]


def test_a_token_is_renewed_before_it_ends(world: World) -> None:
    """One that lives for minutes only is asked for anew with each look; the file of Kubernetes' token is read anew, too."""
    world.entra.lifetime = 200
    world.site.provider.exists(world.context())
    world.token.write_text("kubernetes-token-that-was-rotated")
    world.entra.federated[OPERATOR] = "kubernetes-token-that-was-rotated"
    world.site.provider.exists(world.context())
    assert len({form["client_assertion"] for form in world.entra.asked}) == 2


@pytest.mark.behaviour(Behaviour.KEYS)
@pytest.mark.parametrize(
    ("failing", "error", "reason", "words"),
    [
        ((401, "AADSTS700213: nothing matches"), Stalled, Reason.ACCESS_DENIED, "api://AzureADTokenExchange"),
        ((400, "AADSTS700016: no such application"), Stalled, Reason.ACCESS_DENIED, "spec.azure.tenantID"),
        ((400, "nothing that is known"), Stalled, Reason.ACCESS_DENIED, "(400)"),
        ((503, "busy"), Waiting, Reason.PROVIDER_ERROR, "status 503"),
    ],
)
def test_entra_gives_none(
    world: World, failing: tuple[int, str], error: type[DomainError], reason: Reason, words: str
) -> None:
    """Its word is told with what to do, and nothing else of the reply; no token is shown."""
    world.entra.failing = failing
    with pytest.raises(error) as refused:
        world.site.provider.exists(world.context())
    assert refused.value.reason is reason
    assert words in refused.value.message
    assert not any(secret in refused.value.message for secret in ("canary", "kubernetes-token"))


@pytest.mark.behaviour(Behaviour.KEYS)
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AZURE_CLIENT_ID", None, "AZURE_CLIENT_ID not set"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/nowhere", "AZURE_FEDERATED_TOKEN_FILE"),
        ("AZURE_AUTHORITY_HOST", "https://login.example.com/", AUTHORITIES[0]),
    ],
)
def test_a_pod_without_workload_identity(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, words: str
) -> None:
    """What lacks is named, and no token goes to a host that is none of Entra's."""
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(DomainError, match=words):
        world.site.provider.exists(world.context())
    assert world.entra.asked == []


@pytest.mark.parametrize("authority", AUTHORITIES)
def test_each_cloud_has_its_own_host(world: World, monkeypatch: pytest.MonkeyPatch, authority: str) -> None:
    """As Azure's webhook says."""
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"{authority}/")
    world.site.provider.exists(world.context())
    assert [f"https://{host}" for host in world.hosts] == [authority]


@pytest.mark.behaviour(Behaviour.CHECKS)
@pytest.mark.at("Azure-Azurite")
def test_without_a_key_both_ids_are_mandatory(world: World, alone: Alone) -> None:
    """W&B asks for tenant and client ID; with a key it does not."""
    context = world.context(spec={"credentials": type(world.site.spec().credentials)(source="Ambient")})
    alone(world.site.provider.validate(context), CheckName.MANAGED_IDENTITY)
    assert {check.name for check in world.site.provider.validate(world.context())} == {CheckName.BUCKET_NAME}
