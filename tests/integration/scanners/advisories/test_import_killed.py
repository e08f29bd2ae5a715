"""kill -9 in the middle of an import, at many places: the old mirror answers, or the new one does."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from gatekeeper import clock
from gatekeeper_scanners.advisories.importer import import_advisories
from gatekeeper_scanners.advisories.store import open_mirror

COUNT = 1_500


def archive(path: Path, generation: str) -> Path:
    """A zip of records that name their generation."""
    with zipfile.ZipFile(path, "w") as zipped:
        for number in range(COUNT):
            record = {
                "id": f"{generation}-{number}",
                "modified": "2024-05-06T14:20:59Z",
                "affected": [{"package": {"ecosystem": "PyPI", "name": "pkg"}, "versions": ["1"]}],
            }
            zipped.writestr(f"{number}.json", json.dumps(record))
    return path


def generations_answered(folder: Path) -> set[str]:
    """The generations that the records of the current mirror name; every one has all its records."""
    with open_mirror(folder) as mirror:
        found = [a.id for a, _ in mirror.affecting(ecosystem="PyPI", name="pkg", version="1")]
        assert len(found) == COUNT
        assert mirror.finds_canary()
        return {name.split("-")[0] for name in found}


def test_the_mirror_is_whole_after_kill_9_at_any_point(tmp_path: Path) -> None:
    """Killed after ever longer waits, until an import gets through."""
    folder = tmp_path / "home" / "data" / "advisories"
    import_advisories(archive(tmp_path / "old.zip", "old"), folder, now=clock.now())
    new = archive(tmp_path / "new.zip", "new")
    environ = os.environ | {"GATEKEEPER_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-P", "-c", "from gatekeeper.cli.main import main; main()"]
    killed, wait_s = 0, 0.0
    while True:
        process = subprocess.Popen(
            [*command, "advisories", "import", str(new)], env=environ, stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + 20
        while not list(folder.glob("generations/.building-*")) and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.001)
        try:
            process.wait(wait_s or 0.001)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            assert len(generations_answered(folder)) == 1
            wait_s += 0.02
            continue
        break
    assert process.returncode == 0
    assert generations_answered(folder) == {"new"}
    assert killed >= 2
    # The last import removed what the killed ones left behind.
    assert not list(folder.rglob(".*"))


@pytest.mark.parametrize("step", ["_seal", "_swap", "sync", "_prune"])
def test_kill_9_at_each_step_of_the_swap(tmp_path: Path, step: str) -> None:
    """The process dies the moment the step begins; one whole mirror answers, and the next import succeeds."""
    folder = tmp_path / "mirror"
    import_advisories(archive(tmp_path / "old.zip", "old"), folder, now=clock.now())
    new = archive(tmp_path / "new.zip", "new")
    script = (
        "import os, signal, sys, pathlib\n"
        "from gatekeeper import clock\n"
        "from gatekeeper_scanners.advisories import importer\n"
        f"importer.{step} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "importer.import_advisories(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), now=clock.now())\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script, new, folder], check=False)
    assert done.returncode == -signal.SIGKILL
    assert generations_answered(folder) == ({"new"} if step == "_prune" else {"old"})
    import_advisories(new, folder, now=clock.now())
    assert generations_answered(folder) == {"new"}
    assert not list(folder.rglob(".*"))
    assert len(list((folder / "generations").iterdir())) <= 2
