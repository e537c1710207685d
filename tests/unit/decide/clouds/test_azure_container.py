"""What a container and its account must become; what others have set stays."""

from dataclasses import replace
from typing import Any

import pytest

from wandb_byob.decide.clouds.azure_container import (
    Account,
    Container,
    Service,
    State,
    Wanted,
    after,
    lacking,
    metadata,
)
from wandb_byob.decide.clouds.azure_origins import MOST_RULES, Record, rule
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.model.checks import CheckName

ORIGIN, OTHER = "https://wandb.example.com", "https://wandb.other.example.com"
WANTED = Wanted(uid="u-1", origins=(ORIGIN,), created=True, lets_in=(ORIGIN,))
DENIED = Unread(code="AuthorizationPermissionMismatch", action="GetBlobServiceProperties", denied=True)


def foreign(**changes: Any) -> dict[str, Any]:
    """A rule of somebody else."""
    return {
        "AllowedOrigins": ["https://app.example.com"],
        "AllowedMethods": ["GET"],
        "AllowedHeaders": ["x-ms-meta-*"],
        "ExposeHeaders": ["x-ms-meta-a"],
        "MaxAgeSeconds": 60,
        **changes,
    }


def state(**changes: Any) -> State:
    """A container of our making with nothing else set."""
    known: dict[str, Any] = {
        "container": Container(metadata={"wandbbyobowner": "u-1"}),
        "account": Account(kind="StorageV2", hierarchical=False),
        "service": Service(),
    }
    return State(**{**known, **changes})


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, (CheckName.CORS, CheckName.SOFT_DELETE)),
        ({"service": Service(cors=(rule([ORIGIN]),), soft_delete=30)}, ()),
        ({"service": DENIED}, ()),
        ({"container": Container(metadata={})}, (CheckName.OWNER, CheckName.CORS, CheckName.SOFT_DELETE)),
        ({"container": Container(metadata={"WandbByobOwner": "u-1"})}, (CheckName.CORS, CheckName.SOFT_DELETE)),
        (
            {"container": Container(metadata={"wandbbyobowner": "u-1"}, public="blob")},
            (CheckName.PUBLIC_ACCESS, CheckName.CORS, CheckName.SOFT_DELETE),
        ),
        (
            {"service": Service(cors=tuple(foreign(MaxAgeSeconds=n) for n in range(MOST_RULES)))},
            (CheckName.SOFT_DELETE,),
        ),
    ],
    ids=["bare", "all set", "unread", "unmarked", "another case", "public", "no room"],
)
def test_lacking(changes: dict[str, Any], names: tuple[CheckName, ...]) -> None:
    """What is set is what is missing, the mark of ownership first; a sixth rule is never tried, and what cannot be read not overwritten."""
    found = state(**changes)
    assert lacking(found, WANTED) == names
    done = after(found, WANTED, names)
    assert lacking(done, WANTED) == ()
    assert done.account == found.account


def test_only_what_may_be_let_in_is() -> None:
    """What else is wanted stays for somebody else to let in, and is not tried again and again."""
    wanted = replace(WANTED, origins=(ORIGIN, OTHER))
    done = after(state(), wanted, lacking(state(), wanted))
    assert done.service == Service(cors=(rule([ORIGIN]),), soft_delete=7)
    assert lacking(done, wanted) == ()
    nothing = replace(WANTED, origins=(OTHER,), lets_in=())
    assert CheckName.CORS not in lacking(state(), nothing)


def test_an_adopted_container_stays_open() -> None:
    """Its owner may have a reason."""
    adopted = Wanted(uid="u-1", origins=(ORIGIN,), created=False, lets_in=(ORIGIN,))
    found = state(container=Container(metadata={"wandbbyobowner": "adopted:u-1"}, public="container"))
    assert CheckName.PUBLIC_ACCESS not in lacking(found, adopted)


def test_metadata_of_others_stay() -> None:
    """Setting metadata takes the place of all there are."""
    assert metadata(Container(metadata={"team": "ml"}), WANTED) == {"team": "ml", "wandbbyobowner": "u-1"}
    after_that = after(state(container=Container(metadata={"team": "ml"})), WANTED, [CheckName.OWNER])
    assert after_that.container.metadata == {"team": "ml", "wandbbyobowner": "u-1"}


@pytest.mark.parametrize(
    ("others", "origins"),
    [(Record(), [ORIGIN]), (Record(ours=(OTHER,)), [OTHER, ORIGIN]), (None, [OTHER, ORIGIN])],
    ids=["nobody needs the old one", "another container does", "that cannot be seen"],
)  # fmt: skip
def test_an_origin_that_is_not_wanted_any_more(others: Record | None, origins: list[str]) -> None:
    """The host of the WandbInstance has changed: the new one is let in, and the old one goes where nobody else needs it."""
    recorded = Container(metadata={"wandbbyobowner": "u-1", "wandbbyoborigins": OTHER})
    found = state(container=recorded, service=Service(cors=(rule([OTHER]),), soft_delete=7), others=others)
    assert lacking(found, WANTED) == (CheckName.CORS,)
    done = after(found, WANTED, [CheckName.CORS])
    assert isinstance(done.service, Service)
    (only,) = done.service.cors
    assert sorted(only["AllowedOrigins"]) == sorted(origins)
