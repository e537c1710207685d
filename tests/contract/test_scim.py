"""W&B's teams as its SCIM API lists them, from a real SCIM server: only names, page by page, with Basic authentication."""

import re
import time

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


def test_a_list_that_takes_too_long_is_given_up() -> None:
    """Each page comes at once, and the list has no end in sight: all pages together have a limit, and who asks is told."""
    with testbed_scim.running(teams=TEAMS[:40]) as server:
        server.most, server.pause = 1, 0.1
        began = time.monotonic()
        with pytest.raises(
            ScimError, match=r"teams were read when the 1 seconds .* were over.*teamstorages.yaml"
        ) as caught:
            scim.teams(server.url, Credentials(user=server.user, key=server.key), trust=trust(None), seconds=1)
        assert time.monotonic() - began < 3
        read = int(re.findall(r"(\d+) teams", str(caught.value))[0])
        assert 1 <= read < 40
        assert len(server.asked) <= read + 1
        server.most, server.pause = 10, 0
        assert len(scim.teams(server.url, Credentials(user=server.user, key=server.key), trust=trust(None))) == 40


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
