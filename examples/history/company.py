"""The company: forty projects of eight teams, and what becomes of them in half a year."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reports import Vulnerability, bandit, coverage, junit, pip_audit

BEGINS_AT = datetime(2026, 5, 25, 8, 0, tzinfo=UTC)
DAYS = 180
TEAMS = {
    "pay": ("api", "ledger", "fraud", "cards", "invoices"),
    "shop": ("web", "cart", "search", "catalogue", "stock"),
    "mobile": ("android", "ios", "push", "gateway", "sync"),
    "data": ("lake", "reports", "exports", "events", "models"),
    "ops": ("deployer", "alerts", "dns", "backup", "inventory"),
    "people": ("accounts", "mail", "support", "consent", "surveys"),
    "risk": ("rules", "limits", "audit", "sanctions", "scores"),
    "core": ("auth", "files", "queue", "config", "clock"),
}
PACKAGES = (
    "attrs", "babel", "click", "dateutil", "django", "flask", "httpx", "jinja2", "lxml", "numpy", "orjson",
    "pillow", "pydantic", "pyform", "pyyaml", "requests", "rich", "sqlalchemy", "urllib3", "zstandard",
)  # fmt: skip
WAVE_DAY = 72
"""In the third month an advisory about `pyform` is published, which most projects use."""
WAVES = (
    (WAVE_DAY, Vulnerability(id="PYSEC-2026-4711", package="pyform", version="2.3.1", fixed_in="2.3.2")),
    (131, Vulnerability(id="PYSEC-2026-5120", package="lxml", version="5.1.0", fixed_in="5.1.1")),
)
HOTFIX_DAY = 104
"""pay/api stands still at night; a fix goes out past the test of everything."""


@dataclass(kw_only=True)
class Project:
    """One project on one day."""

    path: str
    seed: int
    chance: random.Random
    files: int
    lines: int
    covered: float
    grows_by: float
    """Share of lines that a day brings under test."""
    tests: int
    is_flaky: bool
    packages: dict[str, str]
    mends_after: dict[str, int]
    """Days from an advisory to the version without it, by package."""
    findings: list[tuple[str, str, int]] = field(default_factory=list)
    builds: int = 0

    def on(self, day: float) -> float:
        """The share of covered lines on that day, at most 94 %."""
        return min(0.94, self.covered + self.grows_by * day)


@dataclass(frozen=True, kw_only=True)
class Build:
    """One build: what is sent and asked, and when."""

    at: datetime
    project: str
    commit: str
    tree: str
    artifact: str
    ref: str
    reports: dict[str, bytes]
    again: bytes | None
    """The tests' report of a second attempt, where the first one failed by chance."""
    stages: tuple[str, ...]


def projects(seed: int) -> list[Project]:
    """The forty, the same for the same seed."""
    return [_project(f"{team}/{name}", seed) for team, names in TEAMS.items() for name in names]


def builds(seed: int, count: int) -> Iterator[Build]:
    """So many builds over the half-year, by time; those that come after them are of the last day."""
    chance = random.Random(seed)  # noqa: S311 - a story
    every = {one.path: one for one in projects(seed)}
    moments = sorted(_moment(chance) for _ in range(count))
    is_fixed = False
    for at in moments:
        day = (at - BEGINS_AT).total_seconds() / 86_400
        if day >= HOTFIX_DAY and not is_fixed:
            is_fixed = True
            yield _build(every["pay/api"], at - timedelta(minutes=5), day, hotfix=True)
        yield _build(every[chance.choice(sorted(every))], at, day)


def _project(path: str, seed: int) -> Project:
    chance = random.Random(f"{seed} {path}")  # noqa: S311 - a story
    packages = {
        name: f"{chance.randint(1, 5)}.{chance.randint(0, 9)}.0"
        for name in chance.sample(PACKAGES, chance.randint(8, 16))
    }
    for _, wave in WAVES:
        if chance.random() < 0.6:
            packages[wave.package] = wave.version
    return Project(
        path=path,
        seed=seed,
        chance=chance,
        files=chance.randint(8, 18),
        lines=chance.choice((20, 40, 50)),
        covered=chance.uniform(0.56, 0.86),
        grows_by=chance.uniform(0.0002, 0.0016),
        tests=chance.randint(30, 90),
        is_flaky=chance.random() < 0.2,
        packages=packages,
        mends_after={wave.package: chance.randint(1, 25) for _, wave in WAVES},
    )


def _moment(chance: random.Random) -> datetime:
    """In working hours of a working day."""
    while True:
        at = BEGINS_AT + timedelta(days=chance.randrange(DAYS), minutes=chance.randrange(10 * 60))
        if at.weekday() < 5:
            return at + timedelta(seconds=chance.randrange(60))


def _build(project: Project, at: datetime, day: float, *, hotfix: bool = False) -> Build:
    chance = project.chance
    project.builds += 1
    commit = hashlib.sha1(
        f"{project.seed} {project.path} {project.builds}".encode(), usedforsecurity=False
    ).hexdigest()
    _change(project, day)
    failed = ["test_checkout_waits"] if project.is_flaky and chance.random() < 0.25 else []
    is_broken = chance.random() < 0.08
    if is_broken:
        failed = [f"test_new_{n}" for n in range(chance.randint(1, 3))]
    is_release = hotfix or chance.random() < 0.42
    is_feature = not is_release and chance.random() < 0.3
    share = 0.41 if hotfix else max(0.05, project.on(day) + chance.uniform(-0.02, 0.02))
    return Build(
        at=at,
        project=project.path,
        commit=commit,
        tree=hashlib.sha1(f"tree {commit}".encode(), usedforsecurity=False).hexdigest(),
        artifact="sha256:" + hashlib.sha256(commit.encode()).hexdigest(),
        ref=_ref(project, is_feature=is_feature, hotfix=hotfix),
        reports={
            "unit": junit(project.path, project.tests, failed),
            "coverage": coverage(project.files, project.lines, share),
            "bandit": bandit(project.files, project.findings),
            "pip-audit": pip_audit(sorted(project.packages.items()), _known(day)),
        },
        again=junit(project.path, project.tests + 1) if failed and not is_broken else None,
        stages=_stages(is_release=is_release, is_feature=is_feature, hotfix=hotfix),
    )


def _change(project: Project, day: float) -> None:
    """What the developers did since the build before."""
    chance = project.chance
    project.tests += chance.choice((0, 0, 1, 2))
    if any(severity == "HIGH" for _, severity, _ in project.findings):
        project.findings = [one for one in project.findings if one[1] != "HIGH"]
    elif chance.random() < 0.07:
        project.findings.append(("B608", "HIGH", chance.randint(1, 60)))
    if chance.random() < 0.08 and len(project.findings) < 6:
        project.findings.append(("B311", chance.choice(("LOW", "MEDIUM")), chance.randint(61, 999)))
    for begins, wave in WAVES:
        is_used = project.packages.get(wave.package) == wave.version
        if is_used and day >= begins + project.mends_after[wave.package]:
            project.packages[wave.package] = wave.fixed_in


def _known(day: float) -> list[Vulnerability]:
    return [wave for begins, wave in WAVES if day >= begins]


def _ref(project: Project, *, is_feature: bool, hotfix: bool) -> str:
    if hotfix:
        return "hotfix/night"
    return f"feature/{project.builds}" if is_feature else "main"


def _stages(*, is_release: bool, is_feature: bool, hotfix: bool) -> tuple[str, ...]:
    if hotfix:
        return ("test", "production")
    if is_feature:
        return ("develop",)
    return ("develop", "test", "uat", "staging", "production") if is_release else ("develop", "test")
