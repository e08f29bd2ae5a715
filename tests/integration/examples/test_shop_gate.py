"""The policy of the demo."""

import subprocess
import sys
from pathlib import Path


def test_the_policy_of_the_demo_decides_its_examples_as_expected(examples: Path) -> None:
    """Its own tests pass, and every rule is seen failing in one of them."""
    command = (Path(sys.executable).parent / "gatekeeper", "policy", "test", examples / "shop-gate.yaml")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert "no test sees" not in done.stderr
