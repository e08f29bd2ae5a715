"""Frames as S3 objects, by obstore: created only, within seconds, and every failure said in words."""

import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from gatekeeper.errors import UsageError
from gatekeeper.store.blobs_frame import BlobsUnavailable, Frame

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import ClientConfig, RetryConfig, S3Config

PIECE = 8 * 1024 * 1024
"""Bytes of one request, so that one request has a time limit however large the blob is."""
SINGLE_PUT = 2 * PIECE
"""Up to here a frame is one conditional PUT; obstore cannot set a condition for a multipart upload."""
PARALLEL_PARTS = 4
CONNECT_TIMEOUT_S = 3
PROBE_KEY = "check"

_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9./_~-]*)?")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")


@dataclass(frozen=True, kw_only=True)
class S3Access:
    """How to reach S3. Without keys: `AWS_*` of the environment, or the role of the machine or pod."""

    endpoint: str | None = None
    """`https://s3.example.com`, or None for AWS. Plain http only when written so here."""
    region: str = "us-east-1"
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    timeout_s: float = 15
    """For one request of up to 8 MiB. A server that hangs is given up after this, one that is gone sooner."""

    def __post_init__(self) -> None:
        """Refuse what obstore meets with a panic, or only at the first request.

        Raises:
            UsageError: the endpoint is no http address, or a key is without its secret.
        """
        if self.endpoint is not None and not _ENDPOINT.fullmatch(self.endpoint):
            raise UsageError(
                f"{self.endpoint.rpartition('@')[2]!r} is no address of an S3 server",
                hint="write https://host or https://host:port, without user and password",
            )
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise UsageError("the S3 access key and its secret belong together: one of them is missing")


class S3Shelf:
    """Objects below `prefix`. A put that S3 has answered is durable by its contract."""

    read_size = PIECE
    """Bytes to ask for at a time."""

    def __init__(self, bucket: str, *, prefix: str, access: S3Access) -> None:
        self._bucket = bucket
        self._endpoint = access.endpoint or "AWS"
        self.name = f"s3://{bucket}/{prefix}"
        client: ClientConfig = {
            "timeout": timedelta(seconds=access.timeout_s),
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "allow_http": (access.endpoint or "").startswith("http://"),
        }
        retry: RetryConfig = {
            "max_retries": 3,
            "retry_timeout": timedelta(seconds=access.timeout_s / 2),
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=1),
                "base": 2,
            },
        }
        config: S3Config = {"region": access.region}
        if access.endpoint is not None:
            config["endpoint"] = access.endpoint
        if access.access_key_id is not None:
            config["access_key_id"] = access.access_key_id
        if access.secret_access_key is not None:
            config["secret_access_key"] = access.secret_access_key
        if access.session_token is not None:
            config["session_token"] = access.session_token
        self._store = S3Store(
            bucket, prefix=prefix or None, config=config, client_options=client, retry_config=retry
        )

    def seems_to_hold(self, key: str) -> bool:  # noqa: ARG002 - to ask costs as much as to try
        """False: the conditional put finds out."""
        return False

    @contextmanager
    def stage(self) -> Iterator[BinaryIO]:
        """Memory for a frame that is sent in one request, a temporary file for a larger one."""
        with tempfile.SpooledTemporaryFile(SINGLE_PUT) as staged:
            yield cast("BinaryIO", staged)

    def keep(self, key: str, staged: BinaryIO, *, replace: bool) -> bool:
        """Create the object. False: there is one.

        A larger frame is looked for first and then sent in parts, without a condition: two senders at once
        may both write it, and write the same content.
        """
        size = staged.tell()
        staged.seek(0)
        with self._asking():
            if size <= SINGLE_PUT:
                mode: PutMode = "overwrite" if replace else "create"
                try:
                    obstore.put(self._store, key, staged.read(), mode=mode, use_multipart=False)
                except AlreadyExistsError:
                    return False
                return True
            if not replace and self._has(key):
                return False
            obstore.put(
                self._store,
                key,
                staged,
                use_multipart=True,
                chunk_size=PIECE,
                max_concurrency=PARALLEL_PARTS,
            )
        return True

    def settle(self, key: str) -> None:
        """Nothing: an object that can be read is durable."""

    def open(self, key: str) -> Frame | None:
        """The object; None when S3 says that the bucket has no such key.

        Raises:
            BlobsUnavailable: any other answer; a 404 for the bucket or from a proxy does not say that the
                blob is missing.
        """
        with self._asking():
            try:
                first = obstore.get(self._store, key)
            except FileNotFoundError as exc:
                if _code(exc) == "NoSuchKey":
                    return None
                raise
            if (size := first.meta["size"]) <= PIECE:
                return io.BytesIO(first.bytes())
        return _LargeObject(self, key, size)

    def check(self) -> None:
        """Write a small object under one fixed key."""
        with self._asking():
            obstore.put(self._store, PROBE_KEY, b"ok", use_multipart=False)

    def range_of(self, key: str, start: int, end: int) -> bytes:
        """The bytes of the object from `start` up to `end`."""
        with self._asking():
            return bytes(obstore.get_range(self._store, key, start=start, end=end))

    def _has(self, key: str) -> bool:
        try:
            obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        return True

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError) as exc:
            raise BlobsUnavailable(
                f"S3 does not let us use {self.name}: {_words(exc)}",
                hint="check the access key, its secret and that it may get and put objects in the bucket",
            ) from exc
        except FileNotFoundError as exc:
            if _code(exc) == "NoSuchBucket":
                raise BlobsUnavailable(
                    f"S3 at {self._endpoint} has no bucket {self._bucket!r}", hint="make it, or name another"
                ) from exc
            raise self._failed(exc) from exc
        except (BaseError, OSError, ValueError) as exc:
            raise self._failed(exc) from exc

    def _failed(self, exc: Exception) -> BlobsUnavailable:
        return BlobsUnavailable(
            f"S3 at {self._endpoint} failed for {self.name}: {_words(exc)}",
            hint="is the server up, reachable from here, and has it free space?",
        )


class _LargeObject:
    """Reads an object by ranges, so that the time limit is one for a piece and not for the whole."""

    def __init__(self, shelf: S3Shelf, key: str, size: int) -> None:
        self._shelf = shelf
        self._key = key
        self._size = size
        self._at = 0

    def read(self, size: int, /) -> bytes:
        """The next bytes; empty at the end."""
        if self._at >= self._size:
            return b""
        piece = self._shelf.range_of(self._key, self._at, min(self._at + size, self._size))
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Nothing is held open between two pieces."""


def _code(exc: Exception) -> str | None:
    """The `<Code>` of an S3 error document."""
    found = _CODE.search(str(exc))
    return found.group(1) if found else None


def _words(exc: Exception) -> str:
    """What obstore says, in one line and without the debug dump behind it."""
    code = _code(exc)
    text = " ".join(str(exc).partition("\n\nDebug source:")[0].partition("<?xml")[0].split())
    return f"{code}: {text[:300]}" if code else text[:300]
