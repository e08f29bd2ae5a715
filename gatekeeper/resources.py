"""Where the data files that ship with the package are: in the wheel, or in a source checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def rules_folder() -> Path:
    """The shipped `rules/` with `policies/` and `semgrep/`."""
    installed = _PACKAGE / "_data" / "rules"
    return installed if installed.is_dir() else _PACKAGE.parent / "rules"
