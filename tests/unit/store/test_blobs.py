"""Blobs in a folder: what was kept is there, whole, or an error says that it is not."""

import hashlib
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import zstandard

from gatekeeper.errors import UsageError
from gatekeeper.store.blobs import BlobDamaged, BlobStore, BlobsUnavailable, S3Access, blob_store
from gatekeeper.store.blobs_folder import ABANDONED_AFTER_S

REPORT = b'<testsuite tests="3" failures="0"/>\n' * 2_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the blobs go; it does not exist yet."""
    return tmp_path / "data" / "blobs"


@pytest.fixture
def blobs(root: Path) -> BlobStore:
    """A store in a new folder."""
    return blob_store(root)


def file_of(root: Path, sha256: str) -> Path:
    """The file that holds the blob."""
    return root / "sha256" / sha256[:2] / f"{sha256}.zst"


def left_over(root: Path) -> list[Path]:
    """Staged files that nobody removed."""
    return list((root / "incoming").iterdir())


@pytest.mark.parametrize(
    "data", [b"", b"x", REPORT, os.urandom(3_000_000)], ids=["empty", "1", "text", "3 MB"]
)
def test_kept_bytes_come_back(blobs: BlobStore, root: Path, data: bytes) -> None:
    """What was put is what get returns, under the SHA-256 of the raw bytes, and nothing else stays behind."""
    sha256 = blobs.put(data)

    assert sha256 == hashlib.sha256(data).hexdigest()
    assert blobs.get(sha256) == data
    assert blobs.get(sha256, size=len(data)) == data
    assert left_over(root) == []


def test_file_is_zstd(blobs: BlobStore, root: Path) -> None:
    """A person can unpack the file with the zstd tool, and only its owner may read it."""
    file = file_of(root, blobs.put(REPORT))

    assert zstandard.ZstdDecompressor().decompressobj().decompress(file.read_bytes()) == REPORT
    assert file.stat().st_size < len(REPORT) / 20
    assert file.stat().st_mode & 0o077 == 0


def test_same_bytes_again_write_nothing(blobs: BlobStore, root: Path) -> None:
    """Putting the same bytes again leaves the file as it is."""
    file = file_of(root, blobs.put(REPORT))
    before = file.stat()

    blobs.put(REPORT)

    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "other bytes"])
def test_damaged_file_is_never_returned_and_mended_by_the_next_put(
    blobs: BlobStore, root: Path, damage: str
) -> None:
    """A file that a power cut or a bad copy left wrong is an error for get; put writes it again."""
    sha256 = blobs.put(REPORT)
    file = file_of(root, sha256)
    whole = file.read_bytes()
    match damage:
        case "empty":
            file.write_bytes(b"")
        case "cut":
            file.write_bytes(whole[:-9])
        case "garbage":
            file.write_bytes(b"\x00" * 512)
        case _:
            file.write_bytes(zstandard.ZstdCompressor().compress(b"passed"))

    with pytest.raises(BlobDamaged, match=f"the blob {sha256} is damaged"):
        blobs.get(sha256)

    assert blobs.put(REPORT) == sha256
    assert blobs.get(sha256) == REPORT
    assert left_over(root) == []


def test_bomb_is_stopped(blobs: BlobStore, root: Path) -> None:
    """A small file that unpacks to far more than the blob's size is stopped at that size."""
    sha256 = blobs.put(REPORT)
    bomb = zstandard.ZstdCompressor().compress(bytes(200 * 1024 * 1024))
    file_of(root, sha256).write_bytes(bomb)

    with pytest.raises(BlobDamaged, match="more than the 72,000 bytes expected"):
        blobs.get(sha256, size=len(REPORT))
    with pytest.raises(BlobDamaged, match="more than the 1,000,000 bytes expected"):
        blob_store(root, max_bytes=1_000_000).get(sha256)


def test_what_is_not_there_is_none(blobs: BlobStore, tmp_path: Path) -> None:
    """A digest that nobody kept is None, in a folder that is there."""
    blobs.put(REPORT)
    absent = hashlib.sha256(b"absent").hexdigest()

    assert blobs.get(absent) is None
    assert not blobs.get_file(absent, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_folder_is_an_error(blobs: BlobStore) -> None:
    """A folder that is not there, like a disk that is not mounted, says nothing about its blobs."""
    with pytest.raises(BlobsUnavailable, match="is not there"):
        blobs.get(hashlib.sha256(REPORT).hexdigest())


@pytest.mark.parametrize("text", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_only_a_digest_names_a_blob(blobs: BlobStore, text: str) -> None:
    """A name that is no SHA-256 never becomes a path."""
    with pytest.raises(ValueError, match="not a SHA-256"):
        blobs.get(text)


def test_files_go_in_and_out(blobs: BlobStore, tmp_path: Path) -> None:
    """put_file keeps a file under its digest; get_file writes it to a new file."""
    source, target = tmp_path / "report.xml", tmp_path / "out.xml"
    source.write_bytes(REPORT)
    sha256 = hashlib.sha256(REPORT).hexdigest()

    blobs.put_file(source, sha256)

    assert blobs.get_file(sha256, target, size=len(REPORT))
    assert target.read_bytes() == REPORT
    with pytest.raises(BlobsUnavailable, match="File exists"):
        blobs.get_file(sha256, target)
    assert target.read_bytes() == REPORT


def test_damaged_blob_leaves_no_file(blobs: BlobStore, root: Path, tmp_path: Path) -> None:
    """get_file of a damaged blob raises and leaves nothing that could be taken for it."""
    sha256 = blobs.put(REPORT)
    file_of(root, sha256).write_bytes(zstandard.ZstdCompressor().compress(b"passed"))

    with pytest.raises(BlobDamaged):
        blobs.get_file(sha256, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_file_with_another_digest_is_not_kept(blobs: BlobStore, root: Path, tmp_path: Path) -> None:
    """A file that changed after it was hashed is refused, and nothing lies under the digest it had."""
    source = tmp_path / "report.xml"
    source.write_bytes(b"changed")
    sha256 = hashlib.sha256(REPORT).hexdigest()

    with pytest.raises(BlobsUnavailable, match="have the digest"):
        blobs.put_file(source, sha256)

    assert blobs.get(sha256) is None
    assert left_over(root) == []


def test_missing_file_is_named(blobs: BlobStore, tmp_path: Path) -> None:
    """A file that cannot be read is an error with its path."""
    with pytest.raises(BlobsUnavailable, match=r"No such file.*report\.xml"):
        blobs.put_file(tmp_path / "report.xml", hashlib.sha256(REPORT).hexdigest())


def test_too_large_is_not_kept(root: Path) -> None:
    """What could not be read again is not kept."""
    with pytest.raises(BlobsUnavailable, match="more than 1,000 bytes"):
        blob_store(root, max_bytes=1_000).put(bytes(1_001))

    assert left_over(root) == []


def test_eight_threads_keep_the_same_bytes(root: Path) -> None:
    """Eight threads that put the same bytes into a new folder at the same time all succeed, with one file."""
    data = os.urandom(400_000)
    blobs = blob_store(root)
    start = Barrier(8)

    def put(_: int) -> str:
        start.wait()
        return blobs.put(data)

    with ThreadPoolExecutor(8) as threads:
        digests = set(threads.map(put, range(8)))

    assert digests == {hashlib.sha256(data).hexdigest()}
    assert blobs.get(digests.pop()) == data
    assert len(list((root / "sha256").rglob("*"))) == 2
    assert left_over(root) == []


def test_check_leaves_nothing(blobs: BlobStore, root: Path) -> None:
    """The check writes to find out whether one can, and cleans up."""
    blobs.check()

    assert left_over(root) == []


def test_staged_files_of_killed_processes_go(blobs: BlobStore, root: Path) -> None:
    """A staged file of yesterday is removed at the first use, one of a minute ago may be in use."""
    (root / "incoming").mkdir(parents=True)
    old, young = root / "incoming" / "old", root / "incoming" / "young"
    old.touch()
    young.touch()
    os.utime(old, times=(time.time() - ABANDONED_AFTER_S - 60,) * 2)

    blobs.put(REPORT)

    assert left_over(root) == [young]


def test_large_file_is_not_loaded(root: Path, tmp_path: Path) -> None:
    """A file of 300 MB goes in and out within 100 MB of memory more than the process has at rest."""
    large, out = tmp_path / "large", tmp_path / "out"
    with large.open("wb") as file:
        file.truncate(300_000_000)
        file.seek(0)
        file.write(os.urandom(20_000_000))
    with large.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    said = in_a_child(
        f"""
        at_rest = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (at_rest + 100_000_000,) * 2)
        blobs = blob_store({str(root)!r})
        attempt(lambda: blobs.put_file(Path({str(large)!r}), {sha256!r}))
        attempt(lambda: blobs.get_file({sha256!r}, Path({str(out)!r})))
        """
    )

    assert said == ["kept None", "kept True"]
    assert out.stat().st_size == 300_000_000


def test_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    """A place that cannot be a folder is an error for every call."""
    place = tmp_path / "blobs"
    place.touch()
    blobs = blob_store(place)

    for call in (blobs.check, lambda: blobs.put(REPORT), lambda: blobs.get("a" * 64)):
        with pytest.raises(BlobsUnavailable, match=r"Not a directory|File exists"):
            call()


def test_full_disk(root: Path) -> None:
    """When the disk takes no more, put and check say so, and no blob is there afterwards.

    The limit on the size of a file stands for the full disk: the write fails half way, as there.
    """
    said = in_a_child(
        f"""
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
        blobs = blob_store({str(root)!r})
        attempt(blobs.check)
        attempt(lambda: blobs.put(os.urandom(300_000)))
        """
    )

    assert said == ["unavailable: File too large"] * 2
    assert not list((root / "sha256").rglob("*.zst"))
    assert left_over(root) == []


def test_read_only_folder() -> None:
    """A folder in which the server's user may not write is an error for put and check."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        said = in_a_child(
            f"""
            if os.geteuid() == 0:
                os.seteuid(65534)
            blobs = blob_store({folder!r})
            attempt(blobs.check)
            attempt(lambda: blobs.put(b"x"))
            """
        )
        Path(folder).chmod(0o755)

    assert said == ["unavailable: Permission denied"] * 2


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("gs://bucket/x", "cannot be kept at"),
        ("https://s3.example.com/bucket", "cannot be kept at"),
        ("s3://ab/x", "'ab' is no bucket name"),
        ("s3:///x", "'' is no bucket name"),
        ("s3://My_Bucket", "'My_Bucket' is no bucket name"),
        ("s3://key:hidden@bucket/x", "'bucket' is no bucket name"),
        ("s3://bucket/a/../b", r"'a/\.\./b' is no prefix"),
        ("s3://bucket/a//b", "'a//b' is no prefix"),
    ],
)
def test_places_that_cannot_be(place: str, said: str) -> None:
    """A place that is neither a folder nor an S3 bucket is refused with what it may be."""
    with pytest.raises(UsageError, match=said) as caught:
        blob_store(place)

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("access", "said"),
    [
        ({"endpoint": ""}, "'' is no address of an S3 server"),
        ({"endpoint": "s3.example.com"}, r"'s3\.example\.com' is no address"),
        ({"endpoint": "https://key:hidden@s3.example.com"}, "is no address"),
        ({"access_key_id": "key"}, "belong together"),
        ({"secret_access_key": "hidden"}, "belong together"),
    ],
)
def test_ways_to_s3_that_cannot_be(access: dict[str, str], said: str) -> None:
    """Settings that cannot work are refused at the start, and no secret is shown."""
    with pytest.raises(UsageError, match=said) as caught:
        S3Access(**access)

    assert "hidden" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    """What goes into a log has no secret in it."""
    access = S3Access(access_key_id="key", secret_access_key="hidden", session_token="hidden")  # noqa: S106

    assert "hidden" not in repr(access)


def in_a_child(script: str) -> list[str]:
    """The lines that `script` writes in a process of its own, which may limit itself."""
    prelude = """
        import os, resource
        from pathlib import Path
        from gatekeeper.store.blobs import BlobsUnavailable, blob_store

        def attempt(call):
            try:
                print("kept", call())
            except BlobsUnavailable as exc:
                print(f"{exc.code}: {exc.__cause__.strerror}")
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(prelude) + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()
