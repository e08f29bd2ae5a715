"""Each tool's own environment: pinned, hashed, made on first use, shared by every later run.

    <tools>/<tool>-<12 hex>/         the virtual environment
    <tools>/<tool>-<12 hex>.lock     held while it is made or checked

The 12 hex digits are a digest of the requirement file and the interpreter, so a new pin or a new Python is a
new environment. A virtual environment holds absolute paths and cannot be moved into place; it is built where
it stays and counts only when `.ready`, written last, says so. A half-made one is removed and made again.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import GatekeeperError
from gatekeeper_scanners.durable import replace_file
from gatekeeper_scanners.manifest import Manifest
from gatekeeper_scanners.run import Cancelled

_READY = ".ready"
_INSTALL_SECONDS = 900.0
_TICK_SECONDS = 0.1
_INHERITED = (
    "PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NETRC",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS",
)  # fmt: skip
_INHERITED_PREFIXES = ("PIP_", "UV_", "http_", "https_", "all_", "no_", "HTTP_", "HTTPS_", "ALL_", "NO_PROXY")


class ToolNotInstalled(GatekeeperError):
    """The environment of a tool could not be made; the scan goes on without the tool and says so."""

    code = "tool-not-installed"


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """A ready environment."""

    python: Path
    version: str
    """Version of the tool, as pinned and installed."""
    requirements_digest: str


def toolchain(
    manifest: Manifest, tools: Path, *, say: Callable[[str], None], cancel: threading.Event
) -> Toolchain:
    """The environment of the tool, made now when there is none. Safe across threads and processes.

    `say` gets one line per step that takes a while; nothing when the environment is ready.

    Raises:
        ToolNotInstalled: no network, a file with another hash, a full disk.
        Cancelled: `cancel` was set.
    """
    requirements_digest = manifest.requirements_digest
    folder = _folder(manifest, tools)
    ready = Toolchain(
        python=folder / "bin" / "python", version=manifest.version, requirements_digest=requirements_digest
    )
    if is_installed(manifest, tools):
        return ready
    try:
        tools.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(folder.name + ".lock"), say, cancel):
            if not is_installed(manifest, tools):
                _make(manifest, folder, say, cancel)
                replace_file(folder / _READY, requirements_digest.encode())
    except OSError as exc:
        raise ToolNotInstalled(
            f"cannot make the environment of {manifest.title} in {folder}: {exc}",
            hint="set GATEKEEPER_HOME to a folder that can be written and has 1 GB of room",
        ) from exc
    return ready


def is_installed(manifest: Manifest, tools: Path) -> bool:
    """True when the environment was made to its end and the interpreter it was made with still exists."""
    folder = _folder(manifest, tools)
    try:
        marked = (folder / _READY).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return False
    return marked == manifest.requirements_digest and (folder / "bin" / "python").exists()


def _folder(manifest: Manifest, tools: Path) -> Path:
    parts = (manifest.requirements_digest, sys.version, sys.base_prefix, os.uname().machine)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    return tools / f"{manifest.name}-{key}"


@contextmanager
def _locked(path: Path, say: Callable[[str], None], cancel: threading.Event) -> Iterator[None]:
    """Hold the lock file; wait for another process that holds it. The kernel lets go when a holder dies."""
    with path.open("w") as lock:
        has_said = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not has_said:
                    say("waiting for another process that installs it")
                    has_said = True
                if cancel.wait(_TICK_SECONDS):
                    raise Cancelled from None
        yield


def _make(manifest: Manifest, folder: Path, say: Callable[[str], None], cancel: threading.Event) -> None:
    """Build the environment with uv when there is one, else (or when uv fails) with venv and pip.

    The second way is no luxury: a mirror that is configured for pip alone is invisible to uv.
    """
    say(f"installing {manifest.title} {manifest.version} (once)")
    uv = _uv()
    complaints = []
    for way in (_by_uv, _by_pip) if uv else (_by_pip,):
        shutil.rmtree(folder, ignore_errors=True)
        for command in way(uv or "", manifest, folder):
            complaint = _call(command, folder.parent, cancel)
            if complaint is not None:
                complaints.append(complaint)
                break
        else:
            return
    shutil.rmtree(folder, ignore_errors=True)
    raise ToolNotInstalled(
        f"{manifest.title} {manifest.version} could not be installed: {complaints[-1]}",
        hint="the first scan fetches the scanners: run 'gatekeeper scan' once with a network, or point pip "
        f"or uv at your package mirror; pinned files: {manifest.requirements}",
    )


def _uv() -> str | None:
    """The uv beside the running interpreter, else in PATH."""
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.is_file() else shutil.which("uv")


# Wheels only: building a source distribution would run its code outside any sandbox.
def _by_uv(uv: str, manifest: Manifest, folder: Path) -> tuple[tuple[str, ...], ...]:
    python = str(folder / "bin" / "python")
    return (
        (uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)),
        (uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", "--only-binary", ":all:",
         str(manifest.requirements)),
        _version_check(manifest, python),
    )  # fmt: skip


def _by_pip(_uv: str, manifest: Manifest, folder: Path) -> tuple[tuple[str, ...], ...]:
    python = str(folder / "bin" / "python")
    return (
        (sys.executable, "-I", "-m", "venv", str(folder)),
        (python, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
         "--no-deps", "--require-hashes", "--only-binary", ":all:",
         "--requirement", str(manifest.requirements)),
        _version_check(manifest, python),
    )  # fmt: skip


def _version_check(manifest: Manifest, python: str) -> tuple[str, ...]:
    code = (
        "import sys, importlib.metadata as m; v = m.version(sys.argv[1]); "
        "sys.exit(None if v == sys.argv[2] else f'{v} was installed, not {sys.argv[2]}')"
    )
    return (python, "-I", "-c", code, manifest.package, manifest.version)


def _call(command: tuple[str, ...], cwd: Path, cancel: threading.Event) -> str | None:
    """None when the command succeeded, else its last words. `cwd` is ours, so no project file is found."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    log = cwd / f".{os.getpid()}-{threading.get_ident()}.log"
    try:
        with log.open("w+b") as output:
            process = subprocess.Popen(  # noqa: S603 - fixed commands
                command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
            status = _wait(process, cancel)
            output.seek(0)
            words = output.read().decode("utf-8", "replace")
    finally:
        log.unlink(missing_ok=True)
    if status == 0:
        return None
    if status is None:
        return f"no end after {_INSTALL_SECONDS:.0f} seconds"
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return " ".join(lines[-6:])[-600:] or f"{Path(command[0]).name} exited with {status}"


def _wait(process: subprocess.Popen[bytes], cancel: threading.Event) -> int | None:
    """The exit status; None after the time limit. Whatever happens, the process is dead afterwards."""
    deadline = time.monotonic() + _INSTALL_SECONDS
    try:
        while (status := process.poll()) is None:
            if cancel.wait(_TICK_SECONDS):
                raise Cancelled
            if time.monotonic() >= deadline:
                return None
        return status
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
