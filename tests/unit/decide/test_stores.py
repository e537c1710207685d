"""Conditions of a BucketStore after a look that met no error."""

import pytest

from wandb_byob.decide.conditions import ConditionType, Verdict
from wandb_byob.decide.stores import DataPath, Seen, outcome
from wandb_byob.model.api import BucketStoreSpec, Check, Credentials, S3Spec
from wandb_byob.model.reasons import Reason

_SPEC = BucketStoreSpec(
    provider="S3", s3=S3Spec(bucket="data", region="us-east-1"), credentials=Credentials(source="Ambient")
)
_ACCEPTED = Verdict(type=ConditionType.ACCEPTED, status="True", reason=Reason.ACCEPTED, message="")
_POLICY = Check(name="Policy", result="Failed", message="It does not let W&B in.")
_WRITTEN = Check(name="PutObject", result="Passed", message="An object was written.", path="teams/a")


@pytest.mark.parametrize(
    ("checks", "status", "said"),
    [
        pytest.param((_WRITTEN,), "True", "works under teams/a", id="written"),
        pytest.param((_POLICY, _WRITTEN), "True", "works under teams/a", id="another-check-of-the-bucket-failed"),
        pytest.param((_POLICY,), "False", "under teams/a could not be tried", id="not-written"),
    ],
)
def test_the_data_path_is_judged_by_what_was_written(checks: tuple[Check, ...], status: str, said: str) -> None:
    """What failed elsewhere is said by its own condition: a path that was written to is never said to be untried."""
    verdicts = outcome(_SPEC, _ACCEPTED, Seen(checks=checks), data_path=DataPath(paths=("teams/a",))).verdicts
    found = next(verdict for verdict in verdicts if verdict.type is ConditionType.DATA_PATH_VERIFIED)
    assert found.status == status
    assert said in found.message
