"""`gatekeeper person`, `login`, `logout` and `whoami` against a server, as somebody types them."""

import json
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_server import GATEKEEPER, WITHIN_S, GateServer, gate_server

PASSWORD = "a horse that is correct"


class Desk:
    """Somebody at a terminal, whose home is empty at first."""

    def __init__(self, server: GateServer, home: Path) -> None:
        self.server, self.home = server, home
        self.sessions = home / "config" / "sessions.json"

    def types(self, *words: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """`gatekeeper WORDS`, run to its end."""
        environ = {
            **self.server.environ,
            "GATEKEEPER_HOME": str(self.home),
            "GATEKEEPER_URL": self.server.base,
        }
        return subprocess.run(
            [GATEKEEPER, *words], env={**environ, **more}, input=stdin, capture_output=True, text=True,
            timeout=WITHIN_S,
        )  # fmt: skip

    def says(self, *words: str, stdin: str = "", **more: str) -> str:
        """What a command that succeeds prints."""
        done = self.types(*words, stdin=stdin, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateServer]:
    """A new server, for all tests of this file in their order."""
    with gate_server(tmp_path_factory.mktemp("people")) as running:
        yield running


@pytest.fixture
def desk(server: GateServer, tmp_path: Path) -> Desk:
    """An empty one."""
    return Desk(server, tmp_path / "home")


@pytest.fixture(scope="module")
def admin(server: GateServer, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """That of the first administrator, made with the token of the bootstrap file, and logged in."""
    made = Desk(server, tmp_path_factory.mktemp("admin"))
    file = str(server.data / "bootstrap")
    made.says(
        "person", "add", "boss", "--admin", "--password-file", "-", "--token-file", file, stdin=PASSWORD
    )
    gone = made.types("whoami", "--token-file", file)
    assert (gone.returncode, "token-revoked" in gone.stderr) == (4, True)
    made.says("login", "boss", "--password-file", "-", stdin=PASSWORD)
    return made


def test_the_first_person_comes_from_the_bootstrap_token(admin: Desk) -> None:
    """Which is worth nothing afterwards; the session is kept for its owner alone."""
    assert "admin on *" in admin.says("whoami")
    assert stat.S_IMODE(admin.sessions.stat().st_mode) == 0o600
    assert list(json.loads(admin.sessions.read_text())) == [admin.server.base]


def test_a_person_is_added_and_granted_to_and_shut_out(admin: Desk, desk: Desk) -> None:
    """Found by login name or verified e-mail; each step shows what it did."""
    added = admin.says(
        "person", "add", "ann", "--name", "Ann Example", "--email", "Ann@Example.com", "--verified",
        "--password-file", "-", stdin=PASSWORD,
    )  # fmt: skip
    assert "Ann Example active" in added
    assert "ann of local ann@example.com" in added
    granted = admin.says(
        "person", "grant", "ann@example.com", "--role", "qa-lead", "--scope", "approval:give",
        "--project", "pay/*", "--expires-in", "30d",
    )  # fmt: skip
    assert "role qa-lead, approval:give on pay/*, until " in granted
    desk.says("login", "ann", "--password-file", "-", stdin=PASSWORD)
    who = json.loads(desk.says("whoami", "--json"))
    assert who["held"] == [{"role": "qa-lead", "scopes": ["approval:give"], "projects": ["pay/*"]}]
    denied = desk.types("person", "list")
    assert (denied.returncode, "lacks the scope admin" in denied.stderr) == (4, True)
    admin.says("person", "revoke", "ann", granted.split()[0])
    assert "revoked" in admin.says("person", "show", "ann")
    admin.says("person", "password", "ann", "--password-file", "-", stdin="another good password")
    assert desk.types("whoami").returncode == 4
    desk.says("login", "ann", "--password-file", "-", stdin="another good password")
    admin.says("person", "deactivate", "ann")
    ended = desk.types("whoami")
    assert (ended.returncode, "session-ended" in ended.stderr) == (4, True)
    assert "shut out" in admin.says("person", "list")
    admin.says("person", "deactivate", "ann", "--undo")
    desk.says("login", "ann", "--password-file", "-", stdin="another good password")


def test_logging_out_ends_the_session_there_and_here(admin: Desk, desk: Desk) -> None:
    """Whoever kept a copy of the file has nothing; logging out again is no error."""
    admin.says("person", "add", "eve", "--password-file", "-", stdin=PASSWORD)
    desk.says("login", "eve", "--password-file", "-", stdin=PASSWORD)
    secret = json.loads(desk.sessions.read_text())[desk.server.base]
    desk.says("logout")
    assert json.loads(desk.sessions.read_text()) == {}
    copied = desk.types("whoami", GATEKEEPER_TOKEN=secret)
    assert (copied.returncode, "session-ended" in copied.stderr) == (4, True)
    assert "there is no session" in desk.types("logout").stderr
    assert "gatekeeper login" in desk.types("whoami").stderr


def test_a_token_goes_before_a_session(admin: Desk) -> None:
    """A pipeline on the machine of somebody who is logged in acts as itself."""
    token = admin.says("token", "create", "ci", "--scope", "gate:read", "--project", "*").strip()
    assert "token:gk_" in admin.says("whoami", GATEKEEPER_TOKEN=token)
    warned = admin.types("login", "boss", "--password-file", "-", stdin=PASSWORD, GATEKEEPER_TOKEN=token)
    assert "GATEKEEPER_TOKEN is set and goes before" in warned.stderr


@pytest.mark.parametrize(
    ("words", "stdin", "code", "says"),
    [
        (("login", "boss"), "", 2, "nobody can be asked"),
        (("login", "boss", "--password-file", "-"), "", 2, "is empty"),
        (("login", "boss", "--password-file", "no-such-file"), "", 2, "cannot be read"),
        (("login", "boss", "--password-file", "-"), "not the password", 4, "login-failed"),
        (
            ("login", "boss", "--password-file", "-", "--server", "http://gate.example.com"),
            "x",
            2,
            "not encrypted",
        ),
        (("person", "show", "nobody"), "", 1, "nobody is called"),
        (("person", "show", "usr_nobody"), "", 1, "person-not-found"),
        (("person", "grant", "boss", "--project", "*"), "", 1, "grants nothing"),
        (("person", "grant", "boss", "--role", "qa"), "", 2, "--project"),
        (("person", "grant", "boss", "--role", "qa", "--project", "*", "--expires-in", "90m"), "", 2, "days"),
        (("person", "grant", "boss", "--role", "Q A", "--project", "*"), "", 1, "role"),
        (("person", "grant", "boss", "--scope", "sign", "--project", "*"), "", 2, "sign"),
        (("person", "add", "bob", "--password-file", "-"), "short", 1, "bad-password"),
        (("person", "add", "Bob", "--password-file", "-"), PASSWORD, 1, "login is 1 to 100"),
        (("person", "add", "boss", "--password-file", "-"), PASSWORD, 1, "login-taken"),
        (("person", "revoke", "boss", "grt_nothing"), "", 1, "grant-not-found"),
        (("token", "create", "x", "--scope", "approval:give", "--project", "*"), "", 1, "only people sign"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else None,
)
def test_mistakes_are_named(admin: Desk, words: tuple[str, ...], stdin: str, code: int, says: str) -> None:
    """With the exit code of their kind, and no traceback."""
    done = admin.types(*words, stdin=stdin)
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("{}", 0o644, "can be read by others"),
        ("nonsense", 0o600, "is damaged"),
        ("[]", 0o600, "is damaged"),
        ('{"http://x": 1}', 0o600, "is damaged"),
        ("[" * 100_000, 0o600, "is damaged"),
    ],
    ids=["open", "nonsense", "list", "number", "deep"],
)
def test_a_file_of_sessions_that_is_odd_is_not_used(desk: Desk, content: str, mode: int, says: str) -> None:
    """Nor replaced: what is in it may still be needed to end a session."""
    desk.sessions.parent.mkdir(parents=True)
    desk.sessions.write_text(content)
    desk.sessions.chmod(mode)
    done = desk.types("whoami")
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert desk.sessions.read_text() == content
