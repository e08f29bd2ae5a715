"""The patch that mends the shop, and the small program that applies it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def _apply(examples: Path, patch: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-I", examples / "apply_patch.py", patch, folder)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_patch_is_one_that_git_applies(examples: Path, shop: Path, tmp_path: Path) -> None:
    """`git apply` accepts it without fuzz, and both ways of applying it make the same files."""
    patch = examples / "shop-mended.patch"
    by_git = Path(shutil.copytree(shop, tmp_path / "by-git"))
    subprocess.run(("git", "init", "-q"), cwd=by_git, check=True, timeout=60)
    subprocess.run(("git", "apply", "--whitespace=error", patch), cwd=by_git, check=True, timeout=60)
    shutil.rmtree(by_git / ".git")
    done = _apply(examples, patch, shop)
    assert done.returncode == 0, done.stderr
    assert "changed shop/orders.py" in done.stdout
    assert _contents(shop) == _contents(by_git)


def test_a_patch_applies_once(examples: Path, shop: Path) -> None:
    """The second time nothing fits, nothing is written, and the first misfit is named."""
    _apply(examples, examples / "shop-mended.patch", shop)
    mended = _contents(shop)
    again = _apply(examples, examples / "shop-mended.patch", shop)
    assert again.returncode == 1
    assert "README.md: line 1 is" in again.stderr
    assert _contents(shop) == mended


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        pytest.param("", "changes no file", id="empty"),
        pytest.param(
            "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n", "x: no such file", id="missing-file"
        ),
        pytest.param(
            "diff --git a/../x b/../x\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+a\n",
            "outside",
            id="outside",
        ),
        pytest.param(
            "diff --git a/pytest.ini b/pytest.ini\n--- /dev/null\n+++ b/pytest.ini\n@@ -0,0 +1 @@\n+a\n",
            "exists already",
            id="existing-file",
        ),
        pytest.param(
            "diff --git a/pytest.ini b/pytest.ini\n--- a/pytest.ini\n+++ b/pytest.ini\n"
            "@@ -1,2 +1,2 @@\n [pytest]\n",
            "cut off",
            id="cut-off",
        ),
        pytest.param(
            "diff --git a/pytest.ini b/pytest.ini\n--- a/pytest.ini\n+++ b/pytest.ini\n@@ -9 +9 @@\n-a\n+b\n",
            "no line 9",
            id="beyond-the-end",
        ),
        pytest.param(
            "diff --git a/pytest.ini b/pytest.ini\n--- a/pytest.ini\n+++ b/pytest.ini\nwhat?\n",
            "not a hunk",
            id="no-hunk",
        ),
    ],
)
def test_a_patch_that_does_not_fit_changes_nothing(
    examples: Path, shop: Path, tmp_path: Path, patch: str, reason: str
) -> None:
    """A damaged or foreign patch is refused with its reason, and the folder stays as it was."""
    file = tmp_path / "bad.patch"
    file.write_text(patch)
    before = _contents(shop)
    done = _apply(examples, file, shop)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert _contents(shop) == before
    assert not (tmp_path / "x").exists()
