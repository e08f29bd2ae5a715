"""Reads policy files for the commands that need one."""

from pathlib import Path

from gatekeeper.cli.files import NoSuchFile
from gatekeeper.cli.reading import FileUnreadable
from gatekeeper.errors import UsageError
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.model import Policy

MAX_POLICY_BYTES = 4 * 1024 * 1024


def policy_at(path: Path) -> Policy:
    """The policy in the file.

    Raises:
        NoSuchFile, UsageError, FileUnreadable: there is no such file, it is too large, or closed to us.
        PolicyRefused: it is not a policy that can decide.
    """
    return load_policy(policy_bytes(path), file=str(path))


def policy_bytes(path: Path) -> bytes:
    """The bytes of the file.

    Raises:
        NoSuchFile, UsageError, FileUnreadable: as `policy_at`.
    """
    if not path.is_file():
        raise NoSuchFile(f"there is no policy file {path}", hint="`--policy` takes a YAML file")
    size = path.stat().st_size
    if size > MAX_POLICY_BYTES:
        raise UsageError(f"{path} is {size:,} bytes; the limit of a policy is {MAX_POLICY_BYTES:,}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror or error}") from error
