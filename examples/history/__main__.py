"""`make history`: half a year of a company of forty projects, through the public API of a server.

    OUTPUT/server/          the folder of the server: `GATEKEEPER_DATA=OUTPUT/server gatekeeper serve`
    OUTPUT/export/          its decisions as `gatekeeper export decisions` fetches them
    OUTPUT/tightened.yaml   the company's policy with a rule tightened, and loosened: to try on them
    OUTPUT/loosened.yaml

The server runs in this process with a clock of the story; no setting of the product moves a clock.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

from story import Done, play, tried


def main() -> int:
    """Play it; the exit code."""
    parser = argparse.ArgumentParser(prog="history", description=__doc__.splitlines()[0])
    parser.add_argument("--decisions", metavar="N", type=int, default=5_000, help="at least so many")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another half-year")
    parser.add_argument("--output", metavar="DIR", type=Path, default=Path("build/history"))
    arguments = parser.parse_args()
    output: Path = arguments.output
    if output.exists():
        print(f"{output} is there already: remove it, or name another --output", file=sys.stderr)
        return 2
    output.mkdir(parents=True)
    began = time.monotonic()
    tell = Progress(arguments.decisions, began)
    done = asyncio.run(play(output, decisions=arguments.decisions, seed=arguments.seed, tell=tell))
    for name, text in tried().items():
        (output / name).write_text(text)
    exported_s = time.monotonic() - began - done.played_s
    outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(done.outcomes.items()))
    print(f"{done.builds:,} builds, {len(done.decisions):,} decisions ({outcomes})")
    print(f"played in {done.played_s:.0f} s; {done.exported:,} exported in {exported_s:.0f} s")
    print(f"next: gatekeeper policy backtest {output}/tightened.yaml {output}/export --picture flips.svg")
    return 0


class Progress:
    """A line on stderr every second or so."""

    def __init__(self, wanted: int, began: float) -> None:
        self._wanted, self._began, self._told = wanted, began, began

    def __call__(self, done: Done) -> None:
        """Hear of a build."""
        now = time.monotonic()
        if now - self._told >= 2:
            self._told = now
            print(
                f"{len(done.decisions):,} of {self._wanted:,} decisions, {now - self._began:.0f} s",
                file=sys.stderr,
            )


if __name__ == "__main__":
    sys.exit(main())
