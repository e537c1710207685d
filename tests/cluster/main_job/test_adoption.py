"""A bucket that is there already: observed without a write first, then adopted, and what others put on it stays."""

import json
from collections.abc import Callable
from typing import Any

from cluster.scenario import Scenario
from testbed.object_store import Store
from testbed.proxy import FaultyProxy, Recorded

# Not enough for W&B, since no header is allowed and none exposed. (Other origins than ours are not for moto: its last rule wins.)
_CORS = {"AllowedMethods": ["GET", "HEAD", "PUT"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5}
_READS = ("GET", "HEAD", "OPTIONS")


def test_a_bucket_is_observed_and_then_adopted(
    scenario: Scenario, moto: Store, faulty: Callable[[Store], FaultyProxy]
) -> None:
    """Observe lists what Manage would change and writes nothing; Manage needs adoptionPolicy: Adopt; adopting merges."""
    bucket, proxy = f"{scenario.namespace}-legacy", faulty(moto)
    statement = _make(moto, bucket)
    scenario.apply(
        scenario.keys("moto-keys", moto.keys),
        scenario.bucket_store("legacy", moto, endpoint=proxy.endpoint, managementPolicy="Observe"),
        scenario.team("legacy"),
    )
    told = scenario.wait_condition("BucketStore", "legacy", "Configured", "False", reason="ChecksFailed")
    assert "CORS" in told["message"]
    status = scenario.get("BucketStore", "legacy")["status"]
    planned = {change["change"] for change in status["plan"]}
    assert {"Owner", "CORS", "Versioning"} <= planned, status["plan"]
    unproved = scenario.condition("BucketStore", "legacy", "DataPathVerified")
    assert (unproved["status"], unproved["reason"]) == ("Unknown", "DataPathNotRequested")
    assert scenario.wait_condition("TeamStorage", "legacy", "Ready", "False")["reason"] == "ChecksFailed"

    _manage(scenario, managementPolicy="Manage")
    told = scenario.wait_condition("BucketStore", "legacy", "Configured", "False", reason="BucketExists")
    assert "adoptionPolicy: Adopt" in told["message"]
    assert _writes(proxy) == [], "neither Observe nor Refuse writes to the store"

    _manage(scenario, adoptionPolicy="Adopt")
    scenario.wait_ready("TeamStorage", "legacy")
    status = scenario.get("BucketStore", "legacy")["status"]
    assert (status["bucket"]["created"], status["bucket"]["adopted"]) == (False, True)
    assert "plan" not in status
    client = moto.client()
    tags = {tag["Key"]: tag["Value"] for tag in client.get_bucket_tagging(Bucket=bucket)["TagSet"]}
    assert tags["team"] == "vision"
    assert _CORS.items() <= client.get_bucket_cors(Bucket=bucket)["CORSRules"][-1].items()
    assert statement in json.loads(client.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert client.get_object(Bucket=bucket, Key="theirs")["Body"].read() == b"x"
    client.close()


def _make(store: Store, bucket: str) -> dict[str, Any]:
    """Somebody's bucket with tags, CORS, a policy and an object; returns the policy's statement."""
    statement = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    client = store.client()
    client.create_bucket(Bucket=bucket)
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "vision"}]})
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [_CORS]})
    client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    client.put_object(Bucket=bucket, Key="theirs", Body=b"x")
    client.close()
    return statement


def _manage(scenario: Scenario, **spec: str) -> None:
    scenario.cluster.patch(scenario.path("BucketStore", "legacy"), {"spec": spec})


def _writes(proxy: FaultyProxy) -> list[Recorded]:
    return [request for request in proxy.requests() if request.method not in _READS]
