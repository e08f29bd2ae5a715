"""One body on its way in: counted, decoded, hashed, put into files, and what is wrong with it."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import Problem
from gatekeeper.reports.refusal import UnreadableReport
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.decoding import Identity, decoder_for
from gatekeeper_api.forms import Form, Spooled

_FORM_BYTES = 64 * 1024
"""Boundaries and headers of a form."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One body, in files that `discard` removes. With a `problem` there is no report to read."""

    folder: Path
    report: Path | None
    """The decoded bytes."""
    sha256: str
    """Of the decoded report; with a `problem`, of the bytes on the wire as far as they were read."""
    size: int
    """Of the decoded report, as far as it was read."""
    wire_bytes: int
    filename: str
    """As the form calls it, for people; empty for a raw body."""
    record: Path | None
    record_sha256: str | None
    commit: bytes | None
    problem: Problem | None
    """`too-large`, `hostile` or `malformed`, with its parameters."""

    def discard(self) -> None:
        """Remove the files. Once the caller has put what it keeps elsewhere."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Intake:
    """Counts, decodes and hashes one body. Not thread-safe: one thread at a time feeds it."""

    def __init__(self, request: Request, folder: Path, settings: ServerSettings) -> None:
        self._settings = settings
        self._folder = folder
        self._decoder = decoder_for(request.headers.get("content-encoding", ""))
        content_type = request.headers.get("content-type", "")
        is_form = content_type.partition(";")[0].strip().lower() == "multipart/form-data"
        self._form = Form(content_type, folder, settings) if is_form else None
        self._raw = None if is_form else self._file_for_raw()
        self._wire_hash = hashlib.sha256()
        self._wire = 0
        self._decoded = 0
        self._wire_when_refused = 0
        self._problem: Problem | None = None
        self._mistake: GatekeeperError | None = None
        declared = request.headers.get("content-length", "")
        self._declared = int(declared) if declared.isdecimal() else 0
        self._max_decoded = (
            settings.max_decoded_bytes
            + (settings.max_record_bytes + settings.max_commit_bytes + _FORM_BYTES) * is_form
        )
        if self._declared > settings.max_body_bytes:
            self._problem = self._too_large(self._declared).problem

    @property
    def is_cheap(self) -> bool:
        """True when a small body cannot cost much: it is not compressed."""
        return isinstance(self._decoder, Identity)

    @property
    def is_refused(self) -> bool:
        """True once nothing that follows can change the answer."""
        return self._problem is not None or self._mistake is not None

    @property
    def is_beyond_draining(self) -> bool:
        """True when the rest is too long to be read for courtesy."""
        left = max(self._declared, self._wire) - self._wire_when_refused
        return left > self._settings.drain_bytes

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the wire. Content never raises: it becomes the problem.

        Raises:
            OSError: the disk is full or gone.
        """
        self._wire += len(data)
        self._wire_hash.update(data)
        if self.is_refused:
            return
        try:
            if self._wire > self._settings.max_body_bytes:
                raise self._too_large(self._wire)
            for piece in self._decoder.feed(data):
                if not self.is_cheap:
                    self._count(piece)
                (self._form or self._raw).write(piece)  # type: ignore[union-attr]
        except UnreadableReport as error:
            self._refuse(error.problem)
        except GatekeeperError as error:
            self._mistake = error
            self._wire_when_refused = self._wire

    def finish(self) -> None:
        """The body has ended: is it complete?"""
        if self.is_refused:
            return
        try:
            self._decoder.finish()
            if self._form is not None:
                self._form.finish()
        except UnreadableReport as error:
            self._refuse(error.problem)
        except GatekeeperError as error:
            self._mistake = error

    def upload(self) -> Upload:
        """What came.

        Raises:
            BadForm: the request was wrong.
        """
        if self._mistake is not None:
            raise self._mistake
        parts = self._form.parts if self._form else {}
        report = parts.get("report") or self._raw
        is_good = self._problem is None and report is not None
        whole = {name: part for name, part in parts.items() if part.is_whole}
        commit, record = whole.get("commit"), whole.get("record")
        return Upload(
            folder=self._folder,
            report=report.path if is_good and report else None,
            sha256=report.sha256 if is_good and report else self._wire_hash.hexdigest(),
            size=report.bytes if report else 0,
            wire_bytes=self._wire,
            filename=report.filename if report else "",
            record=record.path if record else None,
            record_sha256=record.sha256 if record else None,
            commit=commit.path.read_bytes() if commit else None,
            problem=self._problem,
        )

    def close(self) -> None:
        """Let go of the files."""
        for file in (self._raw, self._form):
            if file is not None:
                file.close()

    def _count(self, piece: bytes) -> None:
        """Bound what comes out of a compressed body; the parts have their own limits."""
        self._decoded += len(piece)
        settings = self._settings
        if self._decoded > max(settings.ratio_free_bytes, self._wire * settings.max_ratio):
            raise UnreadableReport(
                "hostile",
                detail=f"it expands more than {settings.max_ratio} times, the limit (GATEKEEPER_MAX_RATIO)",
            )
        if self._decoded > (limit := self._max_decoded):
            raise UnreadableReport(
                "too-large", bytes=self._decoded, limit=limit, setting="GATEKEEPER_MAX_DECODED_BYTES"
            )

    def _refuse(self, problem: Problem) -> None:
        self._problem = problem
        self._wire_when_refused = self._wire

    def _too_large(self, count: int) -> UnreadableReport:
        limit = self._settings.max_body_bytes
        return UnreadableReport("too-large", bytes=count, limit=limit, setting="GATEKEEPER_MAX_BODY_BYTES")

    def _file_for_raw(self) -> Spooled:
        settings = self._settings
        return Spooled(self._folder / "report", settings.max_decoded_bytes, "GATEKEEPER_MAX_DECODED_BYTES")
