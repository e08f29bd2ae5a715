"""A CI provider for the tests that need somebody to be."""

import hashlib
import itertools
import json
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from local_issuer import LocalIssuer, running_issuer

from gatekeeper.caller import JOB_SCOPES, Caller, Claims, Method, Scope
from gatekeeper.decision import Decision
from gatekeeper.evidence import Problem
from gatekeeper.project import Project
from gatekeeper.service import decide, link, policies, projects, submit
from gatekeeper.service.answers import Gate
from gatekeeper.service.parsing.pool import ParserLimits, ParserPool
from gatekeeper.service.questions import Asked
from gatekeeper.service.server import Rules, Server
from gatekeeper.service.submission import Received, Submission
from gatekeeper.store.blobs import blob_store
from gatekeeper.store.database import database_at

ISSUER = "https://gitlab.example.com"
ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
POLICY = b"""\
schema: gatekeeper/v1
policy: example
owner: security
stages: [develop, test]
rules:
  - id: tests-pass
    metric: tests.failed
    pass: "== 0"
  - id: tests-exist
    metric: tests.passed
    pass: ">= 1"
  - id: tests-broken
    metric: tests.errors
    pass: "== 0"
  - id: sast-critical
    metric: sast.critical
    pass: "== 0"
    from: test
  - id: sast-high
    metric: sast.high
    pass: "== 0"
    from: test
  - id: sast-unknown
    metric: sast.unknown
    pass: "== 0"
    from: test
  - id: tests-not-fewer
    metric: tests.total
    no_worse_than: {by: 10%}
    on_no_baseline: skip
"""


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """A CI provider on this machine that signs id_tokens and publishes its keys."""
    with running_issuer() as issuer:
        yield issuer


class Wrist:
    """A clock that stands still until it is moved; every look at it is a microsecond later."""

    def __init__(self) -> None:
        self._at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self._at += timedelta(microseconds=1)
            return self._at

    def forward(self, **span: float) -> None:
        """Let time pass."""
        with self._lock:
            self._at += timedelta(**span)


class House:
    """A server without its front door, and pipelines that send it things."""

    def __init__(self, server: Server, clock: Wrist, folder: Path) -> None:
        self.server, self.clock, self._folder = server, clock, folder
        self._uploads = itertools.count(1)
        policies.publish(server, ADMIN, POLICY, "the first")
        self.project, _ = self.make_project("pay/api", provider_id="7")

    def make_project(self, path: str, **more: object) -> tuple[Project, bool]:
        """A project judged by the example policy."""
        issuer = ISSUER if more.get("provider_id") else None
        return projects.create(self.server, ADMIN, path=path, policy="example", issuer=issuer, **more)

    def junit(self, failed: int = 0, passed: int = 3) -> bytes:
        """A report of so many tests."""
        bad = "".join(f'<testcase name="bad{n}"><failure message="no"/></testcase>' for n in range(failed))
        good = "".join(f'<testcase name="good{n}"/>' for n in range(passed))
        return f'<testsuite name="s">{good}{bad}</testsuite>'.encode()

    def bandit(self, *rules: str) -> bytes:
        """A report with one high finding for each of the rules."""
        found = [
            {
                "filename": "app.py", "line_number": n + 1, "test_id": rule, "test_name": "t",
                "issue_text": rule, "issue_severity": "HIGH", "issue_confidence": "HIGH",
                "code": f"{n} {rule}()", "line_range": [1], "col_offset": 0, "end_col_offset": 1,
                "issue_cwe": {}, "more_info": "",
            }
            for n, rule in enumerate(rules)
        ]  # fmt: skip
        totals = {"_totals": {"loc": 9, "nosec": 0}, "app.py": {"loc": 9, "nosec": 0}}
        return json.dumps({"errors": [], "metrics": totals, "results": found}).encode()

    def submit(
        self,
        data: bytes,
        caller: Caller = ADMIN,
        *,
        source: int = 1,
        problem: Problem | None = None,
        project: str = "pay/api",
        **more: object,
    ) -> submit.Submitted:
        """Send a report of the source number `source`, whose commit and tree are made of that digit."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._folder / f"{next(self._uploads)}"
        path.write_bytes(data)
        words = {"commit": str(source) * 40, "tree": f"{source}" * 39 + "f"} | more
        return submit.submit(
            self.server,
            caller,
            Submission(project=project, **words),
            Received(report=path, filename="", sha256=sha256, size_bytes=len(data), problem=problem),
        )

    def link(self, artifact: str, caller: Caller = ADMIN, *, source: int = 1) -> link.Linked:
        """Say from which source an artifact was built."""
        words = {"commit": str(source) * 40, "tree": f"{source}" * 39 + "f"}
        wanted = Submission(project="pay/api", artifact=artifact, **words)
        return link.link(self.server, caller, wanted, None)

    def ask(
        self, stage: str = "develop", caller: Caller = ADMIN, *, source: int | None = 1, **more: object
    ) -> decide.Answered | Gate:
        """Ask for a recorded decision."""
        commit = None if source is None else str(source) * 40
        return decide.decide(
            self.server, caller, Asked(project="pay/api", stage=stage, commit=commit, **more)
        )

    def decided(self, stage: str = "develop", caller: Caller = ADMIN, **more: object) -> Decision:
        """The recorded decision."""
        answer = self.ask(stage, caller, **more)
        assert isinstance(answer, decide.Answered), answer
        return answer.decision

    def job(self, *, source: int = 1, ref: str = "main", protected: bool = True, **more: object) -> Caller:
        """A CI job that GitLab vouches for."""
        words = {
            "issuer": ISSUER, "provider": "gitlab", "project_id": "7", "project_path": "pay/api",
            "commit": str(source) * 40, "ref": ref, "ref_protected": protected, "environment": None,
            "environment_tier": None, "run": "100", "job": "1", "attempt": "1", "user": "u",
            "expires_at": datetime(2030, 1, 1, tzinfo=UTC),
        } | more  # fmt: skip
        claims = Claims(**words)
        return Caller(
            principal=f"oidc:{claims.issuer}#{claims.project_id}",
            method=Method.OIDC,
            scopes=JOB_SCOPES,
            claims=claims,
        )


@pytest.fixture(scope="session")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParserPool]:
    """Two reading processes for all tests of a worker."""
    with ParserPool(scratch=tmp_path_factory.mktemp("scratch"), children=2, limits=ParserLimits()) as pool:
        yield pool


@pytest.fixture(params=["sqlite", "postgres"])
def house(
    request: pytest.FixtureRequest, tmp_path: Path, parser: ParserPool, migrated_sqlite: Path
) -> Iterator[House]:
    """A server on each of the two engines, with a project and a policy."""
    if request.param == "sqlite":
        shutil.copy(migrated_sqlite, tmp_path / "db.sqlite")
        database = database_at(f"sqlite:///{tmp_path}/db.sqlite")
    else:
        database = database_at(request.getfixturevalue("migrated_postgres")())
    clock = Wrist()
    (tmp_path / "in").mkdir()
    server = Server(
        database=database,
        blobs=blob_store(tmp_path / "blobs"),
        parser=parser,
        clock=clock,
        rules=Rules(default_policy="example", accepts_forks=True, groups=((ISSUER, "new/*"),)),
    )
    try:
        yield House(server, clock, tmp_path / "in")
    finally:
        database.close()
