"""W&B's teams as its SCIM API lists them, from a real SCIM server: only names, page by page, with Basic authentication."""

import pytest

from testbed import scim as testbed_scim
from wandb_byob.decide.scim import PAGE, Credentials, ScimError
from wandb_byob.providers import scim
from wandb_byob.providers.tls import trust

TEAMS = [f"team-{number:03}" for number in range(2 * PAGE + 50)]


def test_all_teams_are_read_page_by_page() -> None:
    with testbed_scim.running(teams=TEAMS) as server:
        found = scim.teams(server.url, Credentials(user=server.user, key=server.key), trust=trust(None))
    assert sorted(found) == TEAMS
    assert len(server.asked) == 3
    assert all(each.startswith("/scim/Groups?startIndex=") for each in server.asked)


def test_a_wandb_without_teams_has_none() -> None:
    with testbed_scim.running(user="") as server:
        assert scim.teams(f"{server.url}/", Credentials(key=server.key), trust=trust(None)) == ()


def test_a_key_that_is_refused_is_told_and_not_quoted() -> None:
    with testbed_scim.running() as server, pytest.raises(ScimError, match="administrator") as caught:
        scim.teams(server.url, Credentials(user=server.user, key="wrong-key-of-nobody"), trust=trust(None))
    assert "wrong-key" not in str(caught.value)


def test_a_wandb_without_scim_is_told() -> None:
    with testbed_scim.running() as server, pytest.raises(ScimError, match="404"):
        scim.teams(server.url.replace("/scim", "/api"), Credentials(key=server.key), trust=trust(None))


def test_nobody_there_is_told() -> None:
    with testbed_scim.running() as server:
        url = server.url
    with pytest.raises(ScimError, match="W&B's address"):
        scim.teams(url, Credentials(key="k"), trust=trust(None))


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]"])
def test_metadata_services_are_never_asked(host: str) -> None:
    with pytest.raises(ScimError, match="metadata"):
        scim.teams(f"http://{host}/scim", Credentials(key="k"), trust=trust(None))
