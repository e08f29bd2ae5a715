"""The folder of the reports: only our names are touched, and a file is there whole or not at all."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from gatekeeper.errors import UsageError
from gatekeeper.run_record import RunRecord
from gatekeeper_scanners.durable import replace_file, sync


def open_output(target: Path, output: Path) -> Path:
    """The absolute folder `output`, made when it is missing.

    Raises:
        UsageError: `target` is no folder, `output` is a file, or it would be the target itself.
    """
    if not target.is_dir():
        what = "is a file, not a folder" if target.exists() else "does not exist"
        raise UsageError(f"{target} {what}", hint="name the folder with the source: gatekeeper scan PATH")
    try:
        output.mkdir(parents=True, exist_ok=True)
        folder = output.resolve()
        if folder == target:
            raise UsageError(
                f"the reports would lie among the source in {target}",
                hint="choose another folder with --output",
            )
    except OSError as exc:
        raise UsageError(
            f"cannot make the folder {output}: {exc.strerror}", hint="choose another folder with --output"
        ) from exc
    return folder


def clear(output: Path, tools: Iterable[str]) -> None:
    """Remove what an earlier run of `tools` left: a report must not outlive a new run that fails.

    Raises:
        UsageError: one of them cannot be removed.
    """
    for tool in tools:
        for path in (output / f"{tool}.run.json", output / f"{tool}.json"):
            try:
                path.unlink(missing_ok=True)
            except OSError as exc:
                raise UsageError(
                    f"cannot remove the earlier {path}: {exc.strerror}",
                    hint="choose another folder with --output",
                ) from exc
    sync(output)


def write_report(output: Path, tool: str, report: bytes) -> Path:
    """The path of the report, written and synced.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    return replace_file(output / f"{tool}.json", report)


def write_run(output: Path, record: RunRecord) -> Path:
    """The path of the run record, written and synced.

    Raises:
        OSError: the disk is full or the folder is gone.
    """
    data = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    return replace_file(output / f"{record.tool}.run.json", data)
