"""Gatekeeper: a policy tried on an export, from starting the process to the counts."""

import json
import sys
from pathlib import Path

from gatekeeper.cli.export_archive import opened
from gatekeeper.cli.policy_files import policy_at
from gatekeeper.policy.backtest import backtest


def main(policy: str, export: str) -> None:
    """Print how many decisions turned which way."""
    with opened(Path(export)) as folder:
        found = backtest(policy_at(Path(policy)), folder.kept(folder.places()), folder)
    print(json.dumps({str(turn): count for turn, count in found.turns.items() if count}))


main(*sys.argv[1:])
