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
from gatekeeper_scanners.scan import scan
from gatekeeper_scanners.scan_result import Progress, ScanResult

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


@pytest.fixture(scope="session")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home for fake tools, apart from the one with the real ones."""
    home = tmp_path_factory.mktemp("home")
    return Settings(cache=home / "cache", data=home / "data")


FakeTool = Callable[..., Scanner]


@pytest.fixture(scope="session")
def fake_tool(tmp_path_factory: pytest.TempPathFactory) -> FakeTool:
    """A scanner that runs the Python `source`, in an environment made from a hashed wheel like any other.

    The source finds the path of its report in `sys.argv[1]` and its workspace in `sys.argv[2]`. It is an
    argument and not in the wheel, so that one environment serves all tests.
    """
    folders: dict[str, Path] = {}

    def make(source: str, *, name: str = "faketool") -> Scanner:
        if name not in folders:
            folders[name] = make_tool_folder(tmp_path_factory.mktemp("tools") / name)

        @contextmanager
        def prepare(job: Job) -> Iterator[Command]:
            yield Command(
                arguments=(str(job.report), str(job.workspace), source),
                cwd=job.source,
                finished_codes=frozenset({0, 1}),
                files_seen=len(job.files),
            )

        def review(_job: Job, _command: Command, report: bytes) -> Review:
            return Review(report=report)

        return Scanner(name=name, kind=Kind.SAST, prepare=prepare, review=review, folder=folders[name])

    return make


def make_tool_folder(folder: Path) -> Path:
    """A folder with manifest, pinned requirements and the wheel itself; no index is asked."""
    folder.mkdir()
    name = folder.name
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", "import sys\nexec(sys.argv[3])\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "requirements.txt").write_text(
        f"--no-index\n--find-links {folder}\n{name}==1.0 --hash=sha256:{digest}\n"
    )
    (folder / "manifest.toml").write_text(
        f'title = "{name}"\nhomepage = ""\nmodule = "{name}"\npackage = "{name}"\nfiles = ["*.py"]\n'
    )
    return folder
