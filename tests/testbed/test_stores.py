"""Every store answers a real PUT and GET, and the ones with users keep them apart."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from botocore.exceptions import ClientError

from testbed import http, stores
from testbed.stores import Keys, Minio, Store, VersityGW


@pytest.fixture(params=["versitygw", "minio", "moto"])
def s3_store(request: pytest.FixtureRequest) -> Store:
    """Each of the stores that speak S3."""
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def bucket() -> str:
    """A name that no other test uses."""
    return f"testbed-{uuid.uuid4().hex[:12]}"


def _put_and_get(store: Store, bucket: str, keys: Keys | None = None) -> bytes:
    client = store.client(keys)
    try:
        client.put_object(Bucket=bucket, Key="a folder/an object", Body=b"content")
        return client.get_object(Bucket=bucket, Key="a folder/an object")["Body"].read()
    finally:
        client.close()


def _make_bucket(store: Store, bucket: str) -> None:
    client = store.client()
    client.create_bucket(Bucket=bucket)
    client.close()


def test_an_s3_store_gives_back_what_was_put(s3_store: Store, bucket: str) -> None:
    _make_bucket(s3_store, bucket)
    assert _put_and_get(s3_store, bucket) == b"content"


def test_azurite_gives_back_what_was_put(azurite: Store, bucket: str) -> None:
    address = f"{azurite.endpoint}/{azurite.keys.access_key}"
    with BlobServiceClient(address, credential=azurite.keys.secret_key) as service:
        container = service.create_container(bucket)
        container.upload_blob("a folder/an object", b"content")
        assert container.download_blob("a folder/an object").readall() == b"content"


def test_fake_gcs_gives_back_what_was_put(fake_gcs: Store, bucket: str) -> None:
    body = f'{{"name": "{bucket}"}}'.encode()
    assert http.request(f"{fake_gcs.endpoint}/storage/v1/b", method="POST", body=body).status == 200
    upload = f"{fake_gcs.endpoint}/upload/storage/v1/b/{bucket}/o?uploadType=media&name=an-object"
    assert http.request(upload, method="POST", body=b"content").status == 200
    assert http.request(f"{fake_gcs.endpoint}/storage/v1/b/{bucket}/o/an-object?alt=media").body == b"content"


@pytest.fixture(params=[stores.start_versitygw, stores.start_minio], ids=["versitygw", "minio"])
def tls_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Stores with a certificate of their own authority."""
    store: Store = request.param(tmp_path, tls=True)
    yield store
    store.stop()


def test_a_store_speaks_tls_with_its_own_authority(tls_store: Store, bucket: str) -> None:
    _make_bucket(tls_store, bucket)
    assert _put_and_get(tls_store, bucket) == b"content"
    assert not http.answers(tls_store.endpoint, below=600), "the machine's own authorities do not vouch for it"


@pytest.mark.parametrize("name", ["versitygw", "minio"])
def test_a_wrong_secret_is_refused(request: pytest.FixtureRequest, name: str, bucket: str) -> None:
    """These two check signatures, which moto does not."""
    store: Store = request.getfixturevalue(name)
    _make_bucket(store, bucket)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        _put_and_get(store, bucket, Keys(store.keys.access_key, "wrong"))


def test_a_user_of_versitygw_may_do_nothing_until_given_a_bucket(versitygw: VersityGW, bucket: str) -> None:
    _make_bucket(versitygw, bucket)
    user = versitygw.create_user(f"user-{bucket}")
    with pytest.raises(ClientError, match="AccessDenied"):
        _put_and_get(versitygw, bucket, user)
    versitygw.give_bucket(bucket, user.access_key)
    assert _put_and_get(versitygw, bucket, user) == b"content"
    assert (
        f" s3_PutObject a folder/an object /{bucket}/a%20folder/an%20object 403 AccessDenied"
        in versitygw.access_log.read_text()
    )


def test_limited_keys_of_minio_may_do_what_they_say(minio: Minio, bucket: str) -> None:
    _make_bucket(minio, bucket)
    reader = minio.limited({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{bucket}/*"]})
    with pytest.raises(ClientError, match="AccessDenied"):
        _put_and_get(minio, bucket, reader)
    _put_and_get(minio, bucket)
    client = minio.client(reader)
    assert client.get_object(Bucket=bucket, Key="a folder/an object")["Body"].read() == b"content"
    client.close()
