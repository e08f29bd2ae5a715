"""`gatekeeper doctor`: is this machine fit to scan and to judge, and what to do when it is not."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from xml.parsers import expat

import msgspec
import typer

from gatekeeper import __version__, clock
from gatekeeper.cli import exits
from gatekeeper.cli.output import clean, put
from gatekeeper.errors import GatekeeperError
from gatekeeper.settings import Settings, settings_from

_LOW_DISK_BYTES = 1024**3
_OLD_DATABASE_DAYS = 2


class Health(StrEnum):
    """The result of one check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What one check says."""

    check: str
    health: Health
    says: str
    do: str = ""
    """The next action; empty when there is none."""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check Python, folders, scanners, the advisory mirror and the tools around it.

    With GATEKEEPER_URL also the server: can it be reached, who is this caller there, do the clocks agree.
    Ends with 1 when a check fails; a warning is no failure.

    Examples:
      gatekeeper doctor
      gatekeeper doctor --json
    """
    settings = settings_from(os.environ, home=Path.home())
    diagnoses = [diagnosis for check in CHECKS for diagnosis in check(settings)]
    if as_json:
        put(msgspec.json.format(msgspec.json.encode(diagnoses), indent=2).decode() + "\n")
    else:
        put("".join(_line(diagnosis) for diagnosis in diagnoses))
    is_sick = any(diagnosis.health is Health.FAIL for diagnosis in diagnoses)
    raise typer.Exit(exits.NO if is_sick else exits.ALLOWED)


def _line(diagnosis: Diagnosis) -> str:
    action = f"\n      {'':20}to do: {diagnosis.do}" if diagnosis.do else ""
    return clean(f"{diagnosis.health.ljust(4)}  {diagnosis.check.ljust(20)}{diagnosis.says}{action}\n")


def _python(_: Settings) -> Iterator[Diagnosis]:
    version = platform.python_version()
    is_known = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Diagnosis(
        check="python",
        health=Health.OK if is_known else Health.WARN,
        says=f"{version}, gatekeeper {__version__}",
        do="" if is_known else "use Python 3.11, 3.12 or 3.13, which are tested",
    )


def _expat(_: Settings) -> Iterator[Diagnosis]:
    is_fixed = expat.version_info >= (2, 6, 0)
    says = ".".join(map(str, expat.version_info))
    yield Diagnosis(
        check="expat",
        health=Health.OK if is_fixed else Health.WARN,
        says=says if is_fixed else f"{says}: one long token makes it slow (CVE-2023-52425)",
        do="" if is_fixed else "use a Python with expat 2.6 or newer; reports are fed to it in large pieces",
    )


def _folders(settings: Settings) -> Iterator[Diagnosis]:
    for name, folder in (("cache folder", settings.cache), ("data folder", settings.data)):
        nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            yield Diagnosis(
                check=name,
                health=Health.FAIL,
                says=f"{folder} cannot be written",
                do="set GATEKEEPER_HOME to a folder of yours, or mend the permissions",
            )
            continue
        free = shutil.disk_usage(nearest).free
        is_low = free < _LOW_DISK_BYTES
        yield Diagnosis(
            check=name,
            health=Health.WARN if is_low else Health.OK,
            says=f"{folder}, {free / 1024**3:.1f} GiB free",
            do="free some space: the scanners need about 1 GiB" if is_low else "",
        )


def _rules(_: Settings) -> Iterator[Diagnosis]:
    from gatekeeper.cli.policy_files import BASE, policy_at

    try:
        policy = policy_at(BASE)
    except GatekeeperError as error:
        yield Diagnosis(check="rules", health=Health.FAIL, says=error.message, do="install the package again")
        return
    yield Diagnosis(check="rules", health=Health.OK, says=f"policy {policy.name}, {len(policy.rules)} rules")


def _scanners(settings: Settings) -> Iterator[Diagnosis]:
    from gatekeeper_scanners.manifest import manifest_in, tools_folder
    from gatekeeper_scanners.registry import SCANNERS
    from gatekeeper_scanners.toolchain import is_installed

    for name in SCANNERS:
        manifest = manifest_in(tools_folder() / name)
        is_ready = is_installed(manifest, settings.tools)
        yield Diagnosis(
            check=name,
            health=Health.OK if is_ready else Health.WARN,
            says=f"{manifest.version}, {'ready' if is_ready else 'not installed yet'}",
            do="" if is_ready else "run `gatekeeper scan` once with the network; it installs its scanners",
        )


def _advisories(settings: Settings) -> Iterator[Diagnosis]:
    from gatekeeper.cli.advisories import REFRESH
    from gatekeeper_scanners.advisories.store import current_manifest

    try:
        manifest = current_manifest(settings.advisories)
    except GatekeeperError as error:
        yield Diagnosis(check="advisories", health=Health.FAIL, says=error.message, do=error.hint or REFRESH)
        return
    if manifest is None:
        yield Diagnosis(
            check="advisories",
            health=Health.WARN,
            says="the mirror is empty: dependencies cannot be audited",
            do=REFRESH,
        )
        return
    says = f"{manifest.records:,} records, {'complete' if manifest.is_complete else 'partial'}"
    age_days = None
    if manifest.newest_at is not None:
        age_days = (clock.now() - manifest.newest_at).days
        says += f", newest of {manifest.newest_at:%Y-%m-%d}, {age_days:,} days old"
    is_good = manifest.is_complete and age_days is not None and age_days <= _OLD_DATABASE_DAYS
    yield Diagnosis(
        check="advisories",
        health=Health.OK if is_good else Health.WARN,
        says=says,
        do="" if is_good else REFRESH,
    )


def _helpers(_: Settings) -> Iterator[Diagnosis]:
    git = shutil.which("git")
    yield Diagnosis(
        check="git",
        health=Health.OK if git else Health.WARN,
        says=git or "not found",
        do="" if git else "install git, or name the source with --commit and --tree",
    )
    uv = shutil.which("uv")
    yield Diagnosis(
        check="uv", health=Health.OK, says=uv or "not found; pip installs the scanners, more slowly"
    )


def _server(_: Settings) -> Iterator[Diagnosis]:
    from gatekeeper.cli.doctor_server import look

    for check, health, says, do in look():
        yield Diagnosis(check=check, health=Health(health), says=says, do=do)


CHECKS: tuple[Callable[[Settings], Iterator[Diagnosis]], ...] = (
    _python,
    _expat,
    _folders,
    _rules,
    _scanners,
    _advisories,
    _helpers,
    _server,
)
