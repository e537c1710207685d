"""Credentials are in Secrets and nowhere else: canary keys are looked for in everything that the operator and the cluster hold."""

import base64
import json
from urllib.parse import quote, quote_plus

from cluster.scenario import Scenario, wait_rest
from testbed import http
from testbed.object_store import Keys
from testbed.stores import VersityGW


def test_canary_credentials_are_found_in_secrets_only(scenario: Scenario, versitygw: VersityGW) -> None:
    """One team works and one has a wrong key; neither key is in logs, metrics, or anything in etcd but Secrets."""
    wrong = Keys(versitygw.keys.access_key, "cAnArY/wrong+secret=%40value0123456789")
    scenario.apply(
        scenario.keys("versitygw-keys", versitygw.keys),
        scenario.keys("wrong-keys", wrong),
        scenario.bucket_store("data", versitygw),
        scenario.bucket_store("broken", versitygw, secret="wrong-keys"),
        scenario.team("data"),
        scenario.team("broken"),
    )
    scenario.wait_ready("TeamStorage", "data")
    scenario.wait_condition("BucketStore", "broken", "Ready", "False")
    wait_rest(scenario)
    needles = {
        form
        for keys in (versitygw.keys, wrong)
        for value in (keys.access_key, keys.secret_key)
        for form in _forms(value)
    }

    places = {"logs": scenario.installation.kubelet.logs().encode()}
    for pod in scenario.installation.pods():
        places[f"metrics of {pod.name}"] = http.request(f"http://127.0.0.1:{pod.metrics_port}/metrics").body
        places[f"arguments of {pod.name}"] = json.dumps(pod.argv).encode()
    dump = scenario.cluster.etcd_dump()
    secrets = {key: value for key, value in dump.items() if key.startswith("/registry/secrets/")}
    places |= {key: value for key, value in dump.items() if key not in secrets}

    hits = [(place, needle) for place, text in places.items() for needle in needles if needle in text]
    assert [place for place, _ in hits] == []
    assert any(versitygw.keys.secret_key.encode() in value for value in secrets.values()), (
        "the search finds nothing at all"
    )
    assert any(f"/events/{scenario.namespace}/" in key for key in dump), "no Event was written"


def _forms(value: str) -> set[bytes]:
    raw = value.encode()
    return {
        raw,
        quote(value, safe="").encode(),
        quote_plus(value).encode(),
        base64.b64encode(raw).rstrip(b"=")[:-2],
        json.dumps(value)[1:-1].encode(),
    }
