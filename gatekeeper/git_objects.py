r"""Proof that a commit has a tree, from the bytes of the commit alone and without its repository.

A commit's id is the digest of `commit <length>\0` and the bytes of `git cat-file commit <id>`, and its
first line names the tree. So whoever knows the id (here: from claims that a CI provider signed) and gets
the bytes knows the tree, whoever sent them.

How far that goes: as far as the hash. SHA-256 ids leave no doubt. SHA-1 collides (SHAttered, 2017;
chosen-prefix, 2020): somebody who spends about 2^63 hash computations can craft two commits with one id and
two trees, and get a proof of the wrong one. The blocks that collide are some hundred bytes which nobody can
read, so a SHA-1 commit that is not plain UTF-8 text is refused here; git's own collision detection
(sha1dc) is not repeated. No collision made only of valid text is known for SHA-1. It also takes a person
who may push the crafted commit, and who could then as well change the pipeline that sends the evidence.
"""

import hashlib
import re
from typing import NoReturn

from gatekeeper.errors import GatekeeperError

MAX_BYTES = 64 * 1024
"""The largest commit object that is read; messages of real commits stay far below."""

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class CommitNotProven(GatekeeperError):
    """The bytes do not prove what tree the commit has: other bytes, malformed, or too large."""

    code = "commit-not-proven"


def tree_in_commit(commit_id: str, raw: bytes) -> str:
    """The id of the tree of `commit_id`, proven by `raw`, the bytes of `git cat-file commit <commit_id>`.

    Takes SHA-1 ids (40 hex digits) and SHA-256 ids (64); the tree's id has the same length.

    Raises:
        CommitNotProven: the bytes have another id, are no commit, are larger than `MAX_BYTES`, or, under
            SHA-1, are not UTF-8 text.
    """
    if not _ID.fullmatch(commit_id):
        _refuse(f"{commit_id[:80]!r} is no full git id (40 or 64 lowercase hex digits)")
    if len(raw) > MAX_BYTES:
        _refuse(f"the commit object is {len(raw):,} bytes; the limit is {MAX_BYTES:,}")
    if (actual := _id_of(raw, len(commit_id))) != commit_id:
        _refuse(f"the bytes are those of commit {actual}, not of {commit_id}")
    if len(commit_id) == hashlib.sha1(usedforsecurity=False).digest_size * 2:
        _demand_text(raw)
    return _tree_of(raw, len(commit_id))


def _id_of(raw: bytes, digits: int) -> str:
    counted = b"commit %d\0" % len(raw) + raw
    if digits == hashlib.sha256().digest_size * 2:
        return hashlib.sha256(counted).hexdigest()
    # git defines the id as SHA-1; what that is worth stands at the top of this file.
    return hashlib.sha1(counted, usedforsecurity=False).hexdigest()


def _demand_text(raw: bytes) -> None:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        _refuse(f"the commit object is not UTF-8 text (byte {error.start}), which under SHA-1 proves nothing")
    if found := _CONTROL.search(text):
        _refuse(f"the commit object has the control character {found[0]!r}, which under SHA-1 proves nothing")


def _tree_of(raw: bytes, digits: int) -> str:
    """The tree named by the first line. git writes exactly one, followed by parents or the author."""
    head, end, _ = raw.partition(b"\n\n")
    first, *others = head.split(b"\n")
    tree = first.removeprefix(b"tree ").decode(errors="replace")
    if not end or not first.startswith(b"tree ") or len(tree) != digits or not _ID.fullmatch(tree):
        _refuse(f"the commit object does not begin with the line `tree <{digits} hex digits>`")
    if not others or not others[0].startswith((b"parent ", b"author ")):
        _refuse("after its tree the commit object names neither a parent nor an author")
    # Lines of a signature or a merged tag begin with a space, so a line that begins with `tree` is a header.
    if any(line.split(b" ")[0] == b"tree" for line in others):
        _refuse("the commit object names a tree more than once")
    return tree


def _refuse(message: str) -> NoReturn:
    raise CommitNotProven(message, hint="send the output of: git cat-file commit HEAD")
