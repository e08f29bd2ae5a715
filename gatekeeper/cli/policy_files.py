"""Reads policies for the commands that need one: files, and those that ship by name."""

from pathlib import Path

from gatekeeper.cli.files import NoSuchFile
from gatekeeper.cli.reading import FileUnreadable
from gatekeeper.errors import UsageError
from gatekeeper.policy.load import Pin, Resolve, Resolved, Unresolved, load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.resources import rules_folder

BASE = Path("base")
"""What is used when nobody names a policy."""

MAX_POLICY_BYTES = 4 * 1024 * 1024


def shipped_policies() -> tuple[str, ...]:
    """The names of the policies that ship with Gatekeeper."""
    return tuple(sorted(path.stem for path in (rules_folder() / "policies").glob("*.yaml")))


def policy_at(path: Path) -> Policy:
    """The policy in the file, or the shipped one of that name.

    Raises:
        NoSuchFile, UsageError, FileUnreadable: there is no such file, it is too large, or closed to us.
        PolicyRefused: it is not a policy that can decide.
    """
    return load_policy(policy_bytes(path), file=str(path), resolve=beside(path))


def beside(path: Path) -> Resolve:
    """Finds what the policy at `path` extends: in its own folder, or among the shipped ones.

    A file has no version, so only a pinned digest is ever accepted; it names the content, and it does not
    matter where that lies.
    """

    def resolve(name: str, pin: Pin) -> Resolved:
        shipped = rules_folder() / "policies"
        folder = shipped if str(path) in shipped_policies() else path.parent
        for file in (folder / f"{name}.yaml", shipped / f"{name}.yaml"):
            if file.is_file():
                return Resolved(data=policy_bytes(file), file=str(file))
        hint = f"put {name}.yaml beside {path.name}, or publish to a server that has {name}@{pin}"
        raise Unresolved(
            f"there is no policy {name} beside this file, and none of that name ships", hint=hint
        )

    return resolve


def policy_bytes(path: Path) -> bytes:
    """The bytes of the file, or of the shipped policy of that name.

    `base` always means the shipped policy, also where a file has that name: a checkout must not be able to
    replace the policy that it is judged by. A file of one's own has a suffix, so the two never meet.

    Raises:
        NoSuchFile, UsageError, FileUnreadable: as `policy_at`.
    """
    if str(path) in shipped_policies():
        path = rules_folder() / "policies" / f"{path}.yaml"
    if not path.is_file():
        raise NoSuchFile(
            f"there is no policy file {path}",
            hint=f"give a YAML file or the name of a shipped policy: {', '.join(shipped_policies())}",
        )
    size = path.stat().st_size
    if size > MAX_POLICY_BYTES:
        raise UsageError(f"{path} is {size:,} bytes; the limit of a policy is {MAX_POLICY_BYTES:,}")
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror or error}") from error
