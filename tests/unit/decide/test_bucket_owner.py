"""Whose a bucket is, and by which right it may be configured."""

from collections.abc import Mapping

import pytest

from wandb_byob.decide import bucket_owner
from wandb_byob.decide.bucket_owner import Claim, Grounds, Ownership
from wandb_byob.decide.clouds.bucket_state import Unread
from wandb_byob.model import names
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

UID = "0a1b2c3d-0000-4000-8000-000000000001"
CREATED = {names.OWNER_TAG: UID}
ADOPTED = {names.OWNER_TAG: f"adopted:{UID}"}
FOREIGN = {names.OWNER_TAG: "0a1b2c3d-0000-4000-8000-000000000002"}
OTHERS = {"team": "ml"}
NO_TAGS = Unread(code="NotImplemented", action="s3:GetBucketTagging", denied=False)
DENIED = Unread(code="AccessDenied", action="s3:GetBucketTagging", denied=True)

WE_CREATED, WE_ADOPTED = Ownership(created=True), Ownership(adopted=True)


def grounds(*, intended: bool = False, adopt: bool = False, recorded: str = "") -> Grounds:
    return Grounds(bucket="acme", intended=intended, adopt=adopt, recorded=recorded)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (CREATED, Claim.CREATED),
        (ADOPTED, Claim.ADOPTED),
        (FOREIGN, Claim.FOREIGN),
        ({names.OWNER_TAG: "adopted:somebody"}, Claim.FOREIGN),
        (OTHERS, Claim.NONE),
        ({}, Claim.NONE),
        (NO_TAGS, Claim.UNKNOWN),
        (DENIED, Claim.UNKNOWN),
    ],
)
def test_the_tag_says_whose_a_bucket_is(tags: Mapping[str, str] | Unread, expected: Claim) -> None:
    assert bucket_owner.claim(tags, UID) is expected


@pytest.mark.parametrize("created", [True, False])
def test_tagging_keeps_the_tags_of_others_and_is_read_back(created: bool) -> None:
    tags = bucket_owner.tagged(OTHERS, UID, created=created)
    assert tags["team"] == "ml"
    assert bucket_owner.claim(tags, UID) is (Claim.CREATED if created else Claim.ADOPTED)


@pytest.mark.parametrize(
    ("tags", "given", "pristine", "expected"),
    [
        pytest.param(CREATED, grounds(), False, WE_CREATED, id="made by us, in use since"),
        pytest.param(ADOPTED, grounds(), False, WE_ADOPTED, id="adopted, also after the policy went back to Refuse"),
        pytest.param({}, grounds(intended=True), True, WE_CREATED, id="made by us just before a crash"),
        pytest.param(
            {}, grounds(intended=True, adopt=True), False, WE_ADOPTED, id="somebody was faster, and we may adopt"
        ),
        pytest.param(OTHERS, grounds(adopt=True), False, WE_ADOPTED, id="there before, to be adopted"),
        pytest.param(NO_TAGS, grounds(intended=True), False, WE_CREATED, id="no tags: the intent counts"),
        pytest.param(NO_TAGS, grounds(recorded="Created"), False, WE_CREATED, id="no tags: what is recorded counts"),
        pytest.param(NO_TAGS, grounds(recorded="Adopted"), False, WE_ADOPTED, id="no tags: adoption is recorded"),
        pytest.param(NO_TAGS, grounds(adopt=True), False, WE_ADOPTED, id="no tags: to be adopted"),
    ],
)
def test_a_right_to_the_bucket(
    tags: Mapping[str, str] | Unread, given: Grounds, pristine: bool, expected: Ownership
) -> None:
    assert bucket_owner.ownership(tags, uid=UID, grounds=given, pristine=pristine) == expected


@pytest.mark.parametrize(
    ("tags", "given", "pristine", "reason", "said"),
    [
        pytest.param(
            FOREIGN, grounds(intended=True, adopt=True), True, Reason.BUCKET_CONFLICT, names.OWNER_TAG, id="another's"
        ),
        pytest.param(
            {}, grounds(), True, Reason.BUCKET_EXISTS, "adoptionPolicy: Adopt", id="empty, but not of our making"
        ),
        pytest.param(
            {}, grounds(intended=True), False, Reason.BUCKET_EXISTS, "adoptionPolicy: Adopt", id="intended, but in use"
        ),
        pytest.param(
            {}, grounds(recorded="Created"), True, Reason.BUCKET_EXISTS, "adoptionPolicy: Adopt", id="deleted and taken"
        ),
        pytest.param(OTHERS, grounds(), False, Reason.BUCKET_EXISTS, "adoptionPolicy: Adopt", id="in use by somebody"),
        pytest.param(NO_TAGS, grounds(), False, Reason.BUCKET_EXISTS, "adoptionPolicy: Adopt", id="no tags, no right"),
        pytest.param(
            DENIED, grounds(adopt=True), False, Reason.ACCESS_DENIED, "s3:GetBucketTagging", id="tags not to be seen"
        ),
    ],
)
def test_no_right_to_the_bucket(
    tags: Mapping[str, str] | Unread, given: Grounds, pristine: bool, reason: Reason, said: str
) -> None:
    with pytest.raises(Stalled) as refused:
        bucket_owner.ownership(tags, uid=UID, grounds=given, pristine=pristine)
    assert refused.value.reason is reason
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("tags", "intended", "expected"),
    [({}, True, True), ({}, False, False), (OTHERS, True, False), (CREATED, True, False), (NO_TAGS, True, False)],
)
def test_only_an_untagged_bucket_that_we_meant_to_make_is_looked_into(
    tags: Mapping[str, str] | Unread, intended: bool, expected: bool
) -> None:
    assert bucket_owner.may_be_ours(grounds(intended=intended), tags, UID) is expected
