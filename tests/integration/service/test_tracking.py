"""Findings over time: what appears, stays, goes and comes back, where it counts, and what that costs."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, event

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.evidence import Kind, State
from gatekeeper.finding import Severity
from gatekeeper.recorded import TrackedFinding
from gatekeeper.service import findings

ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
MANY = 10_000


def all_findings(house, **words: object) -> list[TrackedFinding]:
    """What `GET /findings` lists, page by page."""
    asked = {
        "project": "pay/api", "advisory": None, "kind": None, "severity": None, "is_open": None, "limit": 3,
    } | words  # fmt: skip
    found: list[TrackedFinding] = []
    after = None
    while True:
        page, after = findings.page(house.server, ADMIN, after=after, **asked)
        found += [one for _, one in page]
        if after is None:
            return found


def rules(house, **words: object) -> list[str]:
    """The rules of what is listed, sorted."""
    return sorted(one.rule for one in all_findings(house, **words))


def send(house, data: bytes, **words: object):
    """A scan of the default branch."""
    return house.submit(data, **({"ref": "main"} | words))


def pip_audit(*packages: tuple[str, str, tuple[str, ...]], skipped: int = 0) -> bytes:
    """A report of packages, each with one vulnerability and its other names; with none when it has no id."""
    found = [
        {
            "name": name,
            "version": "1.0",
            "vulns": [{"id": id_, "fix_versions": ["2.0"], "aliases": list(aliases), "description": "bad"}]
            * bool(id_),
        }
        for name, id_, aliases in packages
    ]
    left_out = [{"name": f"s{n}", "skip_reason": "not on PyPI"} for n in range(skipped)]
    return json.dumps({"dependencies": [*found, *left_out], "fixes": []}).encode()


def test_a_finding_appears_stays_goes_and_comes_back(house) -> None:
    """First seen stays, last seen moves, fixed is when a whole report lacks it, and ends with its return."""
    first = send(house, house.bandit("B602", "B307")).receipt.received_at
    assert {one.first_seen_at for one in all_findings(house)} == {first}
    second = send(house, house.bandit("B602", "B307", "B105")).receipt.received_at
    by_rule = {one.rule: one for one in all_findings(house)}
    assert {rule: (one.first_seen_at, one.last_seen_at, one.fixed_at) for rule, one in by_rule.items()} == {
        "B602": (first, second, None), "B307": (first, second, None), "B105": (second, second, None),
    }  # fmt: skip
    third = send(house, house.bandit("B602")).receipt.received_at
    gone = {one.rule: one for one in all_findings(house, is_open=False)}
    assert {rule: (one.last_seen_at, one.fixed_at) for rule, one in gone.items()} == {
        "B307": (second, third), "B105": (second, third),
    }  # fmt: skip
    assert rules(house, is_open=True) == ["B602"]
    fourth = send(house, house.bandit("B602", "B307")).receipt.received_at
    again = next(one for one in all_findings(house) if one.rule == "B307")
    assert (again.first_seen_at, again.last_seen_at, again.fixed_at) == (first, fourth, None)
    assert_counts(house)


def test_a_clean_report_fixes_everything_of_its_slot_alone(house) -> None:
    """Another job's findings are not fixed by a scan that never looked for them."""
    send(house, house.bandit("B602"), name="one")
    send(house, house.bandit("B307"), name="two")
    send(house, house.bandit("B105"), name="two", job="nightly")
    send(house, house.bandit(), name="two")
    assert rules(house, is_open=True) == ["B105", "B602"]
    assert_counts(house)


def test_a_clock_that_was_set_back_fixes_and_finds_all_the_same(house) -> None:
    """What counts is what the newest report lists, not which hour it has."""
    send(house, house.bandit("B307", "B602"))
    house.clock.forward(hours=-3)
    send(house, house.bandit("B307"))
    assert rules(house, is_open=True) == ["B307"]
    assert_counts(house)


def test_an_incomplete_report_fixes_nothing(house) -> None:
    """What a scan did not look at may still be there; what it found is noted."""
    send(house, pip_audit(("a", "PYSEC-1", ()), ("b", "PYSEC-2", ())))
    part = send(house, pip_audit(("c", "PYSEC-3", ()), skipped=1))
    assert part.receipt.state is State.INCOMPLETE
    assert {one.package for one in all_findings(house, is_open=True)} == {"a", "b", "c"}
    broken = send(house, b"{", kind=Kind.SCA)
    assert broken.receipt.state is State.UNREADABLE
    assert {one.package for one in all_findings(house, is_open=True)} == {"a", "b", "c"}
    send(house, pip_audit(("c", "PYSEC-3", ())))
    assert {one.package for one in all_findings(house, is_open=True)} == {"c"}
    assert_counts(house)


def test_only_refs_that_are_released_from_are_tracked(house) -> None:
    """The default branch, and what the provider calls protected; no branch, fork or unknown ref."""
    send(house, house.bandit("B102"), ref="feature/x")
    house.submit(house.bandit("B103"))
    house.submit(house.bandit("B104"), house.job(ref="topic", protected=False))
    fork = house.job(project_id="99", project_path="mallory/api", ref="main", protected=True)
    house.submit(house.bandit("B105"), fork, fork="mallory/api")
    assert rules(house) == []
    send(house, house.bandit("B106"), name="main")
    house.submit(house.bandit("B107"), house.job(ref="release/1", protected=True), name="release")
    assert rules(house) == ["B106", "B107"]
    assert_counts(house)


def test_a_less_believed_report_changes_nothing(house) -> None:
    """A token's clean report of the default branch does not fix what the protected pipeline found."""
    house.submit(house.bandit("B602"), house.job())
    hidden = send(house, house.bandit(), ref="main")
    assert not hidden.is_current
    assert rules(house, is_open=True) == ["B602"]


def test_other_kinds_are_not_tracked(house) -> None:
    """Failed tests are no findings over time."""
    send(house, house.junit(failed=3))
    assert all_findings(house) == []


def test_an_advisory_is_found_by_each_of_its_names(house) -> None:
    """CVE, GHSA and PYSEC are one problem; asked over all projects that the caller reaches."""
    house.make_project("pay/web")
    send(house, pip_audit(("jinja2", "PYSEC-2019-217", ("CVE-2019-10906", "GHSA-462w-v97r-4m45"))))
    send(
        house, pip_audit(("jinja2", "GHSA-462w-v97r-4m45", ("CVE-2019-10906",))), project="pay/web", source=2
    )
    send(house, pip_audit(("flask", "PYSEC-2018-66", ("CVE-2018-1000656",))), name="other")
    for name, count in (
        ("PYSEC-2019-217", 1), ("CVE-2019-10906", 2), ("GHSA-462w-v97r-4m45", 2), ("CVE-2018-1000656", 1),
        ("CVE-0", 0),
    ):  # fmt: skip
        assert len(all_findings(house, project=None, advisory=name)) == count, name
    few = Caller(
        principal="token:gk_few",
        method=Method.TOKEN,
        scopes=frozenset({Scope.GATE_READ}),
        projects=("pay/web",),
    )
    page, _ = findings.page(
        house.server, few, project=None, advisory="CVE-2019-10906", kind=None, severity=None, is_open=None,
        after=None, limit=9,
    )  # fmt: skip
    assert [path for path, _ in page] == ["pay/web"]
    send(house, pip_audit(("flask", "", ())), name="other")
    assert all_findings(house, project=None, advisory="CVE-2018-1000656", is_open=True) == []


@pytest.mark.parametrize(
    "text", ["a\x00b", "\ufffe", "ünï \U0001f600", "x" * 5000, "'); DROP TABLE project; --", ""]
)
def test_any_text_of_a_report_can_be_kept(house, text: str) -> None:
    """No message, path or package name of a report keeps the report from being received."""
    report = json.loads(house.bandit("B602"))
    report["results"][0] |= {"issue_text": text, "filename": f"src/{text}.py", "code": text}
    report["metrics"][f"src/{text}.py"] = {"loc": 9, "nosec": 0}
    sent = send(house, json.dumps(report).encode())
    assert sent.is_new
    house.submit(pip_audit((f"n{text}", f"V-{text}", (f"C-{text}",))), ref="main", name="sca")
    assert_counts(house)


def test_the_counts_of_severities_are_those_of_the_findings(house) -> None:
    """After every report the summary is what a recount gives."""
    for name in ("one", "two"):
        for levels in (("HIGH", "LOW"), ("LOW", "LOW", "MEDIUM"), (), ("HIGH",)):
            report = json.loads(house.bandit(*(f"B{100 + n}" for n in range(len(levels)))))
            for one, level in zip(report["results"], levels, strict=True):
                one["issue_severity"] = level
            send(house, json.dumps(report).encode(), name=name)
            assert_counts(house)
    assert len(all_findings(house, severity=Severity.HIGH, is_open=True)) == 2
    assert len(all_findings(house, kind=Kind.SCA)) == 0


def test_ten_thousand_findings_cost_few_statements(house) -> None:
    """The number of statements does not grow with the findings; the same report again writes nothing."""
    report = house.bandit(*(f"B{n:05}" for n in range(MANY)))
    with statements() as first:
        send(house, report)
    assert_counts(house)
    assert house.server.database.read(_open_findings) == MANY
    with statements() as again:
        assert not send(house, report).is_new
    with statements() as another_run:
        assert send(house, report, run="2").is_new
    with statements() as fixed:
        send(house, house.bandit("B00000"), run="3")
    assert house.server.database.read(_open_findings) == 1
    assert_counts(house)
    assert [one for one in again if _WRITES.match(one)] == []
    for each in (first, another_run, fixed):
        assert len(each) <= 20, "\n".join(each)


def assert_counts(house) -> None:
    """The summary rows are those that a recount gives."""
    wanted = sa.text("SELECT project_id, kind, severity, open FROM finding_summary")
    held = house.server.database.read(lambda c: {tuple(row[:3]): row[3] for row in c.execute(wanted)})
    open_ = sa.text("SELECT project_id, kind, severity FROM tracked_finding WHERE fixed_at IS NULL")
    counted = house.server.database.read(lambda c: Counter(tuple(row) for row in c.execute(open_)))
    assert held == dict(counted)


_PLUMBING = re.compile(
    r"(SAVEPOINT|RELEASE|ROLLBACK|BEGIN|COMMIT|SHOW|select pg_catalog.version)", re.IGNORECASE
)
_WRITES = re.compile(r"(INSERT|UPDATE|DELETE)", re.IGNORECASE)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that any engine runs, without those that only frame a transaction."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not _PLUMBING.match(statement):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _open_findings(connection: sa.Connection) -> int:
    wanted = sa.text("SELECT count(*) FROM tracked_finding WHERE fixed_at IS NULL")
    return int(connection.execute(wanted).scalar_one())
