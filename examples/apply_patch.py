"""Apply a unified diff to a folder: `python apply_patch.py PATCH FOLDER`. Needs neither git nor patch.

Strict: every file is checked before any is written, each line of context must stand exactly where the patch
says, and paths may not leave the folder. Reads what `git diff` writes, with the usual a/ and b/; no renames,
no binary files, no missing newline at the end.
"""

import re
import sys
from pathlib import Path

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class DoesNotApply(Exception):
    """The patch and the folder do not fit; the text says where."""


def apply(patch: str, folder: Path) -> list[str]:
    """Change `folder` as `patch` says; the names of the changed files, in the order of the patch.

    Raises:
        DoesNotApply: a file is missing, exists already or has other lines, or the patch is damaged. Nothing
            was written then.
    """
    changes = {}
    for part in re.split(r"^diff --git .*\n", patch, flags=re.MULTILINE)[1:]:
        old, new, hunks = _header(part)
        name = new or old
        path = folder / name
        if folder.resolve() not in path.resolve().parents:
            raise DoesNotApply(f"{name}: outside the folder")
        if path.exists() != bool(old) or name in changes:
            raise DoesNotApply(f"{name}: {'no such file' if old else 'exists already'}")
        before = path.read_text("utf-8").splitlines(keepends=True) if old else []
        after = _patched(name, before, hunks)
        if not new and after:
            raise DoesNotApply(f"{name}: lines are left in a file to be removed")
        changes[name] = "".join(after) if new else None
    if not changes:
        raise DoesNotApply("the patch changes no file")
    for name, text in changes.items():
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")
    return list(changes)


def _header(part: str) -> tuple[str, str, list[str]]:
    """The old name and the new one ("" for none), and the lines from the first hunk on."""
    found = re.search(r"^--- (?:a/(.+)|/dev/null)\n\+\+\+ (?:b/(.+)|/dev/null)\n", part, flags=re.MULTILINE)
    if found is None:
        raise DoesNotApply(f"no file names in: {part[:60]!r}")
    return found[1] or "", found[2] or "", part[found.end() :].splitlines(keepends=True)


def _patched(name: str, before: list[str], hunks: list[str]) -> list[str]:
    after: list[str] = []
    at = 0  # lines of `before` that are dealt with
    rest = iter(hunks)
    for line in rest:
        head = HUNK.match(line)
        if head is None:
            raise DoesNotApply(f"{name}: not a hunk: {line!r}")
        start, old, new = int(head[1]), int(head[2] or 1), int(head[4] or 1)
        first = start - 1 if old else start
        if not at <= first <= len(before):
            raise DoesNotApply(f"{name}: no line {start}")
        after += before[at:first]
        at = first
        while old > 0 or new > 0:
            line = next(rest, "")
            sign, text = line[:1], line[1:]
            if sign not in {" ", "-", "+"}:
                raise DoesNotApply(f"{name}: the patch is cut off or damaged at {line!r}")
            if sign != "+":
                if at >= len(before) or before[at] != text:
                    found = before[at] if at < len(before) else "the end"
                    raise DoesNotApply(f"{name}: line {at + 1} is {found!r}, not {text!r}")
                at += 1
                old -= 1
            if sign != "-":
                after.append(text)
                new -= 1
    return after + before[at:]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: apply_patch.py PATCH FOLDER")
    try:
        changed = apply(Path(sys.argv[1]).read_text("utf-8"), Path(sys.argv[2]))
    except (DoesNotApply, OSError, UnicodeDecodeError) as exc:
        sys.exit(f"{sys.argv[1]} does not apply: {exc}")
    print("\n".join(f"changed {name}" for name in changed))
