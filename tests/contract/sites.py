"""The columns of the matrix: each kind of provider at each real server, what it costs there and what it lacks. A new one is one entry here."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pytest

from contract import azure, coreweave, gcs
from contract.provisioning import WIRE, S3Site
from contract.site import Need, Place, Site
from wandb_byob.model.checks import CheckName

CREATE_BUDGET, LOOK_BUDGET = 14, 8  # design budgets, with the one call that sees whether the bucket is there

_NO_SOFT_DELETE: Final = {Need.SOFT_DELETE: "not part of the S3 API: old versions are what can be brought back"}
_MOTO: Final = {
    Need.SIGNATURES: "takes any key",
    Need.USERS: "takes any key",
    **_NO_SOFT_DELETE,
}
_VERSITYGW: Final = {
    Need.POLICY: "`MalformedPolicy`: takes only its own users as principals",
    Need.ENCRYPTION: "`NotImplemented`",
    Need.PUBLIC_ACCESS: "`NotImplemented`",
    Need.LIFECYCLE: "`NotImplemented`",
    **_NO_SOFT_DELETE,
}
_MINIO: Final = {
    Need.CORS: "`NotImplemented`: there is one setting for the whole server",
    Need.PREFLIGHT: "admits every origin",
    Need.ENCRYPTION: "`NotImplemented` without a KMS of its own",
    Need.PUBLIC_ACCESS: "`MalformedXML`",
    **_NO_SOFT_DELETE,
}
_CREATE: Final = ("HeadBucket", "HeadBucket", "CreateBucket", "PutBucketTagging")
_BEFORE: Final = (
    "GetBucketVersioning", "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketLifecycleConfiguration",
)  # fmt: skip
_READ: Final = ("HeadBucket", "GetBucketTagging", "GetBucketCors")
_ACCOUNT: Final = ("GetAccountInformation", "GetBlobServiceProperties")
_CORS: Final = {CheckName.CORS: "PutBucketCors"}
_VERSIONING: Final = {CheckName.VERSIONING: "PutBucketVersioning"}

SITES: Final[Mapping[str, Place]] = {
    "S3-moto": Place(
        provider="S3",
        server="moto",
        fixture="moto",
        at=lambda store: S3Site(kind="S3", store=store),
        created=(
            *_CREATE, "PutBucketCors", "PutBucketPolicy", "PutBucketVersioning", "PutBucketEncryption", "PutPublicAccessBlock",
        ),
        looked=(*_READ, "GetBucketPolicy", *_BEFORE),
        repairs={
            **_CORS,
            CheckName.POLICY: "PutBucketPolicy",
            **_VERSIONING,
            CheckName.ENCRYPTION: "PutBucketEncryption",
            CheckName.PUBLIC_ACCESS: "PutPublicAccessBlock",
        },
        wire=WIRE,
        planned=frozenset({"Owner", "CORS", "Policy", "Versioning", "Encryption"}),
        lacks=_MOTO,
    ),
    "S3Compatible-moto": Place(
        provider="S3Compatible",
        server="moto",
        fixture="moto",
        at=lambda store: S3Site(kind="S3Compatible", store=store),
        created=(
            *_CREATE, "GetBucketCors", "UnsignedGet", *_BEFORE, "PutBucketCors", "PutBucketVersioning", "PutPublicAccessBlock",
        ),
        looked=(*_READ, *_BEFORE),
        repairs={**_CORS, **_VERSIONING, CheckName.PUBLIC_ACCESS: "PutPublicAccessBlock"},
        wire=WIRE,
        planned=frozenset({"Owner", "CORS", "Versioning"}),
        skipped=frozenset({CheckName.POLICY, CheckName.ENCRYPTION}),
        lacks=_MOTO,
    ),
    "S3Compatible-versitygw": Place(
        provider="S3Compatible",
        server="versitygw",
        fixture="versitygw",
        at=lambda store: S3Site(kind="S3Compatible", store=store),
        created=(*_CREATE, "GetBucketCors", "UnsignedGet", *_BEFORE, "PutBucketCors", "PutBucketVersioning"),
        looked=(*_READ, *_BEFORE),
        repairs={**_CORS, **_VERSIONING},
        wire=WIRE,
        planned=frozenset({"Owner", "CORS", "Versioning"}),
        skipped=frozenset({CheckName.POLICY, CheckName.ENCRYPTION, CheckName.PUBLIC_ACCESS, CheckName.LIFECYCLE}),
        lacks=_VERSITYGW,
    ),
    "S3Compatible-minio": Place(
        provider="S3Compatible",
        server="MinIO",
        fixture="minio",
        at=lambda store: S3Site(kind="S3Compatible", store=store),
        created=(*_CREATE, "GetBucketCors", "UnsignedGet", *_BEFORE, "PutBucketVersioning"),
        looked=(*_READ, "UnsignedGet", *_BEFORE),
        repairs=_VERSIONING,
        wire=WIRE,
        planned=frozenset({"Owner", "Versioning"}),
        skipped=frozenset({CheckName.POLICY, CheckName.ENCRYPTION, CheckName.CORS, CheckName.PUBLIC_ACCESS}),
        lacks=_MINIO,
    ),
    "CoreWeave-versitygw": Place(
        provider="CoreWeave",
        server="versitygw",
        fixture="coreweave",
        at=coreweave.site_at,
        created=(
            *_CREATE, "GetBucketCors", "UnsignedGet", "GetBucketPolicy", *_BEFORE, "PutBucketCors", "PutBucketPolicy",
            "PutBucketVersioning",
        ),
        looked=(*_READ, "GetBucketPolicy", *_BEFORE),
        repairs={**_CORS, CheckName.POLICY: "PutBucketPolicy", **_VERSIONING},
        wire=WIRE,
        planned=frozenset({"Owner", "CORS", "Policy", "Versioning"}),
        skipped=frozenset({CheckName.ENCRYPTION, CheckName.PUBLIC_ACCESS, CheckName.LIFECYCLE}),
        lacks={
            **_VERSITYGW,
            Need.POLICY: "kept by the stand-in before it, which enforces nothing",
            Need.USERS: "the stand-in's policy is not enforced",
        },
    ),
    "GCS-fake-gcs-server": Place(
        provider="GCS",
        server="fake-gcs-server",
        fixture="gcs",
        at=gcs.site_at,
        created=("GetBucket", "GetBucket", "CreateBucket", "GetIamPolicy", "SetIamPolicy"),
        looked=("GetBucket", "GetIamPolicy"),
        repairs={
            **dict.fromkeys(gcs.UNDO, "PatchBucket"),
            CheckName.POLICY: "SetIamPolicy",
        },
        wire=gcs.WIRE,
        planned=frozenset({"Owner", "CORS", "Versioning", "SoftDelete", "Policy"}),
        leftovers=("object", "version"),
        lacks={
            Need.REGION: "signatures hold everywhere",
            Need.ENCRYPTION: "always on, with Google's keys",
            Need.OVERWRITING: "takes the right to delete as well (test_gcs)",
            Need.UPLOADS: "unfinished uploads do not keep a bucket",
        },
    ),
    "Azure-Azurite": Place(
        provider="Azure",
        server="Azurite",
        fixture="azurite",
        at=azure.site_at,
        created=(
            "GetContainerProperties", "GetContainerProperties", "CreateContainer", "GetContainerProperties", *_ACCOUNT,
            "SetContainerMetadata",
            "SetBlobServiceProperties",
        ),
        looked=("GetContainerProperties", *_ACCOUNT),
        repairs={
            CheckName.CORS: "SetBlobServiceProperties",
            CheckName.SOFT_DELETE: "SetBlobServiceProperties",
            CheckName.PUBLIC_ACCESS: "SetContainerACL",
        },
        wire=azure.WIRE,
        planned=frozenset({"Owner", "CORS", "SoftDelete"}),
        skipped=frozenset({CheckName.VERSIONING, CheckName.LIFECYCLE}),
        leftovers=("object", "snapshot", "upload"),
        lacks={
            Need.USERS: "has one key for an account, which may do everything",
            Need.REGION: "a storage account has one name everywhere",
            Need.POLICY: "access is by key, or by roles, which Azure's management API alone shows",
            Need.VERSIONING: "does not keep versions",
            Need.ENCRYPTION: "all is encrypted, and shown as such by Azure's management API alone",
            Need.LIFECYCLE: "rules are set by Azure's management API alone",
        },
    ),
}  # fmt: skip


def site_of(request: pytest.FixtureRequest, name: str) -> Site:
    """A site at a place, with a bucket name that no other test uses."""
    place = SITES[name]
    return place.at(request.getfixturevalue(place.fixture))


Test = Callable[..., Any]


def at(*needs: Need, only: str = "", because: str = "") -> Callable[[Test], Test]:
    """Run a test of `site` where the server meets these needs.

    `only` names a provider or a place for what is peculiar to it, and `because` says what; both stand in docs/providers.md. A test
    without this runs everywhere.
    """
    assert bool(only) == bool(because)
    not_at = {name: why for name, place in SITES.items() if (why := _why_not(name, place, needs, only, because))}
    return partial(_marked, chosen=[name for name in SITES if name not in not_at], not_at=not_at)


def _why_not(name: str, place: Place, needs: tuple[Need, ...], only: str, because: str) -> str:
    if only and only not in (name, place.provider):
        return because
    return "; ".join(place.lacks[need] for need in needs if need in place.lacks)


def _marked(test: Test, *, chosen: list[str], not_at: Mapping[str, str]) -> Test:
    assert chosen, "no server meets these needs"
    marked: Test = pytest.mark.parametrize("site", chosen, indirect=True)(pytest.mark.not_at(dict(not_at))(test))
    return marked
