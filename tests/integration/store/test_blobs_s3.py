"""Blobs in a real S3 server: what was kept is there; a server that is gone or says no is an error, soon."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import obstore
import pytest
import zstandard
from obstore.store import S3Store

from gatekeeper.store.blobs import BlobDamaged, BlobStore, BlobsUnavailable, S3Access, blob_store

REPORT = b'<testsuite tests="3" failures="0"/>\n' * 2_000
SHA256 = hashlib.sha256(REPORT).hexdigest()
KEY = f"team/blobs/sha256/{SHA256[:2]}/{SHA256}.zst"


def store_of(s3: Any, *, bucket: str | None = None, **changed: Any) -> BlobStore:
    """The blobs in the bucket of the test."""
    given = {
        "endpoint": s3.endpoint,
        "access_key_id": s3.access_key_id,
        "secret_access_key": s3.secret_access_key,
    }
    access = S3Access(**(given | changed))
    return blob_store(f"s3://{bucket or s3.bucket}/team/blobs", s3=access)


@pytest.fixture
def blobs(s3: Any) -> BlobStore:
    """The blobs in a fresh bucket."""
    return store_of(s3)


@pytest.fixture
def raw(s3: Any) -> S3Store:
    """The bucket itself."""
    return S3Store(
        s3.bucket,
        endpoint=s3.endpoint,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
        region="us-east-1",
        client_options={"allow_http": True},
    )


@pytest.mark.parametrize(
    "data", [b"", b"x", REPORT, os.urandom(9_000_000)], ids=["empty", "1", "text", "9 MB"]
)
def test_kept_bytes_come_back(blobs: BlobStore, data: bytes) -> None:
    """What was put is what get returns, also in more than one request."""
    sha256 = blobs.put(data)

    assert sha256 == hashlib.sha256(data).hexdigest()
    assert blobs.get(sha256, size=len(data)) == data


def test_large_file_goes_in_parts(blobs: BlobStore, tmp_path: Path) -> None:
    """A frame that is too large for one request is sent in parts, twice without harm, and comes back."""
    source, target = tmp_path / "large", tmp_path / "out"
    source.write_bytes(os.urandom(20_000_000))
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()

    blobs.put_file(source, sha256)
    blobs.put_file(source, sha256)

    assert blobs.get_file(sha256, target)
    assert target.read_bytes() == source.read_bytes()


def test_same_bytes_again_write_nothing(blobs: BlobStore, raw: S3Store) -> None:
    """An object that is there and right is left alone, under the prefix and the key of its digest."""
    blobs.put(REPORT)
    first = obstore.head(raw, KEY)
    time.sleep(1.1)  # S3 tells times in seconds

    blobs.put(REPORT)

    assert obstore.head(raw, KEY)["last_modified"] == first["last_modified"]


@pytest.mark.parametrize(
    "there",
    [b"", b"garbage", zstandard.ZstdCompressor().compress(b"passed")],
    ids=["empty", "garbage", "other bytes"],
)
def test_damaged_object_is_never_returned_and_mended_by_the_next_put(
    blobs: BlobStore, raw: S3Store, there: bytes
) -> None:
    """An object with other bytes under the digest is an error for get; put writes it again."""
    obstore.put(raw, KEY, there)

    with pytest.raises(BlobDamaged):
        blobs.get(SHA256)

    assert blobs.put(REPORT) == SHA256
    assert blobs.get(SHA256) == REPORT


def test_eight_threads_keep_the_same_bytes(blobs: BlobStore) -> None:
    """Eight threads that put the same bytes at the same time all succeed."""
    start = Barrier(8)

    def put(_: int) -> str:
        start.wait()
        return blobs.put(REPORT)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(put, range(8))) == {SHA256}

    assert blobs.get(SHA256) == REPORT


def test_what_is_not_there_is_none(blobs: BlobStore) -> None:
    """A key that the bucket does not have is None."""
    assert blobs.get(SHA256) is None


def test_missing_bucket_is_an_error(s3: Any) -> None:
    """A bucket that does not exist says nothing about its blobs: no call takes them for absent."""
    blobs = store_of(s3, bucket="nobody-made-this")

    for call in (blobs.check, lambda: blobs.put(REPORT), lambda: blobs.get(SHA256)):
        with pytest.raises(BlobsUnavailable, match="has no bucket 'nobody-made-this'"):
            call()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"secret_access_key": "wrong-wrong-wrong"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "nobody"}, "InvalidAccessKeyId"),
    ],
)
def test_wrong_keys_are_an_error(s3: Any, changed: dict[str, str], said: str) -> None:
    """Keys that S3 does not accept are named as the cause, and never shown."""
    blobs = store_of(s3, **changed)

    for call in (blobs.check, lambda: blobs.put(REPORT), lambda: blobs.get(SHA256)):
        with pytest.raises(BlobsUnavailable, match=f"does not let us use .*{said}") as caught:
            call()
        assert changed.get("secret_access_key", s3.secret_access_key) not in str(caught.value)


@pytest.mark.parametrize("outage", ["gone", "hangs"])
def test_outage_is_an_error_within_seconds(s3: Any, outage: str) -> None:
    """While the server is gone or hangs, calls fail within seconds; what was kept is there afterwards."""
    store_of(s3).put(REPORT)
    blobs = store_of(s3, timeout_s=2)
    if outage == "gone":
        s3.stop()
    else:
        s3.pause()

    for call in (blobs.check, lambda: blobs.put(b"new"), lambda: blobs.get(SHA256)):
        began = time.monotonic()
        with pytest.raises(BlobsUnavailable, match=f"S3 at {s3.endpoint} failed for s3://{s3.bucket}/team"):
            call()
        assert time.monotonic() - began < 8

    s3.resume()
    s3.start()
    assert store_of(s3).get(SHA256) == REPORT
    store_of(s3).check()


def test_nobody_listens_at_the_address(s3: Any) -> None:
    """A host name that does not exist is an error within seconds, in one line."""
    blobs = store_of(s3, endpoint="http://s3.invalid:8333")

    began = time.monotonic()
    with pytest.raises(BlobsUnavailable, match=r"S3 at http://s3\.invalid:8333 failed") as caught:
        blobs.put(REPORT)

    assert time.monotonic() - began < 20
    assert "\n" not in caught.value.message
