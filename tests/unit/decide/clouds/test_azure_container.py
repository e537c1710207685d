"""What a container and its account must become; what others have set stays."""

from dataclasses import replace
from typing import Any

import pytest

from wandb_byob.decide.clouds.azure_container import (
    MOST_RULES,
    Account,
    Container,
    Service,
    State,
    Wanted,
    after,
    cors_problems,
    lacking,
    merged,
    metadata,
    rule,
)
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


def test_a_rule_of_others_stays_after_ours() -> None:
    """Azure takes the first rule that matches, so ours stands first."""
    found = merged([foreign()], [ORIGIN])
    assert found == (rule([ORIGIN]), foreign())
    assert cors_problems(found, [ORIGIN]) == ()


def test_one_rule_serves_all_wandbs_of_an_account() -> None:
    """A second W&B adds its origin to the rule that is there, and the first keeps its own."""
    first = merged([foreign()], [ORIGIN])
    second = merged(first, [OTHER])
    assert second == (rule([ORIGIN, OTHER]), foreign())
    assert cors_problems(second, [ORIGIN, OTHER]) == ()
    assert merged(second, [ORIGIN]) == second


@pytest.mark.parametrize(
    ("changes", "enough"),
    [
        ({"AllowedOrigins": ["*"]}, True),
        ({"AllowedOrigins": ["https://*.example.com"]}, True),
        ({"ExposeHeaders": ["ETag"]}, True),
        ({"AllowedHeaders": ["content-*", "x-ms-*"]}, True),
        ({"AllowedHeaders": ["content-md5", "content-type"]}, False),
        ({"AllowedMethods": ["GET", "HEAD"]}, False),
        ({"ExposeHeaders": []}, False),
        ({"AllowedOrigins": [OTHER]}, False),
    ],
)
def test_what_is_enough(changes: dict[str, Any], enough: bool) -> None:
    """A browser's PUT also announces x-ms-blob-type, without which Azure takes no file."""
    rules = [{**rule([ORIGIN]), **changes}]
    assert (cors_problems(rules, [ORIGIN]) == ()) is enough
    assert (merged(rules, [ORIGIN]) == tuple(rules)) is enough


def test_a_rule_that_hides_ours_is_put_behind_it() -> None:
    """Another rule for the same origin that exposes nothing would count, since it comes first."""
    hiding = foreign(AllowedOrigins=[ORIGIN], AllowedMethods=["GET", "HEAD", "PUT"], AllowedHeaders=["*"])
    assert merged([hiding, rule([ORIGIN])], [ORIGIN]) == (rule([ORIGIN]), hiding)


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
