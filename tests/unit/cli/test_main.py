"""The entry point: exit codes are the product."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from gatekeeper import __version__
from gatekeeper.cli import lazy
from gatekeeper.cli.main import COMMANDS, main
from gatekeeper.errors import GatekeeperError, UsageError

GATEKEEPER = Path(sys.executable).with_name("gatekeeper")
FORBIDDEN = (
    "fastapi",
    "sqlmodel",
    "sqlalchemy",
    "rich",
    "httpx",
    "gatekeeper.reports",
    "gatekeeper_scanners",
)


def run(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The installed command in a process of its own."""
    return subprocess.run([GATEKEEPER, *args], capture_output=True, text=True, timeout=60, **options)


def test_the_installed_command_prints_its_version() -> None:
    """The console script is wired."""
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"gatekeeper {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["nope"], ["policy", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """No readers, no scanners, no server, no rich: the list of commands comes from a table."""
    code = (
        "import sys; from gatekeeper.cli.main import main; main(sys.argv[2:]);"
        "print([name for name in sys.argv[1].split(',') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, ",".join(FORBIDDEN), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_every_command_has_help_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of each command ends with 0 and shows how it is used."""
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert f"Usage: gatekeeper {name}" in shown
        if "\nCommands:" not in shown:
            assert f"\n    gatekeeper {name}" in shown, name


def test_help_of_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """The first thing that a newcomer reads."""
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == snapshot("""\
Usage: gatekeeper [OPTIONS] COMMAND [ARGS]...

  May this build enter the next stage?

Options:
  --version   Print the version.
  -h, --help  Show this message and exit.

Commands:
  scan        Run the scanners on a folder and write their reports.
  inspect     Show what Gatekeeper understands of report files.
  evaluate    Ask the gate without a server: may this build enter a stage?
  submit      Send reports to the server as evidence.
  link        Say which source an artifact was built from.
  check       Ask the server's gate: may this build enter a stage?
  explain     Show a stored decision in words.
  policy      Check, test, show and publish policies.
  export      Fetch what the server recorded, to look at it without it.
  project     Make, list and show the projects of a server.
  person      Add people, grant roles and scopes, shut people out.
  login       Log in to a server as a person.
  logout      End the session with a server.
  whoami      Show for whom the server takes you.
  token       Make, list, rotate and revoke tokens.
  advisories  Fill and check the advisory mirror.
  formats     List the report formats that can be read.
  metrics     List the metrics that rules can use.
  serve       Run the HTTP service.
  worker      Do the jobs of the HTTP service.
  db          Make and check the tables of the HTTP service.
  doctor      Check this machine, and say what to do.
  completion  Print the completion script of a shell.

  Examples:
    gatekeeper scan . --output reports
    gatekeeper inspect reports/*
    gatekeeper evaluate reports/ --stage test
    gatekeeper evaluate junit.xml coverage.xml --stage uat --policy policy.yaml --format markdown
    gatekeeper submit reports/ && gatekeeper check --stage test --wait 10m

  Exit codes:
    0  allowed: pass or warn (`--warn-exit N` gives a warn its own code)
    1  no: gate failed, file unreadable, tests failed, policy or report refused
    2  the command is wrong: an unknown option, a file that does not exist
    3  still pending when the wait ended
    4  could not ask: unreachable, unauthorised, a scanner cannot be installed
    5  internal error; please report it
""")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["evalaute"], "did you mean `evaluate`?"),
        (["policy", "lnt"], "did you mean `lint`?"),
        (["metrics", "--jsn"], "--json"),
        (["evaluate", "x.xml"], "--stage"),
        (["metrics", "--kind", "sats"], "sats"),
        (["inspect"], "FILE"),
        (["metrics", "extra"], "extra"),
        (["--nope"], "--nope"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_names_the_way(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors say what is wrong, on stderr, with the help to read."""
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert "hint: `gatekeeper" in err


def test_no_command_shows_the_help_and_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipeline that lost its arguments must not go on."""
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Commands:" in err


class _Closed(GatekeeperError):
    code = "closed"


def _raises(error: BaseException) -> object:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (_Closed("it is closed", hint="open it"), 1, "error: it is closed\nhint: open it\n"),
        (UsageError("wrong"), 2, "error: wrong\n"),
        (ZeroDivisionError("a\nb"), 5, "internal error: ZeroDivisionError: a b\nhint: this is a defect"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (SystemExit(3), 3, ""),
    ],
)
def test_every_ending_has_its_code(
    error: BaseException,
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Known errors, defects and interruptions end as published, without a traceback."""
    monkeypatch.setattr(sys.modules[__name__], "command", _raises(error), raising=False)
    entries = dict(COMMANDS, metrics=lazy.Entry(f"{__name__}:command", ""))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    for name, entry in entries.items():
        monkeypatch.setitem(COMMANDS, name, entry)
    assert main(["metrics"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(says)
    assert "Traceback" not in err


def test_debug_shows_the_traceback_of_a_defect(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`GATEKEEPER_DEBUG=1` is for the report of a defect."""
    monkeypatch.setenv("GATEKEEPER_DEBUG", "1")
    monkeypatch.setitem(COMMANDS, "metrics", lazy.Entry("gatekeeper.cli.nowhere:x", ""))
    assert main(["metrics"]) == 5
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """`gatekeeper metrics | head -1` is quiet and ends with its own code."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run(
            [GATEKEEPER, "metrics"], stdout=gone, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_help_reads_well_in_a_terminal_without_utf8() -> None:
    """An ASCII terminal gets words, not a crash."""
    done = run("evaluate", "--help", env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert done.returncode == 0
    assert "not a gate" in done.stdout
