"""The demo: a small vulnerable shop goes through a gate. It is refused, mended, and let in.

`make demo` runs this; `make serve` runs it with `--serve` and leaves the server running. It works in a folder
of its own and drives the `gatekeeper` command as a pipeline would; every command is printed before it runs.
Only the environments of the scanners and of the shop stay on the machine, in the user's cache, for the next
run.

Exit codes: 0 the shop was refused and, once mended, let in; 1 anything else, named; 130 stopped by Ctrl-C.
"""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from house import House, running
from narrator import Narrator
from source import Repository
from workshop import EXAMPLES, GATEKEEPER, DemoStopped, Workshop

STAGE = "test"


def tell(shop: Workshop, house_data: Path, port: int, *, stays: bool) -> None:
    """The whole story, top to bottom; with `stays` the server runs on until it is stopped."""
    step, say = shop.narrator.step, shop.narrator.say
    say(
        "May this build enter the next stage? A book shop, vulnerable on purpose, asks to enter stage `test`."
    )
    say(f"Everything happens in {shop.folder}, and on this machine alone.")

    step("The operator: a server on loopback, with everything in one folder")
    with running(shop, data=house_data, port=port) as house:
        set_up(shop, house)
        source = Repository(shop)
        first_build(shop, source)
        refused, code = build_and_ask(shop, source, "reports")
        if code != 1:
            raise DemoStopped("the vulnerable shop was not refused")
        say("Exit code 1: a pipeline stops here. Each reason above comes with what to do about it.")

        step("So the developers mend it")
        show_patch(shop)
        shop.run(sys.executable, "-I", "apply_patch.py", "shop-mended.patch", "shop")
        source.commit("Mend what the gate found")
        mended, code = build_and_ask(shop, source, "reports-mended")
        if code != 0:
            raise DemoStopped("the mended shop was not let in")
        say("Exit code 0: the pipeline goes on.")
        ask_without_us(shop, house, refused, mended)
        if stays:
            stay(shop, house, mended)


def set_up(shop: Workshop, house: House) -> None:
    """What an operator and the security team do once."""
    step, say, run = shop.narrator.step, shop.narrator.say, shop.run
    shop.environ["GATEKEEPER_URL"] = house.url
    shop.environ["GATEKEEPER_TOKEN"] = house.bootstrap.read_text().strip()
    step("The operator: the one-time token makes the lasting ones")
    say(f"$ export GATEKEEPER_URL={house.url} GATEKEEPER_TOKEN=$(cat {house.bootstrap})")
    run(GATEKEEPER, "doctor", allowed=(0, 1))
    step("The security team's rules come with tests of their own, and are imported only when those pass")
    run(GATEKEEPER, "policy", "test", "shop-gate.yaml")
    run(GATEKEEPER, "policy", "import", "shop-gate.yaml", "--reason", "the first rules of the shop")
    run(GATEKEEPER, "project", "create", "shop", "--policy", "shop-gate")
    words = ("token", "create", "shop-pipeline", "--project", "shop")
    scopes = [
        word for scope in ("evidence:write", "gate:read", "decision:write") for word in ("--scope", scope)
    ]
    say("\n$ export GATEKEEPER_TOKEN=$(gatekeeper " + " ".join([*words, *scopes]) + ")")
    secret = shop.output_of(GATEKEEPER, *words, *scopes)
    shop.environ |= {"GATEKEEPER_TOKEN": secret, "GATEKEEPER_PROJECT": "shop"}
    say("From here on the pipeline works with a token that can send evidence and ask, for this project only.")


def first_build(shop: Workshop, source: Repository) -> None:
    """Everything before the first report: advisories, and the first commit."""
    shop.narrator.step(
        "Advisories go into a local mirror: fifteen of them, not all there are, hence --partial"
    )
    shop.run(GATEKEEPER, "advisories", "import", "advisories", "--partial")
    shop.narrator.step("The developers: the first version of the shop")
    source.commit("The shop as it was")


def build_and_ask(shop: Workshop, source: Repository, reports: str) -> tuple[str, int]:
    """What the pipeline does with each commit: test, scan, submit, build, link, check.

    The digest of what was built, and the exit code of the gate.
    """
    step, run, flags = shop.narrator.step, shop.run, source.flags()
    gather(shop, reports)
    step("The pipeline sends what it has: one set, which counts when all of it has arrived")
    run(GATEKEEPER, "submit", f"../{reports}", *flags, cwd="shop")
    step("It builds what would be deployed, and says from which source")
    artifact = source.build(shop.folder / f"{reports}.tar")
    run(GATEKEEPER, "link", "--artifact", artifact, "--image", "shop:latest", *flags, cwd="shop")
    step(f"May it enter `{STAGE}`?")
    words = ("check", "--stage", STAGE, "--artifact", artifact, *flags)
    return artifact, run(GATEKEEPER, *words, cwd="shop", allowed=(0, 1))


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
    shop.narrator.step(
        "Three scanners read it, side by side (the first time they are installed, each by itself)"
    )
    shop.run(GATEKEEPER, "scan", "shop", "--output", reports)


def ask_without_us(shop: Workshop, house: House, refused: str, mended: str) -> None:
    """The one line for a job that has only curl, and what it says about both artifacts."""
    shop.narrator.step("Any later job asks again with one line, in milliseconds")
    shop.narrator.say(f"  {curl(house, mended)}")
    for artifact in (refused, mended):
        begun = time.monotonic()
        gate = _gate(shop, house, artifact)
        took = f"{(time.monotonic() - begun) * 1000:.0f} ms"
        said = f"allowed {str(gate['allowed']).lower()}, outcome {gate['outcome']}, score {gate['score']}"
        shop.narrator.say(f"  {artifact[:19]}...: {said} ({took})")
        if gate["allowed"] != (artifact == mended):
            raise DemoStopped(f"the gate query contradicts the decision about {artifact}: {said}")


def curl(house: House, artifact: str) -> str:
    """The gate query as a shell command that fails unless the artifact is allowed."""
    query = f"project=shop&stage={STAGE}&artifact={artifact}&http_status=true"
    return f'curl -fsS -H "Authorization: Bearer $GATEKEEPER_TOKEN" \\\n    "{house.url}/api/v1/gate?{query}"'


def _gate(shop: Workshop, house: House, artifact: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"{house.url}/api/v1/gate?project=shop&stage={STAGE}&artifact={artifact}",
        headers={"Authorization": f"Bearer {shop.environ['GATEKEEPER_TOKEN']}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def stay(shop: Workshop, house: House, artifact: str) -> None:
    """Leave the server running until it is stopped."""
    token = shop.folder / "pipeline-token"
    token.touch(mode=0o600)
    token.write_text(shop.environ["GATEKEEPER_TOKEN"] + "\n")
    shop.narrator.say(f"""
The server runs on {house.url} until Ctrl-C, with the demo's data in {shop.folder}.
In another terminal:

  export GATEKEEPER_URL={house.url} GATEKEEPER_TOKEN=$(cat {token}) GATEKEEPER_PROJECT=shop
  {curl(house, artifact)}
  gatekeeper check --stage {STAGE} --artifact {artifact}

In a browser: {house.url}/docs has the API.
""")
    house.process.wait()
    raise DemoStopped(f"the server ended by itself, exit code {house.process.returncode}")


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
    narrator.where_the_time_went()
    fate = f"The rest is in {kept}." if kept else "The shop, the reports, the server and its data are gone."
    narrator.say(f"""
What stays: the environments of the scanners and of the shop, for the next run, in {cache.parent}
            (rm -rf it when you do not want them). {fate}

Next (the command is {GATEKEEPER}):
  make serve                                              the same, and a server that stays
  gatekeeper serve                                        a server of your own; docs/guides/run-a-server.md
  gatekeeper scan . --output reports                      in a project of yours, the same three scanners
  gatekeeper evaluate reports junit.xml coverage.xml --stage test        the same rules without a server
""")


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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description="A small vulnerable shop goes through a gate.")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="work in this new folder and leave it")
    parser.add_argument("--serve", action="store_true", help="leave the server running at the end")
    parser.add_argument(
        "--port", type=int, help="the port of the server; default: 8080 with --serve, else any"
    )
    found = parser.parse_args()
    if found.keep is not None and found.keep.exists():
        parser.error(f"{found.keep} exists already; name a new folder")
    if found.port is None:
        found.port = 8080 if found.serve else 0
    return found


def main() -> int:
    """Run the demo; its exit code."""
    arguments = _arguments()
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
            shop = Workshop(Path(folder).resolve(), cache, narrator)
            data = shop.folder / "home" / "server"
            tell(shop, data, arguments.port, stays=arguments.serve)
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
