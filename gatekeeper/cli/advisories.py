"""`gatekeeper advisories`: fill the advisory mirror, and say what is in it."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from gatekeeper import clock
from gatekeeper.cli import exits
from gatekeeper.cli.output import put, say
from gatekeeper.errors import GatekeeperError, UsageError
from gatekeeper.settings import settings_from

if TYPE_CHECKING:
    from gatekeeper_scanners.advisories.manifest import Manifest

app = typer.Typer(
    help="Fill and check the advisory mirror.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_PROGRESS_SECONDS = 1.0
_OLD_DAYS = 7
REFRESH = (
    "download https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip (the OSV export of PyPI) "
    "and run `gatekeeper advisories import all.zip`"
)


@app.command("import")
def import_(
    source: Annotated[
        Path, typer.Argument(metavar="FILE.zip|DIR", help="OSV records, one JSON file per advisory.")
    ],
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Leave out what cannot be read; such a mirror is never complete."),
    ] = False,
    allow_shrink: Annotated[
        bool, typer.Option("--allow-shrink", help="Accept a mirror with far fewer records than the last.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The manifest as JSON.")] = False,
) -> None:
    """Replace the mirror by the records of a zip file or folder.

    A complete import refuses a file that it cannot read, and more than 10 % fewer records than before. The
    new mirror comes into use in one step; until then, and after a refusal, the old one stays as it is.

    Evidence made from a partial mirror is incomplete; a policy has to allow `database-partial`.

    Exit codes: 0 imported, 1 refused, 2 usage.

    Examples:
      gatekeeper advisories import all.zip
      gatekeeper advisories import records/ --partial
    """
    from gatekeeper_scanners.advisories.importer import import_advisories

    if not source.exists():
        raise UsageError(f"{source} does not exist", hint=REFRESH)
    settings = settings_from(os.environ, home=Path.home())
    try:
        manifest, unreadable = import_advisories(
            source,
            settings.advisories,
            now=clock.now(),
            is_partial=partial,
            allow_shrink=allow_shrink,
            progress=_Progress(),
            waiting=lambda: say("another import is running; waiting for it"),
        )
    except OSError as error:
        raise GatekeeperError(
            f"the import failed, the mirror is unchanged: {error}",
            hint=f"check the space and permissions of {settings.advisories}",
        ) from error
    for name, reason in unreadable:
        say(f"left out: {name}: {reason}")
    put(_as_json(manifest, clock.now()) if as_json else _as_text(manifest, clock.now()))


@app.command("status")
def status(
    as_json: Annotated[bool, typer.Option("--json", help="The manifest as JSON.")] = False,
) -> None:
    """Say what is in the mirror and how old it is.

    The mirror is verified against its digests.

    Exit codes: 0 complete, 1 missing, partial or damaged.

    Examples:
      gatekeeper advisories status
      gatekeeper advisories status --json
    """
    from gatekeeper_scanners.advisories.manifest import MirrorUnavailable
    from gatekeeper_scanners.advisories.store import open_mirror

    settings = settings_from(os.environ, home=Path.home())
    try:
        with open_mirror(settings.advisories, allow_partial=True) as mirror:
            manifest = mirror.manifest
    except MirrorUnavailable as error:
        if as_json:
            put(_json({"state": error.code.removeprefix("advisories-"), "detail": error.message}))
        say(f"error: {error.message}", hint=REFRESH)
        raise typer.Exit(exits.NO) from error
    now = clock.now()
    put(_as_json(manifest, now) if as_json else _as_text(manifest, now))
    raise typer.Exit(exits.ALLOWED if manifest.is_complete else exits.NO)


class _Progress:
    """A line on stderr about every second, however long the import takes."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._told >= _PROGRESS_SECONDS:
            self._told = time.monotonic()
            say(f"{done:,} of {total:,} records")


def age_in_words(at: datetime | None, now: datetime) -> str:
    """`3 days old`, `5 hours old`; "of unknown age" without a date."""
    if at is None:
        return "of unknown age"
    age = max(now - at, timedelta())
    count, unit = (age.days, "day") if age.days else (age.seconds // 3600, "hour")
    return f"{count:,} {unit}{'' if count == 1 else 's'} old"


def _as_text(manifest: "Manifest", now: datetime) -> str:
    newest = f"{manifest.newest_at:%Y-%m-%d %H:%M} UTC" if manifest.newest_at else "unknown"
    rows = [
        ("state", "complete" if manifest.is_complete else "partial: evidence made from it is incomplete"),
        ("records", f"{manifest.records:,}{_of_which(manifest)}"),
        ("ecosystems", ", ".join(f"{name} {count:,}" for name, count in manifest.ecosystems.items())),
        ("newest", f"{newest}, {age_in_words(manifest.newest_at, now)}"),
        ("imported", f"{manifest.imported_at:%Y-%m-%d %H:%M} UTC from {manifest.source}"),
        ("digest", manifest.digest),
    ]
    is_old = manifest.newest_at is None or now - manifest.newest_at > timedelta(days=_OLD_DAYS)
    if is_old or not manifest.is_complete:
        rows.append(("refresh", REFRESH))
    return "".join(f"{name:<11}{value}\n" for name, value in rows)


def _of_which(manifest: "Manifest") -> str:
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (manifest.withdrawn, "withdrawn"),
            (manifest.undated, "without a usable date"),
            (manifest.unreadable, "more left out as unreadable"),
        )
        if count
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _as_json(manifest: "Manifest", now: datetime) -> str:
    age_days = (now - manifest.newest_at).days if manifest.newest_at else None
    state = "complete" if manifest.is_complete else "partial"
    return _json({"state": state, "age_days": age_days, **msgspec.to_builtins(manifest)})


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
