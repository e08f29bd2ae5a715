"""The repository keeps its own rules: no machine paths, no download addresses, docs that hold."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

_TEXT = {".py", ".md", ".toml", ".txt", ".in", ".sh", ".yaml", ".yml", ".json", ".xml", ".svg", ".info", ""}


def _files(repository: Path) -> list[Path]:
    if shutil.which("git") and (repository / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=repository, capture_output=True, check=True
        ).stdout.decode()
        return [repository / name for name in listed.split("\0") if name]
    ignored = {".venv", ".tools", "__pycache__", "build", "dist"}
    return [p for p in repository.rglob("*") if p.is_file() and not ignored & set(p.parts)]


def _texts(repository: Path) -> list[tuple[Path, str]]:
    return [
        (path.relative_to(repository), path.read_text(errors="replace"))
        for path in _files(repository)
        if path.suffix in _TEXT and path.is_file()
    ]


def test_no_file_holds_a_path_of_a_machine(repository: Path) -> None:
    """No committed file names a folder of the machine it was written on."""
    pattern = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|work)/[\w.]")
    allowed = {Path("tests/release/test_repository.py")}
    found = [
        f"{path}: {match.group()}"
        for path, text in _texts(repository)
        if path not in allowed
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_no_file_names_the_host_of_a_package_index(repository: Path) -> None:
    """Locked requirements and docs work behind any mirror: no host of a package index stands in them."""
    hosts = ["files." + "pythonhosted", "pypi" + ".org", "registry." + "npmjs", "deb." + "debian"]
    found = [f"{path}: {host}" for path, text in _texts(repository) for host in hosts if host in text]
    assert found == []


def test_every_requirement_file_is_hashed(repository: Path) -> None:
    """Each pinned requirement has at least one SHA-256, so that an installer can refuse anything else."""
    files = [*repository.glob("requirements/*.txt"), *repository.glob("scanners/*/requirements.txt")]
    assert len(files) >= 8
    for path in files:
        pins = re.split(r"\n(?=\S)", path.read_text().strip())
        assert pins, path
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins), path


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_links_of_the_readme_lead_somewhere(repository: Path, readme: str) -> None:
    """Every relative link and picture in the README exists."""
    text = (repository / readme).read_text()
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text) + re.findall(r'src="(?!https?:)([^"]+)"', text)
    assert targets
    assert [target for target in targets if not (repository / target).exists()] == []


def test_the_makefile_offers_the_commands_that_the_readme_names(repository: Path) -> None:
    """Each `make` command in README and CONTRIBUTING is a target that `make help` lists."""
    listed = subprocess.run(
        ["make", "help"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout
    targets = set(re.findall(r"make ([a-z-]+)", listed))
    for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"^(?:\$ )?make ([a-z-]+)", (repository / name).read_text(), re.MULTILINE))
        assert named <= targets, name
