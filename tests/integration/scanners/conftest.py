"""A scan with the defaults of the tests, and a fake tool that does what its test tells it."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatekeeper import clock
from gatekeeper.evidence import Kind
from gatekeeper.settings import Settings
from gatekeeper_scanners.interface import Command, Job, Review, Scanner
from gatekeeper_scanners.run import RunLimits
from gatekeeper_scanners.scan import Progress, ScanResult, scan

DEFAULT_LIMITS = RunLimits()
RunScan = Callable[..., ScanResult]


@pytest.fixture
def run_scan(toolchain_settings: Settings, tmp_path: Path) -> RunScan:
    """`scan` of a folder into `tmp_path/reports`."""

    def run(
        target: Path,
        scanners: Sequence[Scanner],
        *,
        limits: RunLimits = DEFAULT_LIMITS,
        listener: Callable[[Progress], None] = lambda _news: None,
        settings: Settings = toolchain_settings,
    ) -> ScanResult:
        return scan(
            target,
            tmp_path / "reports",
            scanners=scanners,
            settings=settings,
            clock=clock.now,
            listener=listener,
            limits=limits,
        )

    return run


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder with one Python file."""
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "app.py").write_text("import subprocess\n\n\ndef f(x):\n    subprocess.call(x, shell=True)\n")
    return folder


@pytest.fixture
def own_settings(tmp_path: Path) -> Settings:
    """An empty home of its own, for fake tools."""
    return Settings(cache=tmp_path / "home" / "cache", data=tmp_path / "home" / "data")


@pytest.fixture(scope="session")
def fake_tool(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Scanner]:
    """A scanner whose module is `source`, installed from a hashed wheel like any other."""

    def make(source: str, *, name: str = "faketool") -> Scanner:
        folder = tmp_path_factory.mktemp("tools") / name
        folder.mkdir()
        wheel = folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{name}.py", source)
            info = f"{name}-1.0.dist-info"
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            archive.writestr(
                f"{info}/WHEEL",
                "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
            archive.writestr(f"{info}/RECORD", "")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (folder / "requirements.txt").write_text(
            f"--no-index\n--find-links {folder}\n{name}==1.0 --hash=sha256:{digest}\n"
        )
        (folder / "manifest.toml").write_text(
            f'title = "{name}"\nhomepage = ""\nmodule = "{name}"\npackage = "{name}"\nfiles = ["*.py"]\n'
        )

        @contextmanager
        def prepare(job: Job) -> Iterator[Command]:
            yield Command(
                arguments=(str(job.report), str(job.workspace)),
                cwd=job.source,
                finished_codes=frozenset({0, 1}),
                files_seen=len(job.files),
            )

        def review(_job: Job, _command: Command, report: bytes) -> Review:
            return Review(report=report)

        return Scanner(name=name, kind=Kind.SAST, prepare=prepare, review=review, folder=folder)

    return make
