"""What a terminal can show: signs and styles, each beside the word that carries the meaning."""

from dataclasses import dataclass

from gatekeeper.decision import Outcome, Status

_SIGNS = {
    Status.PASS: ("\u2713", "+"),
    Status.WARN: ("!", "!"),
    Status.FAIL: ("\u2717", "x"),
    Status.MISSING: ("?", "?"),
    Status.ERROR: ("\u2717", "x"),
    Status.SKIPPED: ("-", "-"),
    Status.WAIVED: ("-", "-"),
    Status.OBSERVED: ("-", "-"),
}
_STYLES = {
    Status.PASS: "green",
    Status.WARN: "yellow",
    Status.SKIPPED: "dim",
    Status.WAIVED: "yellow",
    Status.OBSERVED: "dim",
}
VERDICT_STYLES = {Outcome.PASS: "bold green", Outcome.WARN: "bold yellow", Outcome.FAIL: "bold red"}


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Words carry the meaning; colour and signs only help the eye."""

    width: int = 100
    color: bool = False
    unicode: bool = True

    @property
    def dot(self) -> str:
        """Between facts on one line."""
        return "  \u00b7  " if self.unicode else "  -  "

    @property
    def arrow(self) -> str:
        """Before what is to be done."""
        return "\u2192" if self.unicode else "->"

    def sign_of(self, status: Status) -> str:
        """One character."""
        return _SIGNS[status][0 if self.unicode else 1]


def style_of(status: Status) -> str:
    """The colour of a status; what is not proven is red."""
    return _STYLES.get(status, "red")
