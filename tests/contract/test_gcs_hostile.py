"""Google Cloud Storage that lies, or something in its place: each look ends with checks or an error of the domain."""

import json
from typing import Any

import pytest

from contract.gcs import GCSSite, site_at
from contract.results import Behaviour
from testbed.gcs import GoogleCloud
from testbed.proxy import Fault
from wandb_byob.model import api
from wandb_byob.model.credentials import Ambient
from wandb_byob.model.errors import DomainError
from wandb_byob.providers.base import Provisioned

pytestmark = [pytest.mark.at("GCS-fake-gcs-server"), pytest.mark.behaviour(Behaviour.HOSTILE)]
BUCKET, LISTING, POLICY = r"/b/[^/?]+$", r"/o\?", r"/iam"
ODD: tuple[Any, ...] = (None, 7, "x" * 5000, "\x1b[2J", [], [None, [7]], {"a": {}}, 1e999, True)
DEEP = '{"items":' + "[" * 30_000
REPLIES = [
    *(
        pytest.param(BUCKET, {field: odd}, id=f"{field} {number}")
        for field in ("labels", "cors", "iamConfiguration", "softDeletePolicy", "versioning", "lifecycle", "location")
        for number, odd in enumerate(ODD)
    ),
    *(pytest.param(BUCKET, {"metageneration": odd, "projectNumber": odd}, id=f"number {n}") for n, odd in enumerate(ODD)),
    *(pytest.param(BUCKET, {"cors": [{"origin": odd, "method": odd}]}, id=f"rule {n}") for n, odd in enumerate(ODD)),
    *(pytest.param(BUCKET, {"lifecycle": {"rule": [{"action": odd, "condition": odd}]}}, id=f"age {n}") for n, odd in enumerate(ODD)),
    *(pytest.param(POLICY, {"bindings": odd, "etag": odd}, id=f"policy {n}") for n, odd in enumerate(ODD)),
    *(pytest.param(POLICY, {"bindings": [{"role": odd, "members": odd}]}, id=f"binding {n}") for n, odd in enumerate(ODD)),
    *(pytest.param(LISTING, {"items": odd, "nextPageToken": odd}, id=f"listing {n}") for n, odd in enumerate(ODD)),
    *(
        pytest.param(LISTING, {"items": [{"name": odd, "generation": odd, "timeCreated": odd}]}, id=f"object {n}")
        for n, odd in enumerate(ODD)
    ),
    *(pytest.param(target, DEEP, id=f"depth {target}") for target in (BUCKET, LISTING, POLICY)),
]  # fmt: skip


@pytest.fixture(scope="module")
def made(gcs: GoogleCloud) -> GCSSite:
    """A bucket of the operator's."""
    site = site_at(gcs)
    site.look()
    return site


def told(site: GCSSite, **changes: Any) -> int:
    """How long the longest word of all looks is: of the error that one ends with, or of its checks."""
    context = site.context(**{"intended": False, "recorded": "Created", **changes})
    longest = 0
    for call in (site.provider.exists, site.provider.provision, site.provider.probe):
        try:
            found: Any = call(context)
        except DomainError as error:
            longest = max(longest, len(error.message))
            continue
        checks = found.checks if isinstance(found, Provisioned) else found if isinstance(found, tuple) else ()
        longest = max([longest, *(len(check.message) for check in checks)])
    return longest


@pytest.mark.parametrize(("target", "reply"), REPLIES)
def test_no_reply_gets_the_better_of_a_look(made: GCSSite, target: str, reply: Any) -> None:
    """Fields of every other type, numbers beyond all bounds, and JSON of great depth."""
    body = reply if isinstance(reply, str) else json.dumps(reply)
    with made.behind() as (proxied, proxy):
        proxy.add(Fault(method="GET", target=target, status=200, body=body.encode()))
        assert 0 < told(proxied, spec={"management_policy": "Observe"}) < 3000


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=200, body=b"{}", headers={"Metadata-Flavor": "Google"}),
        Fault(status=200, body=b"[" * 100_000, headers={"Metadata-Flavor": "Google"}),
        Fault(status=200, body=b'{"access_token": 7, "expires_in": "x"}', headers={"Metadata-Flavor": "Google"}),
        Fault(status=302, headers={"Location": "http://127.0.0.1:1/", "Metadata-Flavor": "Google"}),
        Fault(endless=True, headers={"Metadata-Flavor": "Google"}),
        Fault(truncate_after=3),
    ],
    ids=["empty", "depth", "other types", "a redirect", "without end", "cut off"],
)
def test_a_metadata_server_that_lies(made: GCSSite, fault: Fault) -> None:
    """It gets no further than that there is no identity."""
    with made.place.metadata.fault(fault):
        assert 0 < told(made.restarted(), admin=Ambient(), data=Ambient()) < 1000


@pytest.mark.parametrize("body", [b"", b"[]", b'{"signedBlob": 7}', b'{"signedBlob": "AAAA"}', b"\xff"])
def test_iam_that_signs_nonsense(made: GCSSite, body: bytes) -> None:
    """No URL comes about, or one that Google refuses: both are told."""
    spec = {"credentials": api.Credentials(source="Ambient")}
    with made.place.iam.fault(Fault(status=200, body=body)):
        assert 0 < told(made.restarted(), admin=None, data=Ambient(), spec=spec) < 1000
