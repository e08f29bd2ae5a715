"""Which path a subject is on: the refs of its evidence choose it, never the caller."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from gatekeeper.evidence import Evidence
from gatekeeper.policy.current import current_of
from gatekeeper.policy.model import Policy
from gatekeeper.policy.promotion import STANDARD, Path
from gatekeeper.subject import Subject


def path_of(policy: Policy, evidence: Iterable[Evidence], subject: Subject) -> str:
    """The name of the path that the protected refs of the current evidence choose.

    A path of its own is for what comes from nowhere else: when the refs do not all match the globs of one
    path, or there is no protected ref, it is the standard one. Of several paths that match, the one with
    the longest glob.
    """
    if not any(path.refs for path in policy.paths):
        return STANDARD
    refs = {
        one.provenance.ref or ""
        for one in current_of(evidence, policy, subject)
        if one.provenance.ref_protected
    }
    if not refs:
        return STANDARD
    fits = [(min(_longest(path, ref) for ref in refs), path.name) for path in policy.paths if path.refs]
    length, name = min(fits, key=lambda fit: (-fit[0], fit[1]), default=(0, STANDARD))
    return name if length else STANDARD


def _longest(path: Path, ref: str) -> int:
    """Length of the longest glob of `path` that matches `ref`; 0 when none does."""
    return max((len(glob) for glob in path.refs if fnmatchcase(ref, glob)), default=0)
