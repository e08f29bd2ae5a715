"""What one upload says: a report, the record of its run, or both."""

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gatekeeper.evidence import Database, EvidenceDocument, Kind, Problem, State
from gatekeeper.pipeline import Received, ReceivedRecord, document_of, joined
from gatekeeper.reports.interface import KindMismatch
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import UnknownFormat, read_report
from gatekeeper.reports.source import ReportSource
from gatekeeper.run_record import Ending, RunRecord
from gatekeeper.service.parsing.wire import Order, Progress
from gatekeeper.service.parsing.work import Understood, understood, without_reading

AT = datetime(2026, 11, 23, 2, 50, tzinfo=UTC)
SARIF = (
    b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"bandit"}},"invocations":'
    b'[{"executionSuccessful":true}],"results":[{"ruleId":"B307","message":{"text":"eval"}}]}]}'
)


def record(of: bytes | None = SARIF, **given: object) -> bytes:
    """The record of a bandit run that left the report `of`."""
    fields: dict[str, object] = {
        "tool": "bandit",
        "tool_version": "1.9.4",
        "kind": Kind.SAST,
        "argv": ("bandit",),
        "requirements_digest": "sha256:0",
        "rules_digest": None,
        "started_at": AT,
        "duration_ms": 5,
        "ending": Ending.FINISHED,
        "exit_code": 0,
        "report": "bandit.sarif" if of is not None else None,
        "report_sha256": hashlib.sha256(of).hexdigest() if of is not None else None,
        "files_seen": 1,
    }
    return msgspec.json.encode(RunRecord(**(fields | given)))  # type: ignore[arg-type]  # passed on


@pytest.fixture
def upload(tmp_path: Path) -> "Upload":
    """Files of one upload in a folder of its own."""
    return Upload(tmp_path)


class Upload:
    """Writes what is sent and has it understood."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, list[Progress]()
        self.stored = folder / "stored"

    def __call__(
        self, report: bytes | None = None, record: bytes | None = None, **given: object
    ) -> Understood:
        """What it says."""
        fields: dict[str, object] = {
            "report": self._file("report", report),
            "report_name": "report",
            "record": self._file("record", record),
            "format_name": None,
            "kind": None,
            "stored": str(self.stored),
            "cpu_s": 9,
        }
        return understood(Order(**(fields | given)), self.told.append)  # type: ignore[arg-type]  # passed on

    def _file(self, name: str, data: bytes | None) -> str | None:
        if data is None:
            return None
        (self.folder / name).write_bytes(data)
        return str(self.folder / name)


def document(made: Understood) -> EvidenceDocument:
    """The document that must be there, with the bytes that belong to it."""
    assert made.document is not None
    assert msgspec.json.decode(made.document_bytes, type=EvidenceDocument) == made.document
    assert (made.kind, made.problems) == (made.document.kind, made.document.problems)
    return made.document


def codes(made: Understood) -> list[str]:
    """The codes of its problems."""
    return [problem.code for problem in made.problems]


def test_a_report_with_its_record_is_what_evaluate_makes_of_them(upload: Upload) -> None:
    """Database and time of the run go into the document; the digest is the same."""
    database = Database(digest="sha256:d", records=7, newest_at=AT, is_complete=True)
    run = msgspec.json.decode(record(database=database), type=RunRecord)
    made = upload(SARIF, record(database=database))
    report = upload(SARIF).document
    assert report is not None
    assert (document(made).state, document(made).database) == (State.OK, database)
    (received,) = joined(
        [_received(SARIF)], [ReceivedRecord(record=run, sha256="", name="default", job="out/bandit.run.json")]
    )
    assert document(made) == document_of(received)


def _received(data: bytes) -> Received:
    source = ReportSource(io.BytesIO(data), name="bandit.sarif", limits=DEFAULT_LIMITS)
    return Received(
        report=read_report(source), sha256=source.sha256(), name="default", job="out/bandit.sarif"
    )


def test_a_record_alone_is_the_run_that_gave_no_report(upload: Upload) -> None:
    """A scanner that did not run is failed evidence of its kind."""
    made = upload(None, record(None, ending=Ending.NOT_STARTED, problems=(Problem(code="cannot-run"),)))
    assert (made.kind, document(made).state, codes(made)) == (
        Kind.SAST,
        State.FAILED,
        ["cannot-run", "run-failed"],
    )


@pytest.mark.parametrize(
    "other",
    [
        record(SARIF + b"\n"),
        record(SARIF + b"\n", report="elsewhere/x.json"),
        record(None),
        record(kind=Kind.SCA),
        record(None, ending=Ending.CRASHED),
    ],
    ids=["other-bytes", "another-place", "no-report", "another-kind", "crashed"],
)
def test_a_record_of_another_report_is_never_lost(upload: Upload, other: bytes) -> None:
    """A clean report cannot hide the run whose report is missing, and stays evidence of its own kind."""
    made = upload(SARIF, other)
    assert (made.kind, document(made).state) == (Kind.SAST, State.FAILED)
    assert {"report-missing", "run-failed"} & set(codes(made))
    assert "record-mismatch" in codes(made)


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.FINISHED])
def test_a_report_of_a_run_that_did_not_finish_is_failed(upload: Upload, ending: Ending) -> None:
    """Whatever the report says."""
    assert document(upload(SARIF, record(ending=ending))).state is State.FAILED


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 100_000,
        record(schema="gatekeeper/run/v9"),
        record()[:-1] + b',"tool":"x"}',
    ],
)
@pytest.mark.parametrize("report", [SARIF, b"<x/>", None])
def test_a_record_that_cannot_be_read_makes_the_upload_unreadable(
    upload: Upload, bad: bytes, report: bytes | None
) -> None:
    """It might have said that the run failed."""
    made = upload(report, bad, kind=Kind.SAST)
    assert (made.kind, document(made).state) == (Kind.SAST, State.UNREADABLE)
    assert codes(made)[0] == "record-unreadable"
    assert not document(made).metrics


def test_a_record_that_cannot_be_read_without_a_kind_says_why(upload: Upload) -> None:
    """Nothing says what it is evidence of, so there is a reason and no document."""
    made = upload(None, b"{}")
    assert (made.kind, made.document, made.digest, codes(made)) == (None, None, "", ["record-unreadable"])


def test_an_unreadable_report_takes_its_kind_from_the_record(upload: Upload) -> None:
    """Whether the record is of these bytes, of others, or names none."""
    for run in (record(b"cut"), record(), record(None)):
        made = upload(b"cut", run)
        assert (made.kind, document(made).state) == (Kind.SAST, State.UNREADABLE)


def test_a_record_alone_must_be_of_the_kind_that_is_asked_for(upload: Upload) -> None:
    """As a report must."""
    with pytest.raises(KindMismatch, match="the record of a bandit run is evidence of sast, not of sca"):
        upload(None, record(None), kind=Kind.SCA)
    with pytest.raises(UnknownFormat):
        upload(None, record(None), format_name="sarrif")


def test_what_is_known_is_told_before_the_content_is_read(upload: Upload) -> None:
    """It is all that is left when reading kills the process."""
    upload(b"<testsuite><testcase/></testsuite>")
    upload(SARIF)
    upload(SARIF, kind=Kind.SAST)
    upload(SARIF, record())
    upload(b"what", kind=Kind.DAST)
    assert upload.told == [
        Progress(format="junit", kind=Kind.TESTS),
        Progress(format="sarif", kind=None),
        Progress(format="sarif", kind=Kind.SAST),
        Progress(format="sarif", kind=Kind.SAST),
        Progress(format=None, kind=Kind.DAST),
    ]


def test_a_number_that_has_no_canonical_form_makes_the_upload_unreadable(upload: Upload) -> None:
    """It can be neither hashed nor rounded."""
    made = upload(SARIF, record(problems=(Problem(code="unaudited", params={"count": 2**60}),)))
    assert (made.kind, document(made).state, codes(made)) == (Kind.SAST, State.UNREADABLE, ["wrong-shape"])


def test_only_uploads_of_secrets_leave_redacted_bytes(upload: Upload) -> None:
    """Other reports are kept as they came."""
    assert not upload(SARIF).is_stored
    assert not upload.stored.exists()
    assert upload(SARIF.replace(b"bandit", b"gitleaks")).is_stored
    assert b"eval" not in upload.stored.read_bytes()


def test_without_reading_there_is_still_evidence_of_a_known_kind() -> None:
    """It becomes the newest of its slot, and fails its rules."""
    problem = Problem(code="parser-died", params={"how": "SIGKILL"})
    made = without_reading(Kind.SECRETS, "sarif", problem)
    assert (document(made).state, made.problems, made.format) == (State.UNREADABLE, (problem,), "sarif")
    assert without_reading(None, None, problem).problems == (problem,)
