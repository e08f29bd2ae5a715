"""A blob is on the disk when put returns: seen in the system calls, since kill -9 loses nothing."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

from programs import program

RETURNED = "put has returned"
SCRIPT = """
import os, sys
from pathlib import Path
from gatekeeper.store.blobs import blob_store

blobs = blob_store(Path(sys.argv[1]))
for report in sys.argv[2:]:
    blobs.put(report.encode())
    os.write(2, b"put has returned")
"""
CALLS = "openat,mkdir,mkdirat,fsync,fdatasync,link,linkat,rename,renameat,renameat2,write"


def calls_of(tmp_path: Path, root: Path, *reports: str) -> list[list[str]]:
    """The system calls up to the return of each put: `fsync <path>`, `link <path>`, `mkdir <path>`, ..."""
    trace = tmp_path / "trace"
    traced = [sys.executable, "-P", "-c", SCRIPT, root, *reports]
    subprocess.run(
        [program("strace"), "-f", "-y", "-s", "200", "-e", f"trace={CALLS}", "-o", trace, *traced],
        check=True,
        capture_output=True,
        timeout=60,
    )
    puts: list[list[str]] = [[]]
    for line in trace.read_text().splitlines():
        if RETURNED in line:
            puts.append([])
        elif (step := step_of(line)) and str(tmp_path) in step:
            puts[-1].append(step)
    return puts[:-1]


def step_of(line: str) -> str | None:
    """One traced call that succeeded, as its name and the path that it is about."""
    if synced := re.search(r"f(?:data)?sync\(\d+<(.+?)>\) += 0", line):
        return f"fsync {synced[1]}"
    if named := re.search(r'(link|rename)(?:at2?)?\(.*"([^"]+)"[^"]*\) += 0', line):
        return f"{named[1]} {named[2]}"
    if made := re.search(r'mkdir(?:at)?\(.*"([^"]+)".*\) += 0', line):
        return f"mkdir {made[1]}"
    if written := re.search(r"write\(\d+<(.+?)>.* = \d+", line):
        return f"write {written[1]}"
    return None


def test_file_and_folders_are_synced_before_put_returns(tmp_path: Path) -> None:
    """The file is synced before it gets its name, then what names it, and what names each new folder."""
    root = tmp_path / "data" / "blobs"

    (steps,) = calls_of(tmp_path, root, "report")

    named = next(step for step in steps if step.startswith("link "))
    blob = Path(named.removeprefix("link "))
    at = steps.index(named)
    staged = [step for step in steps[:at] if step.startswith("fsync ") and "/incoming/" in step]
    assert len(staged) == 1, "the file is synced once, before its name"
    assert not [step for step in steps[steps.index(staged[0]) :] if step.startswith("write ")]
    assert f"fsync {blob.parent}" in steps[at:], "the folder that names the file, afterwards"
    for folder in [step.removeprefix("mkdir ") for step in steps if step.startswith("mkdir ")]:
        above = f"fsync {Path(folder).parent}"
        assert above in steps[steps.index(f"mkdir {folder}") :], f"{folder} may be gone after a power cut"


def test_what_another_process_kept_is_synced_again(tmp_path: Path) -> None:
    """A put that finds the bytes there syncs them: the process that wrote them may not have come to it."""
    root = tmp_path / "blobs"
    calls_of(tmp_path, root, "report")

    (steps,) = calls_of(tmp_path, root, "report")

    (blob,) = (root / "sha256").rglob("*.zst")
    assert [step for step in steps if not step.startswith("fsync ")] == []
    assert f"fsync {blob}" in steps
    for folder in (blob.parent, blob.parent.parent, root, root.parent):
        assert f"fsync {folder}" in steps


def test_damaged_file_is_replaced_only_by_a_synced_one(tmp_path: Path) -> None:
    """What replaces a damaged file is on the disk before the rename, and the folder is synced after it."""
    root = tmp_path / "blobs"
    calls_of(tmp_path, root, "report")
    (blob,) = (root / "sha256").rglob("*.zst")
    blob.write_bytes(b"")

    (steps,) = calls_of(tmp_path, root, "report")

    at = steps.index(f"rename {blob}")
    assert [step for step in steps[:at] if step.startswith("fsync ") and "/incoming/" in step]
    assert f"fsync {blob.parent}" in steps[at:]
    assert blob.stat().st_size > 0


def test_a_known_folder_costs_two_syncs(tmp_path: Path) -> None:
    """From the second blob of a folder on, a put syncs the file and that folder, and nothing else."""
    _, second = calls_of(tmp_path, tmp_path / "blobs", *two_of_one_folder())

    assert len([step for step in second if step.startswith("fsync ")]) == 2


def two_of_one_folder() -> tuple[str, str]:
    """Two reports that lie in the same folder."""
    first: dict[str, str] = {}
    for number in range(1_000):
        report = str(number)
        folder = hashlib.sha256(report.encode()).hexdigest()[:2]
        if folder in first:
            return first[folder], report
        first[folder] = report
    raise AssertionError("257 digests have 256 beginnings")
