"""The temporary folder of the demo, and the commands that run in it."""

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from narrator import Narrator

EXAMPLES = Path(__file__).resolve().parent.parent
REPOSITORY = EXAMPLES.parent
GATEKEEPER = Path(sys.executable).parent / "gatekeeper"
PATIENCE_S = 10
"""How long a child may take to tidy up after Ctrl-C."""
_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".*", "data")
_STRANGE = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTEST_ADDOPTS", "PYTEST_PLUGINS")
"""Variables that would make the demo do something else than what it shows; so would any of Gatekeeper's."""


class DemoStopped(Exception):
    """Something did not go as the demo promises; the text says what."""


class Workshop:
    """A folder with the shop, the patch and the policy, and a way to run commands in it."""

    def __init__(self, folder: Path, cache: Path, narrator: Narrator) -> None:
        self.folder = folder
        self.cache = cache
        self.narrator = narrator
        for name in ("shop", "advisories"):
            shutil.copytree(EXAMPLES / name, folder / name, ignore=_LEFT_BEHIND)
        for name in ("shop-mended.patch", "shop-gate.yaml", "apply_patch.py"):
            shutil.copy(EXAMPLES / name, folder)
        (folder / "home").mkdir()
        self.environ = _environment(folder, cache)

    def run(self, *words: str | Path, cwd: str = ".", allowed: tuple[int, ...] = (0,)) -> int:
        """Run a command in the folder, or in `cwd` below it, after printing it; its exit code.

        Raises:
            DemoStopped: the exit code is none of `allowed`.
        """
        text = shown(words) if cwd == "." else f"(cd {cwd} && {shown(words)})"
        self.narrator.command(text)
        begun = time.monotonic()
        code = _call([str(word) for word in words], self.folder / cwd, self.environ)
        self.narrator.took(text, time.monotonic() - begun)
        if code not in allowed:
            raise DemoStopped(f"`{text}` ended with exit code {code}")
        return code

    def output_of(self, *words: str | Path, cwd: str = ".") -> str:
        """What a command says on standard output, without showing it.

        Raises:
            DemoStopped: it did not end with 0; what it said on standard error stands in the text.
        """
        done = subprocess.run(
            [str(word) for word in words],
            cwd=self.folder / cwd,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise DemoStopped(
                f"`{shown(words)}` ended with exit code {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout.strip()

    def python(self) -> Path:
        """The interpreter of an environment with what the shop pins, made when there is none."""
        lists = [self.folder / "shop" / name for name in ("requirements.txt", "requirements-test.txt")]
        parts = [sys.version.encode(), *(path.read_bytes() for path in lists)]
        home = self.cache / f"shop-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}"
        python, ready = home / "bin" / "python", home / ".ready"
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / f"{home.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if ready.exists() and python.exists():
                self.narrator.say(f"Already there from an earlier run: {home}")
            else:
                shutil.rmtree(home, ignore_errors=True)
                pinned = [word for path in lists for word in ("-r", path.relative_to(self.folder))]
                self._install(home, pinned)
                ready.touch()
        return python

    def _install(self, home: Path, lists: list[str | Path]) -> None:
        python = home / "bin" / "python"
        pip_install = ("pip", "install", "-q", "--only-binary", ":all:", *lists)
        if uv := _uv():
            any_code = tuple(range(256))
            made = self.run(
                uv, "venv", "-q", "--no-project", "--python", sys.executable, home, allowed=any_code
            )
            if made == 0 and self.run(uv, *pip_install, "--python", python, allowed=any_code) == 0:
                return
            self.narrator.say("uv could not (a mirror set up for pip alone is invisible to it); pip tries:")
            shutil.rmtree(home, ignore_errors=True)
        self.run(sys.executable, "-I", "-m", "venv", home)
        self.run(python, "-m", *pip_install, "--disable-pip-version-check")


def shown(words: tuple[str | Path, ...]) -> str:
    """The command as a person would type it: the programs of the environment by their short names."""
    return shlex.join([Path(words[0]).name, *map(str, words[1:])])


def _environment(folder: Path, cache: Path) -> dict[str, str]:
    """The user's environment; Gatekeeper's data goes into `folder`, what is costly to make into the cache."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _STRANGE and not name.startswith(("GATEKEEPER_", "CI_", "GITHUB_", "GIT_", "JENKINS_"))
        and name not in ("CI", "BUILD_NUMBER", "JOB_NAME")
    }  # fmt: skip
    return kept | {
        "XDG_CACHE_HOME": str(cache.parent.parent),
        "XDG_DATA_HOME": str(folder / "home"),
        "TMPDIR": str(folder / "home"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COVERAGE_FILE": str(folder / "home" / ".coverage"),
        "PATH": f"{GATEKEEPER.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


def _call(words: list[str], folder: Path, environ: dict[str, str]) -> int:
    with subprocess.Popen(words, cwd=folder, env=environ, stdin=subprocess.DEVNULL) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
            raise


def _uv() -> str | None:
    own = REPOSITORY / ".tools" / "bin" / "uv"
    return shutil.which("uv") or (str(own) if own.is_file() else None)
