"""The table of the scanners. A new tool is one folder, one module and one line here."""

from gatekeeper_scanners.bandit import BANDIT
from gatekeeper_scanners.interface import Scanner
from gatekeeper_scanners.pip_audit import PIP_AUDIT
from gatekeeper_scanners.semgrep import SEMGREP

SCANNERS: dict[str, Scanner] = {
    scanner.name: scanner
    for scanner in (
        BANDIT,
        SEMGREP,
        PIP_AUDIT,
    )
}
