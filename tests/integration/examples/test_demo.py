"""The demo from end to end, and what it leaves behind. Needs the network for the shop's libraries."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatekeeper.settings import Settings


def _environ(toolchain_settings: Settings, folder: Path) -> dict[str, str]:
    """The environment of this run with a temporary folder of its own; the tools are shared."""
    folder.mkdir()
    cache = toolchain_settings.cache.parent
    return os.environ | {"TMPDIR": str(folder), "XDG_CACHE_HOME": str(cache), "NO_COLOR": "1"}


def _command(examples: Path) -> tuple[str, ...]:
    return (sys.executable, "-P", str(examples / "demo"))


def test_the_shop_is_refused_then_mended_and_let_in(
    examples: Path, toolchain_settings: Settings, tmp_path: Path
) -> None:
    """Exit code 0 means: first fail, then pass; nothing stays in the temporary folder or in the examples."""
    before = _files(examples)
    environ = _environ(toolchain_settings, tmp_path / "tmp")
    done = subprocess.run(
        _command(examples),
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    refused, mended = done.stdout.split("So the developers mend it")
    assert "FAIL" in refused
    for reason in ("shop/catalogue.py", "upgrade", "werkzeug", "coverage.line"):
        assert reason in refused
    assert "PASS" in mended
    for command in (
        "gatekeeper submit ../reports)",
        "gatekeeper link --artifact sha256:",
        "gatekeeper check ",
    ):
        assert f"$ (cd shop && {command}" in refused
    assert "curl -fsS -H" in mended
    assert "allowed false" in mended
    assert "allowed true" in mended
    assert list((tmp_path / "tmp").iterdir()) == []
    assert _files(examples) == before


def _files(folder: Path) -> list[Path]:
    """What stands in the folder, without what Python leaves there when tests beside this one import it."""
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_tidies_up(
    examples: Path, toolchain_settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C and a plain kill remove the temporary folder and end with 130."""
    environ = _environ(toolchain_settings, tmp_path / "tmp")
    with subprocess.Popen(
        _command(examples),
        env=environ,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        while "$ gatekeeper scan" not in demo.stdout.readline():
            assert demo.poll() is None, demo.stderr.read() if demo.stderr else ""
        time.sleep(1)
        demo.send_signal(number)
        _, talk = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "Stopped" in talk
    assert list((tmp_path / "tmp").iterdir()) == []
