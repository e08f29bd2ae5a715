"""Prints the story of the demo, and how long each command took."""

import os
import sys


class Narrator:
    """Numbered steps, commands as a person would type them, and where the time went."""

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

    def where_the_time_went(self) -> None:
        """Show the longest commands, and the sum of all."""
        self.say("\nWhere the time went:")
        for text, seconds in sorted(self.times, key=lambda item: -item[1])[:6]:
            self.say(f"  {seconds:6.1f} s  {text if len(text) <= 90 else text[:87] + '...'}")
        self.say(f"  {sum(seconds for _, seconds in self.times):6.1f} s  all commands together")

    def _style(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
