"""A store that lies: whatever it answers, each look ends with checks or an error of the domain, so that the status can say something."""

import json
from collections.abc import Callable

import pytest

from contract.provisioning import S3Site
from contract.results import Behaviour
from testbed.proxy import Fault, FaultyProxy
from testbed.stores import Store, VersityGW
from wandb_byob.model.errors import DomainError
from wandb_byob.providers.base import Context, Provisioned

pytestmark = pytest.mark.behaviour(Behaviour.HOSTILE)

GROWS = [
    f'<!DOCTYPE r [<!ENTITY x "{"<b/>" * 20}">]><r>{"&x;" * 30_000}</r>',
    f'<!DOCTYPE r [<!ATTLIST b a CDATA "{"v" * 20_000}">]><r>{"<b/>" * 20_000}</r>',
]
LISTED = "<ListBucketResult><Contents>{}</Contents></ListBucketResult>"
VERSIONS = "<ListVersionsResult><Version>{}</Version><DeleteMarker/></ListVersionsResult>"
STATEMENTS = (1, None, "*", [1], {"Effect": "Allow", "Principal": [], "Action": {}, "Resource": None})
REPLIES = [
    pytest.param({"method": "GET", "body": LISTED.format("<Size>zz</Size>")}, id="a size that is no number"),
    pytest.param({"method": "GET", "body": LISTED.format("<LastModified>x</LastModified>")}, id="a time that is none"),
    pytest.param({"method": "GET", "body": LISTED.format("")}, id="an object without a key"),
    pytest.param({"method": "GET", "body": LISTED.format("<Key>.wandb-byob-probe/x</Key>")}, id="an object of no age"),
    pytest.param({"target": "versions", "body": VERSIONS.format("<Key>k</Key>")}, id="a version without an ID"),
    pytest.param({"target": "versions", "body": VERSIONS.format("<VersionId>v</VersionId>")}, id="a version of nothing"),
    pytest.param({"target": "list-type", "body": "<ListBucketResult>" + "<a>" * 9000}, id="depth"),
    pytest.param({"target": "cors", "body": "<x><CORSRule><MaxAgeSeconds>x</MaxAgeSeconds></CORSRule></x>"}, id="CORS"),
    pytest.param({"target": "lifecycle", "body": "<x><Rule><Expiration><Days>x</Days></Expiration></Rule></x>"}, id="lifecycle"),
    pytest.param({"target": "tagging", "body": "<x><TagSet><Tag/></TagSet></x>"}, id="a tag without a key"),
    pytest.param({"target": "encryption", "body": "<x><Rule><ApplyServerSideEncryptionByDefault/></Rule></x>"}, id="encryption"),
    pytest.param({"target": "policy", "body": '{"Statement":' + "[" * 30000}, id="a policy of great depth"),
    pytest.param({"target": "policy", "body": '{"Statement":"' + "*a" * 40000 + '"}'}, id="a policy of great length"),
    *(
        pytest.param({"target": "policy", "body": json.dumps({"Statement": statement})}, id=f"a policy of {statement}")
        for statement in STATEMENTS
    ),
    pytest.param({"method": "PUT", "headers": {"Last-Modified": "Sun, 99 Nov 2026 10:00:00 GMT"}}, id="a date header"),
    pytest.param({"method": "GET", "headers": {"x-amz-mp-parts-count": "abc"}}, id="a number header"),
    pytest.param({"headers": {"Date": "Sun, 22 Nov 99999999999999999999 10:00:00 GMT"}}, id="a year that fits nowhere"),
    pytest.param({"headers": {"x-amz-version-id": "\x1b[2Jv" * 900}}, id="a version ID for the terminal"),
]  # fmt: skip


@pytest.mark.parametrize("reply", REPLIES)
def test_no_reply_gets_the_better_of_a_look(
    versitygw: VersityGW, faulty: Callable[[Store], FaultyProxy], reply: dict[str, object]
) -> None:
    """An exception that nobody expects would be tried again for ever, and the user would never be told."""
    proxy = faulty(versitygw)
    kind = "S3" if reply.get("target") == "policy" else "S3Compatible"  # policies are read on AWS alone
    site = S3Site(kind=kind, store=versitygw, endpoint=proxy.endpoint)
    site.client("create_bucket")
    body = str(reply.get("body", "")).encode()
    lie = Fault(**{"status": 200, **reply, "body": body})  # type: ignore[arg-type]
    context = site.context(intended=True, recorded="Created", paths=("teams/a",))
    with proxy.fault(lie):
        for call in (site.provider.exists, site.provider.provision, site.provider.probe, site.provider.delete):
            assert len(_told(call, context)) < 2000


def _told(call: Callable[[Context], object], context: Context) -> str:
    """The words of the error that it ends with, or of the checks."""
    try:
        found = call(context)
    except DomainError as error:
        return error.message
    checks = found.checks if isinstance(found, Provisioned) else found if isinstance(found, tuple) else ()
    return max((check.message for check in checks), key=len, default="")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("body", GROWS, ids=["entities", "attributes"])
def test_xml_that_grows_is_not_read(
    versitygw: VersityGW, faulty: Callable[[Store], FaultyProxy], body: str, encoding: str
) -> None:
    """A reply of 1 MiB would take gigabytes as elements, and end the operator for everybody."""
    proxy = faulty(versitygw)
    site = S3Site(kind="S3Compatible", store=versitygw, endpoint=proxy.endpoint)
    site.client("create_bucket")
    context = site.context(intended=True, recorded="Created", paths=("teams/a",))
    with proxy.fault(Fault(status=200, body=body.encode(encoding))):
        for call in (site.provider.provision, site.provider.probe):
            assert "XML that grows" in _told(call, context)
