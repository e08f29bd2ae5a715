"""The demo: a small vulnerable shop is tested, scanned and judged; then it is mended and judged again.

`make demo` runs this. It works in a temporary folder and drives the `gatekeeper` command as a user would;
every command is printed before it runs. Only the environments of the scanners and of the shop stay on the
machine, in the user's cache, so that the next run is fast.

Exit codes: 0 the shop was refused and, once mended, let in; 1 anything else, named; 130 stopped by Ctrl-C.
"""

import argparse
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
REPOSITORY = EXAMPLES.parent
GATEKEEPER = Path(sys.executable).parent / "gatekeeper"
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".*", "data")
PATIENCE_S = 10
"""How long a child may take to tidy up after Ctrl-C."""


class DemoStopped(Exception):
    """Something did not go as the demo promises; the text says what."""


class Narrator:
    """Prints the story, and how long each command took."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self._step = 0
        self.times: list[tuple[str, float]] = []

    def step(self, title: str) -> None:
        """Begin the next step of the story."""
        self._step += 1
        self.say(f"\n{self._style('1;36', f'[{self._step}] {title}')}")

    def say(self, text: str = "") -> None:
        """Print a line now, before a child prints its own."""
        print(text, flush=True)

    def command(self, text: str) -> None:
        """Show a command that is about to run."""
        self.say(self._style("1", f"$ {text}"))

    def took(self, text: str, seconds: float) -> None:
        """Show and keep how long a command took."""
        self.times.append((text, seconds))
        self.say(self._style("2", f"({seconds:.1f} s)"))

    def diff(self, lines: list[str]) -> None:
        """Show lines of a patch."""
        colours = {"+": "32", "-": "31", "@": "36"}
        for line in lines:
            self.say("  " + (self._style(colours[line[0]], line) if line[:1] in colours else line))

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


class Workshop:
    """A temporary folder with the shop, the patch and the policy, and a way to run commands in it."""

    def __init__(self, folder: Path, cache: Path, narrator: Narrator) -> None:
        self.folder = folder
        self.cache = cache
        self.narrator = narrator
        for name in ("shop", "advisories"):
            shutil.copytree(EXAMPLES / name, folder / name, ignore=LEFT_BEHIND)
        for name in ("shop-mended.patch", "shop-gate.yaml", "apply_patch.py"):
            shutil.copy(EXAMPLES / name, folder)
        (folder / "home").mkdir()
        self._environ = _environment(folder, cache)

    def run(self, *words: str | Path, cwd: str = ".", allowed: tuple[int, ...] = (0,)) -> int:
        """Run a command in the folder, or in `cwd` below it, after printing it; its exit code.

        Raises:
            DemoStopped: the exit code is none of `allowed`.
        """
        text = _shown(words) if cwd == "." else f"(cd {cwd} && {_shown(words)})"
        self.narrator.command(text)
        begun = time.monotonic()
        code = _call([str(word) for word in words], self.folder / cwd, self._environ)
        self.narrator.took(text, time.monotonic() - begun)
        if code not in allowed:
            raise DemoStopped(f"`{text}` ended with exit code {code}")
        return code

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


def tell(shop: Workshop, *, is_kept: bool) -> None:
    """The whole story, top to bottom."""
    step, say = shop.narrator.step, shop.narrator.say
    say(
        "May this build enter the next stage? A book shop, vulnerable on purpose, asks to enter stage `test`."
    )
    say(f"Everything happens in {shop.folder}, which {'stays' if is_kept else 'is removed at the end'}.")

    step("The security team's rules come with tests of their own")
    shop.run(GATEKEEPER, "policy", "test", "shop-gate.yaml")

    step("Advisories go into a local mirror: fifteen of them, not all there are, hence --partial")
    shop.run(GATEKEEPER, "advisories", "import", "advisories", "--partial")

    gather(shop, "reports")
    step("May it enter `test`?")
    verdict = judge(shop, "reports")
    if verdict != 1:
        raise DemoStopped(f"the vulnerable shop was not refused: exit code {verdict} instead of 1")
    say("Exit code 1: a pipeline stops here. Each reason above comes with what to do about it.")

    step("So the developers mend it")
    show_patch(shop)
    shop.run(sys.executable, "-I", "apply_patch.py", "shop-mended.patch", "shop")

    gather(shop, "reports-mended")
    step("May it enter now?")
    verdict = judge(shop, "reports-mended")
    if verdict != 0:
        raise DemoStopped(f"the mended shop was not let in: exit code {verdict} instead of 0")
    say("Exit code 0: the pipeline goes on.")


def gather(shop: Workshop, reports: str) -> None:
    """Test results, coverage and the reports of three scanners, all made now, in the folder `reports`."""
    shop.narrator.step("The shop's own environment, with the libraries that it pins")
    python = shop.python()
    shop.narrator.step("Its tests run, with coverage")
    (shop.folder / reports).mkdir()
    shop.run(
        python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--disable-warnings",
        f"--junit-xml=../{reports}/junit.xml", "--cov=shop", "--cov-branch",
        "--cov-report=term", f"--cov-report=json:../{reports}/coverage.json", cwd="shop",
    )  # fmt: skip
    shop.run(GATEKEEPER, "inspect", f"{reports}/junit.xml", f"{reports}/coverage.json")
    shop.narrator.step(
        "Three scanners read it, side by side (the first time they are installed, each by itself)"
    )
    shop.run(GATEKEEPER, "scan", "shop", "--output", reports)


def judge(shop: Workshop, reports: str) -> int:
    """The exit code of the gate."""
    words = f"evaluate {reports} --stage test --policy shop-gate.yaml --project shop".split()
    return shop.run(GATEKEEPER, *words, allowed=(0, 1))


def show_patch(shop: Workshop) -> None:
    """The files that the patch touches, and one of its changes in full."""
    parts = re.split(
        r"^diff --git a/(\S+) .*\n", (EXAMPLES / "shop-mended.patch").read_text(), flags=re.MULTILINE
    )
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        signs = [line[:1] for line in part.splitlines() if not line.startswith(("+++", "---"))]
        shop.narrator.say(f"  {name:28} +{signs.count('+'):<3} -{signs.count('-')}")
        if name == "shop/catalogue.py":
            shown = part[part.index("@@") :].splitlines()
    shop.narrator.say("\n  One of them, shop/catalogue.py:")
    shop.narrator.diff(shown)
    shop.narrator.say()


def farewell(narrator: Narrator, cache: Path, kept: Path | None) -> None:
    """Where the time went, what stays, and what to do next."""
    narrator.say("\nWhere the time went:")
    for text, seconds in sorted(narrator.times, key=lambda item: -item[1])[:6]:
        narrator.say(f"  {seconds:6.1f} s  {text if len(text) <= 90 else text[:87] + '...'}")
    narrator.say(f"  {sum(seconds for _, seconds in narrator.times):6.1f} s  all commands together")
    fate = f"The rest is in {kept}." if kept else "The shop, the reports and the mirror are gone."
    narrator.say(f"""
What stays: the environments of the scanners and of the shop, for the next run, in {cache.parent}
            (rm -rf it when you do not want them). {fate}

Next, in a project of yours (the command is {GATEKEEPER}):
  gatekeeper scan . --output reports                      your code, the same three scanners
  gatekeeper inspect reports junit.xml coverage.xml       what Gatekeeper understands of the reports
  gatekeeper evaluate reports junit.xml coverage.xml --stage test
  gatekeeper policy show base                             the rules; docs/guides tells how to write your own
  gatekeeper doctor                                       what this machine still lacks
""")


def _environment(folder: Path, cache: Path) -> dict[str, str]:
    """The user's environment; Gatekeeper's data goes into `folder`, what is costly to make into the cache."""
    strange = {
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONHOME",
        "GATEKEEPER_HOME",
        "PYTEST_ADDOPTS",
        "PYTEST_PLUGINS",
    }
    kept = {name: value for name, value in os.environ.items() if name not in strange}
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


def _shown(words: tuple[str | Path, ...]) -> str:
    """The command as a person would type it: the programs of the environment by their short names."""
    return shlex.join([Path(words[0]).name, *map(str, words[1:])])


@contextmanager
def _stopping_on_terminate() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does, so that it tidies up then, too."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _folder(kept: Path | None) -> Iterator[str]:
    """Where the demo works: `kept`, or a temporary folder that is removed at the end."""
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="gatekeeper-demo-") as folder:
            yield folder
    else:
        kept.mkdir(parents=True)
        yield str(kept)


def main() -> int:
    """Run the demo; its exit code."""
    parser = argparse.ArgumentParser(description="Test, scan and judge a small vulnerable shop; mend it.")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="work in this new folder and leave it")
    arguments = parser.parse_args()
    if arguments.keep is not None and arguments.keep.exists():
        parser.error(f"{arguments.keep} exists already; name a new folder")
    narrator = Narrator()
    root = Path(
        os.environ.get("GATEKEEPER_HOME") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    )
    cache = root.expanduser().absolute() / "gatekeeper" / "demo"
    if not GATEKEEPER.is_file():
        narrator.say(f"There is no {GATEKEEPER}: run `make demo`, which makes it.")
        return 1
    try:
        with _stopping_on_terminate(), _folder(arguments.keep) as folder:
            tell(Workshop(Path(folder).resolve(), cache, narrator), is_kept=arguments.keep is not None)
    except DemoStopped as stopped:
        print(f"\nThe demo stopped: {stopped}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        rest = f"{arguments.keep} stays as it is" if arguments.keep else "the temporary folder is removed"
        print(f"\nStopped; {rest}.", file=sys.stderr)
        return 130
    farewell(narrator, cache, arguments.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
