"""The distribution as a stranger gets it: sdist, wheel from it, bare environment, foreign folders."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

_SERVER_MODULES = ("fastapi", "starlette", "sqlmodel", "sqlalchemy", "prometheus_client", "uvicorn", "dbos")

_JUNIT = '<testsuites><testsuite name="pytest" tests="1"><testcase name="works"/></testsuite></testsuites>'


def _run(*argv: str | Path, cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    kept = {
        k: v for k, v in os.environ.items() if k in {"PATH", "LANG"} or k.endswith(("_CERT", "_CERT_FILE"))
    }
    return subprocess.run(
        [str(arg) for arg in argv],
        cwd=cwd,
        env=kept | {"HOME": str(home), "GATEKEEPER_HOME": str(home / "gatekeeper")},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="session")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the sdist, as an index would serve it."""
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-P", "-m", "hatchling", "build", "-d"]
    subprocess.run([*build, out, "-t", "sdist"], cwd=repository, check=True, capture_output=True)
    (sdist,) = out.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        # The parameter `filter` came with 3.11.4; the attribute is ignored before.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(out / "source")  # noqa: S202 - the archive is our own
    (source,) = (out / "source").iterdir()
    subprocess.run([*build, out, "-t", "wheel"], cwd=source, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def bare(wheel: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and the locked core, nothing else."""
    where = tmp_path_factory.mktemp("bare") / "venv"
    uv = shutil.which("uv") or str(repository / ".tools" / "bin" / "uv")
    python = where / "bin" / "python"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, where], check=True)
    install = [uv, "pip", "install", "-q", "--python", python]
    locked = repository / "requirements" / "core.txt"
    subprocess.run([*install, "--require-hashes", "-r", locked], check=True)
    subprocess.run([*install, "--no-deps", wheel], check=True)
    return where / "bin"


def test_the_wheel_holds_the_packages_the_rules_and_nothing_else_on_top(wheel: Path) -> None:
    """Top-level names in the wheel are ours alone; no `api`, `scanners`, `rules` or `tests`."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "gatekeeper",
        "gatekeeper_api",
        "gatekeeper_scanners",
    }
    assert "gatekeeper/_data/rules/policies/base.yaml" in names
    assert any(name.startswith("gatekeeper/_data/rules/semgrep/") for name in names)
    assert "gatekeeper_scanners/_tools/semgrep/requirements.txt" in names


def test_help_inspect_and_evaluate_work_without_extras(bare: Path, tmp_path: Path) -> None:
    """The bare command answers, reads a report and judges it; a run without evidence is refused by name."""
    report = tmp_path / "junit.xml"
    report.write_text(_JUNIT)
    helped = _run(bare / "gatekeeper", "--help", cwd=tmp_path, home=tmp_path)
    assert helped.returncode == 0, helped.stderr
    assert "evaluate" in helped.stdout
    inspected = _run(bare / "gatekeeper", "inspect", "--json", report, cwd=tmp_path, home=tmp_path)
    assert inspected.returncode == 0, inspected.stderr
    assert json.loads(inspected.stdout)["metrics"]["tests.total"] == 1
    judged = _run(
        bare / "gatekeeper", "evaluate", report, "--stage", "develop", "--format", "json",
        cwd=tmp_path, home=tmp_path,
    )  # fmt: skip
    assert judged.returncode == 1, judged.stderr
    decision = json.loads(judged.stdout)
    assert decision["gate"] is False
    assert decision["outcome"] == "fail"
    assert "coverage" in {missing["kind"] for missing in decision["missing"]}


def test_the_command_line_imports_nothing_of_the_server(bare: Path, tmp_path: Path) -> None:
    """The environment has no server package, and importing every module but the server's asks for none."""
    code = (
        "import importlib, pkgutil, sys, gatekeeper, gatekeeper_scanners\n"
        "for package in (gatekeeper, gatekeeper_scanners):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not module.name.startswith(('gatekeeper.store', 'gatekeeper.service')):\n"
        "            importlib.import_module(module.name)\n"
        f"print([name for name in {_SERVER_MODULES!r} if name in sys.modules])"
    )
    done = _run(bare / "python", "-I", "-c", code, cwd=tmp_path, home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


_TRAPS = (
    "api/__init__.py",
    "scanners/__init__.py",
    "gatekeeper/__init__.py",
    "gatekeeper_scanners/__init__.py",
    "rules/__init__.py",
    "bandit.py",
    "semgrep.py",
    "pip_audit.py",
    "typer.py",
    "json.py",
    "sitecustomize.py",
    "usercustomize.py",
    "conftest.py",
    "setup.py",
)


def test_a_scan_executes_no_code_of_the_scanned_repository(bare: Path, tmp_path: Path) -> None:
    """Modules named like ours, like the tools' and like Python's hooks stay unexecuted, and are scanned."""
    target, home, marker = tmp_path / "target", tmp_path / "home", tmp_path / "executed"
    home.mkdir()
    for name in _TRAPS:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"import pathlib\npathlib.Path({str(marker)!r}).write_text({name!r})\n")
    (target / "app.py").write_text("import pickle\n\n\ndef load(data):\n    return pickle.loads(data)\n")
    tools = ("--tool", "bandit", "--tool", "semgrep")
    scanned = _run(
        bare / "gatekeeper", "scan", ".", "--output", tmp_path / "reports", *tools, cwd=target, home=home
    )
    assert not marker.exists(), marker.read_text()
    assert scanned.returncode == 0, scanned.stderr
    report = json.loads((tmp_path / "reports" / "bandit.json").read_text())
    assert [result["test_id"] for result in report["results"]].count("B301") == 1
    judged = _run(
        bare / "gatekeeper", "evaluate", tmp_path / "reports", "--stage", "test", cwd=target, home=home
    )
    assert judged.returncode == 1
    assert not marker.exists(), marker.read_text()
